//! What the audit finds about causes and blame: whether lake and ledger say the same, whether the parts of each request are its
//! whole cost, and whether what was incurred and what was caused is the same in total.

use std::collections::BTreeSet;
use std::fmt::Write;

use aliquot_core::money::Usd;
use aliquot_core::time::{EventTime, Micros};
use aliquot_ledger::Ledger;
use aliquot_query::Engine;
use anyhow::Context;
use chrono::DateTime;
use serde_json::{Value, json};

use super::LISTED_MAX;
use crate::rows::{Row, rows};
use crate::table::count;

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Attribution {
    /// Sums by hour, cause and culprit that were compared.
    compared: u128,
    /// Sums, requests and victims that differ.
    different: u128,
    /// What everybody's requests cost.
    incurred: Usd,
    /// What everybody's traffic cost.
    caused: Usd,
    /// The first rows of what differs.
    differences: Vec<Row>,
}

impl Attribution {
    /// Looks day by day: a year of sums need not fit in memory at once.
    pub(super) async fn look(ledger: &Ledger, engine: &Engine) -> anyhow::Result<Self> {
        let mut found = Self::default();
        for day in days(ledger, engine).await? {
            let [from, to] = [day, day.saturating_add(1)].map(|day| EventTime(day.saturating_mul(Micros::DAY.0)));
            let blame = ledger.all_externalities(Some(from), Some(to)).await?;
            let engine = engine.with_attribution(&blame, &ledger.all_causes(Some(from), Some(to)).await?)?;
            let bounds = [("from".to_owned(), spelled(from)?), ("to".to_owned(), spelled(to)?)];
            found.add(rows(&engine.named("reports/reconcile_attribution", &bounds).await?)?)?;
        }
        Ok(found)
    }

    fn add(&mut self, found: Vec<Row>) -> anyhow::Result<()> {
        let (total, differences): (Vec<_>, Vec<_>) = found.into_iter().partition(|row| row.text("line") == "total");
        let total = total.first().context("the reconciliation of causes and blame has no total")?;
        self.compared = self.compared.saturating_add(total.count("compared")?);
        self.different = self.different.saturating_add(total.count("different")?);
        self.incurred = [self.incurred, total.usd("lake")?].into_iter().sum();
        self.caused = [self.caused, total.usd("ledger")?].into_iter().sum();
        self.differences.extend(differences);
        self.differences.truncate(LISTED_MAX);
        Ok(())
    }

    pub(super) fn agrees(&self) -> bool {
        self.different == 0 && self.differences.is_empty() && self.incurred == self.caused
    }

    pub(super) fn write(&self, out: &mut String) -> anyhow::Result<()> {
        let (compared, different) = (count(self.compared), count(self.different));
        writeln!(out, "{compared} sums by cause and culprit compared, {different} differ")?;
        for row in &self.differences {
            writeln!(out, "  {}", sentence(row))?;
        }
        let same = if self.incurred == self.caused { "equal" } else { "DIFFERENT" };
        writeln!(out, "incurred {} USD, caused {} USD: {same}", self.incurred, self.caused)?;
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "compared": self.compared,
            "different": self.different,
            "incurred_usd": self.incurred.to_string(),
            "caused_usd": self.caused.to_string(),
            "differences": self.differences.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }
}

/// The days of UTC of which lake or ledger have anything, counted from 1970-01-01.
async fn days(ledger: &Ledger, engine: &Engine) -> anyhow::Result<BTreeSet<i64>> {
    const DAYS: &str = "SELECT CAST(CAST(time AS date) AS int) AS day FROM requests \
                        UNION SELECT CAST(CAST(time AS date) AS int) FROM blame";
    let hours = ledger.hours_attributed().await?;
    let mut days: BTreeSet<i64> = hours.into_iter().map(|hour| i64::from(hour.day())).collect();
    for row in rows(&engine.sql(DAYS, &[]).await?)? {
        days.insert(i64::try_from(row.count("day")?)?);
    }
    Ok(days)
}

fn spelled(EventTime(micros): EventTime) -> anyhow::Result<String> {
    let time = DateTime::from_timestamp_micros(micros).context("a day of the ledger is in no calendar")?;
    Ok(time.to_rfc3339())
}

/// What differs, for people.
fn sentence(row: &Row) -> String {
    let [line, hour, domain, what, amount, lake, ledger] =
        ["line", "hour", "domain", "what", "amount", "lake", "ledger"].map(|column| row.text(column));
    let tenant = row.name("tenant");
    match line {
        "request" => format!("{hour} {domain} {tenant}: requests cost {lake}, their parts sum to {ledger}"),
        "blame" => format!("{hour} {domain} {tenant}: neighbours caused {lake}, somebody is blamed for {ledger} of it"),
        _ => format!("{hour} {domain} {tenant} {what} {amount}: lake {lake}, ledger {ledger}"),
    }
}
