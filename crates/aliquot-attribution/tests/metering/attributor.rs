//! Waits as the pipeline sees them: from events to blame, and through a restart.

use aliquot_attribution::attributor::Attributor;
use aliquot_attribution::settings::Settings;
use aliquot_core::blame::{Blame, Culprit};
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::event::{CacheUse, Event};
use aliquot_core::money::Usd;
use aliquot_core::rating::Rated;
use aliquot_core::time::{EventTime, Micros};

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
