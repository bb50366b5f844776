//! How far the model is off, by story, cache and what it is told: the table of all measurements, for people.

use std::collections::BTreeMap;

use aliquot_attribution::recency::Resolution;
use aliquot_attribution::settings::DomainSettings;
use aliquot_sim::cache::Kind;
use aliquot_sim::scenario::{Case, LENGTH};

use crate::drive::{Drive, Driven, Moments};
use crate::stories::Story;

/// Money by cause, in percent of what was lost, and what is known of the capacity.
fn described(story: &Story, driven: &Driven) -> String {
    let total = story.truth.whole().total() as f64 / 100.0;
    let mut parts = BTreeMap::new();
    for (cause, _, cost) in driven.told.iter().flat_map(|told| &told.parts) {
        *parts.entry(cause.name()).or_insert(0.0) += *cost as f64 / total;
    }
    parts.retain(|_, part| *part >= 0.05);
    let parts: Vec<String> = parts.iter().map(|(name, part)| format!("{name} {part:.1}")).collect();
    let (_, node) = driven.domain.nodes().next().unwrap();
    let capacity = node.capacity().map(|known| (known.blocks, known.quota.is_hard(), known.is_lru));
    format!("{capacity:?} | {}", parts.join(", "))
}

#[test]
#[ignore = "minutes: every story on every cache in every way"]
fn survey() {
    for case in Case::DISJOINT.into_iter().chain(Case::SHARED) {
        for kind in [Kind::Lru, Kind::Vllm, Kind::Sglang, Kind::Lfu, Kind::AtRandom { seed: 1 }] {
            let story = Story::new(case, kind, LENGTH);
            let exact = Drive::new(&story);
            let epochs = Drive { resolution: Resolution::Epochs, ..exact.clone() };
            let ends = Drive { moments: Moments::EndsOnly, ..epochs.clone() };
            let unknown = Drive { settings: DomainSettings::default(), ..ends.clone() };
            for (name, drive) in [("exact", exact), ("epochs", epochs), ("ends", ends), ("unknown", unknown)] {
                let driven = drive.run();
                let misplaced = story.truth.misplaced(&driven.lines);
                println!("{} | {kind:?} | {name} | {misplaced:.3} % | {}", case.name(), described(&story, &driven));
            }
        }
    }
}
