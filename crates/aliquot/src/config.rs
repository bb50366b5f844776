//! The configuration file: every key has a default, an unknown key or a bad value is an error that names file, key and fix.
//! The only place that reads the environment, and only for secrets that the file names. Opens nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aliquot_core::ports::{Fault, Kind};
use aliquot_core::state::{Rules, TimeLimits};
use aliquot_core::time::Micros;
use anyhow::{Context, bail};
use serde::Deserialize;

use crate::output;
use crate::stores::Layout;

mod domains;
mod kafka;
mod ledger;

/// A configuration with every key, its default and its meaning; what `--print-config` prints, and read by a test.
pub(crate) const EXAMPLE: &str = include_str!("config/aliquot.toml");

/// Settings of a topic that we make. Its clock is the broker's, so that no sender decides when its event arrived, and events of
/// long ago are not deleted for their age as soon as they are in.
const TOPIC: [(&str, &str); 1] = [("message.timestamp.type", "LogAppendTime")];

/// The pause before brokers that did not answer are asked again.
const BROKERS_WAIT: Duration = Duration::from_secs(2);

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where lake, ledger and embedded log are.
    pub(crate) data_dir: PathBuf,
    pub(crate) log: Log,
    kafka: kafka::Section,
    ledger: ledger::Section,
    pub(crate) api: Api,
    pub(crate) pipeline: Pipeline,
    domains: domains::Domains,
    pub(crate) upkeep: Upkeep,
}

/// The event log.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) kind: LogKind,
    pub(crate) partitions: u16,
    pub(crate) bytes_max: u64,
    pub(crate) keep_bytes: u64,
}

/// Which event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogKind {
    Embedded,
    Kafka,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Api {
    pub(crate) listen: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pipeline {
    pub(crate) commit_interval_ms: u64,
    pub(crate) commit_rows_max: usize,
    pub(crate) event_age_days_max: i64,
    pub(crate) event_ahead_s_max: i64,
    pub(crate) tenants: Option<BTreeSet<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Upkeep {
    pub(crate) interval_s: u64,
    pub(crate) retention_hours: i64,
}

/// The configuration cannot be used, for the reason that follows.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the configuration cannot be used")]
pub(crate) struct Unusable;

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "aliquot-data".into(),
            log: Log::default(),
            kafka: kafka::Section::default(),
            ledger: ledger::Section::default(),
            api: Api::default(),
            pipeline: Pipeline::default(),
            domains: domains::Domains::default(),
            upkeep: Upkeep::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        let limits = aliquot_spool::Limits::default();
        Self { kind: LogKind::Embedded, partitions: 4, bytes_max: limits.bytes_max, keep_bytes: limits.keep_bytes }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8080".into() }
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        let settings = aliquot_pipeline::Settings::default();
        let times = TimeLimits::default();
        Self {
            commit_interval_ms: u64::try_from(settings.commit_interval.as_millis()).unwrap_or(u64::MAX),
            commit_rows_max: settings.commit_rows_max,
            event_age_days_max: times.past.0 / Micros::DAY.0,
            event_ahead_s_max: times.future.0 / Micros::SECOND.0,
            tenants: None,
        }
    }
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { interval_s: 900, retention_hours: 24 * 7 }
    }
}

impl Config {
    /// Reads `file`, or takes the defaults if there is none.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown key, or a value that cannot be.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::read(file).map_err(|error| error.context(Unusable))
    }

    fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(file).with_context(|| {
            format!("cannot read the configuration {}; `aliquot serve --print-config` prints one", file.display())
        })?;
        Self::parse(&text).with_context(|| format!("configuration {}", file.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        let Self { log, pipeline, upkeep, .. } = self;
        if log.partitions == 0 {
            bail!("log.partitions is 0; at least one is needed, 4 is the default");
        }
        if log.keep_bytes >= log.bytes_max {
            bail!("log.keep_bytes must be below log.bytes_max, else the log is full before anything is dropped");
        }
        if pipeline.commit_rows_max == 0 {
            bail!("pipeline.commit_rows_max is 0; leave it out for the default");
        }
        if !(10..=3_600_000).contains(&pipeline.commit_interval_ms) {
            bail!("pipeline.commit_interval_ms must lie between 10 and 3,600,000");
        }
        if pipeline.event_age_days_max < 1 || pipeline.event_ahead_s_max < 0 {
            bail!("pipeline.event_age_days_max must be at least 1 and pipeline.event_ahead_s_max at least 0");
        }
        if pipeline.tenants.as_ref().is_some_and(BTreeSet::is_empty) {
            bail!(
                "pipeline.tenants is an empty list, so every event would be rejected; name the tenants or leave it out"
            );
        }
        if upkeep.interval_s == 0 || upkeep.retention_hours < 1 {
            bail!("upkeep.interval_s and upkeep.retention_hours must be at least 1");
        }
        domains::check(&self.domains)?;
        self.ledger.check()?;
        if log.kind == LogKind::Kafka {
            self.kafka.check()?;
        }
        Ok(())
    }

    /// Where lake, ledger and log are.
    ///
    /// # Errors
    /// When a secret's file or variable is not there.
    pub(crate) fn layout(&self) -> anyhow::Result<Layout> {
        let server = self.ledger.server().map_err(|error| error.context(Unusable))?;
        Ok(Layout { server, ..Layout::new(&self.data_dir) })
    }

    /// How to reach Kafka, secrets read.
    ///
    /// # Errors
    /// When a secret's file or variable is not there.
    pub(crate) fn kafka(&self) -> anyhow::Result<aliquot_kafka::Config> {
        self.kafka.to_client()
    }

    /// Makes the topic unless it is there, waiting for brokers that do not answer yet; answers how many partitions it has.
    ///
    /// # Errors
    /// When the cluster does not allow it, or the settings contradict each other.
    pub(crate) async fn ensure_topic(&self) -> anyhow::Result<usize> {
        let kafka::Section { partitions, replication, .. } = &self.kafka;
        let client = self.kafka()?;
        loop {
            match aliquot_kafka::ensure_topic(&client, *partitions, *replication, &TOPIC).await {
                Err(error) if error.kind() == Kind::Retry => {
                    output::note(&format!("aliquot: waiting for Kafka at {}: {error}", client.bootstrap));
                    tokio::time::sleep(BROKERS_WAIT).await;
                }
                answer => return Ok(answer?),
            }
        }
    }

    pub(crate) fn spool_limits(&self) -> aliquot_spool::Limits {
        aliquot_spool::Limits { bytes_max: self.log.bytes_max, keep_bytes: self.log.keep_bytes }
    }

    pub(crate) fn pipeline_settings(&self) -> aliquot_pipeline::Settings {
        let Pipeline { commit_interval_ms, commit_rows_max, event_age_days_max, event_ahead_s_max, tenants } =
            self.pipeline.clone();
        let times = TimeLimits {
            past: Micros(event_age_days_max.saturating_mul(Micros::DAY.0)),
            future: Micros(event_ahead_s_max.saturating_mul(Micros::SECOND.0)),
        };
        aliquot_pipeline::Settings {
            rules: Rules { times, tenants },
            attribution: domains::settings(&self.domains),
            commit_rows_max,
            commit_interval: Duration::from_millis(commit_interval_ms),
            ..aliquot_pipeline::Settings::default()
        }
    }

    pub(crate) fn upkeep(&self) -> aliquot_lake::Upkeep {
        aliquot_lake::Upkeep {
            retention: Micros(self.upkeep.retention_hours.saturating_mul(Micros::HOUR.0)),
            ..aliquot_lake::Upkeep::default()
        }
    }
}

/// Names of files or variables that hold secrets, so that the configuration itself holds none.
fn secret(key: &str, file: Option<&Path>, variable: Option<&str>) -> anyhow::Result<Option<String>> {
    match (file, variable) {
        (Some(_), Some(_)) => bail!("{key}_file and {key}_env exclude each other; keep one"),
        (Some(file), None) => {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("{key}_file: cannot read {}", file.display()))?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (None, Some(variable)) => {
            Ok(Some(environment(variable).with_context(|| format!("{key}_env: set {variable}"))?))
        }
        (None, None) => Ok(None),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment(variable: &str) -> anyhow::Result<String> {
    Ok(std::env::var(variable)?)
}

/// Who runs this process, as the system's login says.
pub(crate) fn user() -> Option<String> {
    ["USER", "LOGNAME"].into_iter().find_map(|name| environment(name).ok()).filter(|user| !user.is_empty())
}

/// Settings of the Kafka client by their names there.
type Extra = BTreeMap<String, String>;

#[cfg(test)]
mod tests;
