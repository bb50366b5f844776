//! Engines that share no code with ours read the same rows and the same money from the lake: DuckDB, pyarrow, ClickHouse.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::world::variable;

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
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/system/read_lake.py");
    let read = Command::new(variable("ALIQUOT_PYTHON")).arg(script).arg(demo.join("lake")).output().await.unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let seen: Value = serde_json::from_slice(&read.stdout).unwrap();
    let tokens = summary["total"]["tokens"]["cache_read"].clone();
    let rejected: u64 = summary["rejected"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert!(rejected > 0 && summary["requests"].as_u64() > Some(10_000), "{summary}");
    for engine in ["duckdb", "pyarrow", "clickhouse"] {
        let seen = &seen[engine];
        assert_eq!(seen["rows"], summary["requests"], "{engine}");
        assert_eq!(seen["cost_usd"], summary["total"]["cost_usd"], "{engine}");
        assert_eq!(seen["cache_read_tokens"], tokens, "{engine}");
        assert_eq!(seen["rejects"], rejected, "{engine}");
        let first = seen["first"].as_f64().unwrap();
        assert!((1_794_908_520.0..1_794_908_580.0).contains(&first), "{engine}: {first}");
    }
}
