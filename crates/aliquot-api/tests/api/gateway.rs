//! `POST /v1/events`: the verdicts, what reaches the log, and every way to be refused.

use std::sync::Arc;

use aliquot_api::{Concurrency, State, router};
use aliquot_core::event::{Event, Usage};
use aliquot_core::ports::Kind;
use aliquot_core::state::Rules;
use aliquot_core::time::EventTime;
use aliquot_core::usage::Class;
use aliquot_wire::{ARROW, JSON, JSON_BATCH, Limits, arrow, decode};
use axum::body::Body;
use axum::http::Request;
use tokio::task::JoinSet;

use crate::world::{Log, Mood, NOW, ask, event, gateway, gateway_only, post, state, status};

const ACCEPTED: &str = r#"202 content-type=application/json x-request-id=00000000000000a1
{"accepted":1,"rejected":0,"events":[{"index":0,"verdict":"accepted"}]}"#;

#[tokio::test]
async fn a_structured_event_goes_into_the_log_as_it_came() {
    let log = Log::new(Mood::Takes);
    let body = event("r1", "pool", r#"{"output":7, "later_field":1}"#);
    assert_eq!(
        ask(&gateway_only(&log), post("Application/CloudEvents+JSON; charset=utf-8", body.clone())).await,
        ACCEPTED
    );
    assert_eq!(log.text(), format!("pool {JSON} {body}\n"));
}

#[tokio::test]
async fn a_binary_event_becomes_a_structured_one() {
    let log = Log::new(Mood::Takes);
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-type", "aliquot.request.v1"),
        ("ce-source", "node-1"),
        ("ce-id", "r%201"),
        ("ce-time", "2026-01-31T11:59:59Z"),
        ("x-request-id", "client-7"),
    ];
    let request =
        headers.into_iter().fold(Request::post("/v1/events"), |request, (name, value)| request.header(name, value));
    let body = r#"{"provider":"openai","request_model":"m","usage":{"output":7}}"#;
    let answer = ask(&gateway_only(&log), request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer, ACCEPTED.replace("00000000000000a1", "client-7"));
    let structured = r#"{"datacontenttype":"application/json","id":"r 1","source":"node-1","specversion":"1.0","time":"2026-01-31T11:59:59Z","type":"aliquot.request.v1","data":{"provider":"openai","request_model":"m","usage":{"output":7}}}"#;
    assert_eq!(log.text(), format!("node-1 {JSON} {structured}\n"));
}

#[tokio::test]
async fn a_mixed_batch_has_a_verdict_for_each_event_and_a_message_for_each_domain() {
    let log = Log::new(Mood::Takes);
    let good =
        [event("r0", "b", r#"{"output":1}"#), event("r2", "a", r#"{"output":2}"#), event("r5", "b", r#"{"output":3}"#)];
    let adds_wrong = event("r1", "a", r#"{"uncached":5,"cache_read":6,"input_total":6}"#);
    let negative = event("r3", "a", r#"{"output":-1}"#);
    let old = event("r4", "a", r#"{"output":1}"#).replace("2026-01-31T11", "2024-01-31T11");
    let too_many = event("r6", "a", r#"{"output":1099511627777}"#);
    let batch = format!("[{},{adds_wrong},{},{negative},{old},{},{too_many},7]", good[0], good[1], good[2]);
    let expected = r#"202 content-type=application/json x-request-id=00000000000000a1
{"accepted":3,"rejected":5,"events":[
{"index":0,"verdict":"accepted"},
{"index":1,"verdict":"rejected","reason":"parts_do_not_add_up","detail":"data.usage: input_total or output_total is not the sum of its parts; cached tokens are counted once"},
{"index":2,"verdict":"accepted"},
{"index":3,"verdict":"rejected","reason":"negative","detail":"output is below zero"},
{"index":4,"verdict":"rejected","reason":"absurd_time","detail":"time is more than 400 days before or 3600 s after its arrival here"},
{"index":5,"verdict":"accepted"},
{"index":6,"verdict":"rejected","reason":"overflow","detail":"data.usage: a quantity is above 1099511627776"},
{"index":7,"verdict":"rejected","reason":"wrong_type","detail":"an event is a JSON object"}]}"#;
    let answer = ask(&gateway_only(&log), post(JSON_BATCH, batch)).await;
    assert_eq!(answer.replace(",{\"index", ",\n{\"index").replace("[{", "[\n{"), expected);
    assert_eq!(
        log.text(),
        format!("a {JSON_BATCH} [{}]\nb {JSON_BATCH} [{},{}]\n", good[1], good[0], good[2]),
        "each domain apart, in the order of the events"
    );
}

/// An event of a GPU node that is no request, with its source as its domain.
fn report(kind: &str, id: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","type":"aliquot.{kind}.v1","source":"gpu-1","id":"{id}","time":"2026-01-31T11:59:59.000000Z","data":{{{data}}}}}"#
    )
}

#[tokio::test]
async fn nodes_report_more_than_requests() {
    let log = Log::new(Mood::Takes);
    let node =
        |id: &str, more: &str| report("node", id, &format!(r#""interval_us":60,"gpu_count":2,"gpu_type":"g"{more}"#));
    let cache = report("cache", "c0", r#""stored":"00000000000000ff""#);
    let alone = node("n0", r#","later_field":1"#);
    assert_eq!(ask(&gateway_only(&log), post(JSON, alone.clone())).await, ACCEPTED);
    let old = node("n1", "").replace("2026-01-31T11", "2024-01-31T11");
    let busy = node("n2", r#","busy_us":121"#);
    let request = event("r0", "a", r#"{"output":1}"#);
    let batch = format!("[{},{old},{busy},{cache},{request}]", node("n3", ""));
    let expected = r#"202 content-type=application/json x-request-id=00000000000000a1
{"accepted":3,"rejected":2,"events":[
{"index":0,"verdict":"accepted"},
{"index":1,"verdict":"rejected","reason":"absurd_time","detail":"time is more than 400 days before or 3600 s after its arrival here"},
{"index":2,"verdict":"rejected","reason":"overflow","detail":"data: busy_us is more than gpu_count times interval_us; measure both by the same clock"},
{"index":3,"verdict":"accepted"},
{"index":4,"verdict":"accepted"}]}"#;
    let answer = ask(&gateway_only(&log), post(JSON_BATCH, batch)).await;
    assert_eq!(answer.replace(",{\"index", ",\n{\"index").replace("[{", "[\n{"), expected);
    let mended = format!("a {JSON_BATCH} [{request}]\ngpu-1 {JSON_BATCH} [{},{cache}]\n", node("n3", ""));
    assert_eq!(log.text(), format!("gpu-1 {JSON} {alone}\n{mended}"));
}

#[tokio::test]
async fn a_good_batch_of_one_domain_goes_as_it_came_and_an_empty_one_not_at_all() {
    let log = Log::new(Mood::Takes);
    let batch = format!(" [ {} , {} ]", event("r0", "a", r#"{"output":1}"#), event("r1", "a", r#"{"output":1}"#));
    assert_eq!(status(&gateway_only(&log), post(JSON_BATCH, batch.clone())).await, 202);
    assert_eq!(log.text(), format!("a {JSON_BATCH} {batch}\n"));
    let answer = ask(&gateway_only(&log), post(JSON_BATCH, "[]")).await;
    assert!(answer.ends_with(r#"{"accepted":0,"rejected":0,"events":[]}"#), "{answer}");
    assert_eq!(log.messages().len(), 1);
}

fn row(id: &'static str, domain: &'static str, input_total: Option<u64>) -> Event<'static> {
    let mut usage = Usage { input_total, ..Usage::default() };
    usage.parts.set(Class::Requests, 1);
    Event {
        id: id.into(),
        source: "node-1".into(),
        time: EventTime(NOW.0 - 1_000_000),
        tenant: Some("acme".into()),
        domain: domain.into(),
        provider: "openai".into(),
        request_model: "m".into(),
        usage,
        ..Event::default()
    }
}

#[tokio::test]
async fn an_arrow_batch_is_judged_row_by_row_and_goes_as_it_came_or_as_json() {
    let log = Log::new(Mood::Takes);
    let router = gateway_only(&log);
    let whole = arrow::encode(&[row("r0", "a", None), row("r1", "a", None)]);
    assert_eq!(status(&router, post(ARROW, whole.clone())).await, 202);
    assert_eq!(
        log.messages().iter().map(|message| (message.content_type.as_str(), &message.payload)).collect::<Vec<_>>(),
        [(ARROW, &whole)]
    );

    let log = Log::new(Mood::Takes);
    let mixed = arrow::encode(&[row("r0", "b", None), row("r1", "a", Some(9)), row("r2", "a", None)]);
    let answer = ask(&gateway_only(&log), post(ARROW, mixed)).await;
    assert!(answer.contains(r#"{"index":1,"verdict":"rejected","reason":"parts_do_not_add_up""#), "{answer}");
    let json = |id, domain| event(id, domain, "{}");
    assert_eq!(log.text(), format!("a {JSON_BATCH} [{}]\nb {JSON_BATCH} [{}]\n", json("r2", "a"), json("r0", "b")));

    let answer = ask(&router, post(ARROW, whole[..whole.len() / 2].to_vec())).await;
    assert!(answer.starts_with("400 ") && answer.contains("unreadable-body"), "{answer}");
}

#[tokio::test]
async fn what_is_sent_on_keeps_within_what_the_pipeline_reads() {
    let log = Log::new(Mood::Takes);
    // Shorter on the way in than on the way out: the encoder writes a time in full.
    let events: Vec<String> =
        (0..9).map(|id| event(&id.to_string(), if id == 8 { "b" } else { "a" }, "{}").replace(".000000", "")).collect();
    let batch = format!("[{}]", events.join(","));
    let limits = Limits { message_bytes: batch.len(), ..Limits::default() };
    let router = router(State { gateway: Some(gateway(&log, limits)), ..state() });
    assert_eq!(status(&router, post(JSON_BATCH, batch.clone())).await, 202);
    let mut seen = Vec::new();
    for message in log.messages() {
        assert!(message.payload.len() <= limits.message_bytes);
        decode(&message.content_type, &message.payload, &limits, &mut |_, event| {
            let event = event.unwrap().request().unwrap();
            assert_eq!(event.domain, message.key.as_str());
            seen.push(event.id.clone().into_owned());
        });
    }
    assert_eq!(seen.concat(), "012345678");
    assert_eq!(log.messages().iter().filter(|message| message.key == "a").count(), 1);

    let limits = Limits { message_bytes: event("0", "a", "{}").len() * 4, ..Limits::default() };
    let router = aliquot_api::router(State { gateway: Some(gateway(&log, limits)), ..state() });
    assert_eq!(status(&router, post(JSON_BATCH, batch)).await, 413, "the door's limit is the pipeline's");
}

#[tokio::test]
async fn when_nothing_is_accepted_nothing_is_stored() {
    let log = Log::new(Mood::Takes);
    let answer = ask(
        &gateway_only(&log),
        post(JSON, event("r1", "a", r#"{"output":1}"#).replace("\"output\":1", "\"prompt\":\"secret\"")),
    )
    .await;
    assert_eq!(
        answer,
        r#"422 content-type=application/problem+json x-request-id=00000000000000a1
{"type":"urn:aliquot:problem:all-rejected","title":"no event was accepted","status":422,"detail":"every event was rejected and nothing was stored; mend the events by their reasons and send them again","instance":"00000000000000a1","accepted":0,"rejected":1,"events":[{"index":0,"verdict":"rejected","reason":"prompt_text","detail":"field prompt has a name for text: strip it at the source"}]}"#
    );
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_strict_register_is_held_at_the_door() {
    let log = Log::new(Mood::Takes);
    let rules = Arc::new(Rules { tenants: Some(["globex".to_owned()].into()), ..Rules::default() });
    let gateway = aliquot_api::Gateway { rules, ..gateway(&log, Limits::default()) };
    let router = router(State { gateway: Some(gateway), ..state() });
    let batch = format!("[{},{}]", event("r0", "a", "{}"), event("r1", "a", "{}").replace("acme", "globex"));
    let answer = ask(&router, post(JSON_BATCH, batch)).await;
    assert!(answer.contains(r#"{"index":0,"verdict":"rejected","reason":"unknown_tenant","detail":"subject is no tenant of the register; add the tenant, or mend the sender"}"#), "{answer}");
    assert!(answer.contains(r#"{"index":1,"verdict":"accepted"}"#), "{answer}");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_whole() {
    let log = Log::new(Mood::Takes);
    let limits = Limits { message_bytes: 2_000, events_per_message: 3, ..Limits::default() };
    let router = router(State { gateway: Some(gateway(&log, limits)), ..state() });
    let four = format!("[{}]", ["7"; 4].join(","));
    let refused = |status: u16, word: &str, title: &str, detail: &str| {
        format!(
            "{status} content-type=application/problem+json x-request-id=t\n{{\"type\":\"urn:aliquot:problem:{word}\",\"title\":\"{title}\",\"status\":{status},\"detail\":\"{detail}\",\"instance\":\"t\"}}"
        )
    };
    let unsupported = "the content type is none of application/cloudevents+json, application/cloudevents-batch+json, application/vnd.apache.arrow.stream, and there is no header ce-specversion that would make it a binary-mode event";
    let unsupported = refused(415, "unsupported-content", "the content type is not read", unsupported);
    let unreadable = |detail| refused(400, "unreadable-body", "the body cannot be read", detail);
    let too_large = |detail| refused(413, "too-large", "the request is too large", detail);
    for (content_type, body, expected) in [
        (JSON, "{\"spec", unreadable("not JSON: line 1, column 6")),
        (JSON, "", unreadable("not JSON: line 1, column 0")),
        (JSON_BATCH, "{}", unreadable("a batch is a JSON array of events")),
        (JSON_BATCH, four.as_str(), too_large("the message has more than 3 events: send smaller batches")),
        (JSON, &"x".repeat(2_001), too_large("the body has more bytes than allowed; send smaller batches")),
        ("application/json", "{}", unsupported.clone()),
        ("", "{}", unsupported.clone()),
        ("application/cloudevents+avro", "{}", unsupported),
    ] {
        let mut request = post(content_type, body.to_owned());
        request.headers_mut().insert("x-request-id", "t".parse().unwrap());
        assert_eq!(ask(&router, request).await, expected);
    }
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn compressed_bodies_and_bad_binary_headers_are_refused() {
    let log = Log::new(Mood::Takes);
    let router = gateway_only(&log);
    let mut request = post(JSON, "x");
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(status(&router, request).await, 415);
    let mut request = post("application/json", "{}");
    request.headers_mut().insert("ce-specversion", "1.0".parse().unwrap());
    request.headers_mut().insert("ce-data", "1".parse().unwrap());
    let answer = ask(&router, request).await;
    assert!(answer.starts_with("400") && answer.contains("a ce- header is not a CloudEvents attribute"), "{answer}");
}

#[tokio::test]
async fn a_log_that_fails_is_told_apart_and_not_told_about() {
    let log = Log::new(Mood::Fails(Kind::Retry));
    let router = gateway_only(&log);
    let send = || post(JSON, event("r1", "a", r#"{"output":1}"#));
    assert_eq!(
        ask(&router, send()).await,
        r#"503 content-type=application/problem+json x-request-id=00000000000000a1 retry-after=2
{"type":"urn:aliquot:problem:unavailable","title":"the service cannot answer now","status":503,"detail":"the event log cannot take events now; nothing is lost if you send them again","instance":"00000000000000a1"}"#
    );
    let internal = |id: &str| {
        format!(
            r#"500 content-type=application/problem+json x-request-id={id}
{{"type":"urn:aliquot:problem:internal","title":"the server failed","status":500,"detail":"something failed on our side; quote the instance when you report it","instance":"{id}"}}"#
        )
    };
    log.set(Mood::Fails(Kind::Halt));
    assert_eq!(ask(&router, send()).await, internal("00000000000000a2"));
    log.set(Mood::Panics);
    assert_eq!(ask(&router, send()).await, internal("00000000000000a3"));
    log.set(Mood::Takes);
    assert_eq!(status(&router, send()).await, 202);
}

#[tokio::test]
async fn the_answer_waits_for_the_log_and_no_more_requests_than_allowed_wait_with_it() {
    let log = Log::new(Mood::Waits);
    let concurrency = Concurrency { ingest: 1, ..Concurrency::default() };
    let router = router(State { gateway: Some(gateway(&log, Limits::default())), concurrency, ..state() });
    let send = || post(JSON, event("r1", "a", r#"{"output":1}"#));
    let mut first = JoinSet::new();
    let (asking, request) = (router.clone(), send());
    first.spawn(async move { ask(&asking, request).await });
    log.asked().await;
    assert_eq!(
        ask(&router, send()).await,
        r#"503 content-type=application/problem+json x-request-id=00000000000000a2 retry-after=1
{"type":"urn:aliquot:problem:busy","title":"too many requests at once","status":503,"detail":"as many requests of this kind as allowed are running; try again later","instance":"00000000000000a2"}"#
    );
    assert!(first.try_join_next().is_none(), "no answer before the log has answered");
    log.release();
    assert_eq!(first.join_next().await.unwrap().unwrap(), ACCEPTED);
}
