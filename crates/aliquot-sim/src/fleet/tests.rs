//! The demo's story, held against its events: what everybody reads on the first screen must be so.

use std::collections::BTreeSet;

use aliquot_core::prices::PriceBook;
use aliquot_core::rating::Rater;
use aliquot_core::state::{Applied, PartitionState, Rules};
use aliquot_core::usage::{ByClass, Class};
use aliquot_wire::{Limits, decode, json};
use xxhash_rust::xxh3::Xxh3Default;

use super::*;
use crate::truth::{self, add};

fn run(settings: FleetSettings) -> (Vec<Emitted>, FleetTruth) {
    let mut fleet = Fleet::new(settings);
    let emitted: Vec<_> = fleet.by_ref().collect();
    (emitted, fleet.truth().clone())
}

fn short(seed: u64) -> FleetSettings {
    FleetSettings { seed, minutes: 2, launch_minute: 1, ..FleetSettings::default() }
}

fn digest(emitted: &[Emitted]) -> u64 {
    let mut hasher = Xxh3Default::new();
    for emitted in emitted {
        hasher.update(&json::encode(emitted.event.report()));
        hasher.update(&emitted.received_at.0.to_le_bytes());
    }
    hasher.digest()
}

/// The finished requests.
fn requests(emitted: &[Emitted]) -> impl Iterator<Item = &Event<'_>> {
    emitted.iter().filter_map(|emitted| emitted.event.report().request())
}

/// Rate of those tenants that are not the launcher.
fn neighbours_rate(phase: &Phase) -> f64 {
    let neighbours = phase.truth.reported.iter().filter(|(tenant, _)| tenant.as_deref() != Some("northwind"));
    neighbours.fold(truth::Reported::default(), |sum, (_, reported)| sum.and(*reported)).hit_rate().unwrap()
}

fn mean_duration(emitted: &[Emitted], after: bool, launch: EventTime) -> f64 {
    let durations: Vec<_> = requests(emitted)
        .filter(|event| (event.time >= launch) == after)
        .filter_map(|event| event.duration)
        .map(|duration| duration.0)
        .collect();
    durations.iter().sum::<i64>() as f64 / durations.len() as f64
}

#[test]
fn the_launch_takes_the_hit_rate_down_and_nothing_else() {
    let settings = FleetSettings::default();
    let (emitted, truth) = run(settings);
    let rate = |phase: &Phase| phase.truth.all_reported().hit_rate().unwrap();
    assert!((0.69..0.73).contains(&rate(&truth.before)), "{}", rate(&truth.before));
    assert!((0.16..0.20).contains(&rate(&truth.after)), "{}", rate(&truth.after));
    assert!((30_000..60_000).contains(&truth.total().requests), "{}", truth.total().requests);

    let growth = truth.after.truth.requests * 100 / truth.before.truth.requests;
    assert!((110..=130).contains(&growth), "volume looks like a good day: {growth} %");
    let launch = settings.launch();
    let slower = mean_duration(&emitted, true, launch) / mean_duration(&emitted, false, launch);
    assert!((0.95..1.10).contains(&slower), "latency looks normal: {slower}");

    assert!(neighbours_rate(&truth.before) > 0.69 && neighbours_rate(&truth.after) < 0.35, "the neighbours suffer");
    let neighbours_lost = |phase: &Phase| {
        let losses = phase.evictions.iter().filter(|((_, owner), _)| *owner != "northwind");
        losses.map(|(_, blocks)| blocks).sum::<u64>()
    };
    assert!(
        neighbours_lost(&truth.after) > 2 * neighbours_lost(&truth.before),
        "mostly blocks that would have been used"
    );
    assert!(truth.after.truth.blocks_reinserted > 100 * truth.before.truth.blocks_reinserted, "the thrash");
    let (culprit, _) = truth.after.evictions.iter().max_by_key(|(_, blocks)| **blocks).unwrap();
    assert_eq!(culprit.0, "northwind");

    let minute = |event: &Event<'_>| event.time.since(settings.start).0 / MINUTE;
    let mut by_minute = BTreeMap::<i64, truth::Reported>::new();
    for event in requests(&emitted).filter(|event| event.usage.cache_reported) {
        let reported = by_minute.entry(minute(event)).or_default();
        *reported = reported.and(truth::Reported::of(&event.usage.parts));
    }
    assert_eq!(by_minute.keys().copied().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    for (minute, reported) in by_minute {
        let rate = reported.hit_rate().unwrap();
        let expected = if minute < 5 { 0.69..0.73 } else { 0.15..0.25 };
        assert!(expected.contains(&rate), "steady on either side, but minute {minute} has {rate}");
    }
}

#[test]
fn the_rules_charge_each_request_once() {
    let (emitted, truth) = run(FleetSettings::default());
    let book = PriceBook::default();
    let (mut rater, mut state, rules) = (Rater::new(&book), PartitionState::default(), Rules::default());
    let (mut charged, mut reports, mut duplicates, mut sum) = (0, 0, 0, ByClass::all(0));
    for Emitted { event, received_at } in &emitted {
        let applied = match event {
            Reported::Request(event) => state.apply(&mut rater, &rules, *received_at, event).map(|_| {
                charged += 1;
                add(&mut sum, &event.usage.parts);
            }),
            Reported::Node(node) => state.apply_node(&rules, *received_at, node).map(|()| reports += 1),
        };
        match applied {
            Applied::Accepted(()) => {}
            Applied::Duplicate => duplicates += 1,
            Applied::Rejected(reason) => unreachable!("{reason}: {event:?}"),
        }
    }
    let total = truth.total();
    assert_eq!((charged, reports, duplicates), (total.requests, total.reports, total.duplicates()));
    assert_eq!(total.events, charged + reports + duplicates);
    assert_eq!(sum, total.usage());
    let by_tenant = total.by_tenant();
    let summed = by_tenant.values().fold(ByClass::all(0), |mut sum, parts| {
        add(&mut sum, parts);
        sum
    });
    assert_eq!(summed, sum);
    assert_eq!(by_tenant.len(), 25, "24 tenants, and requests without one");
    let (largest, _) = by_tenant.iter().max_by_key(|(_, parts)| parts.get(Class::Requests)).unwrap();
    assert_eq!(largest.as_deref(), Some("northwind"));
    assert!(total.block_hits < total.block_refs && total.blocks_reinserted > 0);
}

#[test]
fn nodes_count_without_holes_and_arrivals_keep_their_order() {
    let (emitted, _) = run(short(1));
    let mut next_seq = BTreeMap::<_, u64>::new();
    let mut seen = BTreeMap::new();
    let mut arrived = BTreeMap::new();
    for Emitted { event, received_at } in &emitted {
        let head = event.report().head();
        if let Some(original) = seen.insert((head.source, head.id), event) {
            assert_eq!(event, original, "a resend repeats everything, its number too");
        } else if let Some(sequence) = head.sequence {
            let next = next_seq.entry((head.source, head.domain)).or_default();
            assert_eq!((sequence.epoch, sequence.seq), (1, *next));
            *next += 1;
        } else {
            assert_eq!(head.source, "reseller");
        }
        let before = arrived.insert(head.domain, *received_at).unwrap_or_default();
        assert!(before <= *received_at && head.time < *received_at);
        assert!(received_at.since(head.time) < Micros(2_100_000));
    }
    let nodes = next_seq.keys().filter(|(source, domain)| source == domain && source.starts_with("gpu-"));
    assert_eq!(nodes.count(), 4);
    assert!(next_seq.contains_key(&("proxy-anthropic", "anthropic/northwind")));
}

#[test]
fn each_node_says_each_minute_what_it_is() {
    let settings = FleetSettings::default();
    let (emitted, truth) = run(settings);
    let mut worked = BTreeMap::<_, i64>::new();
    for event in requests(&emitted).map(|event| (&event.id, event)).collect::<BTreeMap<_, _>>().values() {
        *worked.entry(event.source.as_ref()).or_default() += event.usage.parts.get(Class::GpuMicros).cast_signed();
    }
    let mut nodes = BTreeMap::<_, Vec<_>>::new();
    for emitted in &emitted {
        if let Reported::Node(node) = &emitted.event {
            assert_eq!(node.check(), Ok(()));
            assert_eq!(
                (node.kv_blocks, node.block_tokens, node.domain.as_ref()),
                (Some(9_999), Some(64), &*node.source)
            );
            nodes.entry(node.source.as_ref()).or_default().push(node);
        }
    }
    assert_eq!((nodes.len(), truth.total().reports), (4, 44));
    for (name, reports) in nodes {
        let minutes: Vec<_> = reports.iter().map(|node| node.time.since(settings.start).0 / MINUTE).collect();
        assert_eq!(minutes, (0..=10).collect::<Vec<_>>(), "{name}");
        let intervals: i64 = reports.iter().map(|node| node.interval.0).sum();
        assert_eq!(intervals, 10 * MINUTE);
        let busy: i64 = reports.iter().filter_map(|node| node.busy).map(|busy| busy.0).sum();
        assert_eq!(busy, worked[name], "{name} is never busier than its GPUs");
    }
}

#[test]
fn events_say_what_is_known_of_their_cache() {
    let (emitted, _) = run(short(1));
    for event in requests(&emitted) {
        let cache = &event.cache;
        let known = (cache.session.is_some(), cache.lifetime, cache.cacheable_tokens.is_some());
        let expected = match event.source.as_ref() {
            "reseller" => (false, None, false),
            "proxy-anthropic" => (false, Some(Micros(300_000_000)), true),
            "proxy-openai" => (false, Some(Micros(300_000_000)), false),
            _ => (true, None, false),
        };
        assert_eq!(known, expected, "{event:?}");
        let cached = event.usage.parts.get(Class::CacheRead) + event.usage.parts.get(Class::CacheWrite5m);
        assert!(cache.cacheable_tokens.is_none_or(|tokens| tokens == cached), "{event:?}");
    }
    // The same prefix up to the user's context is the same session, and another one is another.
    let mut sessions = BTreeMap::new();
    for event in requests(&emitted).filter(|event| event.cache.session.is_some()) {
        let context = event.prefix.as_ref().and_then(|chain| chain.blocks.get(20)).unwrap();
        let of_context = sessions.entry(*context).or_insert_with(|| event.cache.session.clone());
        assert_eq!(*of_context, event.cache.session);
    }
    let distinct: BTreeSet<_> = sessions.values().collect();
    assert_eq!(distinct.len(), sessions.len());
}

#[test]
fn every_counter_of_the_demo_has_something_to_count() {
    let fleet = Fleet::new(FleetSettings::default());
    let mut refused = Vec::new();
    for message in fleet.malformed() {
        decode(&message.content_type, &message.payload, &Limits::default(), &mut |_, event| {
            refused.push(event.unwrap_err().reason.name());
        });
    }
    assert_eq!(refused, ["malformed", "negative", "malformed"]);
    assert_eq!(fleet.truth().malformed, 3);
    let (emitted, truth) = run(FleetSettings::default());
    let count = |is: &dyn Fn(&Event<'_>) -> bool| requests(&emitted).filter(|event| is(event)).count();
    for (what, few) in [
        ("without a tenant", count(&|event| event.tenant.is_none())),
        ("of an unpriced model", count(&|event| event.request_model == "orion-2-preview")),
        ("that say nothing about the cache", count(&|event| !event.usage.cache_reported)),
        ("sent twice", usize::try_from(truth.total().duplicates()).unwrap()),
    ] {
        assert!((10..500).contains(&few), "{few} events {what}");
    }
    let models: BTreeSet<_> = requests(&emitted).map(|event| event.request_model.as_ref()).collect();
    let expected = ["claude-sonnet-4-5", "gpt-4o-mini", "gpt-5-mini", "llama-3.3-70b", "orion-2-preview"];
    assert_eq!(models.into_iter().collect::<Vec<_>>(), expected);
    for event in requests(&emitted) {
        assert_eq!(event.usage.check(), Ok(()));
        assert_eq!(event.usage.parts.get(Class::GpuMicros) > 0, event.provider == "self");
    }
}

#[test]
fn a_seed_is_a_fleet() {
    let (first, truth) = run(short(1));
    let (again, same_truth) = run(short(1));
    assert_eq!(digest(&first), digest(&again));
    assert_eq!(truth, same_truth);
    let (other, other_truth) = run(short(2));
    assert_ne!(digest(&first), digest(&other));
    let rate = |truth: &FleetTruth| truth.before.truth.all_reported().hit_rate().unwrap();
    assert!((rate(&truth) - rate(&other_truth)).abs() < 0.02, "another fleet of the same kind");
}

#[test]
fn the_launch_can_be_left_out() {
    let settings = FleetSettings { minutes: 2, launch_minute: 9, ..FleetSettings::default() };
    let (emitted, truth) = run(settings);
    assert!(requests(&emitted).all(|event| event.feature.as_deref() != Some("launch")));
    assert_eq!(truth.after, Phase::default());
    assert!(Fleet::new(FleetSettings { minutes: 0, ..settings }).next().is_none());
}
