//! The binary as its users run it, with nothing but a directory: exit codes, messages, the demo, replays, queries, audits.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "the helpers of these tests fail the test, and say what they left out"
)]

#[path = "cli/control.rs"]
mod control;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aliquot_core::blame::{Attribution, Blame, CausePart, Culprit};
use aliquot_core::capacity::{Bearer, CapacityLine, CapacityRow, IdlePolicy, LineKind};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::commit::{Commit, Tally};
use aliquot_core::event::Event;
use aliquot_core::money::{Rate, Usd};
use aliquot_core::ports::Sink;
use aliquot_core::position::{Offset, OffsetRange, Partition, Place};
use aliquot_core::prices::BookId;
use aliquot_core::rating::{Rated, Unpriced};
use aliquot_core::time::EventTime;
use aliquot_core::usage::Class;
use aliquot_lake::Lake;
use aliquot_ledger::Ledger;
use serde_json::Value;

fn aliquot(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aliquot")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output of a run that must end well.
fn well(args: &[&str]) -> String {
    let output = aliquot(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Standard error of a run that must end with `code`.
fn fails(code: i32, args: &[&str]) -> String {
    let output = aliquot(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output.stderr));
    text(&output.stderr)
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&well(args)).unwrap()
}

/// The rate of a numerator and a denominator in per mille.
fn per_mille(rate: &Value) -> u64 {
    rate["read_tokens"].as_u64().unwrap() * 1_000 / rate["prompt_tokens"].as_u64().unwrap()
}

#[test]
fn help_shows_examples_and_mistakes_say_what_to_do() {
    for command in ["demo", "serve", "replay", "query", "price", "audit", "bench"] {
        assert!(well(&[command, "--help"]).contains("aliquot"), "{command}");
    }
    for command in ["demo", "serve", "replay", "query", "price", "audit", "tenant", "contract", "key", "audit-log"] {
        assert!(well(&[command, "--help"]).contains("Examples:"), "{command}");
    }
    assert!(fails(2, &["replay"]).contains("--trace"));
    assert!(fails(3, &["audit", "--data-dir", "/nowhere"]).contains("--data-dir"));
    assert!(fails(2, &["serve", "--config", "/nowhere/aliquot.toml"]).contains("--print-config"));
    assert!(fails(3, &["serve", "--role", "api"]).contains("log.kind = \"kafka\""));
    assert!(fails(3, &["replay", "--trace", "azure", "--input", "/nowhere.csv"]).contains("/nowhere.csv"));
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("aliquot.toml");
    std::fs::write(&config, "[log]\nkind = 'redis'\n").unwrap();
    let error = fails(2, &["serve", "--config", config.to_str().unwrap()]);
    assert!(error.contains("aliquot.toml") && error.contains("embedded"), "{error}");
    assert!(well(&["query", "--list"]).contains("anomalies/hit_rate_drop"));
}

#[test]
fn the_demo_shows_the_collapse_adds_up_and_is_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (place("first"), place("second"));
    let demo = |dir: &str| json(&["demo", "--once", "--format", "json", "--data-dir", dir]);
    let mut summary = demo(&first);
    let total = summary["total"].clone();
    assert!((690..=730).contains(&per_mille(&total["hit_rate_before"])), "{total}");
    assert!((160..=200).contains(&per_mille(&total["hit_rate_after"])), "{total}");
    let count = |key: &str| summary[key].as_u64().unwrap();
    let rejected: u64 = summary["rejected"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(count("events"), count("requests") + count("reports") + count("duplicates") + rejected);
    assert!(count("duplicates") > 0 && count("unpriced") > 0 && rejected > 0, "{summary}");

    let findings = json(&["audit", "--format", "json", "--data-dir", &first]);
    assert_eq!((&findings["holds"], &findings["lake"]), (&Value::Bool(true), &findings["ledger"]), "{findings}");
    assert_eq!(findings["lake"]["cost_usd"], total["cost_usd"]);
    let drop = well(&["query", "anomalies/hit_rate_drop", "--format", "csv", "--data-dir", &first]);
    assert!(drop.contains("2026-11-17T09:47"), "{drop}");

    let mut again = demo(&second);
    for summary in [&mut summary, &mut again] {
        summary.as_object_mut().unwrap().remove("elapsed_s");
    }
    assert_eq!(summary, again);
    // A directory that is no former demo is left alone; a former demo is replaced.
    assert!(fails(3, &["demo", "--once", "--data-dir", dir.path().to_str().unwrap()]).contains("no former demo"));
    demo(&second);
}

/// A trace from the public data beside the repository, if it is there.
fn trace(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/traces").join(name);
    if !path.exists() {
        eprintln!("no data at {}: not compared", path.display());
    }
    path.exists().then_some(path)
}

#[test]
fn a_replayed_trace_hits_as_its_readme_says_and_adds_up() {
    let Some(input) = trace("mooncake_conversation.jsonl.zst") else { return };
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let replay = |name: &str, more: &[&str]| {
        let dir = place(name);
        let args = [
            "replay",
            "--trace",
            "mooncake",
            "--format",
            "json",
            "--input",
            input.to_str().unwrap(),
            "--data-dir",
            &dir,
        ];
        json(&[&args, more].concat())
    };
    let summary = replay("lru", &["--capacity-blocks", "10000"]);
    assert_eq!((summary["requests"].as_u64(), summary["block_references"].as_u64()), (Some(12_031), Some(288_500)));
    assert_eq!(summary["block_hits"].as_u64(), Some(61_046));
    assert_eq!(summary["rejected"], Value::Object(Default::default()), "{summary}");
    assert_eq!(json(&["audit", "--format", "json", "--data-dir", &place("lru")])["holds"], true);
    let summary = replay(
        "vllm",
        &["--engine", "vllm", "--nodes", "4", "--capacity-blocks", "2500", "--limit", "2000", "--encoding", "arrow"],
    );
    assert_eq!(summary["requests"].as_u64(), Some(2_000));
    let again =
        fails(3, &["replay", "--trace", "mooncake", "--input", input.to_str().unwrap(), "--data-dir", &place("lru")]);
    assert!(again.contains("choose another --data-dir"), "{again}");
}

#[test]
fn what_a_cache_may_evict_is_billed_as_no_provider_would() {
    let Some(input) = trace("claude_code_v8_local.jsonl.zst") else { return };
    let dir = tempfile::tempdir().unwrap();
    let classes = |name: &str, more: &[&str]| {
        let dir = dir.path().join(name).to_str().unwrap().to_owned();
        let input = input.to_str().unwrap();
        let args = ["replay", "--trace", "claude-code", "--format", "json", "--limit", "50", "--input", input];
        let summary = json(&[&args[..], &["--data-dir", &dir], more].concat());
        let classes = summary["classes"].as_object().unwrap();
        ["cache_write_5m", "gpu_us"].map(|class| classes.contains_key(class))
    };
    assert_eq!(classes("endless", &[]), [true, false]);
    assert_eq!(classes("small", &["--capacity-blocks", "5000"]), [false, true]);
    assert_eq!(classes("sold", &["--capacity-blocks", "5000", "--billing", "recorded"]), [true, false]);
}

#[test]
fn the_report_about_real_traffic_is_what_its_document_shows() {
    let Some(input) = trace("mooncake_conversation.jsonl.zst") else { return };
    let document = include_str!("../../../docs/traces.md");
    let report = well(&["bench", "traces", "--trace", "mooncake", "--dir", input.parent().unwrap().to_str().unwrap()]);
    // Which causes are columns depends on all traces, so only the tables without them are compared.
    let rows: Vec<_> = report.lines().filter(|line| line.starts_with("| Mooncake") && !line.contains(" / ")).collect();
    assert_eq!(rows.len(), 9, "{report}");
    for row in rows {
        assert!(document.lines().any(|line| line == row), "docs/traces.md says otherwise: {row}");
    }
}

/// Two requests of a microdollar, at the last instant of a day and the first of the next. A tenth of each is a neighbour's doing;
/// the hit carries `rest` picodollars, the neighbour is blamed for `blamed`.
fn attributed(rest: i128, blamed: i128) -> Commit {
    let mut event = Event { tenant: Some("acme".into()), ..Event::default() };
    event.usage.parts.set(Class::Uncached, 10);
    let mut rated = Rated::default();
    rated.rates.set(Class::Uncached, Some(Rate::from_pico(100_000)));
    rated.costs.set(Class::Uncached, Usd::from_pico(1_000_000));
    let evidence = Evidence::Exact;
    let part = |cause, pico| CausePart { cause, runner_up: None, evidence, tokens: 5, cost: Usd::from_pico(pico) };
    let blame = Blame {
        game: Game::NeighboursAbsent,
        harm: Harm::Miss,
        cause: Cause::EvictedNeighbour,
        culprit: Culprit::Tenant("globex"),
        evidence,
        quantity: 5,
        cost: Usd::from_pico(blamed),
        avoidable: Usd::ZERO,
    };
    let parts = vec![part(Cause::Hit, rest), part(Cause::EvictedNeighbour, 100_000)];
    let mut commit = Commit::default();
    let (partition, offset) = (Partition(0), Offset(0));
    let attribution = Attribution { parts, blames: vec![blame], standalone: None };
    for (index, micros) in [(0, -1), (1, 0)] {
        let time = EventTime(1_772_323_200_000_000 + micros);
        event.time = time;
        commit.charges.push(Place { partition, offset, index }, time, &event, rated);
        commit.charges.attribute_last(&attribution);
    }
    commit.ranges.insert(partition, OffsetRange { from: offset, to: Offset(1) });
    commit.tallies.insert(partition, Tally { charged: 2, ..Tally::default() });
    commit
}

/// A data directory whose lake and ledger were given these commits.
async fn data_of(lake: &Commit, ledger: &Commit) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    Box::pin(Lake::open(&dir.path().join("lake"))).await.unwrap().commit(lake).await.unwrap();
    let mut store = Ledger::open(&dir.path().join("ledger.sqlite")).await.unwrap();
    store.commit(ledger).await.unwrap();
    store.close().await;
    dir
}

#[tokio::test]
async fn an_audit_finds_a_picodollar_of_causes_or_blame() {
    let (right, wrong) = (attributed(900_000, 100_000), attributed(899_999, 99_999));
    for (lake, ledger, holds, says) in [
        (&right, &right, true, vec!["incurred 0.000002000000 USD, caused 0.000002000000 USD: equal"]),
        (
            &right,
            &wrong,
            false,
            vec![
                "hit exact cost_usd: lake 0.000000900000, ledger 0.000000899999",
                "charges_usd: lake 0.000000100000, ledger 0.000000099999",
            ],
        ),
        (
            &wrong,
            &wrong,
            false,
            vec![
                "acme: requests cost 0.000001000000, their parts sum to 0.000000999999",
                "neighbours caused 0.000000100000, somebody is blamed for 0.000000099999 of it",
                "incurred 0.000002000000 USD, caused 0.000001999998 USD: DIFFERENT",
            ],
        ),
    ] {
        let dir = data_of(lake, ledger).await;
        let output = aliquot(&["audit", "--data-dir", dir.path().to_str().unwrap()]);
        let found = text(&output.stdout);
        assert!(says.iter().all(|says| found.contains(says)), "{found}{}", text(&output.stderr));
        assert_eq!((output.status.success(), found.contains("all holds")), (holds, holds), "{found}");
    }
    let dir = data_of(&right, &right).await;
    let matrix =
        well(&["query", "reports/externality_matrix", "--format", "csv", "--data-dir", dir.path().to_str().unwrap()]);
    assert!(matrix.contains("\ng1,acme,tenant,globex,10,0,0.000000200000,"), "{matrix}");
}

/// The two requests of [`attributed`], and an interval of a second of one GPU, which cost `cost` picodollars. One policy's lines sum to
/// `lines` of them, the others' to 10.
fn interval(cost: Result<i128, Unpriced>, lines: i128) -> Commit {
    let line = |policy, cost| CapacityLine {
        policy,
        kind: LineKind::Idle,
        bearer: Bearer::Platform,
        micros: 1_000_000,
        cost: Usd::from_pico(cost),
    };
    let mut commit = attributed(900_000, 100_000);
    commit.capacity.push(CapacityRow {
        place: Place { partition: Partition(0), offset: Offset(0), index: 2 },
        from: EventTime(1_772_323_200_000_000),
        time: EventTime(1_772_323_201_000_000),
        source: "gpu-0".to_owned(),
        domain: "gpu-0".to_owned(),
        replica: None,
        gpu_type: "h100".to_owned(),
        gpu_count: 1,
        reserved_for: None,
        available: 1_000_000,
        used: 0,
        late: 0,
        busy: None,
        book: BookId::default(),
        cost: cost.map(Usd::from_pico),
        lines: vec![line(IdlePolicy::None, 10), line(IdlePolicy::ProRata, lines), line(IdlePolicy::Peak, 10)],
        residents: Vec::new(),
    });
    commit
}

#[tokio::test]
async fn an_audit_finds_a_picodollar_of_an_interval() {
    let says = |cost: &str, unpriced: u32, different: u32| {
        format!(
            "1 intervals of nodes cost {cost} USD, {unpriced} have no price; of {different} the lines are not the whole"
        )
    };
    let mut short = interval(Ok(10), 10);
    short.capacity[0].lines.pop();
    for (lake, holds, says) in [
        (interval(Ok(10), 10), true, says("0.000000000010", 0, 0)),
        (interval(Err(Unpriced::UnknownModel), 10), true, says("0.000000000000", 1, 0)),
        (interval(Ok(10), 9), false, says("0.000000000010", 0, 1)),
        (short, false, "2026-03-01T00:00:01Z gpu-0: the lines of 2 policies of 3 sum to 0.000000000010".to_owned()),
    ] {
        let dir = data_of(&lake, &lake).await;
        let output = aliquot(&["audit", "--data-dir", dir.path().to_str().unwrap()]);
        let found = text(&output.stdout);
        assert!(found.contains(&says), "{found}{}", text(&output.stderr));
        assert_eq!((output.status.success(), found.contains("all holds")), (holds, holds), "{found}");
    }
}
