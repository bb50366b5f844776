//! Events that cannot be true: every token and every picodollar still has its line, nobody is blamed on such grounds, and nothing
//! stops.

use aliquot_attribution::attributor::Attributor;
use aliquot_attribution::settings::{DomainSettings, Settings};
use aliquot_core::blame::Attribution;
use aliquot_core::cause::{Cause, Harm};
use aliquot_core::event::{CacheReport, CacheUse, Event, NodeReport, PrefixChain};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::position::{Offset, Partition, Place};
use aliquot_core::rating::{Rated, Rater};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::{ByClass, Class};
use aliquot_wire::prices::book::builtin;
use proptest::collection::vec;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;
const BLOCK: u64 = 16;

fn settings(capacity: u64) -> Settings {
    let known = DomainSettings { capacity: Some(capacity), ..DomainSettings::default() };
    Settings { domains: [("*".into(), known)].into(), ..Settings::default() }
}

/// A prompt of these blocks, of whose tokens so many blocks' were read.
fn event(tenant: &'static str, second: i64, blocks: Vec<u64>, read: u64) -> Event<'static> {
    let total = blocks.len() as u64 * BLOCK;
    let mut parts = ByClass::all(0);
    parts.set(Class::CacheRead, read * BLOCK);
    parts.set(Class::Uncached, total.saturating_sub(read * BLOCK));
    let mut event = Event {
        id: format!("{tenant} {second}").into(),
        source: "node".into(),
        domain: "pool".into(),
        provider: "self".into(),
        tenant: Some(tenant.into()),
        time: EventTime(1_700_000_000 * SECOND + second * SECOND),
        duration: Some(Micros(SECOND)),
        prefix: Some(PrefixChain { block_tokens: BLOCK as u32, sampled_of: 1, blocks }),
        ..Event::default()
    };
    event.usage.parts = parts;
    event.usage.cache_reported = true;
    event
}

fn rated(event: &Event<'_>) -> Rated {
    let (mut costs, mut rates) = (ByClass::all(Usd::ZERO), ByClass::all(None));
    for (class, rate) in [(Class::CacheRead, 100), (Class::Uncached, 1_000)] {
        let rate = Rate::from_pico(rate);
        costs.set(class, rate.times(event.usage.parts.get(class)).unwrap());
        rates.set(class, Some(rate));
    }
    Rated { costs, rates, read_rate: Some(Rate::from_pico(100)), ..Rated::default() }
}

/// What is said of it, once it is sure that every line is there.
fn told<'a>(attributor: &'a mut Attributor, settings: &Settings, event: &Event<'_>) -> Attribution<'a> {
    let rated = rated(event);
    let told = attributor.request(settings, event, &rated, 0);
    let cost: Usd = rated.costs.iter().map(|(_, cost)| cost).sum();
    assert_eq!(told.parts.iter().map(|part| part.cost).sum::<Usd>(), cost, "{event:?}");
    let tokens: u64 = told.parts.iter().map(|part| part.tokens).sum();
    assert_eq!(tokens, event.usage.prompt_tokens().unwrap(), "{event:?}");
    told
}

fn is_blamed(told: &Attribution<'_>) -> bool {
    told.blames.iter().any(|blame| blame.harm == Harm::Miss)
}

fn tokens(told: &Attribution<'_>, cause: Cause) -> u64 {
    told.parts.iter().filter(|part| part.cause == cause).map(|part| part.tokens).sum()
}

/// Two tenants have used a cache that holds both.
fn used() -> (Attributor, Settings) {
    let (mut attributor, settings) = (Attributor::default(), settings(100));
    told(&mut attributor, &settings, &event("a", 0, (0..20).collect(), 0));
    told(&mut attributor, &settings, &event("b", 10, (100..120).collect(), 0));
    (attributor, settings)
}

#[test]
fn hashes_out_of_order_are_a_conflict_of_nobodys() {
    let (mut attributor, settings) = used();
    let told = told(&mut attributor, &settings, &event("a", 20, (0..20).rev().collect(), 0));
    assert!(!is_blamed(&told) && tokens(&told, Cause::ModelConflict) > 0, "{told:?}");
}

#[test]
fn a_child_without_its_parent_is_a_conflict_of_nobodys() {
    let (mut attributor, settings) = used();
    let orphan: Vec<u64> = (500..505).chain(5..20).collect();
    let told = told(&mut attributor, &settings, &event("a", 20, orphan, 0));
    assert!(!is_blamed(&told) && tokens(&told, Cause::ModelConflict) > 0, "{told:?}");
}

#[test]
fn block_sizes_that_differ_blame_nobody() {
    for size in [0, 1, 15, 17, u32::MAX] {
        let (mut attributor, settings) = used();
        let mut event = event("a", 20, (0..20).collect(), 0);
        event.prefix.as_mut().unwrap().block_tokens = size;
        assert!(!is_blamed(&told(&mut attributor, &settings, &event)), "{size}");
    }
}

#[test]
fn more_hits_than_the_chain_has_are_hits() {
    let (mut attributor, settings) = used();
    let mut event = event("a", 20, (0..20).collect(), 20);
    event.usage.parts.set(Class::CacheRead, 1_000 * BLOCK);
    let told = told(&mut attributor, &settings, &event);
    assert!(!is_blamed(&told));
    assert_eq!(tokens(&told, Cause::Hit), 1_000 * BLOCK);
}

#[test]
fn negative_waits_are_nobodys() {
    let (mut attributor, settings) = used();
    for wait in [i64::MIN, -1, i64::MAX] {
        let event = Event { queue: Some(Micros(wait)), ttft: Some(Micros(wait)), ..event("a", 20, vec![1], 0) };
        let told = told(&mut attributor, &settings, &event);
        assert!(told.blames.iter().all(|blame| blame.harm != Harm::Wait), "{told:?}");
    }
}

#[test]
fn a_capacity_of_nothing_or_of_everything_loses_nothing() {
    for capacity in [0, 1, 1 << 32, u64::MAX] {
        let (mut attributor, settings) = (Attributor::default(), settings(capacity));
        for (second, tenant) in (0..40).zip(["a", "b"].into_iter().cycle()) {
            let first = if tenant == "a" { 0 } else { 100 };
            told(&mut attributor, &settings, &event(tenant, second, (first..first + 20).collect(), 0));
        }
    }
}

#[test]
fn a_clock_that_is_off_blames_nobody() {
    for skew in [-10 * 365 * 86_400, -3_600, 10 * 365 * 86_400] {
        let (mut attributor, settings) = used();
        let told = told(&mut attributor, &settings, &event("b", 20 + skew, (100..120).collect(), 0));
        assert!(!is_blamed(&told), "{skew}: {told:?}");
    }
    let (mut attributor, settings) = used();
    let late = told(&mut attributor, &settings, &event("b", -3_600, (100..120).collect(), 0));
    assert_eq!(tokens(&late, Cause::NoEvidence), 20 * BLOCK, "{late:?}");
}

#[test]
fn engine_events_twice_or_of_unknown_blocks_change_nothing() {
    let report =
        |removed: Vec<u64>, lost| CacheReport { domain: "pool".into(), removed, lost, ..CacheReport::default() };
    let after = |reports: &[CacheReport<'static>]| {
        let (mut attributor, settings) = used();
        reports.iter().for_each(|report| attributor.cache(&settings, report));
        format!("{:?}", told(&mut attributor, &settings, &event("a", 20, (0..20).collect(), 3)))
    };
    let once = after(&[report((3..20).collect(), false)]);
    assert_eq!(after(&[report((3..20).collect(), false), report((3..20).collect(), false)]), once);
    assert_eq!(after(&[report((3..20).collect(), false), report(vec![9_999], false)]), once);
    assert!(after(&[report(Vec::new(), true)]).contains("NoEvidence"), "missing ones make everything doubtful");
}

/// Anything at all.
fn garbage() -> impl Strategy<Value = Vec<Garbage>> {
    let number = || prop_oneof![0_u64..40, Just(0), Just(1 << 40), Just(u64::from(u32::MAX))];
    let time = || prop_oneof![-5_i64..5, Just(i64::MIN), Just(i64::MAX), Just(0)];
    vec((0_u8..4, 0_usize..4, vec(0_u64..60, 0..12), number(), number(), time(), time()), 1..60)
}

type Garbage = (u8, usize, Vec<u64>, u64, u64, i64, i64);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn garbage_stops_nothing_and_loses_nothing(all in garbage(), capacity in 0_u64..80) {
        let book = builtin();
        let mut rater = Rater::new(&book);
        let (mut attributor, settings) = (Attributor::default(), settings(capacity));
        for (kind, tenant, blocks, first, second, time, wait) in all {
            let at = EventTime((1_700_000_000 * SECOND).saturating_add(time.saturating_mul(SECOND)));
            match kind {
                0 => {
                    let report = CacheReport {
                        domain: "pool".into(), cleared: first == 0, lost: second == 0,
                        removed: blocks.clone(), stored: blocks, ..CacheReport::default()
                    };
                    attributor.cache(&settings, &report);
                }
                1 => {
                    let eviction = Some(["lru", "lfu", "slru", "random"][tenant].into());
                    let report = NodeReport {
                        domain: "pool".into(), time: at, kv_blocks: Some(first), eviction, interval: Micros(wait.max(0)),
                        gpu_count: 1, ..NodeReport::default()
                    };
                    let place = Place { partition: Partition(0), offset: Offset(0), index: 0 };
                    if let Ok(rated) = rater.rate_node(&report) {
                        attributor.node(&settings, place, &report, &rated);
                    }
                }
                _ => {
                    let mut event = event(["a", "b", "c", "d"][tenant], 0, blocks, 0);
                    event.time = at;
                    event.provider = ["self", "google", "mistral", "anthropic"][tenant].into();
                    event.usage.parts.set(Class::CacheRead, first);
                    event.usage.parts.set(Class::Uncached, second);
                    let chain = event.prefix.as_mut().unwrap();
                    chain.block_tokens = u32::try_from(first % 19).unwrap();
                    chain.sampled_of = u32::try_from(second % 3).unwrap();
                    (event.queue, event.ttft, event.duration) = (Some(Micros(wait)), Some(Micros(time)), Some(Micros(wait)));
                    event.cache = CacheUse { recomputed_tokens: second, lifetime: Some(Micros(wait)), ..CacheUse::default() };
                    told(&mut attributor, &settings, &event);
                }
            }
        }
    }
}
