//! What the audit finds about causes and blame: whether lake and ledger say the same, whether the parts of each request are its
//! whole cost, and whether what was incurred and what was caused is the same in total.

use std::fmt::Write;

use aliquot_core::money::Usd;
use aliquot_query::Engine;
use anyhow::Context;
use serde_json::{Value, json};

use super::LISTED_MAX;
use crate::rows::{Row, rows};
use crate::table::count;

/// What one look found.
#[derive(Debug)]
pub(super) struct Attribution {
    /// Sums by hour, cause and culprit that were compared.
    compared: u128,
    /// Sums, requests and victims that differ.
    different: u128,
    /// What everybody's requests cost.
    incurred: Usd,
    /// What everybody's traffic cost.
    caused: Usd,
    /// The rows of what differs.
    differences: Vec<Row>,
}

impl Attribution {
    pub(super) async fn look(engine: &Engine) -> anyhow::Result<Self> {
        let found = rows(&engine.named("reports/reconcile_attribution", &[]).await?)?;
        let (total, differences): (Vec<_>, Vec<_>) = found.into_iter().partition(|row| row.text("line") == "total");
        let total = total.first().context("the reconciliation of causes and blame has no total")?;
        Ok(Self {
            compared: total.count("compared")?,
            different: total.count("different")?,
            incurred: total.usd("lake")?,
            caused: total.usd("ledger")?,
            differences,
        })
    }

    pub(super) fn agrees(&self) -> bool {
        self.different == 0 && self.differences.is_empty() && self.incurred == self.caused
    }

    pub(super) fn write(&self, out: &mut String) -> anyhow::Result<()> {
        let (compared, different) = (count(self.compared), count(self.different));
        writeln!(out, "{compared} sums by cause and culprit compared, {different} differ")?;
        for row in self.differences.iter().take(LISTED_MAX) {
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
            "differences": self.differences.iter().take(LISTED_MAX).map(Row::json).collect::<Vec<_>>(),
        })
    }
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
