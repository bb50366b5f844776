//! What the audit finds about GPU nodes' intervals: whether the lines of each policy are the whole interval, in money and in time.

use std::fmt::Write;

use aliquot_core::capacity::IdlePolicy;
use aliquot_core::money::Usd;
use aliquot_query::Engine;
use serde_json::{Value, json};

use super::LISTED_MAX;
use crate::rows::{Row, rows};
use crate::table::count;

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Capacity {
    /// Intervals that were looked at.
    intervals: u128,
    /// Those of them without a price.
    unpriced: u128,
    /// What the others cost.
    cost: Usd,
    /// Those whose lines are not the whole, by how many.
    different: u128,
    /// The first of them.
    differences: Vec<Row>,
}

impl Capacity {
    /// Looks day by day: a year of lines need not fit in memory at once.
    pub(super) async fn look(engine: &Engine) -> anyhow::Result<Self> {
        const DAYS: &str = "SELECT date, count(*) AS intervals, count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced, \
                            sum(cost_usd) AS cost_usd FROM capacity GROUP BY date ORDER BY date";
        let mut found = Self::default();
        for day in rows(&engine.sql(DAYS, &[]).await?)? {
            found.intervals = found.intervals.saturating_add(day.count("intervals")?);
            found.unpriced = found.unpriced.saturating_add(day.count("unpriced")?);
            found.cost = [found.cost, day.usd("cost_usd")?].into_iter().sum();
            let apart = rows(&engine.sql(&apart(day.text("date")), &[]).await?)?;
            found.different = found.different.saturating_add(apart.len() as u128);
            found.differences.extend(apart);
            found.differences.truncate(LISTED_MAX);
        }
        Ok(found)
    }

    pub(super) fn agrees(&self) -> bool {
        self.different == 0
    }

    pub(super) fn write(&self, out: &mut String) -> anyhow::Result<()> {
        let [intervals, unpriced, different] = [self.intervals, self.unpriced, self.different].map(count);
        writeln!(
            out,
            "{intervals} intervals of nodes cost {} USD, {unpriced} have no price; of {different} the lines are not the whole",
            self.cost
        )?;
        for row in &self.differences {
            let [time, source, cost] = ["time", "source", "cost_usd"].map(|column| row.text(column));
            let [policies, wanted] = [row.count("policies")?, IdlePolicy::ALL.len() as u128].map(count);
            writeln!(out, "  {time} {source}: the lines of {policies} policies of {wanted} sum to {cost}")?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "intervals": self.intervals,
            "unpriced": self.unpriced,
            "cost_usd": self.cost.to_string(),
            "different": self.different,
            "differences": self.differences.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }
}

/// The intervals of a day for which not every policy's lines sum to the interval's time and, if it has a price, to its cost.
fn apart(date: &str) -> String {
    let wanted = IdlePolicy::ALL.len();
    format!(
        "WITH sums AS ( \
             SELECT \"partition\", \"offset\", \"index\", line['policy'] AS policy, sum(line['cost_usd']) AS lines_usd, \
                 sum(line['micros']) AS lines_us \
             FROM (SELECT \"partition\", \"offset\", \"index\", unnest(lines) AS line FROM capacity WHERE date = '{date}') \
             GROUP BY \"partition\", \"offset\", \"index\", policy \
         ) \
         SELECT time, source, cost_usd, \
             count(*) FILTER (WHERE (lines_usd IS NOT DISTINCT FROM cost_usd) AND lines_us = available_us) AS policies \
         FROM capacity LEFT JOIN sums USING (\"partition\", \"offset\", \"index\") \
         WHERE date = '{date}' \
         GROUP BY \"partition\", \"offset\", \"index\", time, source, cost_usd \
         HAVING policies <> {wanted} \
         ORDER BY time, source"
    )
}
