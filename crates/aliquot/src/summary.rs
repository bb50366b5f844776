//! What a run did, for people and for programs: counts of the pipeline, tokens and money of the ledger, hits of the simulation.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use aliquot_core::money::Usd;
use aliquot_core::totals::Totals;
use aliquot_core::usage::Class;
use aliquot_pipeline::Progress;
use aliquot_sim::truth::Truth;
use serde_json::{Value, json};

use crate::cli::Style;
use crate::table::{count, dollars, percent, table};

/// What was run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) title: String,
    pub(crate) elapsed: Duration,
    /// What the simulation knows.
    pub(crate) truth: Option<Truth>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Summary {
    run: Run,
    /// Nothing if the events were only sent.
    stored: Option<Stored>,
}

#[derive(Debug)]
struct Stored {
    events: u64,
    requests: u64,
    reports: u64,
    duplicates: u64,
    unpriced: u64,
    rejected: BTreeMap<&'static str, u64>,
    /// Quantity and cost by class of usage.
    classes: Vec<(Class, u128, Usd)>,
}

impl Summary {
    /// Of events that went through the pipeline.
    pub(crate) fn new(run: Run, progress: &Progress, totals: &Totals) -> Self {
        let class = |class: Class| {
            let of_class = || totals.iter().filter(|(key, _)| key.class == class).map(|(_, total)| total);
            (class, of_class().map(|total| total.quantity).sum(), of_class().map(|total| total.cost).sum())
        };
        let stored = Stored {
            events: progress.events,
            requests: progress.charged,
            reports: progress.reports,
            duplicates: progress.duplicates,
            unpriced: progress.unpriced,
            rejected: progress.rejected.iter().map(|(reason, count)| (reason.name(), *count)).collect(),
            classes: Class::ALL.into_iter().map(class).filter(|(_, quantity, _)| *quantity > 0).collect(),
        };
        Self { run, stored: Some(stored) }
    }

    /// Of events that were only sent.
    pub(crate) fn sent(run: Run) -> Self {
        Self { run, stored: None }
    }

    pub(crate) fn write(&self, style: Style) -> anyhow::Result<String> {
        match style {
            Style::Text => self.text(),
            Style::Json => Ok(format!("{:#}\n", self.json())),
        }
    }

    fn events(&self) -> u64 {
        let sent = || self.run.truth.as_ref().map(|truth| truth.events);
        self.stored.as_ref().map(|stored| stored.events).or_else(sent).unwrap_or_default()
    }

    fn per_second(&self) -> u128 {
        u128::from(self.events()) * 1_000_000 / self.run.elapsed.as_micros().max(1)
    }

    fn text(&self) -> anyhow::Result<String> {
        let mut out = format!("{}\n\n", self.run.title);
        let mut line = |name: &str, value: String| writeln!(out, "  {name:<24}{value:>24}");
        if let Some(stored) = &self.stored {
            line("requests charged", count(stored.requests.into()))?;
            line("events", count(stored.events.into()))?;
            line("reports of nodes", count(stored.reports.into()))?;
            line("duplicates dropped", count(stored.duplicates.into()))?;
            for (reason, rejected) in &stored.rejected {
                line(&format!("rejected, {reason}"), count((*rejected).into()))?;
            }
            line("unpriced requests", count(stored.unpriced.into()))?;
        } else {
            line("events", count(self.events().into()))?;
        }
        if let Some(truth) = self.run.truth.as_ref().filter(|truth| truth.block_refs > 0) {
            line("block references", count(truth.block_refs.into()))?;
            line("block hits", count(truth.block_hits.into()))?;
            line("block misses", count(truth.block_misses().into()))?;
            line("hit rate by blocks", percent(truth.block_hits.into(), truth.block_refs.into()))?;
            line("reinserted", count(truth.blocks_reinserted.into()))?;
        }
        line("elapsed, s", format!("{:.1}", self.run.elapsed.as_secs_f64()))?;
        line("events per second", count(self.per_second()))?;
        if let Some(stored) = &self.stored {
            let mut rows: Vec<_> = stored
                .classes
                .iter()
                .map(|(class, quantity, cost)| vec![class.name().to_owned(), count(*quantity), dollars(*cost)])
                .collect();
            let total = stored.classes.iter().map(|(_, _, cost)| *cost).sum();
            rows.push(vec!["total".to_owned(), String::new(), dollars(total)]);
            writeln!(out, "\n{}", table(&["class", "quantity", "cost, USD"], 1, rows))?;
        }
        Ok(out)
    }

    fn json(&self) -> Value {
        let mut out = json!({
            "events": self.events(),
            "elapsed_s": self.run.elapsed.as_secs_f64(),
            "events_per_second": u64::try_from(self.per_second()).unwrap_or(u64::MAX),
        });
        if let Some(truth) = &self.run.truth {
            out["block_references"] = truth.block_refs.into();
            out["block_hits"] = truth.block_hits.into();
            out["block_misses"] = truth.block_misses().into();
            out["blocks_reinserted"] = truth.blocks_reinserted.into();
        }
        if let Some(stored) = &self.stored {
            let classes: serde_json::Map<_, _> = stored
                .classes
                .iter()
                .map(|(class, quantity, cost)| (class.name().to_owned(), json!({ "quantity": u64::try_from(*quantity).unwrap_or(u64::MAX), "cost_usd": cost.to_string() })))
                .collect();
            let total: Usd = stored.classes.iter().map(|(_, _, cost)| *cost).sum();
            out["requests"] = stored.requests.into();
            out["reports"] = stored.reports.into();
            out["duplicates"] = stored.duplicates.into();
            out["rejected"] = json!(stored.rejected);
            out["unpriced"] = stored.unpriced.into();
            out["classes"] = classes.into();
            out["cost_usd"] = total.to_string().into();
        }
        out
    }
}
