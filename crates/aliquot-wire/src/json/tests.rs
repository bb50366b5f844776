//! JSON in and out: the same events, the right reasons, and no bytes that stop the others.

use aliquot_core::event::CacheUse;
use aliquot_core::time::Micros;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::testing::{AnyEvent, any_event, decoded, decoded_all, decoded_all_within, decoded_within, mutated};
use crate::{JSON, JSON_BATCH};

const GOOD: &str = r#"{"specversion":"1.0","type":"aliquot.request.v1","source":"n","id":"r","time":"2026-01-31T12:00:00Z",
    "data":{"provider":"p","request_model":"m","usage":{"uncached":3}}}"#;

/// The good event with `from` replaced by `to`.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replace(from, to)
}

fn reason_of(message: &str) -> Option<(Reason, String)> {
    let [seen] = decoded(JSON, message.as_bytes()).try_into().unwrap();
    seen.err().map(|(reason, detail, raw)| {
        assert_eq!(raw, message.as_bytes());
        (reason, detail)
    })
}

#[track_caller]
fn refused(message: &str, reason: Reason, field: &str) {
    let (found, detail) = reason_of(message).expect("refused");
    assert_eq!(found, reason, "{detail}: {message}");
    assert!(detail.contains(field), "{detail} names {field}");
}

#[test]
fn what_is_absent_has_its_default() {
    let event = decoded("", GOOD.as_bytes()).remove(0).unwrap();
    assert_eq!((event.tenant, event.sequence, event.domain.as_ref(), event.attempt), (None, None, "n", 0));
    assert_eq!(event.usage.parts.get(aliquot_core::usage::Class::Requests), 1);
    assert!(!event.usage.cache_reported && event.prefix.is_none());
    let reports = |usage: &str| {
        let message = with(r#""uncached":3"#, usage);
        decoded(JSON, message.as_bytes()).remove(0).unwrap().usage.cache_reported
    };
    assert!(reports(r#""cache_read":0"#) && reports(r#""cache_write_1h":5"#) && reports(r#""cache_reported":true"#));
    assert!(!reports(r#""cache_read":0,"cache_reported":false"#) && !reports(r#""output":4"#));
    let prefix =
        with(r#""usage""#, r#""prefix":{"block_tokens":16,"blocks":"00000000000000ff0000000000000001"},"usage""#);
    let chain = decoded(JSON, prefix.as_bytes()).remove(0).unwrap().prefix.unwrap();
    assert_eq!((chain.block_tokens, chain.sampled_of, chain.blocks), (16, 1, vec![255, 1]));
}

#[test]
fn the_order_of_names_does_not_matter() {
    let data_first = r#"{"data":{"usage":{"uncached":3},"request_model":"m","provider":"p"},"time":"2026-01-31T12:00:00Z",
        "id":"r","source":"n","type":"aliquot.request.v1","specversion":"1.0"}"#;
    assert_eq!(decoded(JSON, data_first.as_bytes()), decoded(JSON, GOOD.as_bytes()));
    refused(&data_first.replace("\"provider\"", "\"prompt\""), Reason::PromptText, "prompt");
    refused(&data_first.replace(".v1", ".v2"), Reason::UnknownEventType, "another version");
}

#[test]
fn sequences_come_whole() {
    for (epoch, seq) in [("1", "2"), ("\"1\"", "\"2\"")] {
        let message = with(r#""id":"r""#, &format!(r#""id":"r","nodeepoch":{epoch},"nodeseq":{seq}"#));
        let event = decoded(JSON, message.as_bytes()).remove(0).unwrap();
        assert_eq!(event.sequence, Some(aliquot_core::event::Sequence { epoch: 1, seq: 2 }));
    }
    refused(&with(r#""id":"r""#, r#""id":"r","nodeseq":2"#), Reason::MissingField, "nodeepoch");
    refused(&with(r#""id":"r""#, r#""id":"r","nodeepoch":2"#), Reason::MissingField, "nodeseq");
    refused(&with(r#""id":"r""#, r#""id":"r","nodeepoch":"-2""#), Reason::Negative, "nodeepoch");
    refused(&with(r#""id":"r""#, r#""id":"r","nodeepoch":"18446744073709551616""#), Reason::Overflow, "nodeepoch");
    refused(&with(r#""id":"r""#, r#""id":"r","nodeepoch":"x""#), Reason::WrongType, "nodeepoch");
}

#[test]
fn every_reason_is_told_apart() {
    for cut in ["", "{", "nul", "{\"a\":1,}", &GOOD[..GOOD.len() - 1], &format!("{GOOD}x")] {
        refused(cut, Reason::Malformed, "not JSON");
    }
    for other in ["[]", "1", "null", "\"text\""] {
        refused(other, Reason::WrongType, "object");
    }
    refused(&with(r#""id":"r""#, r#""id":5"#), Reason::WrongType, "id");
    refused(&with(r#"{"uncached":3}"#, "[]"), Reason::WrongType, "data.usage");
    refused(&with(r#""uncached":3"#, r#""uncached":"3""#), Reason::WrongType, "uncached");
    refused(&with(r#""uncached":3"#, r#""uncached":3.5"#), Reason::WrongType, "uncached");
    refused(&with(r#""uncached":3"#, r#""uncached":-3"#), Reason::Negative, "uncached");
    refused(&with(r#""uncached":3"#, r#""uncached":-3e4"#), Reason::Negative, "uncached");
    refused(&with(r#""uncached":3"#, r#""uncached":18446744073709551616"#), Reason::Overflow, "uncached");
    refused(&with(r#""usage""#, r#""attempt":4294967296,"usage""#), Reason::Overflow, "attempt");
    refused(&with(r#""usage""#, r#""http_status":65536,"usage""#), Reason::Overflow, "http_status");
    refused(&with(r#""usage""#, r#""duration_us":9223372036854775808,"usage""#), Reason::Overflow, "duration_us");
    for field in ["specversion", "type", "source", "id", "time", "data", "provider", "request_model", "usage"] {
        let message = with(&format!("\"{field}\""), &format!("\"{field}x\""));
        refused(&message, Reason::MissingField, field);
    }
    refused(&with(r#""id":"r""#, r#""id":"""#), Reason::MissingField, "id");
    refused(&with("aliquot.request.v1", "aliquot.request.v2"), Reason::UnknownEventType, "another version");
    refused(
        &with("aliquot.request.v1", "aliquot.outcome.v1"),
        Reason::UnknownEventType,
        "aliquot.outcome.v1 is not read",
    );
    refused(&with(r#""1.0""#, r#""0.3""#), Reason::UnknownEventType, "specversion");
    refused(&with("2026-01-31T12", "2026-01-32T12"), Reason::AbsurdTime, "time");
    refused(&with(r#""id":"r""#, r#""id":"r","id":"s""#), Reason::Malformed, "id is given twice");
    refused(&with(r#""uncached":3"#, r#""uncached":3,"uncached":0"#), Reason::Malformed, "uncached is given twice");
    refused(&with(r#""id":"r""#, r#""id":"r","datacontenttype":"text/plain""#), Reason::WrongType, "datacontenttype");
}

#[test]
fn prefix_chains_are_whole_blocks() {
    let prefix = |prefix: &str| with(r#""usage""#, &format!(r#""prefix":{prefix},"usage""#));
    assert_eq!(reason_of(&prefix("null")), None);
    refused(&prefix(r#"{"block_tokens":16,"blocks":"00"}"#), Reason::Malformed, "prefix.blocks");
    refused(&prefix(r#"{"block_tokens":16,"blocks":"000000000000000g"}"#), Reason::Malformed, "prefix.blocks");
    refused(&prefix(r#"{"block_tokens":16,"blocks":["0000000000000000"]}"#), Reason::WrongType, "prefix.blocks");
    refused(&prefix(r#"{"block_tokens":0,"blocks":""}"#), Reason::WrongType, "prefix.block_tokens");
    refused(&prefix(r#"{"blocks":""}"#), Reason::MissingField, "prefix.block_tokens");
    refused(&prefix(r#"{"block_tokens":16}"#), Reason::MissingField, "prefix.blocks");
}

/// The good event with this in its data.
fn with_data(data: &str) -> String {
    with(r#""usage""#, &format!("{data},\"usage\""))
}

#[test]
fn what_the_cache_did_is_read_and_bounded() {
    let read =
        |cache: &str| decoded(JSON, with_data(&format!("\"cache\":{cache}")).as_bytes()).remove(0).unwrap().cache;
    let full = read(
        r#"{"session":"s","replica":"r","router_reason":"affinity","lifetime_us":300000000,"bypass":true,"new":[1],
            "cacheable_tokens":0,"miss_reason":"x","recomputed_tokens":1099511627776,"weights":"w"}"#,
    );
    let expected = CacheUse {
        session: Some("s".into()),
        replica: Some("r".into()),
        router_reason: Some("affinity".into()),
        lifetime: Some(Micros(300_000_000)),
        bypass: true,
        cacheable_tokens: Some(0),
        miss_reason: Some("x".into()),
        recomputed_tokens: 1 << 40,
        weights: Some("w".into()),
    };
    assert_eq!(full, expected);
    for nothing in ["null", "{}", r#"{"session":null,"bypass":null,"recomputed_tokens":null}"#] {
        assert_eq!(read(nothing), CacheUse::default());
    }
    let bad =
        |cache: &str, reason: Reason, field: &str| refused(&with_data(&format!("\"cache\":{cache}")), reason, field);
    bad("[]", Reason::WrongType, "data.cache");
    bad(r#"{"bypass":1}"#, Reason::WrongType, "cache.bypass");
    bad(r#"{"recomputed_tokens":-1}"#, Reason::Negative, "cache.recomputed_tokens");
    bad(r#"{"recomputed_tokens":1099511627777}"#, Reason::Overflow, "cache.recomputed_tokens");
    bad(r#"{"cacheable_tokens":1099511627777}"#, Reason::Overflow, "cache.cacheable_tokens");
    bad(r#"{"lifetime_us":0.5}"#, Reason::WrongType, "cache.lifetime_us");
    bad(r#"{"session":"a","session":"b"}"#, Reason::Malformed, "cache.session");
    bad(r#"{"bypass":true,"bypass":true}"#, Reason::Malformed, "cache.bypass");
    bad(r#"{"user_message":"hello"}"#, Reason::PromptText, "user_message");
    bad(&format!("{{\"session\":\"{}\"}}", "s".repeat(1_025)), Reason::TooLarge, "cache.session");
    refused(&with_data(r#""cache":{},"cache":null"#), Reason::Malformed, "cache is given twice");
}

#[test]
fn nonsense_in_a_limit_is_unknown_and_costs_nothing() {
    let read = |values: &str| {
        let limits = format!(r#""limits":[{{"bucket":"org","counts":"tokens",{values}}}]"#);
        let limit = decoded(JSON, with_data(&limits).as_bytes()).remove(0).unwrap().limits.remove(0);
        (limit.limit, limit.remaining, limit.reset.map(|reset| reset.0))
    };
    assert_eq!(read(r#""limit":500,"remaining":20,"reset_us":360000000"#), (Some(500), Some(20), Some(360_000_000)));
    assert_eq!(read(r#""limit":"500","remaining":0"#), (Some(500), Some(0), None));
    for nonsense in
        ["-1", "null", "0.5", "1e300", "true", "\"\"", "\"unlimited\"", "\"-1\"", "\"6m0s\"", "18446744073709551615"]
    {
        let values = format!(r#""limit":{nonsense},"remaining":{nonsense},"reset_us":{nonsense}"#);
        assert_eq!(read(&values), (None, None, None), "{nonsense}");
    }
    assert_eq!(read(r#""limit":-1,"remaining":-1,"reset_us":0"#), (None, None, None));
    assert_eq!(read(r#""limit":10,"remaining":11"#), (None, None, None));
}

#[test]
fn limits_are_named_few_and_no_place_for_text() {
    let limits = |limits: &str| with_data(&format!("\"limits\":{limits}"));
    let one = r#"{"bucket":"org","counts":"tokens","refused":true}"#;
    let read = decoded(JSON, limits(&format!("[{one},null]")).as_bytes()).remove(0).unwrap().limits;
    assert!(read.len() == 1 && read[0].refused);
    for none in ["null", "[]", "[null]"] {
        assert!(decoded(JSON, limits(none).as_bytes()).remove(0).unwrap().limits.is_empty());
    }
    assert_eq!(reason_of(&limits(&format!("[{}]", [one; 16].join(",")))), None);
    refused(&limits(&format!("[{}]", [one; 17].join(","))), Reason::TooLarge, "data.limits has more than 16");
    refused(&limits(r#"[{"bucket":"org"}]"#), Reason::MissingField, "limits.counts");
    refused(&limits(r#"[{"counts":"tokens"}]"#), Reason::MissingField, "limits.bucket");
    refused(&limits("{}"), Reason::WrongType, "data.limits");
    refused(&limits("[7]"), Reason::WrongType, "data.limits");
    for (field, reason) in [
        (r#""refused":"yes""#, Reason::WrongType),
        (r#""limit":[1]"#, Reason::WrongType),
        (r#""limit":1,"limit":1"#, Reason::Malformed),
        (r#""prompt":"hello""#, Reason::PromptText),
        (&format!(r#""remaining":"{}""#, "x".repeat(257)), Reason::PromptText),
        (&format!(r#""counts":"{}""#, "x".repeat(1_025)), Reason::TooLarge),
    ] {
        let name = field.split('"').nth(1).unwrap();
        refused(&limits(&format!(r#"[{{"bucket":"org",{field},"counts":"tokens"}}]"#)), reason, name);
    }
}

const NODE: &str = r#"{"specversion":"1.0","type":"aliquot.node.v1","source":"n","id":"i","time":"2026-01-31T12:00:00Z",
    "data":{"interval_us":60000000,"gpu_count":8,"gpu_type":"h100","busy_us":1,"kv_blocks":2,"block_tokens":16}}"#;
const CACHE: &str = r#"{"specversion":"1.0","type":"aliquot.cache.v1","source":"n","id":"c","time":"2026-01-31T12:00:00Z",
    "data":{"stored":"00000000000000ff0000000000000001","removed":"0000000000000002","lost":true}}"#;

#[track_caller]
fn report_refused(report: &str, (from, to): (&str, &str), reason: Reason, field: &str) {
    assert!(report.contains(from), "{from}");
    let [seen] = decoded_all(JSON, report.replace(from, to).as_bytes()).try_into().unwrap();
    let (found, detail, _) = seen.unwrap_err();
    assert!(found == reason && detail.contains(field), "{found}: {detail} names {field}");
}

#[test]
fn a_node_says_what_it_is() {
    let AnyEvent::Node(node) = decoded_all(JSON, NODE.as_bytes()).remove(0).unwrap() else { panic!("it is a node") };
    assert_eq!((node.id.as_ref(), node.domain.as_ref(), node.sequence), ("i", "n", None));
    assert_eq!((node.interval, node.gpu_count, node.busy), (Micros(60_000_000), 8, Some(Micros(1))));
    assert_eq!((node.kv_blocks, node.block_tokens, node.engine), (Some(2), Some(16), None));
    let bad = |from: &str, to: &str, reason: Reason, field: &str| report_refused(NODE, (from, to), reason, field);
    for field in ["interval_us", "gpu_count", "gpu_type"] {
        bad(field, "x", Reason::MissingField, field);
    }
    bad("60000000", "-60000000", Reason::Negative, "data.interval_us");
    bad("60000000", "86400000001", Reason::Overflow, "data.interval_us");
    bad(":8", ":65537", Reason::Overflow, "data.gpu_count");
    bad(":2,", ":4294967297,", Reason::Overflow, "data.kv_blocks");
    bad(":2,", ":0,", Reason::WrongType, "data.kv_blocks");
    bad(":16", ":0", Reason::WrongType, "data.block_tokens");
    bad(":16", ":16,\"block_tokens\":16", Reason::Malformed, "data.block_tokens is given twice");
    bad("\"h100\"", "7", Reason::WrongType, "data.gpu_type");
    bad(":16", ":16,\"system_prompt\":\"x\"", Reason::PromptText, "system_prompt");
    bad("\"data\":{", "\"data\":null,\"x\":{", Reason::MissingField, "data");
    bad("\"id\":\"i\",", "", Reason::MissingField, "id");
}

#[test]
fn a_cache_says_what_changed() {
    let AnyEvent::Cache(cache) = decoded_all(JSON, CACHE.as_bytes()).remove(0).unwrap() else {
        panic!("it is a cache")
    };
    assert_eq!((cache.stored, cache.removed, cache.cleared, cache.lost), (vec![255, 1], vec![2], false, true));
    let bad = |from: &str, to: &str, reason: Reason, field: &str| report_refused(CACHE, (from, to), reason, field);
    bad("\"0000000000000002\"", "\"000000000000000x\"", Reason::Malformed, "data.removed must be 16 hexadecimal");
    bad("\"0000000000000002\"", "[2]", Reason::WrongType, "data.removed");
    bad("\"lost\":true", "\"lost\":1", Reason::WrongType, "data.lost");
    bad("\"lost\":true", "\"removed\":\"\"", Reason::Malformed, "data.removed is given twice");
    bad("\"lost\":true", "\"token_ids\":[1,2]", Reason::PromptText, "token_ids");
    let limits = Limits { blocks_per_event: 1, ..Limits::default() };
    let (reason, detail, _) = decoded_all_within(&limits, JSON, CACHE.as_bytes()).remove(0).unwrap_err();
    assert_eq!(
        (reason, detail.as_str()),
        (Reason::TooLarge, "data.stored has more than 1 blocks: send them in several reports")
    );
}

#[test]
fn the_room_of_an_event_before_is_used_again_and_nothing_of_it_is_left() {
    let empty = CACHE.replace("00000000000000ff0000000000000001", "").replace("0000000000000002", "");
    let with_limits = with_data(r#""cache":{"session":"s"},"limits":[{"bucket":"b","counts":"c"}]"#);
    let batch = format!("[{CACHE},{with_limits},{NODE},{empty},{GOOD},{CACHE}]");
    let alone: Vec<_> = [CACHE, &with_limits, NODE, &empty, GOOD, CACHE]
        .iter()
        .map(|event| decoded_all(JSON, event.as_bytes()).remove(0))
        .collect();
    assert_eq!(decoded_all(JSON_BATCH, batch.as_bytes()), alone);
    let mut places = Vec::new();
    crate::decode(JSON_BATCH, batch.as_bytes(), &Limits::default(), &mut |_, report| {
        if let Ok(Report::Cache(cache)) = report {
            places.push(cache.stored.as_ptr());
        }
    });
    assert!(places.len() == 3 && places.iter().all(|place| *place == places[0]));
}

#[test]
fn text_is_refused_and_not_repeated() {
    let secret = "my secret";
    for (from, to) in [
        (r#""id":"r""#, r#""id":"r","prompt":"my secret""#),
        (r#""usage""#, r#""messages":[{"role":"user","content":"my secret"}],"usage""#),
        (r#""usage""#, r#""extra":{"deep":{"completion":"my secret"}},"usage""#),
        (r#""uncached":3"#, r#""text":"my secret""#),
    ] {
        let (reason, detail) = reason_of(&with(from, to)).unwrap();
        assert_eq!(reason, Reason::PromptText);
        assert!(!detail.contains(secret), "{detail}");
    }
    let (reason, detail) = reason_of(&with(r#""uncached":3"#, r#""uncached":"my secret""#)).unwrap();
    assert!(reason == Reason::WrongType && !detail.contains(secret), "{detail}");
    let harmless = with(r#""usage""#, r#""cost_center":"x","prompt_version":"v3","extra":{"a":[1,2]},"usage""#);
    assert_eq!(reason_of(&harmless), None);
}

#[test]
fn limits_hold() {
    let within = |limits: Limits, content_type: &str, message: &str| {
        decoded_within(&limits, content_type, message.as_bytes()).pop().unwrap().unwrap_err()
    };
    let all = Limits::default();
    let (reason, _, raw) = within(Limits { message_bytes: GOOD.len() - 1, ..all }, JSON, GOOD);
    assert_eq!((reason, raw.as_slice()), (Reason::TooLarge, GOOD.as_bytes()));
    let long = with(r#""id":"r""#, r#""id":"abcdef""#);
    let (reason, detail, _) = within(Limits { field_bytes: 5, ..all }, JSON, &long.replace("aliquot.request.v1", "a"));
    assert_eq!(
        (reason, detail.as_str()),
        (
            Reason::UnknownEventType,
            "the type is none of aliquot.request.v1, aliquot.node.v1, aliquot.cache.v1, which this version reads"
        )
    );
    let (reason, _, _) =
        within(Limits { field_bytes: 20, ..all }, JSON, &with(r#""id":"r""#, r#""id":"123456789012345678901""#));
    assert_eq!(reason, Reason::TooLarge);
    let chain =
        with(r#""usage""#, r#""prefix":{"block_tokens":1,"blocks":"00000000000000010000000000000002"},"usage""#);
    assert_eq!(within(Limits { blocks_per_event: 1, ..all }, JSON, &chain).0, Reason::TooLarge);
    let batch = format!("[{GOOD},{GOOD},{GOOD}]");
    let parameters = "x".repeat(256 - "; x=".len() - JSON_BATCH.len());
    let longest = format!("{JSON_BATCH}; x={parameters}");
    assert!(decoded_within(&all, &longest, batch.as_bytes()).iter().all(Result::is_ok));
    // One refusal for the whole, and not one for each event with a copy of what is too long.
    let refused = decoded_within(&all, &format!("{longest}x"), batch.as_bytes());
    assert!(matches!(refused.as_slice(), [Err((Reason::TooLarge, _, raw))] if raw == batch.as_bytes()), "{refused:?}");
    let two = Limits { events_per_message: 2, ..all };
    let seen = decoded_within(&two, JSON_BATCH, batch.as_bytes());
    assert_eq!(seen.len(), 3);
    let (reason, _, raw) = seen[2].as_ref().unwrap_err();
    assert_eq!((*reason, raw.as_slice()), (Reason::TooLarge, batch.as_bytes()));
    let exactly = decoded_within(&two, JSON_BATCH, format!("[{GOOD},{GOOD}]").as_bytes());
    assert!(exactly.len() == 2 && exactly.iter().all(Result::is_ok));
}

#[test]
fn a_bad_event_stops_no_other() {
    let bad = [r#"{"a":}"#, "7", "", r#"{"specversion":"1.0"}"#, r#"{"prompt":"x"}"#, "{\"id\":\"\\ud800\"}"];
    for bad in bad {
        let batch = format!("[{GOOD}, {bad} ,{GOOD}]");
        let seen = decoded(JSON_BATCH, batch.as_bytes());
        assert_eq!(seen.len(), 3, "{bad}");
        assert!(seen[0].is_ok() && seen[2].is_ok(), "{bad}");
        assert_eq!(seen[1].as_ref().unwrap_err().2, bad.as_bytes());
    }
    let mut not_utf8 = format!("[{GOOD},{{\"id\":\"#\"}},{GOOD}]").into_bytes();
    let place = not_utf8.iter().position(|byte| *byte == b'#').unwrap();
    not_utf8[place] = 0xff;
    let seen = decoded(JSON_BATCH, &not_utf8);
    assert!(seen[0].is_ok() && seen[2].is_ok());
    assert_eq!(seen[1], Err((Reason::Malformed, "the event is not UTF-8".to_owned(), b"{\"id\":\"\xff\"}".to_vec())));
    let torn = format!("[{GOOD},{}", &GOOD[..40]);
    let seen = decoded(JSON_BATCH, torn.as_bytes());
    assert!(seen.len() == 2 && seen[0].is_ok());
    assert_eq!(seen[1].as_ref().unwrap_err().2, torn.as_bytes());
    assert_eq!(decoded(JSON_BATCH, b" [ ] "), []);
    assert_eq!(decoded(JSON_BATCH, GOOD.as_bytes())[0].as_ref().unwrap_err().0, Reason::WrongType);
}

#[test]
fn unknown_content_types_are_refused() {
    let (reason, _, raw) = decoded("text/plain", GOOD.as_bytes()).remove(0).unwrap_err();
    assert_eq!((reason, raw.as_slice()), (Reason::UnknownContentType, GOOD.as_bytes()));
}

proptest! {
    #[test]
    fn events_come_back_and_bytes_too(events in prop::collection::vec(any_event(), 0..6)) {
        let expected: Vec<_> = events.iter().cloned().map(Ok).collect();
        let batch = encode_batch(events.iter().map(AnyEvent::report));
        let back = decoded_all(JSON_BATCH, &batch);
        prop_assert_eq!(&back, &expected);
        let back: Vec<_> = back.into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(encode_batch(back.iter().map(AnyEvent::report)), batch);
        for event in &events {
            let message = encode(event.report());
            prop_assert_eq!(decoded_all(JSON, &message), [Ok(event.clone())]);
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&message).is_ok());
        }
    }

    #[test]
    fn broken_messages_are_answered(
        events in prop::collection::vec(any_event(), 1..4),
        changes in prop::collection::vec((any::<Index>(), prop_oneof![any::<u8>(), prop::sample::select(&b"\"{}[],:0\\"[..])]), 0..4),
        cut in prop::option::of(any::<Index>()),
    ) {
        let batch = mutated(&encode_batch(events.iter().map(AnyEvent::report)), &changes, cut);
        let seen = decoded_all(JSON_BATCH, &batch);
        prop_assert!(seen.iter().any(Result::is_err) || serde_json::from_slice::<serde_json::Value>(&batch).is_ok());
        let one = mutated(&encode(events[0].report()), &changes, cut);
        prop_assert_eq!(decoded_all(JSON, &one).len(), 1);
    }

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>, text in "[\\[\\]{}\",:a-z0-9 ]{0,40}") {
        prop_assert_eq!(decoded(JSON, &bytes).len(), 1);
        prop_assert!(decoded(JSON, text.as_bytes())[0].is_err());
        decoded(JSON_BATCH, &bytes);
        decoded(JSON_BATCH, text.as_bytes());
    }
}
