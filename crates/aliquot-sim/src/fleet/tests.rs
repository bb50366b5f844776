//! The demo's story, held against its events: what everybody reads on the first screen must be so.

use std::collections::BTreeSet;

use aliquot_core::prices::PriceBook;
use aliquot_core::rating::Rater;
use aliquot_core::state::{Applied, PartitionState, Rules};
use aliquot_core::usage::{ByClass, Class};
use aliquot_wire::{Limits, decode, json};
use xxhash_rust::xxh3::Xxh3Default;

use super::*;
use crate::truth::{Reported, add};

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
        hasher.update(&json::encode(&emitted.event));
        hasher.update(&emitted.received_at.0.to_le_bytes());
    }
    hasher.digest()
}

/// Rate of those tenants that are not the launcher.
fn neighbours_rate(phase: &Phase) -> f64 {
    let neighbours = phase.truth.reported.iter().filter(|(tenant, _)| tenant.as_deref() != Some("northwind"));
    neighbours.fold(Reported::default(), |sum, (_, reported)| sum.and(*reported)).hit_rate().unwrap()
}

fn mean_duration(emitted: &[Emitted], after: bool, launch: EventTime) -> f64 {
    let durations: Vec<_> = emitted
        .iter()
        .filter(|emitted| (emitted.event.time >= launch) == after)
        .filter_map(|emitted| emitted.event.duration)
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

    let minute = |emitted: &Emitted| emitted.event.time.since(settings.start).0 / MINUTE;
    let mut by_minute = BTreeMap::<i64, Reported>::new();
    for emitted in emitted.iter().filter(|emitted| emitted.event.usage.cache_reported) {
        let reported = by_minute.entry(minute(emitted)).or_default();
        *reported = reported.and(Reported::of(&emitted.event.usage.parts));
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
    let (mut charged, mut duplicates, mut sum) = (0, 0, ByClass::all(0));
    for emitted in &emitted {
        match state.apply(&mut rater, &rules, emitted.received_at, &emitted.event) {
            Applied::Accepted(_) => {
                charged += 1;
                add(&mut sum, &emitted.event.usage.parts);
            }
            Applied::Duplicate => duplicates += 1,
            Applied::Rejected(reason) => unreachable!("{reason}: {emitted:?}"),
        }
    }
    let total = truth.total();
    assert_eq!((charged, duplicates), (total.requests, total.duplicates()));
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
        if let Some(original) = seen.insert((event.source.clone(), event.id.clone()), event.clone()) {
            assert_eq!(*event, original, "a resend repeats everything, its number too");
        } else if let Some(sequence) = event.sequence {
            let next = next_seq.entry((event.source.clone(), event.domain.clone())).or_default();
            assert_eq!((sequence.epoch, sequence.seq), (1, *next));
            *next += 1;
        } else {
            assert_eq!(event.source, "reseller");
        }
        let before = arrived.insert(event.domain.clone(), *received_at).unwrap_or_default();
        assert!(before <= *received_at && event.time < *received_at);
        assert!(received_at.since(event.time) < Micros(2_100_000));
    }
    let nodes = next_seq.keys().filter(|(source, domain)| source == domain && source.starts_with("gpu-"));
    assert_eq!(nodes.count(), 4);
    assert!(next_seq.keys().any(|(source, domain)| source == "proxy-anthropic" && domain == "anthropic/northwind"));
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
    let count = |is: &dyn Fn(&Event<'_>) -> bool| emitted.iter().filter(|emitted| is(&emitted.event)).count();
    for (what, few) in [
        ("without a tenant", count(&|event| event.tenant.is_none())),
        ("of an unpriced model", count(&|event| event.request_model == "orion-2-preview")),
        ("that say nothing about the cache", count(&|event| !event.usage.cache_reported)),
        ("sent twice", usize::try_from(truth.total().duplicates()).unwrap()),
    ] {
        assert!((10..500).contains(&few), "{few} events {what}");
    }
    let models: BTreeSet<_> = emitted.iter().map(|emitted| emitted.event.request_model.as_ref()).collect();
    let expected = ["claude-sonnet-4-5", "gpt-4o-mini", "gpt-5-mini", "llama-3.3-70b", "orion-2-preview"];
    assert_eq!(models.into_iter().collect::<Vec<_>>(), expected);
    for emitted in &emitted {
        assert_eq!(emitted.event.usage.check(), Ok(()));
        let is_gpu = emitted.event.provider == "self";
        assert_eq!(emitted.event.usage.parts.get(Class::GpuMicros) > 0, is_gpu);
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
    assert!(emitted.iter().all(|emitted| emitted.event.feature.as_deref() != Some("launch")));
    assert_eq!(truth.after, Phase::default());
    assert!(Fleet::new(FleetSettings { minutes: 0, ..settings }).next().is_none());
}
