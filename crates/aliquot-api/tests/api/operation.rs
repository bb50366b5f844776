//! Health, readiness, metrics and the description.

use std::path::{Path, PathBuf};

use aliquot_api::{Counts, Readiness, State, router};
use aliquot_core::position::{Offset, Partition};
use aliquot_core::reject::Reason;
use aliquot_core::time::EventTime;
use aliquot_wire::{JSON, JSON_BATCH, Limits};
use tokio::sync::watch;

use crate::world::{Log, Mood, ask, event, gateway, get, post, state, status};

#[tokio::test]
async fn readiness_follows_the_process() {
    let (told, readiness) = watch::channel(Readiness::waiting_for("the ledger is being opened"));
    let router = router(State { readiness, ..state() });
    assert_eq!(
        ask(&router, get("/readyz")).await,
        r#"503 content-type=application/problem+json x-request-id=00000000000000a1
{"type":"urn:aliquot:problem:not-ready","title":"the process is not ready","status":503,"detail":"the process lives but does not serve yet, or not any more; send requests elsewhere","instance":"00000000000000a1","reasons":["the ledger is being opened"]}"#
    );
    assert_eq!(status(&router, get("/healthz")).await, 200);
    told.send(Readiness::READY).unwrap();
    assert_eq!(
        ask(&router, get("/readyz")).await,
        "200 content-type=application/json x-request-id=00000000000000a3\n{\"status\":\"ready\"}"
    );
    told.send(Readiness::waiting_for("shutting down")).unwrap();
    assert_eq!(status(&router, get("/readyz")).await, 503);
}

/// The samples of a scrape, sorted, without comments and without buckets.
async fn samples(state: &State) -> String {
    let answer = ask(&router(state.clone()), get("/metrics")).await;
    let (head, body) = answer.split_once('\n').unwrap();
    assert_eq!(
        head,
        "200 content-type=application/openmetrics-text; version=1.0.0; charset=utf-8 x-request-id=00000000000000a1"
    );
    assert!(body.ends_with("# EOF\n"));
    let mut lines: Vec<&str> =
        body.lines().filter(|line| !line.starts_with('#') && !line.contains("_bucket{")).collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[tokio::test]
async fn requests_and_verdicts_are_counted_without_tenants() {
    let log = Log::new(Mood::Takes);
    let state = State { gateway: Some(gateway(&log, Limits::default())), ..state() };
    let router = router(state.clone());
    let body = format!("[{},7,{}]", event("r0", "a", "{}"), event("r1", "a", r#"{"output":-1}"#));
    let bytes = body.len() + 1;
    for request in [post(JSON_BATCH, body), post(JSON, "x"), get("/v1/events"), get("/wp-admin/x"), get("/wp-admin/y")]
    {
        status(&router, request).await;
    }
    let restarted = State { request_ids: aliquot_api::RequestIds::starting_at(EventTime(0xa1)), ..state };
    let expected = format!(
        r#"aliquot_gateway_body_bytes_total {bytes}
aliquot_gateway_events_total{{outcome="accepted"}} 1
aliquot_gateway_events_total{{outcome="rejected"}} 2
aliquot_gateway_rejects_total{{reason="negative"}} 1
aliquot_gateway_rejects_total{{reason="wrong_type"}} 1
aliquot_http_request_duration_seconds_count{{route="/v1/events"}} 3
aliquot_http_request_duration_seconds_count{{route="unmatched"}} 2
aliquot_http_request_duration_seconds_sum{{route="/v1/events"}} 0.0
aliquot_http_request_duration_seconds_sum{{route="unmatched"}} 0.0
aliquot_http_requests_total{{method="GET",route="/v1/events",status="405"}} 1
aliquot_http_requests_total{{method="GET",route="unmatched",status="404"}} 2
aliquot_http_requests_total{{method="POST",route="/v1/events",status="202"}} 1
aliquot_http_requests_total{{method="POST",route="/v1/events",status="400"}} 1
aliquot_pipeline_commit_rows_total 0
aliquot_pipeline_commits_total 0
aliquot_pipeline_fenced_total 0
aliquot_pipeline_read_bytes_total 0
aliquot_pipeline_read_messages_total 0
aliquot_pipeline_retries_total 0
aliquot_pipeline_unpriced_requests_total 0"#
    );
    assert_eq!(samples(&restarted).await, expected);
}

#[tokio::test]
async fn the_pipeline_s_counts_are_taken_over_and_never_go_back() {
    let state = state();
    let counts = Counts {
        charged: 7,
        reports: 8,
        duplicates: 2,
        rejected: [(Reason::Malformed, 3), (Reason::Negative, 1)].into(),
        unpriced: 4,
        read_messages: 13,
        read_bytes: 9_000,
        commits: 2,
        retries: 5,
        fenced: 1,
        stalled: ["lake"].into(),
        event_time_latest: Some(EventTime(1_769_860_800_999_999)),
        positions: [(Partition(0), Offset(10)), (Partition(1), Offset(5))].into(),
        ends: [(Partition(0), Offset(12))].into(),
    };
    state.metrics.record(&counts);
    // The second partition has gone to another process, and a stale count comes late.
    let positions = [(Partition(0), Offset(12))].into();
    state.metrics.record(&Counts { charged: 6, positions, stalled: ["ledger"].into(), ..counts });
    assert_eq!(
        samples(&state).await,
        r#"aliquot_gateway_body_bytes_total 0
aliquot_pipeline_commit_rows_total 11
aliquot_pipeline_commits_total 2
aliquot_pipeline_event_time_latest_seconds{} 1769860800
aliquot_pipeline_events_total{outcome="charged"} 7
aliquot_pipeline_events_total{outcome="duplicate"} 2
aliquot_pipeline_events_total{outcome="rejected"} 4
aliquot_pipeline_events_total{outcome="report"} 8
aliquot_pipeline_fenced_total 1
aliquot_pipeline_lag_messages{partition="0"} 0
aliquot_pipeline_position_offset{partition="0"} 12
aliquot_pipeline_read_bytes_total 9000
aliquot_pipeline_read_messages_total 13
aliquot_pipeline_rejects_total{reason="malformed"} 3
aliquot_pipeline_rejects_total{reason="negative"} 1
aliquot_pipeline_retries_total 5
aliquot_pipeline_stalled{part="ledger"} 1
aliquot_pipeline_unpriced_requests_total 4"#
    );
}

fn openapi_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/openapi/openapi.json")
}

async fn openapi() -> String {
    let answer = ask(&router(state()), get("/openapi.json")).await;
    let (head, body) = answer.split_once('\n').unwrap();
    assert_eq!(head, "200 content-type=application/json x-request-id=00000000000000a1");
    body.to_owned()
}

#[tokio::test]
async fn the_description_is_the_one_in_schemas() {
    let stored = std::fs::read_to_string(openapi_path()).unwrap_or_default();
    assert!(
        openapi().await == stored,
        "the API changed; if that was meant: cargo test -p aliquot-api rewrite_openapi -- --ignored"
    );
}

#[tokio::test]
#[ignore = "rewrites schemas/openapi/openapi.json"]
async fn rewrite_openapi() {
    std::fs::create_dir_all(openapi_path().parent().unwrap()).unwrap();
    std::fs::write(openapi_path(), openapi().await).unwrap();
}
