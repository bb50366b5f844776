//! What every test here needs: a topic of its own, a data directory, a configuration, and the stores looked at from outside.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

use aliquot_core::ports::{Outgoing, Outlet};
use aliquot_kafka::{Config, KafkaOutlet, ensure_topic};
use aliquot_ledger::Ledger;
use aliquot_query::{Engine, Format, Limits};
use serde_json::{Map, Value};

use crate::process::{LOOK_WAIT, PATIENCE, Service};

#[expect(clippy::disallowed_methods, reason = "this suite is told where its services are by its environment")]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}; `make test` does"))
}

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) kafka: Config,
    pub(crate) partitions: i32,
}

impl World {
    pub(crate) async fn new(partitions: i32) -> Self {
        let name = format!("system-{:016x}", RandomState::new().hash_one(0));
        let kafka = Config::new(variable("KAFKA_BOOTSTRAP"), name.clone(), name);
        // The events carry times of a fixed day, which a limit on age would find too old one day.
        ensure_topic(&kafka, partitions, 1, &[("retention.ms", "-1")]).await.unwrap();
        Self { dir: tempfile::tempdir().unwrap(), kafka, partitions }
    }

    /// Writes a configuration for one process and returns its place. A member that dies is missed after 1.5 s.
    pub(crate) fn config(&self, name: &str, more: &str) -> PathBuf {
        let path = self.dir.path().join(format!("{name}.toml"));
        let text = format!(
            "data_dir = '{}'\n[log]\nkind = 'kafka'\n[kafka]\nbootstrap = '{}'\ntopic = '{}'\ngroup = '{}'\npartitions = {}\n\
             [kafka.extra]\n'session.timeout.ms' = '1500'\n'heartbeat.interval.ms' = '300'\n[api]\nlisten = '127.0.0.1:0'\n{more}",
            self.dir.path().display(),
            self.kafka.bootstrap,
            self.kafka.topic,
            self.kafka.group,
            self.partitions
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn outlet(&self) -> KafkaOutlet {
        KafkaOutlet::open(&self.kafka).unwrap()
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        Ledger::open_read_only(&self.dir.path().join("ledger.sqlite")).await.unwrap()
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.dir.path().join("lake")
    }

    /// The rows of a query over the lake.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Map<String, Value>> {
        let engine = Engine::open(&self.lake(), Limits::default()).unwrap();
        let mut json = Vec::new();
        engine.sql(sql, &[]).await.unwrap().write(Format::Json, &mut json).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    /// Waits until the ledger holds so many messages of the topic; the services must live on meanwhile.
    pub(crate) async fn until_held(&self, messages: i64, services: &mut [Service]) {
        let reached = async {
            loop {
                services.iter_mut().for_each(Service::assert_lives);
                if self.dir.path().join("ledger.sqlite").exists() {
                    let held = self.ledger().await.held().await.unwrap();
                    if held.values().map(|at| at.0).sum::<i64>() == messages {
                        return;
                    }
                }
                tokio::time::sleep(LOOK_WAIT).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("it never caught up");
    }

    /// `aliquot audit` says whether lake and ledger agree, and nothing is missing.
    pub(crate) async fn audit(&self) -> Value {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_aliquot"))
            .args(["audit", "--format", "json", "--data-dir"])
            .arg(self.dir.path())
            .output()
            .await
            .unwrap();
        let findings: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(output.status.code(), Some(if findings["holds"] == true { 0 } else { 1 }));
        findings
    }
}

/// Appends in lots, so that memory stays flat; counts what went into each partition is the broker's business.
pub(crate) async fn produce(outlet: &KafkaOutlet, messages: impl Iterator<Item = Outgoing>) {
    let mut messages = messages.peekable();
    while messages.peek().is_some() {
        let lot: Vec<_> = messages.by_ref().take(2_000).collect();
        outlet.append(lot).await.unwrap();
    }
}

/// A count in a row.
pub(crate) fn count(row: &Map<String, Value>, column: &str) -> u64 {
    row[column].as_u64().unwrap_or_else(|| panic!("{column} of {row:?} is no count"))
}

/// Counts by the text of a column.
pub(crate) fn by<'r>(rows: &'r [Map<String, Value>], key: &str, column: &str) -> BTreeMap<&'r str, u64> {
    rows.iter().map(|row| (row[key].as_str().unwrap(), count(row, column))).collect()
}
