//! `aliquot audit`: lake and ledger held against each other to the picodollar, money and its causes; nodes' intervals against their
//! lines; and everything that is missing, rejected or unpriced. It compares what two stores say that were written by different code;
//! it changes neither.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use aliquot_core::money::Usd;
use aliquot_core::position::{Partition, Positions};
use aliquot_ledger::Gap;
use aliquot_query::Engine;
use serde_json::json;

mod attribution;
mod capacity;

use self::attribution::Attribution;
use self::capacity::Capacity;
use crate::Outcome;
use crate::cli::{Audit, Style};
use crate::rows::{Row, rows};
use crate::stores::Layout;
use crate::table::{count, table};
use crate::{output, query};

/// While a process writes, the lake is ahead of the ledger for the length of a commit; so often is it looked again.
const LOOKS: u32 = 10;
const LOOK_WAIT: Duration = Duration::from_millis(500);

/// Gaps and unpriced models that are listed; more of them are a count.
const LISTED_MAX: usize = 20;

/// What one look found.
#[derive(Debug)]
struct Findings {
    lake: Side,
    ledger: Side,
    /// Hours × tenants × models × classes compared, and the rows of those that differ.
    compared: u128,
    differences: Vec<Row>,
    attribution: Attribution,
    capacity: Capacity,
    gaps: Vec<Gap>,
    unpriced: Vec<Row>,
    duplicates: u64,
    /// Nodes' intervals and caches' changes. Not all of them are in a table of the lake; their numbers are among those without
    /// gaps.
    reports: u64,
    positions: Positions,
}

/// What one store says of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Side {
    cost: Usd,
    /// Charged and rejected events by partition.
    events: BTreeMap<Partition, (u128, u128)>,
}

impl Side {
    fn charged(&self) -> u128 {
        self.events.values().map(|(charged, _)| charged).sum()
    }

    fn rejected(&self) -> u128 {
        self.events.values().map(|(_, rejected)| rejected).sum()
    }
}

impl Findings {
    fn agree(&self) -> bool {
        self.lake == self.ledger && self.differences.is_empty() && self.attribution.agrees()
    }

    /// Whether nothing was written meanwhile and neither store is behind the other: looking again would find the same.
    fn stands_still_since(&self, before: &Self) -> bool {
        let level = self.lake.events == self.ledger.events;
        level && (&self.lake, &self.ledger) == (&before.lake, &before.ledger)
    }

    fn holds(&self) -> bool {
        self.agree() && self.capacity.agrees() && self.gaps.is_empty()
    }
}

pub(crate) async fn run(args: Audit) -> anyhow::Result<Outcome> {
    let layout = args.place.layout()?;
    let mut findings = look(&layout).await?;
    for _ in 1..LOOKS {
        if findings.agree() {
            break;
        }
        tokio::time::sleep(LOOK_WAIT).await;
        let before = std::mem::replace(&mut findings, look(&layout).await?);
        if findings.stands_still_since(&before) {
            break;
        }
    }
    output::print(&match args.format {
        Style::Text => text(&findings)?,
        Style::Json => format!("{:#}\n", json(&findings)?),
    })?;
    Ok(if findings.holds() { Outcome::Well } else { Outcome::Not })
}

async fn look(layout: &Layout) -> anyhow::Result<Findings> {
    let ledger = layout.read_ledger().await?;
    let engine = query::engine(layout).await?;
    let tallies = ledger.tallies().await?;
    let sum = ledger.sum().await?;
    let (compared, differences) = compare(&engine).await?;
    let counted =
        tallies.iter().map(|(partition, tally)| (*partition, (u128::from(tally.charged), u128::from(tally.rejected))));
    Ok(Findings {
        lake: lake_side(&engine).await?,
        ledger: Side { cost: sum.cost, events: counted.filter(|(_, counts)| *counts != (0, 0)).collect() },
        compared,
        differences,
        attribution: Attribution::look(&ledger, &engine).await?,
        capacity: Capacity::look(&engine).await?,
        gaps: ledger.gaps(LISTED_MAX).await?,
        unpriced: rows(&engine.named("anomalies/unpriced_models", &[]).await?)?,
        duplicates: tallies.values().map(|tally| tally.duplicates).sum(),
        reports: tallies.values().map(|tally| tally.reports).sum(),
        positions: ledger.held().await?,
    })
}

/// How many keys were compared, and the rows of those that differ.
async fn compare(engine: &Engine) -> anyhow::Result<(u128, Vec<Row>)> {
    let found = rows(&engine.named("reports/reconcile_lake_ledger", &[]).await?)?;
    let (total, differences): (Vec<_>, Vec<_>) = found.into_iter().partition(|row| row.text("line") == "total");
    let compared = total.first().map_or(Ok(0), |row| row.count("compared"))?;
    Ok((compared, differences))
}

async fn lake_side(engine: &Engine) -> anyhow::Result<Side> {
    const CHARGED: &str =
        "SELECT \"partition\", count(*) AS events, sum(cost_usd) AS cost_usd FROM requests GROUP BY \"partition\"";
    const REJECTED: &str = "SELECT \"partition\", count(*) AS events FROM rejects GROUP BY \"partition\"";
    let mut side = Side::default();
    for row in rows(&engine.sql(CHARGED, &[]).await?)? {
        side.events.entry(partition(&row)?).or_default().0 = row.count("events")?;
        side.cost = [side.cost, row.usd("cost_usd")?].into_iter().sum();
    }
    for row in rows(&engine.sql(REJECTED, &[]).await?)? {
        side.events.entry(partition(&row)?).or_default().1 = row.count("events")?;
    }
    Ok(side)
}

fn partition(row: &Row) -> anyhow::Result<Partition> {
    Ok(Partition(i32::try_from(row.count("partition")?)?))
}

fn text(findings: &Findings) -> anyhow::Result<String> {
    let Findings {
        lake,
        ledger,
        compared,
        differences,
        attribution,
        capacity,
        gaps,
        unpriced,
        duplicates,
        reports,
        positions,
    } = findings;
    let mut out = format!("{}\n", table(&["", "lake", "ledger", ""], 1, sides(lake, ledger)));
    writeln!(
        out,
        "\n{} totals by hour, tenant, model and class compared, {} differ",
        count(*compared),
        differences.len()
    )?;
    for row in differences.iter().take(LISTED_MAX) {
        let [hour, provider, model, amount, lake, ledger] =
            ["hour", "provider", "model", "amount", "lake", "ledger"].map(|column| row.text(column));
        let tenant = row.name("tenant");
        writeln!(out, "  {hour} {tenant} {provider} {model} {amount}: lake {lake}, ledger {ledger}")?;
    }
    attribution.write(&mut out)?;
    capacity.write(&mut out)?;
    writeln!(
        out,
        "{} reports of nodes and caches, {} duplicates dropped; {} partitions held",
        count(u128::from(*reports)),
        count(u128::from(*duplicates)),
        positions.len()
    )?;
    write_gaps(gaps, &mut out)?;
    writeln!(out, "{} models with unpriced usage", unpriced.len())?;
    for row in unpriced.iter().take(LISTED_MAX) {
        writeln!(
            out,
            "  {} {}: {} requests, {}",
            row.text("provider"),
            row.text("model"),
            count(row.count("requests")?),
            row.text("reason")
        )?;
    }
    writeln!(out, "{}", if findings.holds() { "all holds" } else { "NOT EVERYTHING HOLDS" })?;
    Ok(out)
}

/// The stores side by side, line by line.
fn sides(lake: &Side, ledger: &Side) -> [Vec<String>; 4] {
    let mark = |same: bool| if same { "equal" } else { "DIFFERENT" }.to_owned();
    [
        vec![
            "charged events".into(),
            count(lake.charged()),
            count(ledger.charged()),
            mark(lake.charged() == ledger.charged()),
        ],
        vec![
            "rejected events".into(),
            count(lake.rejected()),
            count(ledger.rejected()),
            mark(lake.rejected() == ledger.rejected()),
        ],
        vec![
            "by partition".into(),
            count(lake.events.len() as u128),
            count(ledger.events.len() as u128),
            mark(lake.events == ledger.events),
        ],
        vec!["cost, USD".into(), lake.cost.to_string(), ledger.cost.to_string(), mark(lake.cost == ledger.cost)],
    ]
}

fn write_gaps(gaps: &[Gap], out: &mut String) -> anyhow::Result<()> {
    match gaps.len() {
        0 => writeln!(out, "no sequence gaps: every numbered event up to the newest is in")?,
        found => writeln!(
            out,
            "{found} sequence gaps{}: events are missing",
            if found == LISTED_MAX { " or more" } else { "" }
        )?,
    }
    for gap in gaps {
        writeln!(out, "  {} epoch {} domain {}: {} to {}", gap.source, gap.epoch, gap.domain, gap.from, gap.to - 1)?;
    }
    Ok(())
}

fn json(findings: &Findings) -> anyhow::Result<serde_json::Value> {
    let side = |side: &Side| json!({ "charged": side.charged(), "rejected": side.rejected(), "cost_usd": side.cost.to_string() });
    let gaps: Vec<_> = findings
        .gaps
        .iter()
        .map(|gap| json!({ "source": gap.source, "epoch": gap.epoch, "domain": gap.domain, "from": gap.from, "to": gap.to }))
        .collect();
    let unpriced = findings.unpriced.iter().map(|row| {
        Ok(json!({ "provider": row.text("provider"), "model": row.text("model"), "requests": row.count("requests")?, "why": row.text("reason") }))
    });
    Ok(json!({
        "holds": findings.holds(),
        "lake_equals_ledger": findings.agree(),
        "lake": side(&findings.lake),
        "ledger": side(&findings.ledger),
        "totals_compared": findings.compared,
        "totals_different": findings.differences.len(),
        "differences": findings.differences.iter().take(LISTED_MAX).map(Row::json).collect::<Vec<_>>(),
        "attribution": findings.attribution.json(),
        "capacity": findings.capacity.json(),
        "duplicates": findings.duplicates,
        "reports": findings.reports,
        "gaps": gaps,
        "unpriced": unpriced.collect::<anyhow::Result<Vec<_>>>()?,
    }))
}
