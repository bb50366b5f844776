//! The billing API over a real lake: rows, groups, buckets, pages, and every way to ask wrongly.

use aliquot_api::{Readers, State, router};
use aliquot_core::reject::Reason;
use aliquot_core::usage::Class::{CacheRead, CacheWrite5m, Output, Uncached};
use aliquot_query::{Engine, Limits};
use axum::Router;
use tempfile::TempDir;

use crate::stored::{self, Request};
use crate::world::{ask, get, state};

/// Requests around the 24 hours that end now, and on the day on which Berlin puts its clock back.
const REQUESTS: &[Request<'_>] = &[
    (
        "2026-01-31T10:00:00Z",
        Some("acme"),
        "gpt",
        Some("search"),
        &[(Uncached, 1_000), (CacheRead, 3_000), (Output, 100)],
    ),
    ("2026-01-31T11:30:00Z", Some("globex"), "gpt", None, &[(Uncached, 500), (Output, 10)]),
    ("2026-01-31T11:59:59.999999Z", None, "new-1", None, &[(Uncached, 7)]),
    ("2026-01-30T12:00:00Z", Some("acme"), "gpt", None, &[(CacheWrite5m, 200)]),
    // Outside: the end of the period is not in it.
    ("2026-01-31T12:00:00Z", Some("acme"), "gpt", None, &[(Uncached, 1)]),
    ("2026-01-30T11:59:59.999999Z", Some("acme"), "gpt", None, &[(Uncached, 1)]),
    // Berlin: the last microsecond of the 25th, the 26th with its hour that comes twice, and the first of the 27th.
    ("2025-10-25T21:59:59.999999Z", Some("b"), "gpt", None, &[(Uncached, 1)]),
    ("2025-10-25T22:00:00Z", Some("b"), "gpt", None, &[(Uncached, 10)]),
    ("2025-10-26T00:30:00Z", Some("b"), "gpt", None, &[(Uncached, 100)]),
    ("2025-10-26T01:30:00Z", Some("b"), "gpt", None, &[(Uncached, 1_000)]),
    ("2025-10-26T22:59:59Z", Some("b"), "gpt", None, &[(Uncached, 10_000)]),
    ("2025-10-26T23:00:00Z", Some("b"), "gpt", None, &[(Uncached, 100_000)]),
];

const REJECTS: &[(&str, Reason)] = &[
    ("2026-01-31T11:00:00Z", Reason::Negative),
    ("2026-01-31T10:00:00Z", Reason::Malformed),
    ("2026-01-31T11:00:00.5Z", Reason::Malformed),
    ("2026-01-31T12:00:00Z", Reason::Malformed),
];

async fn books() -> (TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    let readers = stored::readers(directory.path(), &stored::commit(REQUESTS, REJECTS)).await;
    (directory, router(State { readers: Some(readers), ..state() }))
}

/// The body of a good answer, a row on each line.
async fn rows(router: &Router, path: &str) -> String {
    let answer = ask(router, get(path)).await;
    let (head, body) = answer.split_once('\n').unwrap();
    assert!(head.starts_with("200 content-type=application/json "), "{answer}");
    body.replace("[{", "[\n{").replace("},{", "},\n{").replace("}],", "}\n],")
}

const LAST_DAY: &str =
    r#"],"next_cursor":null,"from":"2026-01-30T12:00:00Z","to":"2026-01-31T12:00:00Z","time_zone":"UTC"}"#;

#[tokio::test]
async fn costs_by_tenant_are_exact_and_unknown_is_a_tenant_of_its_own() {
    let (_directory, router) = books().await;
    let expected = r#"{"data":[
{"start":"2026-01-30T12:00:00Z","end":"2026-01-31T12:00:00Z","tenant":null,"requests":1,"requests_unpriced":1,"cost_usd":"0.000000000000","cost_uncached_usd":"0.000000000000","cost_cache_read_usd":"0.000000000000","cost_cache_write_usd":"0.000000000000","cost_output_usd":"0.000000000000","cost_other_usd":"0.000000000000"},
{"start":"2026-01-30T12:00:00Z","end":"2026-01-31T12:00:00Z","tenant":"acme","requests":2,"requests_unpriced":0,"cost_usd":"0.000146250000","cost_uncached_usd":"0.000075000000","cost_cache_read_usd":"0.000022500000","cost_cache_write_usd":"0.000018750000","cost_output_usd":"0.000030000000","cost_other_usd":"0.000000000000"},
{"start":"2026-01-30T12:00:00Z","end":"2026-01-31T12:00:00Z","tenant":"globex","requests":1,"requests_unpriced":0,"cost_usd":"0.000040500000","cost_uncached_usd":"0.000037500000","cost_cache_read_usd":"0.000000000000","cost_cache_write_usd":"0.000000000000","cost_output_usd":"0.000003000000","cost_other_usd":"0.000000000000"}
"#;
    assert_eq!(rows(&router, "/v1/costs?group_by=tenant").await, format!("{expected}{LAST_DAY}"));
}

#[tokio::test]
async fn usage_has_every_class_and_the_filters_choose() {
    let (_directory, router) = books().await;
    let row = |scope: &str, requests: u32, quantities: [u32; 4]| {
        let [uncached, read, written, output] = quantities;
        format!(
            "{{\"start\":\"2026-01-30T12:00:00Z\",\"end\":\"2026-01-31T12:00:00Z\",{scope}\"requests\":{requests},\"quantities\":{{\"uncached\":{uncached},\"cache_read\":{read},\"cache_write_5m\":{written},\"cache_write_1h\":0,\"cache_write_other\":0,\"audio_in\":0,\"image_in\":0,\"video_in\":0,\"audio_cache_read\":0,\"image_cache_read\":0,\"output\":{output},\"reasoning\":0,\"audio_out\":0,\"image_out\":0,\"video_out\":0,\"web_searches\":0,\"requests\":{requests},\"gpu_us\":0,\"cache_storage_token_hours\":0}}}}"
        )
    };
    for (query, expected) in [
        ("", vec![row("", 4, [1_507, 3_000, 200, 110])]),
        ("?tenant=acme", vec![row("", 2, [1_000, 3_000, 200, 100])]),
        ("?model=gpt&feature=search", vec![row("", 1, [1_000, 3_000, 0, 100])]),
        ("?tenant=nobody", vec![]),
        ("?tenant=acme%27%20OR%201%3D1%20--", vec![]),
        (
            "?group_by=provider,feature,model,domain",
            vec![
                row(r#""model":"gpt","provider":"openai","domain":"pool","feature":null,"#, 2, [500, 0, 200, 10]),
                row(
                    r#""model":"gpt","provider":"openai","domain":"pool","feature":"search","#,
                    1,
                    [1_000, 3_000, 0, 100],
                ),
                row(r#""model":"new-1","provider":"self","domain":"pool","feature":null,"#, 1, [7, 0, 0, 0]),
            ],
        ),
    ] {
        let body = rows(&router, &format!("/v1/usage{query}")).await;
        let rows = body.lines().filter(|line| line.starts_with("{\"start")).map(|line| line.trim_end_matches(','));
        assert_eq!(rows.collect::<Vec<_>>(), expected, "{query}");
        assert!(body.ends_with(LAST_DAY), "{body}");
    }
}

#[tokio::test]
async fn hit_rates_count_only_who_reports_its_cache() {
    let (_directory, router) = books().await;
    let expected = r#"{"data":[
{"start":"2026-01-30T12:00:00Z","end":"2026-01-31T12:00:00Z","tenant":null,"requests":1,"requests_cache_reported":0,"cache_read_tokens":0,"cacheable_tokens":0,"hit_rate":null},
{"start":"2026-01-30T12:00:00Z","end":"2026-01-31T12:00:00Z","tenant":"acme","requests":2,"requests_cache_reported":2,"cache_read_tokens":3000,"cacheable_tokens":4200,"hit_rate":0.714285},
{"start":"2026-01-30T12:00:00Z","end":"2026-01-31T12:00:00Z","tenant":"globex","requests":1,"requests_cache_reported":0,"cache_read_tokens":0,"cacheable_tokens":0,"hit_rate":null}
"#;
    assert_eq!(rows(&router, "/v1/hit-rates?group_by=tenant").await, format!("{expected}{LAST_DAY}"));
}

/// Start, end and uncached tokens of each row.
async fn runs(router: &Router, query: &str) -> Vec<String> {
    let answer = ask(router, get(&format!("/v1/usage?{query}"))).await;
    let page: serde_json::Value = serde_json::from_str(answer.split_once('\n').unwrap().1).unwrap();
    let text = |row: &serde_json::Value| {
        let (start, end) = (row["start"].as_str().unwrap(), row["end"].as_str().unwrap());
        format!("{start} {end} {}", row["quantities"]["uncached"])
    };
    page["data"].as_array().unwrap().iter().map(text).collect()
}

#[tokio::test]
async fn a_day_of_berlin_has_25_hours_when_the_clock_is_put_back() {
    let (_directory, router) = books().await;
    let berlin = "from=2025-10-25T12:00:00%2B02:00&to=2025-10-28T00:00:00%2B01:00&time_zone=Europe/Berlin";
    assert_eq!(
        runs(&router, &format!("{berlin}&bucket=day")).await,
        [
            // The period begins in the middle of this day.
            "2025-10-25T10:00:00Z 2025-10-25T22:00:00Z 1",
            "2025-10-25T22:00:00Z 2025-10-26T23:00:00Z 11110",
            "2025-10-26T23:00:00Z 2025-10-27T23:00:00Z 100000",
        ]
    );
    assert_eq!(
        runs(&router, &format!("{berlin}&bucket=hour")).await,
        [
            "2025-10-25T21:00:00Z 2025-10-25T22:00:00Z 1",
            "2025-10-25T22:00:00Z 2025-10-25T23:00:00Z 10",
            // Both are "from two to three".
            "2025-10-26T00:00:00Z 2025-10-26T01:00:00Z 100",
            "2025-10-26T01:00:00Z 2025-10-26T02:00:00Z 1000",
            "2025-10-26T22:00:00Z 2025-10-26T23:00:00Z 10000",
            "2025-10-26T23:00:00Z 2025-10-27T00:00:00Z 100000",
        ]
    );
    let utc = "from=2025-10-25T00:00:00Z&to=2025-10-27T00:00:00Z&bucket=day";
    assert_eq!(
        runs(&router, utc).await,
        ["2025-10-25T00:00:00Z 2025-10-26T00:00:00Z 11", "2025-10-26T00:00:00Z 2025-10-27T00:00:00Z 111100"]
    );
    assert_eq!(
        runs(&router, "bucket=minute").await,
        [
            "2026-01-30T12:00:00Z 2026-01-30T12:01:00Z 0",
            "2026-01-31T10:00:00Z 2026-01-31T10:01:00Z 1000",
            "2026-01-31T11:30:00Z 2026-01-31T11:31:00Z 500",
            "2026-01-31T11:59:00Z 2026-01-31T12:00:00Z 7",
        ]
    );
}

#[tokio::test]
async fn pages_follow_one_another_to_the_end_while_the_clock_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let readers = stored::readers(directory.path(), &stored::commit(REQUESTS, &[])).await;
    let at = |clock| router(State { readers: Some(readers.clone()), clock, ..state() });
    let now = state().clock;
    // A day later the last 24 hours hold nothing of this.
    let later = aliquot_api::Clock::new(|| aliquot_core::time::EventTime(crate::world::NOW.0 + 86_400_000_000));
    let mut router = at(now);
    let mut seen = Vec::new();
    let mut path = "/v1/costs?group_by=tenant&bucket=hour&limit=1".to_owned();
    loop {
        let answer = ask(&router, get(&path)).await;
        let page: serde_json::Value = serde_json::from_str(answer.split_once('\n').unwrap().1).unwrap();
        assert_eq!(page["from"], "2026-01-30T12:00:00Z");
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| format!("{} {}", row["start"], row["tenant"])));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/costs?group_by=tenant&bucket=hour&limit=1&cursor={cursor}");
        router = at(later.clone());
    }
    assert_eq!(
        seen,
        [
            r#""2026-01-30T12:00:00Z" "acme""#,
            r#""2026-01-31T10:00:00Z" "acme""#,
            r#""2026-01-31T11:00:00Z" null"#,
            r#""2026-01-31T11:00:00Z" "globex""#,
        ]
    );
    for other in ["group_by=model&bucket=hour", "group_by=tenant", "group_by=tenant&bucket=hour&tenant=acme"] {
        let cursor = path.rsplit_once('=').unwrap().1;
        let answer = ask(&router, get(&format!("/v1/costs?{other}&cursor={cursor}"))).await;
        assert!(answer.starts_with("400 ") && answer.contains("invalid-cursor"), "{answer}");
    }
}

#[tokio::test]
async fn questions_are_refused_by_the_parameter_that_is_wrong() {
    let (_directory, router) = books().await;
    for (query, parameter, rest) in [
        (
            "tenants=acme",
            "tenants",
            r#""detail":"there is no such parameter; leave it out, or use one of `allowed`","instance":"t","parameter":"tenants","allowed":["from","to","group_by","bucket","time_zone","tenant","model","provider","domain","feature","limit","cursor"]}"#,
        ),
        (
            "group_by=tenant,user",
            "group_by",
            r#""detail":"group_by has a value that is none of `allowed`","instance":"t","parameter":"group_by","allowed":["tenant","model","provider","domain","feature"]}"#,
        ),
        ("group_by=", "group_by", r#""allowed":["tenant","model","provider","domain","feature"]}"#),
        (
            "group_by=model,model",
            "group_by",
            r#""detail":"model stands there twice; name it once","instance":"t","parameter":"group_by"}"#,
        ),
        ("bucket=week", "bucket", r#""allowed":["none","minute","hour","day"]}"#),
        (
            "time_zone=Berlin",
            "time_zone",
            r#""detail":"there is no such time zone; use an IANA name such as Europe/Berlin or UTC","instance":"t","parameter":"time_zone"}"#,
        ),
        (
            "from=2026-01-31T12:00:00+01:00",
            "from",
            r#""detail":"the time is not RFC 3339, such as 2026-01-31T12:00:00Z; in a URL a + is written %2B","instance":"t","parameter":"from"}"#,
        ),
        (
            "from=2026-01-31T12:00:00Z",
            "from",
            r#""detail":"the period is empty: from is 2026-01-31T12:00:00Z, to is 2026-01-31T12:00:00Z; from must lie before to","instance":"t","parameter":"from"}"#,
        ),
        ("to=yesterday", "to", r#""parameter":"to"}"#),
        (
            "tenant=",
            "tenant",
            r#""detail":"tenant is empty; name one, or leave tenant out","instance":"t","parameter":"tenant"}"#,
        ),
        (
            "limit=1001",
            "limit",
            r#""detail":"limit must be a whole number from 1 to 1000","instance":"t","parameter":"limit"}"#,
        ),
        ("a=%ff", "a", r#""parameter":"a","#),
    ] {
        for resource in ["usage", "costs", "hit-rates"] {
            let mut request = get(&format!("/v1/{resource}?{query}"));
            request.headers_mut().insert("x-request-id", "t".parse().unwrap());
            let answer = ask(&router, request).await;
            let head = r#"400 content-type=application/problem+json x-request-id=t
{"type":"urn:aliquot:problem:invalid-parameter","title":"a query parameter is not valid","status":400,"#;
            assert!(answer.starts_with(head), "{query}: {answer}");
            assert!(answer.contains(rest), "{query}: {answer}");
            assert!(answer.contains(&format!("\"parameter\":\"{parameter}\"")), "{query}: {answer}");
        }
    }
}

#[tokio::test]
async fn rejects_are_counted_by_reason() {
    let (_directory, router) = books().await;
    let expected = r#"{"data":[
{"reason":"malformed","rejects":2,"first":"2026-01-31T10:00:00Z","latest":"2026-01-31T11:00:00.500Z"},
{"reason":"negative","rejects":1,"first":"2026-01-31T11:00:00Z","latest":"2026-01-31T11:00:00Z"}
],"from":"2026-01-30T12:00:00Z","to":"2026-01-31T12:00:00Z"}"#;
    assert_eq!(rows(&router, "/v1/rejects").await, expected);
}

#[tokio::test]
async fn a_lake_that_is_not_there_yet_is_waited_for() {
    let (directory, router) = books().await;
    std::fs::rename(directory.path().join("lake"), directory.path().join("gone")).unwrap();
    let answer = ask(&router, get("/v1/costs")).await;
    assert!(answer.starts_with("503 ") && answer.contains("retry-after=2"), "{answer}");
    assert!(!answer.contains(&directory.path().display().to_string()), "{answer}");
}

#[tokio::test]
async fn a_question_that_takes_too_much_is_told_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let readers = stored::readers(directory.path(), &stored::commit(REQUESTS, REJECTS)).await;
    let limits = Limits { memory_bytes: 1, ..Limits::default() };
    let engine = Engine::open(&directory.path().join("lake"), limits).unwrap();
    let router = router(State { readers: Some(Readers { engine, ..readers }), ..state() });
    for path in ["/v1/costs?group_by=tenant", "/v1/rejects"] {
        let answer = ask(&router, get(path)).await;
        let (_, body) = answer.split_once('\n').unwrap();
        assert!(answer.starts_with("422 content-type=application/problem+json "), "{answer}");
        let expected = r#"{"type":"urn:aliquot:problem:too-costly","title":"the question is too costly","status":422,"detail":"the question takes more time or memory than one may; ask for a shorter period or fewer groups","instance":"#;
        assert!(body.starts_with(expected), "{answer}");
    }
}
