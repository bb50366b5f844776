//! The demo's table: each tenant's requests, tokens, hit rate before and after the launch, and cost, as the lake tells it.

use std::fmt::Write;
use std::time::Duration;

use aliquot_core::money::Usd;
use aliquot_core::time::EventTime;
use aliquot_pipeline::Progress;
use aliquot_query::Engine;
use serde_json::{Value, json};

use super::incident::Incident;
use crate::cli::Style;
use crate::rows::{Row, rows};
use crate::table::{count, dollars, percent, table};

/// The question, as a file that also stands under `queries/` for everybody.
const QUESTION: &str = "reports/tenants_before_after";

#[derive(Debug)]
pub(super) struct Report {
    tenants: Vec<Tenant>,
    incident: Option<Incident>,
    progress: Progress,
    elapsed: Duration,
}

/// A tenant's row.
#[derive(Clone, Debug, Default)]
struct Tenant {
    name: Option<String>,
    requests: u128,
    uncached: u128,
    cache_read: u128,
    cache_write: u128,
    output: u128,
    /// Tokens read from the cache, and prompt tokens of requests that report it, before and after.
    before: (u128, u128),
    after: (u128, u128),
    cost_before: Usd,
    cost_after: Usd,
}

impl Tenant {
    fn from_row(row: &Row) -> anyhow::Result<Self> {
        Ok(Self {
            name: Some(row.text("tenant")).filter(|name| !name.is_empty()).map(str::to_owned),
            requests: row.count("requests")?,
            uncached: row.count("uncached_tokens")?,
            cache_read: row.count("cache_read_tokens")?,
            cache_write: row.count("cache_write_tokens")?,
            output: row.count("output_tokens")?,
            before: (row.count("before_read_tokens")?, row.count("before_prompt_tokens")?),
            after: (row.count("after_read_tokens")?, row.count("after_prompt_tokens")?),
            cost_before: row.usd("before_usd")?,
            cost_after: row.usd("after_usd")?,
        })
    }

    fn add(&mut self, other: &Self) {
        let add = |left: &mut (u128, u128), right: (u128, u128)| *left = (left.0 + right.0, left.1 + right.1);
        self.requests += other.requests;
        self.uncached += other.uncached;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
        self.output += other.output;
        add(&mut self.before, other.before);
        add(&mut self.after, other.after);
        self.cost_before = [self.cost_before, other.cost_before].into_iter().sum();
        self.cost_after = [self.cost_after, other.cost_after].into_iter().sum();
    }

    fn cost(&self) -> Usd {
        [self.cost_before, self.cost_after].into_iter().sum()
    }

    fn cells(&self, name: &str) -> Vec<String> {
        vec![
            name.to_owned(),
            count(self.requests),
            count(self.uncached),
            count(self.cache_read),
            count(self.cache_write),
            count(self.output),
            percent(self.before.0, self.before.1),
            percent(self.after.0, self.after.1),
            dollars(self.cost_before),
            dollars(self.cost_after),
            dollars(self.cost()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "tenant": self.name,
            "requests": small(self.requests),
            "tokens": {
                "uncached": small(self.uncached), "cache_read": small(self.cache_read),
                "cache_write": small(self.cache_write), "output": small(self.output),
            },
            "hit_rate_before": rate(self.before),
            "hit_rate_after": rate(self.after),
            "cost_before_usd": self.cost_before.to_string(),
            "cost_after_usd": self.cost_after.to_string(),
            "cost_usd": self.cost().to_string(),
        })
    }
}

fn small(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Numerator and denominator, so that nobody has to average ratios.
fn rate((read, prompt): (u128, u128)) -> Value {
    json!({ "read_tokens": small(read), "prompt_tokens": small(prompt) })
}

impl Report {
    pub(super) async fn read(
        engine: &Engine,
        launch: EventTime,
        progress: &Progress,
        elapsed: Duration,
    ) -> anyhow::Result<Self> {
        let split = chrono::DateTime::from_timestamp_micros(launch.0).unwrap_or_default().to_rfc3339();
        let found = rows(&engine.named(QUESTION, &[("split".to_owned(), split)]).await?)?;
        let mut tenants = found.iter().map(Tenant::from_row).collect::<anyhow::Result<Vec<_>>>()?;
        tenants.sort_by_key(|tenant| (std::cmp::Reverse(tenant.cost()), tenant.name.clone()));
        let incident = Incident::read(engine).await?;
        Ok(Self { tenants, incident, progress: progress.clone(), elapsed })
    }

    pub(super) fn write(&self, style: Style) -> anyhow::Result<String> {
        match style {
            Style::Text => self.text(),
            Style::Json => Ok(format!("{:#}\n", self.json())),
        }
    }

    fn total(&self) -> Tenant {
        let mut total = Tenant::default();
        self.tenants.iter().for_each(|tenant| total.add(tenant));
        total
    }

    fn text(&self) -> anyhow::Result<String> {
        const HEADER: [&str; 11] = [
            "tenant",
            "requests",
            "uncached",
            "cache read",
            "cache write",
            "output",
            "hits before",
            "hits after",
            "USD before",
            "USD after",
            "USD",
        ];
        let total = self.total();
        let named = self.tenants.iter().map(|tenant| tenant.cells(tenant.name.as_deref().unwrap_or("(no tenant)")));
        let mut out = format!("\n{}\n\n", table(&HEADER, 1, named.chain([total.cells("all")])));
        let Progress { events, charged, reports, duplicates, unpriced, rejected, .. } = &self.progress;
        let refused: u64 = rejected.values().sum();
        writeln!(
            out,
            "{} events in {:.1} s: {} requests charged, {} unpriced; {} reports of nodes, {} duplicates dropped, {} rejected",
            count((*events).into()),
            self.elapsed.as_secs_f64(),
            count((*charged).into()),
            count((*unpriced).into()),
            count((*reports).into()),
            count((*duplicates).into()),
            count(refused.into())
        )?;
        if let Some(incident) = &self.incident {
            incident.text(&mut out)?;
        }
        Ok(out)
    }

    fn json(&self) -> Value {
        let rejected: std::collections::BTreeMap<_, _> =
            self.progress.rejected.iter().map(|(reason, count)| (reason.name(), *count)).collect();
        json!({
            "events": self.progress.events,
            "requests": self.progress.charged,
            "reports": self.progress.reports,
            "duplicates": self.progress.duplicates,
            "rejected": rejected,
            "unpriced": self.progress.unpriced,
            "elapsed_s": self.elapsed.as_secs_f64(),
            "total": self.total().json(),
            "incident": self.incident.as_ref().map(Incident::json),
            "tenants": self.tenants.iter().map(Tenant::json).collect::<Vec<_>>(),
        })
    }
}
