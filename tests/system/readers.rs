//! Engines that share no code with ours read the same rows and the same money from the lake: DuckDB, pyarrow, ClickHouse.

use std::path::Path;
use std::process::Stdio;

use aliquot_core::blame::{Attribution, Blame, CausePart, Culprit};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::commit::Commit;
use aliquot_core::event::Event;
use aliquot_core::money::{Rate, Usd};
use aliquot_core::ports::Sink;
use aliquot_core::position::{Offset, OffsetRange, Partition, Place};
use aliquot_core::rating::Rated;
use aliquot_core::time::EventTime;
use aliquot_core::usage::Class;
use aliquot_lake::Lake;
use serde_json::Value;
use tokio::process::Command;

use crate::world::variable;

const ENGINES: [&str; 3] = ["duckdb", "pyarrow", "clickhouse"];

/// What the other engines see of a lake.
async fn seen(lake: &Path) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/system/read_lake.py");
    let read = Command::new(variable("ALIQUOT_PYTHON")).arg(script).arg(lake).output().await.unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

#[tokio::test]
async fn other_engines_see_what_we_see() {
    let dir = tempfile::tempdir().unwrap();
    let demo = dir.path().join("demo");
    let made = Command::new(env!("CARGO_BIN_EXE_aliquot"))
        .args(["demo", "--once", "--format", "json", "--data-dir"])
        .arg(&demo)
        .stderr(Stdio::piped())
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let summary: Value = serde_json::from_slice(&made.stdout).unwrap();
    let seen = seen(&demo.join("lake")).await;
    let tokens = summary["total"]["tokens"]["cache_read"].clone();
    let rejected: u64 = summary["rejected"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert!(rejected > 0 && summary["requests"].as_u64() > Some(10_000), "{summary}");
    for engine in ENGINES {
        let seen = &seen[engine];
        assert_eq!(seen["rows"], summary["requests"], "{engine}");
        assert_eq!(seen["cost_usd"], summary["total"]["cost_usd"], "{engine}");
        assert_eq!(seen["cache_read_tokens"], tokens, "{engine}");
        assert_eq!(seen["rejects"], rejected, "{engine}");
        assert_eq!(seen["explained_usd"], seen["asked_usd"], "{engine}");
        // Four nodes of eight GPUs for ten minutes, at $3.60 an hour.
        assert_eq!(
            (&seen["nodes_usd"], &seen["lines_usd"]),
            (&"19.200000000000".into(), &seen["nodes_usd"]),
            "{engine}"
        );
        let first = seen["first"].as_f64().unwrap();
        assert!((1_794_908_520.0..1_794_908_580.0).contains(&first), "{engine}: {first}");
    }
}

/// Ten requests of a dollar each; of every second one, 3 cents are a neighbour's doing, and it is known whose.
fn attributed() -> Commit {
    let mut commit = Commit::default();
    for offset in 0..10_u64 {
        let mut event =
            Event { time: EventTime(1_772_323_200_000_000), tenant: Some("acme".into()), ..Event::default() };
        event.usage.parts.set(Class::Uncached, 1_000);
        let mut rated = Rated::default();
        rated.costs.set(Class::Uncached, Rate::from_pico(1_000_000_000).times(1_000).unwrap());
        let place = Place { partition: Partition(0), offset: Offset(offset.cast_signed()), index: 0 };
        commit.charges.push(place, event.time, &event, rated);
        if offset.is_multiple_of(2) {
            let (evidence, cost) = (Evidence::Exact, Usd::from_pico(30_000_000_001));
            let rest = Usd::from_pico(1_000_000_000_000 - cost.pico());
            let parts = vec![
                CausePart { cause: Cause::Hit, runner_up: None, evidence, tokens: 900, cost: rest },
                CausePart {
                    cause: Cause::EvictedNeighbour,
                    runner_up: Some(Cause::Reset),
                    evidence,
                    tokens: 100,
                    cost,
                },
            ];
            let blame = |culprit| Blame {
                game: Game::NeighboursAbsent,
                harm: Harm::Miss,
                cause: Cause::EvictedNeighbour,
                culprit,
                evidence,
                quantity: 100,
                cost,
                avoidable: cost,
            };
            let blames = vec![blame(Culprit::Tenant("globex")), blame(Culprit::Background)];
            commit.charges.attribute_last(&Attribution { parts, blames, standalone: Some(rest) });
        }
    }
    commit.ranges.insert(Partition(0), OffsetRange { from: Offset(0), to: Offset(10) });
    commit
}

#[tokio::test]
async fn other_engines_see_causes_and_blame() {
    let dir = tempfile::tempdir().unwrap();
    Box::pin(Lake::open(dir.path())).await.unwrap().commit(&attributed()).await.unwrap();
    let seen = seen(dir.path()).await;
    for engine in ENGINES {
        let seen = &seen[engine];
        assert_eq!(seen["cost_usd"], "10.000000000000", "{engine}");
        assert_eq!(seen["asked_usd"], "5.000000000000", "{engine}");
        assert_eq!(seen["explained_usd"], "5.000000000000", "{engine}");
        assert_eq!(seen["evicted_tokens"], 500, "{engine}");
        assert_eq!(seen["blames"], 10, "{engine}");
        assert_eq!(seen["blamed_usd"], "0.300000000010", "{engine}");
    }
}
