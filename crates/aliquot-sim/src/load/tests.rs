//! The messages, decoded and applied by the rules of the core, against the totals that were computed without them.

use std::collections::{BTreeMap, BTreeSet};

use aliquot_core::event::Event;
use aliquot_core::position::Partition;
use aliquot_core::prices::PriceBook;
use aliquot_core::rating::Rater;
use aliquot_core::state::{Applied, PartitionState, Rules};
use aliquot_core::usage::Class;
use aliquot_wire::{Limits, decode};

use super::*;

fn load(encoding: Encoding) -> Load {
    let number = |number| NonZeroU32::new(number).unwrap();
    Load {
        events: 6_000,
        tenants: number(7),
        nodes: number(3),
        domains: number(5),
        malformed_per_mille: 10,
        events_per_message: 37,
        encoding,
        ..Load::default()
    }
}

/// What a pipeline with one partition would count.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    sums: BTreeMap<(Option<String>, String, String), ByClass<u64>>,
    charged: u64,
    duplicates: u64,
    rejected: u64,
    reasons: BTreeSet<&'static str>,
    holes: usize,
    messages: u64,
}

fn count(load: &Load) -> Counted {
    let book = PriceBook::default();
    let (mut rater, mut state, mut counted) = (Rater::new(&book), PartitionState::default(), Counted::default());
    for message in load.messages() {
        counted.messages += 1;
        decode(&message.content_type, &message.payload, &Limits::default(), &mut |_, event| {
            let reason = match event.map(|report| report.request().unwrap()) {
                Ok(event) => {
                    assert!(event.source == "broken" || event.domain == message.key);
                    match state.apply(&mut rater, &Rules::default(), message.received_at, event) {
                        Applied::Accepted(_) => return counted.charge(event),
                        Applied::Duplicate => return counted.duplicates += 1,
                        Applied::Rejected(reason) => reason,
                    }
                }
                Err(refusal) => refusal.reason,
            };
            counted.rejected += 1;
            counted.reasons.insert(reason.name());
        });
    }
    counted.holes = state.take_moved(Partition(0)).iter().map(|report| report.gaps.len()).sum();
    counted
}

impl Counted {
    fn charge(&mut self, event: &Event<'_>) {
        self.charged += 1;
        let model = event.response_model.as_ref().unwrap();
        let line = (event.tenant.as_ref().map(ToString::to_string), event.provider.to_string(), model.to_string());
        add(self.sums.entry(line).or_insert(ByClass::all(0)), &event.usage.parts);
    }
}

#[test]
fn the_truth_is_what_the_rules_make_of_the_messages() {
    for encoding in [Encoding::Json, Encoding::JsonBatch, Encoding::Arrow] {
        let load = load(encoding);
        let (truth, counted) = (load.truth(), count(&load));
        assert_eq!((counted.charged, truth.requests), (6_000, 6_000));
        assert_eq!((counted.duplicates, counted.rejected), (truth.duplicates(), truth.malformed), "{encoding:?}");
        assert!((60..180).contains(&counted.duplicates) && (30..90).contains(&counted.rejected), "{counted:?}");
        assert_eq!(counted.holes, 0, "every stream counts without a hole");
        let expected: BTreeMap<_, _> = truth
            .sums
            .iter()
            .map(|(line, parts)| {
                let tenant = line.tenant.as_ref().map(ToString::to_string);
                ((tenant, line.provider.to_string(), line.model.to_string()), *parts)
            })
            .collect();
        assert_eq!(counted.sums, expected);
        assert_eq!(counted.reasons.len(), 5, "two of the six kinds are malformed: {:?}", counted.reasons);
        let rows = if encoding == Encoding::Json { 1 } else { 37 };
        assert!(counted.messages >= (truth.events / rows) + truth.malformed, "{}", counted.messages);
    }
}

#[test]
fn totals_are_sums_of_their_parts() {
    let truth = load(Encoding::Json).truth();
    assert_eq!(truth.by_tenant().len(), 8, "seven tenants, and events without one");
    let by_tenant = truth.by_tenant().values().fold(ByClass::all(0), |mut sum, parts| {
        add(&mut sum, parts);
        sum
    });
    assert_eq!(by_tenant, truth.usage());
    assert_eq!(truth.usage().get(Class::Requests), truth.requests);
    assert_eq!(truth.all_reported(), Reported::of(&truth.usage()));
    assert_eq!(truth.block_refs, 48_000);
}

#[test]
fn the_same_settings_make_the_same_messages() {
    let load = load(Encoding::JsonBatch);
    assert!(load.messages().eq(load.messages()));
    let other = Load { seed: 2, ..load };
    assert!(!load.messages().eq(other.messages()));
}

#[test]
fn nothing_is_broken_or_twice_unless_asked_for() {
    let load = Load { duplicates_per_mille: 0, malformed_per_mille: 0, blocks_per_event: 0, ..load(Encoding::Json) };
    let counted = count(&load);
    assert_eq!((counted.charged, counted.duplicates, counted.rejected, counted.messages), (6_000, 0, 0, 6_000));
    assert_eq!(Load { events: 0, ..load }.messages().count(), 0);
    let all_twice = Load { duplicates_per_mille: 1_000, ..load };
    assert_eq!(count(&all_twice).duplicates, 6_000);
}

#[test]
fn arrivals_do_not_go_back() {
    let arrivals: Vec<_> = load(Encoding::Json).messages().map(|message| message.received_at).collect();
    assert!(arrivals.is_sorted());
    assert_eq!(arrivals.last().unwrap().since(arrivals[0]).0, 5_999_000, "six thousand events at a thousand a second");
}
