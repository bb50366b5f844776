//! Books and imports as their users meet them: what is read, what is refused and how, what is skipped, what a merge changes.

use std::collections::BTreeMap;
use std::path::Path;

use aliquot_core::event::{Event, Usage};
use aliquot_core::money::Rate;
use aliquot_core::prices::{PriceBook, Provider};
use aliquot_core::rating::{Rated, Rater};
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};

use super::book::{builtin, decode, encode};
use super::{Imported, genai, litellm, merge, models_dev};
use crate::timestamp;

mod catalogues;
mod merging;

fn at(text: &str) -> EventTime {
    timestamp::parse(text).unwrap()
}

/// An event of `provider` and `model` with `parts`, at noon of a day in the middle of 2026 unless changed.
fn event<'e>(provider: &'e str, model: &'e str, parts: &[(Class, u64)]) -> Event<'e> {
    let mut usage = Usage { parts: ByClass::all(0), ..Usage::default() };
    parts.iter().for_each(|(class, quantity)| usage.parts.set(*class, *quantity));
    let time = at("2026-06-30T12:00:00Z");
    Event { provider: provider.into(), request_model: model.into(), time, usage, ..Event::default() }
}

/// What one unit of each class costs: `uncached 0.000003, …`, or why it has no price.
fn priced(book: &PriceBook, event: &Event<'_>) -> String {
    let rated: Rated = Rater::new(book).rate(event).unwrap();
    let rates = rated.rates.iter().filter_map(|(class, rate)| Some(format!("{} {}", class.name(), rate?.pico())));
    let unpriced = rated.unpriced.map(|unpriced| unpriced.name().to_owned());
    rates.chain(unpriced).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_example_is_what_its_comments_say() {
    let book = decode(include_bytes!("../../../../schemas/prices/example.json")).unwrap();
    let tokens = [(Class::Uncached, 1), (Class::CacheRead, 1)];
    let sonnet = |time: &str, tier: Option<&'static str>, region: Option<&'static str>| Event {
        time: at(time),
        service_tier: tier.map(Into::into),
        region: region.map(Into::into),
        ..event("claude", "claude-sonnet-5-5-20260901", &tokens)
    };
    let flash = |time: &str| Event { time: at(time), ..event("deepseek", "deepseek-flash", &tokens) };
    let cases = [
        (sonnet("2026-10-06T23:59:59Z", None, None), "uncached 2000000, cache_read 200000"),
        (sonnet("2026-10-07T00:00:00Z", None, None), "uncached 2000000, cache_read 100000"),
        (sonnet("2026-10-07T00:00:00Z", None, Some("us")), "uncached 2200000, cache_read 110000"),
        (sonnet("2026-10-07T00:00:00Z", Some("batch"), Some("us")), "uncached 880000, cache_read 55000"),
        (sonnet("2026-10-07T00:00:00Z", Some("fast"), None), "unknown_tier"),
        (flash("2026-10-05T02:00:00Z"), "uncached 300000, cache_read 6000"),
        (flash("2026-10-05T05:00:00Z"), "uncached 150000, cache_read 3000"),
        (flash("2026-10-01T02:00:00Z"), "uncached 150000, cache_read 3000"),
        (event("Bedrock-EU", "claude-haiku-5-5", &[(Class::Uncached, 100_001)]), "uncached 500000"),
        (event("reseller", "claude-haiku-5-5", &[(Class::Uncached, 1)]), "uncached 100000"),
        (
            Event { region: Some("eu".into()), ..event("reseller", "claude-haiku-5-5", &tokens) },
            "uncached 105000, cache_read 10500",
        ),
        (event("self", "any/model", &[(Class::GpuMicros, 1), (Class::Output, 9)]), "output 0, gpu_us 1000"),
        (event("self", "any/model", &[(Class::WebSearches, 1)]), "unknown_class"),
    ];
    for (event, expected) in cases {
        assert_eq!(priced(&book, &event), expected, "{event:?}");
    }
}

#[test]
fn the_book_that_is_built_in() {
    let book = builtin();
    let batch = |model| Event { service_tier: Some("batch".into()), ..event("openai", model, &[(Class::Uncached, 1)]) };
    let cases = [
        (event("anthropic", "claude-opus-4-5-20251101", &[(Class::CacheWrite1h, 1)]), "cache_write_1h 10000000"),
        (event("anthropic", "claude-sonnet-4-5-20250929", &[(Class::CacheRead, 1)]), "cache_read 300000"),
        (event("anthropic", "claude-opus-4-6", &[(Class::Output, 1)]), "output 25000000"),
        (event("anthropic", "claude-sonnet-4-20250514", &[(Class::Uncached, 1)]), "uncached 3000000"),
        (event("anthropic", "claude-haiku-4-5-20251001", &[(Class::Uncached, 1)]), "uncached 1000000"),
        (event("anthropic", "claude-opus-4-1-20250805", &[(Class::Uncached, 1)]), "uncached 15000000"),
        (event("openai", "gpt-4o-mini", &[(Class::CacheRead, 1)]), "cache_read 75000"),
        (batch("gpt-5-2025-08-07"), "uncached 625000"),
        (batch("gpt-4o-mini"), "uncached 75000"),
        (event("google", "gemini-2.5-pro", &[(Class::Uncached, 200_001)]), "uncached 2500000"),
        (event("gemini", "gemini-2.5-flash", &[(Class::CacheStorage, 7)]), "cache_storage_token_hours 1000000"),
        (event("deepseek", "deepseek-v4-pro", &[(Class::Output, 1)]), "output 1980000"),
        (event("self", "llama", &[(Class::Uncached, 5), (Class::GpuMicros, 1)]), "uncached 0, gpu_us 1000"),
    ];
    for (event, expected) in cases {
        assert_eq!(priced(&book, &event), expected, "{event:?}");
    }
}

#[test]
fn a_book_is_its_contents() {
    let example = include_bytes!("../../../../schemas/prices/example.json");
    let book = decode(example).unwrap();
    let text = encode(&book);
    let again = decode(&text).unwrap();
    assert_eq!((encode(&again), again.id), (text.clone(), book.id), "same contents, same bytes, same id");
    assert_eq!(xxhash_rust::xxh3::xxh3_64(&text), book.id.0);
    let dearer = String::from_utf8_lossy(example).replacen("3.60/h", "3.96/h", 1);
    assert_ne!(decode(dearer.as_bytes()).unwrap().id, book.id);
    assert_eq!(decode(&encode(&builtin())).unwrap().id, builtin().id);
}

#[test]
fn every_kind_of_matcher_and_row_survives() {
    let written = r#"{"version":1,"currency":"USD","holidays":{"h":["2026-10-01"]},"provider_aliases":{"b":"a"},"provider_matchers":[{"match":{"and":[{"contains":"x"},{"ends_with":"y"}]},"provider":"a"}],"providers":{"a":{"fallbacks":["c"],"multipliers":[{"service_tier":"t","from":"2026-01-02T03:04:05.678901Z","factor":"1/2"},{"region":"r","factor":"11/10"}],"models":[{"id":"m","match":{"any_case":{"or":["m",{"starts_with":"n"},{"regex":"(?i)^o[0-9]"}]}},"multipliers":[{"region":"r","factor":"2/1"}],"prices":[{"from":"2026-01-01T00:00:00.000000Z","to":"2027-01-01T00:00:00.000000Z","tier":"t","region":"r","calendar":{"weekdays":["mon","sun"],"windows":["00:00-24:00","23:30-01:00"],"holidays":"h"},"rates":{"uncached":"0.000000000001","gpu_us":"0"}},{"band_rule":"marginal","bands":[{"above_tokens":0,"rates":{}},{"above_tokens":7,"rates":{"output":"20"}}]}]},{"id":"known","prices":[]}]},"c":{"models":[]}}}"#;
    assert_eq!(String::from_utf8(encode(&decode(written.as_bytes()).unwrap())).unwrap(), written);
}

/// A book whose one model has these prices.
fn with_prices(prices: &str) -> String {
    format!(
        r#"{{"version":1,"currency":"USD","holidays":{{"h":[]}},"providers":{{"p":{{"models":[{{"id":"m","prices":[{prices}]}}]}}}}}}"#
    )
}

#[test]
fn errors_name_the_place_and_the_fix() {
    let row = |inner: &str| with_prices(&format!("{{{inner}}}"));
    let cases = [
        ("", "not JSON: line 1, column 0"),
        ("[]", "must be an object"),
        ("{}", "\"version\" is missing"),
        (r#"{"version":2,"currency":"USD","providers":{}}"#, "version: this version reads books of version 1 only"),
        (r#"{"version":1,"currency":"EUR","providers":{}}"#, "currency: prices are in USD: convert them first"),
        (
            r#"{"version":1,"currency":"USD","providers":{},"models":[]}"#,
            "models: \"models\" is not known here: use one of",
        ),
        (
            r#"{"version":1,"currency":"USD","providers":{},"provider_aliases":{"a":"b"}}"#,
            "provider_aliases.a: there is no provider \"b\"",
        ),
        (
            r#"{"version":1,"currency":"USD","providers":{"a":{"models":[],"fallbacks":["b"]}}}"#,
            "providers.a.fallbacks[0]: there is no provider \"b\"",
        ),
        (
            r#"{"version":1,"currency":"USD","providers":{"a":{"models":[{"id":"gpt-4.1"}]}}}"#,
            "providers.a.models[0]: \"prices\" is missing",
        ),
        (
            r#"{"version":1,"currency":"USD","providers":{"a.b":{"models":[{"id":"m","match":{"like":"m"},"prices":[]}]}}}"#,
            "providers[\"a.b\"].models[0].match.like: \"like\" is no clause: use one of equals",
        ),
        (
            r#"{"version":1,"currency":"USD","providers":{"a":{"models":[{"id":"m","match":{"regex":"(?=x)"},"prices":[]}]}}}"#,
            "models[0].match.regex: not a regular expression",
        ),
        (
            r#"{"version":1,"currency":"USD","providers":{"a":{"models":[{"id":"m","match":{"equals":"a","contains":"b"},"prices":[]}]}}}"#,
            "a matcher has one clause",
        ),
        (
            r#"{"version":1,"currency":"USD","providers":{"a":{"models":[{"id":"m","prices":[]},{"id":"m","prices":[]}]}}}"#,
            "models[1]: there is a model \"m\" already",
        ),
        (&row(""), "prices[0]: give \"rates\", or \"bands\""),
        (&row(r#""rates":{"output":3}"#), "rates.output: a price is a text in quotes"),
        (&row(r#""rates":{"output":"-3"}"#), "rates.output: \"-3\" is below zero"),
        (&row(r#""rates":{"output":"0.0000001/1M"}"#), "rates.output: \"0.0000001\" is finer than a picodollar"),
        (&row(r#""rates":{"output":"3/h"}"#), "rates.output: after the \"/\" comes"),
        (&row(r#""rates":{"input":"3"}"#), "rates.input: \"input\" is no class of usage: use one of uncached"),
        (&row(r#""rates":{"output":"3","output":"4"}"#), "rates: \"output\" is given twice"),
        (&row(r#""rates":{},"form":"2026-01-01""#), "prices[0].form: \"form\" is not known here"),
        (&row(r#""rates":{},"from":"1 May""#), "prices[0].from: must be a date such as"),
        (&row(r#""rates":{},"from":"2026-02-01","to":"2026-02-01""#), "prices[0]: \"to\" must be later than \"from\""),
        (&with_prices(r#"{"rates":{}},{"rates":{}}"#), "prices[1]: another row has the same conditions"),
        (&row(r#""bands":[]"#), "prices[0].bands: there must be a band from 0"),
        (&row(r#""bands":[{"above_tokens":5,"rates":{}}]"#), "bands[0]: bands go up from"),
        (
            &row(r#""bands":[{"rates":{}},{"above_tokens":1.5,"rates":{}}]"#),
            "bands[1].above_tokens: must be a whole number",
        ),
        (&row(r#""bands":[{"rates":{}},{"above_tokens":5,"rates":{}}]"#), "prices[0]: say what a long prompt means"),
        (&row(r#""bands":[{"rates":{}}],"band_rule":"cliff""#), "band_rule: must be \"whole_request\" or"),
        (&row(r#""rates":{},"calendar":{"windows":["1-2"]}"#), "windows[0]: must be hours of UTC such as"),
        (&row(r#""rates":{},"calendar":{"windows":[],"weekdays":["Monday"]}"#), "weekdays[0]: must be one of mon, tue"),
        (&row(r#""rates":{},"calendar":{"windows":[],"holidays":"x"}"#), "calendar.holidays: there is no such table"),
    ];
    for (text, expected) in cases {
        let error = decode(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}\n  says     {error}\n  expected {expected}");
    }
    let deep = "[".repeat(100_000);
    assert!(decode(deep.as_bytes()).is_err());
    assert!(decode(format!("{}{}", "[".repeat(60), "]".repeat(60)).as_bytes()).unwrap_err().problem.contains("nested"));
}
