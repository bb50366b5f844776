//! Waits and refusals as the pipeline sees them: from events to blame, and through a restart.

use std::collections::BTreeMap;

use aliquot_attribution::attributor::Attributor;
use aliquot_attribution::settings::{DomainSettings, Settings};
use aliquot_core::blame::{Blame, Culprit};
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::event::{CacheUse, Event, Limit, PrefixChain};
use aliquot_core::money::Usd;
use aliquot_core::rating::{Rated, Rater};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;
use aliquot_wire::prices::book::builtin;

const SECOND: i64 = 1_000_000;

/// A request that came, waited and ran for so many seconds.
fn served(tenant: Option<&'static str>, came: i64, waited: i64, ran: i64) -> Event<'static> {
    Event {
        id: format!("{tenant:?} {came}").into(),
        source: "node".into(),
        domain: "node".into(),
        provider: "self".into(),
        tenant: tenant.map(Into::into),
        time: EventTime((came + waited + ran) * SECOND),
        queue: Some(Micros(waited * SECOND)),
        duration: Some(Micros((waited + ran) * SECOND)),
        ..Event::default()
    }
}

fn blames<'a>(attributor: &'a mut Attributor, event: &Event<'_>) -> Vec<Blame<&'a str>> {
    attributor.request(&Settings::default(), event, &Rated::default(), 0).blames
}

fn restarted(attributor: &Attributor) -> Attributor {
    let mut out = Writer::default();
    attributor.save(&mut out);
    let bytes = out.into_bytes();
    let mut reader = Reader::new(&bytes);
    let restored = Attributor::restore(&mut reader).unwrap();
    assert!(reader.is_at_end());
    restored
}

const fn wait(culprit: Culprit<&str>, seconds: i64) -> Blame<&str> {
    Blame {
        game: Game::NeighboursAbsent,
        harm: Harm::Wait,
        cause: Cause::EvictedNeighbour,
        culprit,
        evidence: Evidence::Modelled,
        quantity: seconds * SECOND,
        cost: Usd::ZERO,
        avoidable: Usd::ZERO,
    }
}

#[test]
fn who_was_in_service_is_blamed_for_the_wait() {
    for restarts in [false, true] {
        let mut attributor = Attributor::default();
        assert_eq!(blames(&mut attributor, &served(Some("a"), 0, 0, 10)), []);
        if restarts {
            attributor = restarted(&attributor);
        }
        assert_eq!(blames(&mut attributor, &served(Some("b"), 1, 9, 8)), [wait(Culprit::Tenant("a"), 9)]);
        assert_eq!(blames(&mut attributor, &served(None, 100, 0, 10)), []);
        assert_eq!(blames(&mut attributor, &served(Some("b"), 103, 7, 1)), [wait(Culprit::NoTenant, 7)]);
    }
}

#[test]
fn a_wait_that_is_ones_own_is_no_blame() {
    let mut attributor = Attributor::default();
    assert_eq!(blames(&mut attributor, &served(Some("a"), 0, 0, 10)), []);
    assert_eq!(blames(&mut attributor, &served(Some("a"), 5, 5, 1)), []);
}

#[test]
fn a_queue_is_one_replicas() {
    let mut attributor = Attributor::default();
    let on = |replica: &'static str, event: Event<'static>| Event {
        cache: CacheUse { replica: Some(replica.into()), ..CacheUse::default() },
        ..event
    };
    assert_eq!(blames(&mut attributor, &on("one", served(Some("a"), 0, 0, 10))), []);
    assert_eq!(blames(&mut attributor, &on("two", served(Some("b"), 1, 9, 1))), []);
    assert_eq!(blames(&mut attributor, &on("one", served(Some("c"), 1, 9, 2))), [wait(Culprit::Tenant("a"), 9)]);
}

#[test]
fn times_that_nobody_knows_are_nobodys() {
    let mut attributor = Attributor::default();
    assert_eq!(blames(&mut attributor, &served(Some("a"), 0, 0, 10)), []);
    let known = served(Some("b"), 1, 9, 1);
    assert_eq!(blames(&mut attributor, &Event { queue: None, ..known.clone() }), []);
    assert_eq!(blames(&mut attributor, &Event { duration: None, ..known.clone() }), []);
    assert_eq!(blames(&mut attributor, &Event { queue: Some(Micros(i64::MAX)), ..known.clone() }), []);
    assert_eq!(blames(&mut attributor, &Event { duration: Some(Micros(i64::MIN)), ..known.clone() }), []);
    assert_eq!(blames(&mut attributor, &known), [wait(Culprit::Tenant("a"), 9)]);
}

/// A call through a proxy to a provider whose bucket holds 10,000 input tokens.
fn call(tenant: &'static str, provider: &'static str, second: i64, tokens: u64) -> Event<'static> {
    let mut event = Event {
        id: format!("{tenant} {second}").into(),
        source: "proxy".into(),
        domain: format!("{provider}/{tenant}").into(),
        provider: provider.into(),
        request_model: "m".into(),
        tenant: Some(tenant.into()),
        time: EventTime(second * SECOND),
        http_status: Some(200),
        limits: vec![Limit {
            bucket: "org".into(),
            counts: "input_tokens".into(),
            limit: Some(10_000),
            ..Limit::default()
        }],
        ..Event::default()
    };
    event.usage.parts.set(Class::Uncached, tokens);
    event
}

fn refused(mut event: Event<'static>) -> Event<'static> {
    event.http_status = Some(429);
    event.limits.iter_mut().for_each(|limit| limit.refused = true);
    event
}

fn refusal(culprit: &str, millionths: i64) -> Blame<&str> {
    Blame {
        harm: Harm::Refusal,
        evidence: Evidence::Inferred,
        quantity: millionths,
        ..wait(Culprit::Tenant(culprit), 0)
    }
}

#[test]
fn who_emptied_the_bucket_is_blamed_across_domains_and_not_across_providers() {
    for restarts in [false, true] {
        let mut attributor = Attributor::default();
        assert_eq!(blames(&mut attributor, &call("a", "openai", 0, 9_000)), []);
        if restarts {
            attributor = restarted(&attributor);
        }
        let victims = refused(call("b", "openai", 1, 5_000));
        assert_eq!(blames(&mut attributor, &victims), [refusal("a", 1_000_000)]);
        assert_eq!(blames(&mut attributor, &refused(call("b", "anthropic", 2, 5_000))), []);
    }
}

#[test]
fn a_refusal_without_a_word_is_nobodys() {
    let mut attributor = Attributor::default();
    assert_eq!(blames(&mut attributor, &call("a", "openai", 0, 10_000)), []);
    let silent = Event { limits: Vec::new(), ..refused(call("b", "openai", 1, 5_000)) };
    assert_eq!(blames(&mut attributor, &silent), []);
}

#[test]
fn reads_take_from_the_bucket_where_the_provider_counts_them() {
    let victims = |provider| refused(call("b", provider, 1, 5_000));
    for (provider, expected) in [("openai", vec![refusal("a", 1_000_000)]), ("anthropic", Vec::new())] {
        let mut attributor = Attributor::default();
        // As much as there is, all of it read from the cache.
        let mut reader = call("a", provider, 0, 0);
        reader.usage.parts.set(Class::CacheRead, 10_000);
        assert_eq!(blames(&mut attributor, &reader), []);
        assert_eq!(blames(&mut attributor, &victims(provider)), expected, "{provider}");
    }
}

/// What a neighbour evicted must be computed again, and that takes from the bucket in the neighbour's name.
#[test]
fn tokens_of_evictions_are_the_evictors_attempts() {
    let book = builtin();
    let mut rater = Rater::new(&book);
    let domains = BTreeMap::from([("pool".into(), DomainSettings { capacity: Some(10), ..DomainSettings::default() })]);
    let settings = Settings { domains, ..Settings::default() };
    let mut attributor = Attributor::default();
    let mut prompt = |tenant, second, from: u64, limits: bool| {
        let mut event = call(tenant, "openai", second, 10 * 800);
        event.domain = "pool".into();
        event.request_model = "gpt-5-mini".into();
        event.prefix = Some(PrefixChain { block_tokens: 800, sampled_of: 1, blocks: (from..from + 10).collect() });
        event.limits.retain(|_| limits);
        let rated = rater.rate(&event).unwrap();
        attributor.request(&settings, &event, &rated, 0).blames.len()
    };
    assert_eq!(prompt("a", 0, 0, false), 0);
    assert_eq!(prompt("b", 10, 100, false), 0);
    // It misses what `b` pushed out.
    assert_eq!(prompt("a", 20, 0, true), 1);
    let victims = refused(Event { domain: "pool".into(), ..call("c", "openai", 21, 5_000) });
    assert_eq!(blames(&mut attributor, &victims), [refusal("b", 1_000_000)]);
}
