//! Causes, blame and the change of a bill over a real lake and ledger: rows that can be checked by hand, pages, and wrong questions.

use aliquot_api::{State, router};
use aliquot_core::blame::{Attribution, Blame, CausePart, Culprit};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::externality::{Fit, Tier};
use aliquot_core::money::Usd;
use aliquot_core::position::Partition;
use aliquot_core::usage::Class::{CacheRead, Output, Uncached};
use axum::Router;
use serde_json::Value;
use tempfile::TempDir;

use crate::stored::{self, Request};
use crate::world::{ask, get, state};

/// What a token costs that is not read from the cache, beyond a read, in picodollars.
const EXTRA: i128 = 75_000 - 7_500;

const USED: &[(aliquot_core::usage::Class, u64)] = &[(Uncached, 1_000), (CacheRead, 3_000), (Output, 100)];

/// The last is before the 24 hours that end now; nobody asked about the fourth.
const REQUESTS: &[Request<'_>] = &[
    ("2026-01-31T10:10:00Z", Some("acme"), "gpt", None, USED),
    ("2026-01-31T10:50:00Z", Some("acme"), "gpt", None, USED),
    ("2026-01-31T11:20:00Z", Some("globex"), "gpt", None, USED),
    ("2026-01-31T11:40:00Z", None, "gpt", None, &[]),
    ("2026-01-30T11:00:00Z", Some("acme"), "gpt", None, USED),
];

fn blame(culprit: Culprit<&'static str>, tokens: i64, evidence: Evidence) -> Blame<&'static str> {
    let cost = Usd::from_pico(i128::from(tokens) * EXTRA);
    Blame {
        game: Game::NeighboursAbsent,
        harm: Harm::Miss,
        cause: if tokens < 0 { Cause::Hit } else { Cause::EvictedNeighbour },
        culprit,
        evidence,
        quantity: tokens,
        cost,
        avoidable: cost.max(Usd::ZERO),
    }
}

/// What attribution says of the request at this place: 400 and 200 tokens of acme's were evicted, globex was helped.
fn why(place: usize, cost: Usd) -> Attribution<'static> {
    let (globex, acme) = (Culprit::Tenant("globex"), Culprit::Tenant("acme"));
    let (evicted, blames) = match place {
        0 => {
            let whole = blame(globex, 400, Evidence::Modelled);
            (400, vec![whole, Blame { game: Game::Entitlements, ..whole }])
        }
        1 => (200, vec![blame(globex, 100, Evidence::Inferred), blame(Culprit::Background, 100, Evidence::Inferred)]),
        2 => (0, vec![blame(acme, -50, Evidence::Inferred)]),
        3 => {
            let refusal = Blame { harm: Harm::Refusal, quantity: 1_000_000, ..blame(acme, 0, Evidence::Exact) };
            return Attribution { blames: vec![refusal], ..Attribution::default() };
        }
        _ => (0, Vec::new()),
    };
    let part = |cause, evidence, tokens: u64, cost| CausePart { cause, runner_up: None, evidence, tokens, cost };
    let missed =
        [(Cause::EvictedNeighbour, Evidence::Modelled, evicted), (Cause::NewContent, Evidence::Exact, 1_000 - evicted)];
    let missed = missed
        .map(|(cause, evidence, tokens)| part(cause, evidence, tokens, Usd::from_pico(i128::from(tokens) * EXTRA)));
    let rest = cost.checked_sub(Usd::from_pico(1_000 * EXTRA)).unwrap();
    let parts =
        missed.into_iter().filter(|part| part.tokens > 0).chain([part(Cause::Hit, Evidence::Exact, 3_000, rest)]);
    Attribution { parts: parts.collect(), blames, standalone: None }
}

async fn books() -> (TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    let mut commit = stored::attributed(REQUESTS, &[], why);
    let fit = |domain: &str, replica: Option<&str>| Fit {
        partition: Partition(0),
        domain: domain.to_owned(),
        replica: replica.map(str::to_owned),
        capacity_blocks: Some(10_000),
        evidence: Evidence::Inferred,
        error_ppm: Some(4_900),
        tier: Tier::HardQuota,
    };
    let unknown =
        Fit { capacity_blocks: None, error_ppm: None, tier: Tier::Unattributable, ..fit("pool", Some("replica-1")) };
    commit.fits = vec![fit("another pool", None), fit("pool", None), unknown];
    let readers = stored::readers(directory.path(), &commit).await;
    (directory, router(State { readers: Some(readers), ..state() }))
}

/// The body of a good answer, a row on each line.
async fn rows(router: &Router, path: &str) -> String {
    let answer = ask(router, get(path)).await;
    let (head, body) = answer.split_once('\n').unwrap();
    assert!(head.starts_with("200 content-type=application/json "), "{answer}");
    body.replace("[{", "[\n{").replace("},{", "},\n{").replace("}],", "}\n],")
}

async fn json(router: &Router, path: &str) -> Value {
    serde_json::from_str(&rows(router, path).await).unwrap()
}

#[tokio::test]
async fn the_matrix_keeps_charges_credits_and_evidence_apart_and_says_how_well_the_model_fits() {
    let (_directory, router) = books().await;
    let expected = r#"{"data":[
{"victim":"acme","culprit_kind":"background","culprit":null,"quantity":100,"credit_quantity":0,"charges_usd":"0.000006750000","credits_usd":"0.000000000000","avoidable_usd":"0.000006750000","evidence":[
{"evidence":"inferred","quantity":100,"credit_quantity":0,"charges_usd":"0.000006750000","credits_usd":"0.000000000000","avoidable_usd":"0.000006750000"}]},
{"victim":"acme","culprit_kind":"tenant","culprit":"globex","quantity":500,"credit_quantity":0,"charges_usd":"0.000033750000","credits_usd":"0.000000000000","avoidable_usd":"0.000033750000","evidence":[
{"evidence":"modelled","quantity":400,"credit_quantity":0,"charges_usd":"0.000027000000","credits_usd":"0.000000000000","avoidable_usd":"0.000027000000"},
{"evidence":"inferred","quantity":100,"credit_quantity":0,"charges_usd":"0.000006750000","credits_usd":"0.000000000000","avoidable_usd":"0.000006750000"}]},
{"victim":"globex","culprit_kind":"tenant","culprit":"acme","quantity":0,"credit_quantity":50,"charges_usd":"0.000000000000","credits_usd":"0.000003375000","avoidable_usd":"0.000000000000","evidence":[
{"evidence":"inferred","quantity":0,"credit_quantity":50,"charges_usd":"0.000000000000","credits_usd":"0.000003375000","avoidable_usd":"0.000000000000"}]}
],"next_cursor":null,"from":"2026-01-30T12:00:00Z","to":"2026-01-31T12:00:00Z","game":"g1","harm":"miss","fits":[
{"domain":"pool","replica":null,"capacity_blocks":10000,"capacity_evidence":"inferred","error_ppm":4900,"tier":"hard_quota"},
{"domain":"pool","replica":"replica-1","capacity_blocks":null,"capacity_evidence":"inferred","error_ppm":null,"tier":"unattributable"}
],"fits_left_out":0}"#;
    assert_eq!(rows(&router, "/v1/externalities").await, expected);
}

/// Victim, culprit and quantity of each row.
async fn pairs(router: &Router, query: &str) -> Vec<String> {
    let answer = json(router, &format!("/v1/externalities?{query}")).await;
    let name = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let row = |row: &Value| format!("{} {} {}", name(&row["victim"]), name(&row["culprit"]), row["quantity"]);
    answer["data"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn games_harms_filters_and_hours_choose() {
    let (_directory, router) = books().await;
    for (query, expected) in [
        ("game=e", vec!["acme globex 400"]),
        ("harm=refusal", vec!["- acme 1000000"]),
        ("harm=wait", vec![]),
        ("victim=globex", vec!["globex acme 0"]),
        ("culprit=globex", vec!["acme globex 500"]),
        ("culprit=background", vec![]),
        ("domain=pool&victim=acme", vec!["acme - 100", "acme globex 500"]),
        ("domain=another+pool", vec![]),
        ("from=2026-01-31T11:00:00Z&to=2026-01-31T12:00:00Z", vec!["globex acme 0"]),
        ("to=2026-01-31T11:00:00Z&culprit=globex", vec!["acme globex 500"]),
        ("from=2026-01-31T13:00:00%2B01:00&to=2026-02-01T00:00:00Z", vec![]),
    ] {
        assert_eq!(pairs(&router, query).await, expected, "{query}");
    }
    // Nothing was done there, so that nothing is said of its model.
    assert_eq!(json(&router, "/v1/externalities?domain=another+pool").await["fits"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn causes_are_the_whole_cost_by_group_and_time() {
    let (_directory, router) = books().await;
    let row = |scope: &str, cause: &str, evidence: &str, tokens: u32, cost: &str| {
        format!(r#"{{{scope}"cause":"{cause}","evidence":"{evidence}","tokens":{tokens},"cost_usd":"{cost}"}}"#)
    };
    let day = r#""start":"2026-01-30T12:00:00Z","end":"2026-01-31T12:00:00Z","#;
    let body = rows(&router, "/v1/causes").await;
    let lines: Vec<_> =
        body.lines().filter(|line| line.starts_with("{\"start")).map(|line| line.trim_end_matches(',')).collect();
    // Three requests: 4,000 tokens at 7,500, 1,000 of them with 67,500 more, and 100 at 300,000.
    let expected = [
        row(day, "evicted_neighbour", "modelled", 600, "0.000040500000"),
        row(day, "hit", "exact", 9_000, "0.000180000000"),
        row(day, "new_content", "exact", 2_400, "0.000162000000"),
    ];
    assert_eq!(lines, expected);
    let whole = json(&router, "/v1/costs").await["data"][0]["cost_usd"].clone();
    assert_eq!(whole, "0.000382500000", "the sum of the three");

    for (query, expected) in [
        (
            "group_by=tenant,model&bucket=day",
            vec![
                "2026-01-31T00:00:00Z 2026-01-31T12:00:00Z acme gpt evicted_neighbour 600",
                "2026-01-31T00:00:00Z 2026-01-31T12:00:00Z acme gpt hit 6000",
                "2026-01-31T00:00:00Z 2026-01-31T12:00:00Z acme gpt new_content 1400",
                "2026-01-31T00:00:00Z 2026-01-31T12:00:00Z globex gpt hit 3000",
                "2026-01-31T00:00:00Z 2026-01-31T12:00:00Z globex gpt new_content 1000",
            ],
        ),
        (
            "tenant=acme&bucket=hour&from=2026-01-30T00:00:00Z",
            vec![
                "2026-01-30T11:00:00Z 2026-01-30T12:00:00Z   hit 3000",
                "2026-01-30T11:00:00Z 2026-01-30T12:00:00Z   new_content 1000",
                "2026-01-31T10:00:00Z 2026-01-31T11:00:00Z   evicted_neighbour 600",
                "2026-01-31T10:00:00Z 2026-01-31T11:00:00Z   hit 6000",
                "2026-01-31T10:00:00Z 2026-01-31T11:00:00Z   new_content 1400",
            ],
        ),
        ("model=other", vec![]),
    ] {
        let answer = json(&router, &format!("/v1/causes?{query}")).await;
        let line = |row: &Value| {
            let texts = ["start", "end", "tenant", "model", "cause"]
                .map(|name| row[name].as_str().unwrap_or_default().to_owned());
            format!("{} {}", texts.join(" "), row["tokens"])
        };
        assert_eq!(answer["data"].as_array().unwrap().iter().map(line).collect::<Vec<_>>(), expected, "{query}");
    }
}

#[tokio::test]
async fn a_bill_changes_by_parts_that_sum_to_the_change() {
    let (_directory, router) = books().await;
    let body = rows(&router, "/v1/bill-change?tenant=acme").await;
    // One request of 127.5 microdollars before, two after: 600 of their tokens evicted, 600 fewer new than before.
    let expected = r#"{"data":[
{"tenant":"acme","before_usd":"0.000127500000","after_usd":"0.000255000000","change_usd":"0.000127500000","price_usd":"0.000000000000","volume_usd":"0.000127500000","mix_usd":"0.000000000000","prompt_length_usd":"0.000000000000","hit_rate":[
{"cause":"new_content","cost_usd":"-0.000040500000"},
{"cause":"evicted_neighbour","cost_usd":"0.000040500000"}
],"output_usd":"0.000000000000","residual_usd":"0.000000000000"}
],"next_cursor":null,"from":"2026-01-30T12:00:00Z","to":"2026-01-31T12:00:00Z","before_from":"2026-01-29T12:00:00Z","before_to":"2026-01-30T12:00:00Z"}"#;
    assert_eq!(body, expected);
    let all = json(&router, "/v1/bill-change?before_from=2026-01-31T10:00:00Z&before_to=2026-01-31T11:00:00Z").await;
    let bills =
        all["data"].as_array().unwrap().iter().map(|bill| (&bill["tenant"], &bill["before_usd"], &bill["change_usd"]));
    let text = |text: &str| Value::from(text);
    let nothing = text("0.000000000000");
    assert_eq!(
        bills.collect::<Vec<_>>(),
        [
            (&Value::Null, &nothing, &nothing),
            (&text("acme"), &text("0.000255000000"), &nothing),
            (&text("globex"), &nothing, &text("0.000127500000")),
        ]
    );
}

#[tokio::test]
async fn pages_are_the_whole_and_cursors_stay_with_their_question() {
    let (_directory, router) = books().await;
    for (path, count) in
        [("/v1/externalities?", 3), ("/v1/causes?group_by=tenant&bucket=hour&", 5), ("/v1/bill-change?", 3)]
    {
        let whole = json(&router, path).await["data"].as_array().unwrap().clone();
        assert_eq!(whole.len(), count, "{path}");
        let mut seen = Vec::new();
        let mut next = String::new();
        loop {
            let page = json(&router, &format!("{path}limit=1{next}")).await;
            seen.extend(page["data"].as_array().unwrap().clone());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            let other = ask(&router, get(&format!("{path}limit=1&to=2026-01-31T11:00:00Z&cursor={cursor}"))).await;
            assert!(other.starts_with("400 ") && other.contains("other parameters"), "{other}");
            next = format!("&cursor={cursor}");
        }
        assert_eq!(seen, whole, "{path}");
    }
}

#[tokio::test]
async fn wrong_questions_are_refused_by_name() {
    let (_directory, router) = books().await;
    for (path, parameter, why) in [
        ("/v1/externalities?game=g2", "game", "none of `allowed`"),
        ("/v1/externalities?harm=theft", "harm", "none of `allowed`"),
        ("/v1/externalities?tenant=acme", "tenant", "no such parameter"),
        ("/v1/externalities?from=2026-01-31T10:30:00Z", "from", "must be a whole hour of UTC"),
        ("/v1/causes?to=2026-01-31T10:00:01Z", "to", "must be a whole hour of UTC"),
        ("/v1/causes?from=2026-01-31T10:00:00Z&to=2026-01-31T10:00:00Z", "from", "the period is empty"),
        ("/v1/causes?group_by=feature", "group_by", "none of `allowed`"),
        ("/v1/causes?bucket=minute", "bucket", "none of `allowed`"),
        ("/v1/bill-change?tenant=", "tenant", "tenant is empty"),
        ("/v1/bill-change?before_from=2026-01-30T12:00:00Z", "before_from", "the period before is empty"),
        ("/v1/bill-change?before_to=yesterday", "before_to", "not RFC 3339"),
    ] {
        let answer = ask(&router, get(path)).await;
        assert!(answer.starts_with("400 content-type=application/problem+json"), "{path}: {answer}");
        assert!(answer.contains(&format!(r#""parameter":"{parameter}""#)) && answer.contains(why), "{path}: {answer}");
    }
}
