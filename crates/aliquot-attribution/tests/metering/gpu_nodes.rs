//! Intervals of GPU nodes as the pipeline sees them: from events and reports to rows, and what holds for any of them.

use aliquot_attribution::attributor::Attributor;
use aliquot_attribution::settings::Settings;
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::capacity::{Bearer, CapacityRow, IdlePolicy, LineKind};
use aliquot_core::event::{CacheUse, Event, NodeReport, PrefixChain};
use aliquot_core::money::Usd;
use aliquot_core::position::{Offset, Partition, Place};
use aliquot_core::rating::{Rated, Rater, Unpriced};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;
use aliquot_wire::prices::book::builtin;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;

/// 2026-11-17, when the built-in price of an hour holds.
const START: i64 = 1_794_908_520_000_000;

/// A request of so many milliseconds of GPU time that ended at a second.
fn served(tenant: Option<&'static str>, end: i64, gpu_ms: u64) -> Event<'static> {
    let mut event = Event {
        source: "gpu-0".into(),
        domain: "gpu-0".into(),
        provider: "self".into(),
        tenant: tenant.map(Into::into),
        time: EventTime(START + end * SECOND),
        duration: Some(Micros(3 * SECOND)),
        queue: Some(Micros(SECOND)),
        prefix: Some(PrefixChain { block_tokens: 10, sampled_of: 1, blocks: Vec::new() }),
        ..Event::default()
    };
    event.usage.parts.set(Class::GpuMicros, gpu_ms * 1_000);
    event.usage.parts.set(Class::Uncached, 95);
    event
}

/// The report of an interval that ended at a second: two GPUs.
fn report(end: i64, seconds: i64) -> NodeReport<'static> {
    NodeReport {
        source: "gpu-0".into(),
        domain: "gpu-0".into(),
        time: EventTime(START + end * SECOND),
        interval: Micros(seconds * SECOND),
        gpu_count: 2,
        gpu_type: "h100".into(),
        busy: Some(Micros(7)),
        ..NodeReport::default()
    }
}

fn take(attributor: &mut Attributor, event: &Event<'_>) {
    attributor.request(&Settings::default(), event, &Rated::default(), 0);
}

fn close(attributor: &mut Attributor, report: &NodeReport<'_>) -> Option<CapacityRow> {
    let book = builtin();
    let rated = Rater::new(&book).rate_node(report).unwrap();
    let place = Place { partition: Partition(1), offset: Offset(2), index: 3 };
    attributor.node(&Settings::default(), place, report, &rated)
}

fn saved(attributor: &Attributor) -> Vec<u8> {
    let mut out = Writer::default();
    attributor.save(&mut out);
    out.into_bytes()
}

fn restarted(attributor: &Attributor) -> Attributor {
    let bytes = saved(attributor);
    let mut reader = Reader::new(&bytes);
    let restored = Attributor::restore(&mut reader).unwrap();
    assert!(reader.is_at_end());
    assert_eq!(saved(&restored), bytes);
    restored
}

fn tenant(name: &str) -> Bearer {
    Bearer::Tenant(name.to_owned())
}

/// Kind, bearer and milliseconds of the lines under a policy.
fn lines(row: &CapacityRow, policy: IdlePolicy) -> Vec<(LineKind, Bearer, u64)> {
    let under = row.lines.iter().filter(|line| line.policy == policy);
    under.map(|line| (line.kind, line.bearer.clone(), line.micros / 1_000)).collect()
}

/// Costs, GPU time and place of a row are its report's, whatever the requests say.
fn assert_adds_up(row: &CapacityRow) {
    for policy in IdlePolicy::ALL {
        let under = || row.lines.iter().filter(move |line| line.policy == policy);
        assert_eq!(under().map(|line| line.cost).sum::<Usd>(), row.cost.unwrap_or_default(), "{policy:?}");
        assert_eq!(under().map(|line| line.micros).sum::<u64>(), row.available, "{policy:?}");
    }
}

#[test]
fn an_interval_is_its_tenants_compute_and_idle_time_by_each_policy() {
    for restarts in [false, true] {
        let mut attributor = Attributor::default();
        take(&mut attributor, &served(Some("a"), 1, 6_000));
        take(&mut attributor, &served(None, 9, 2_000));
        take(&mut attributor, &served(Some("a"), 10, 500));
        if restarts {
            attributor = restarted(&attributor);
        }
        let row = close(&mut attributor, &report(10, 10)).unwrap();
        assert_adds_up(&row);
        // 20 s of GPU time at $3.60 an hour.
        assert_eq!(row.cost, Ok(Usd::parse("0.02").unwrap()));
        assert_eq!((row.available, row.used, row.late, row.busy), (20_000_000, 8_000_000, 0, Some(7)));
        assert_eq!((row.from, row.time), (EventTime(START), EventTime(START + 10 * SECOND)));
        assert_eq!((row.place.offset, row.gpu_count, row.gpu_type.as_str()), (Offset(2), 2, "h100"));
        let compute = || vec![(LineKind::Compute, tenant("a"), 6_000), (LineKind::Compute, Bearer::NoTenant, 2_000)];
        let idle = |bearer, millis| (LineKind::Idle, bearer, millis);
        assert_eq!(lines(&row, IdlePolicy::None), [compute(), vec![idle(Bearer::Platform, 12_000)]].concat());
        let shared = [compute(), vec![idle(tenant("a"), 9_000), idle(Bearer::NoTenant, 3_000)]].concat();
        assert_eq!((lines(&row, IdlePolicy::ProRata), lines(&row, IdlePolicy::Peak)), (shared.clone(), shared));
        // What ended at the edge is the next interval's, in which nobody asks more than at the peak before.
        let row = close(&mut attributor, &report(20, 10)).unwrap();
        assert_eq!(row.used, 500_000);
        assert_eq!(lines(&row, IdlePolicy::ProRata)[1], idle(tenant("a"), 19_500));
        assert_eq!(lines(&row, IdlePolicy::Peak)[1], idle(tenant("a"), 14_625));
    }
}

#[test]
fn a_reserved_node_that_idles_is_its_owners() {
    let mut attributor = Attributor::default();
    take(&mut attributor, &served(Some("a"), 1, 6_000));
    take(&mut attributor, &served(Some("b"), 1, 1_000));
    let row = close(&mut attributor, &NodeReport { reserved_for: Some("a".into()), ..report(10, 10) }).unwrap();
    assert_adds_up(&row);
    assert_eq!(row.reserved_for.as_deref(), Some("a"));
    for policy in IdlePolicy::ALL {
        let reserved = row.lines.iter().filter(|line| line.policy == policy && line.kind == LineKind::ReservedIdle);
        assert_eq!(
            reserved.map(|line| (line.bearer.clone(), line.micros)).collect::<Vec<_>>(),
            [(tenant("a"), 13_000_000)]
        );
    }
}

#[test]
fn the_cache_is_held_by_blocks_for_as_long_as_a_request_runs() {
    let mut attributor = Attributor::default();
    take(&mut attributor, &served(Some("a"), 1, 1));
    take(&mut attributor, &served(Some("a"), 2, 1));
    take(&mut attributor, &Event { prefix: None, ..served(None, 2, 1) });
    let row = close(&mut attributor, &report(10, 10)).unwrap();
    // 95 tokens are ten blocks of ten, or six of sixteen, for two seconds.
    let held = row.residents.iter().map(|held| (held.bearer.clone(), held.block_micros, held.tokens));
    assert_eq!(held.collect::<Vec<_>>(), [(tenant("a"), 40_000_000, 190), (Bearer::NoTenant, 12_000_000, 95)]);
    assert_eq!(close(&mut attributor, &report(20, 10)).unwrap().residents, []);
}

#[test]
fn an_unpriced_interval_costs_not_nothing_but_nobody_knows_what() {
    let mut attributor = Attributor::default();
    take(&mut attributor, &served(Some("a"), 1, 6_000));
    let early = NodeReport { time: EventTime(10 * SECOND), ..report(10, 10) };
    let rated = Rater::new(&aliquot_core::prices::PriceBook::default()).rate_node(&early).unwrap();
    assert_eq!(rated.cost, Err(Unpriced::UnknownProvider));
    let place = Place { partition: Partition(0), offset: Offset(0), index: 0 };
    let row = attributor.node(&Settings::default(), place, &report(10, 10), &rated).unwrap();
    assert_eq!(row.cost, Err(Unpriced::UnknownProvider));
    assert_adds_up(&row);
    assert_eq!(lines(&row, IdlePolicy::None)[0], (LineKind::Compute, tenant("a"), 6_000));
}

#[test]
fn use_is_its_own_nodes_in_its_own_time() {
    let mut attributor = Attributor::default();
    take(&mut attributor, &Event { source: "gpu-1".into(), ..served(Some("a"), 1, 1_000) });
    let replica = CacheUse { replica: Some("r".into()), ..CacheUse::default() };
    take(&mut attributor, &Event { cache: replica, ..served(Some("a"), 1, 1_000) });
    take(&mut attributor, &served(Some("a"), -1, 30));
    take(&mut attributor, &served(Some("a"), 2, 4));
    let row = close(&mut attributor, &report(10, 10)).unwrap();
    assert_eq!((row.used, row.late), (4_000, 30_000), "before the first interval is nobody's");
    take(&mut attributor, &served(Some("a"), 9, 5));
    take(&mut attributor, &served(Some("a"), 11, 6));
    let row = close(&mut attributor, &report(20, 10)).unwrap();
    assert_eq!((row.used, row.late), (6_000, 5_000), "its interval is closed");
    let row = close(&mut attributor, &NodeReport { replica: Some("r".into()), ..report(10, 10) }).unwrap();
    assert_eq!((row.used, row.replica.as_deref()), (1_000_000, Some("r")));
}

#[test]
fn a_node_without_time_has_no_row() {
    let mut attributor = Attributor::default();
    assert_eq!(close(&mut attributor, &report(10, 0)), None);
    assert_eq!(close(&mut attributor, &NodeReport { gpu_count: 0, ..report(10, 10) }), None);
}

#[test]
fn memory_does_not_grow_with_requests_or_nodes_and_no_time_is_lost() {
    let mut attributor = Attributor::default();
    for number in 0..20_000_i64 {
        let mut event = served(Some("a"), 0, 1);
        event.time = EventTime(START + number * 997);
        take(&mut attributor, &event);
    }
    for number in 0..2_000_i64 {
        let mut event = served(Some("b"), number / 500, 1);
        event.source = format!("silent-{number}").into();
        take(&mut attributor, &event);
    }
    let length = saved(&attributor).len();
    assert!(length < 400_000, "{length}");
    let mut attributor = Attributor::default();
    for number in 0..20_000_i64 {
        let mut event = served(Some("a"), 0, 1);
        event.time = EventTime(START + number * 997);
        take(&mut attributor, &event);
    }
    let row = close(&mut attributor, &report(10, 10)).unwrap();
    let next = close(&mut attributor, &report(20, 10)).unwrap();
    assert_eq!(row.used + next.used, 20_000_000);
    assert!(row.used.abs_diff(10_030_000) < 1_100_000, "{} is sharp to a second", row.used);
}

proptest! {
    #[test]
    fn every_policy_gives_out_the_whole_interval(
        served_ones in prop::collection::vec((0..4_usize, -3..40_i64, prop_oneof![0..9_000_u64, Just(1 << 40)]), 0..60),
        owner in prop::option::of(0..3_usize),
        gpus in 0..4_u32,
    ) {
        let names = [Some("a"), Some("b"), Some("c"), None];
        let mut attributor = Attributor::default();
        let (mut seconds, mut used, mut rows) = (0, 0_u128, Vec::new());
        for (who, end, gpu_ms) in &served_ones {
            let mut event = served(names[*who], seconds + end, 0);
            event.usage.parts.set(Class::GpuMicros, gpu_ms * 1_000);
            used += u128::from(gpu_ms * 1_000);
            take(&mut attributor, &event);
            if *end > 20 {
                seconds += 10;
                let owner = owner.and_then(|owner| names[owner]).map(Into::into);
                rows.extend(close(&mut attributor, &NodeReport { reserved_for: owner, gpu_count: gpus, ..report(seconds, 10) }));
            }
        }
        rows.extend(close(&mut attributor, &NodeReport { gpu_count: 1, ..report(seconds + 86_400, 86_400) }));
        rows.iter().for_each(assert_adds_up);
        let known: u128 = rows.iter().map(|row| u128::from(row.used) + u128::from(row.late)).sum();
        prop_assert_eq!(known, used, "no GPU time is lost, and none is counted twice");
    }
}
