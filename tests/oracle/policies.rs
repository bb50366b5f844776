//! Caches that are not what the model takes them for: it must notice, and stay within the bounds that are known for what it does then.

use std::num::NonZeroU32;

use aliquot_attribution::recency::Resolution;
use aliquot_attribution::settings::DomainSettings;
use aliquot_core::cause::Cause;
use aliquot_core::externality::{Fit, Tier};
use aliquot_core::position::Partition;
use aliquot_core::time::Micros;
use aliquot_sim::cache::Kind;
use aliquot_sim::coalition::Setup;
use aliquot_sim::scenario::{Case, LENGTH, Scenario};

use crate::drive::{Drive, Driven, Moments};
use crate::lines::Lines;
use crate::stories::Story;

/// Caches whose evictions do not follow from last uses.
const UNORDERED: [Kind; 2] = [Kind::Lfu, Kind::AtRandom { seed: 1 }];

/// What the domain says of its one replica.
fn fit(driven: &mut Driven) -> Fit {
    let mut news = Vec::new();
    driven.domain.take_news(Partition(0), "pool", &mut news);
    news.pop().unwrap()
}

fn drive(case: Case, kind: Kind, eviction: Option<&'static str>) -> (f64, Fit, Driven) {
    let length = if UNORDERED.contains(&kind) { Micros(LENGTH.0 / 2) } else { LENGTH };
    let story = Story::new(case, kind, length);
    let mut driven = Drive { resolution: Resolution::Epochs, eviction, ..Drive::new(&story) }.run();
    let (misplaced, fit) = (story.truth.misplaced(&driven.lines), fit(&mut driven));
    println!(
        "{} | {kind:?} | said to be {eviction:?} | {misplaced:.2} % | {:?} | {} ppm",
        case.name(),
        fit.tier,
        fit.error_ppm.unwrap_or_default()
    );
    (misplaced, fit, driven)
}

#[test]
fn the_gauge_knows_a_cache_that_goes_by_last_uses() {
    for case in [Case::Moderate, Case::BarelyOver, Case::HotHog] {
        for kind in [Kind::Lru, Kind::Vllm, Kind::Sglang] {
            let (_, fit, _) = drive(case, kind, None);
            assert_eq!(fit.tier, Tier::HardQuota, "{case:?} on {kind:?}");
            assert!(fit.error_ppm.unwrap() < 5_000, "{case:?} on {kind:?}: {fit:?}");
        }
        for kind in UNORDERED {
            let (_, fit, _) = drive(case, kind, None);
            assert_eq!(fit.tier, Tier::Simulated, "{case:?} on {kind:?}");
            assert!(fit.error_ppm.unwrap() > 50_000, "{case:?} on {kind:?}: {fit:?}");
        }
    }
}

/// The greatest part that is misplaced over these stories, and the mean.
fn misplaced(cases: &[Case], kind: Kind, eviction: Option<&'static str>) -> (f64, f64) {
    let misplaced: Vec<f64> = cases.iter().map(|case| drive(*case, kind, eviction).0).collect();
    let (most, mean) =
        (misplaced.iter().copied().fold(0.0, f64::max), misplaced.iter().sum::<f64>() / cases.len() as f64);
    println!("{kind:?} | said to be {eviction:?} | mean {mean:.2} %");
    (most, mean)
}

/// In proportion to what each used, it would be 23 and 26 % in the mean; by distance, as in an LRU cache, 20 to 32 %.
#[test]
fn what_is_simulated_is_nearly_right() {
    let cases = [Case::Moderate, Case::OneHog, Case::BarelyOver, Case::HotHog];
    let (most, mean) = misplaced(&cases, Kind::Lfu, Some("lfu"));
    assert!(most < 9.0 && mean < 6.0, "{most}, {mean}");
    let (most, mean) = misplaced(&cases, Kind::AtRandom { seed: 1 }, Some("random"));
    assert!(most < 13.0 && mean < 8.0, "{most}, {mean}");
}

#[test]
fn a_rule_that_nobody_tells_is_found() {
    for kind in UNORDERED {
        let (most, _) = misplaced(&[Case::OneHog, Case::BarelyOver], kind, None);
        assert!(most < 13.0, "{kind:?}: {most}");
    }
}

/// What is said to have one of these causes.
fn parts_of(driven: &Driven, causes: &[Cause]) -> i64 {
    let parts = driven.told.iter().flat_map(|told| &told.parts);
    parts.filter(|(cause, _, _)| causes.contains(cause)).map(|(_, _, cost)| cost).sum()
}

const CAPACITY: [Cause; 2] = [Cause::EvictedSelf, Cause::EvictedNeighbour];

#[test]
fn all_that_neighbours_are_said_to_have_taken_is_somebodys() {
    for kind in UNORDERED {
        // Tenants that use more than the whole cache themselves before they come back.
        let setup = Setup { kind, capacity_blocks: NonZeroU32::new(300).unwrap() };
        let scenario = Scenario::new(Case::OneHog, 1, LENGTH).with(setup);
        let driven = Drive::scenario(&scenario, &scenario.play()).run();
        let charged: i64 = driven.lines.0.iter().flat_map(|line| line.missed.charges).sum();
        assert_eq!(charged, parts_of(&driven, &[Cause::EvictedNeighbour]), "{kind:?}");
        assert!(charged > 0, "{kind:?}");
    }
}

#[test]
fn a_cache_that_keeps_blocks_for_a_time_has_no_capacity() {
    let scenario = Scenario::new(Case::TtlExpiry, 1, LENGTH);
    let Kind::Ttl { lifetime } = scenario.setup.kind else { panic!("a cache with a lifetime") };
    let story = Story::on(&scenario, scenario.setup);
    for moments in [Moments::AsTheyHappen, Moments::EndsOnly] {
        let settings = DomainSettings { lifetime: Some(lifetime), ..DomainSettings::default() };
        let driven = Drive { settings, moments, resolution: Resolution::Epochs, ..Drive::new(&story) }.run();
        assert!(parts_of(&driven, &[Cause::TtlExpired]) > 0, "{moments:?}");
        assert_eq!(parts_of(&driven, &CAPACITY), 0, "{moments:?}: nothing is pushed out");
        assert_eq!(driven.lines.whole().charged(), 0, "{moments:?}: nobody is to blame");
    }
}

#[test]
fn two_tiers_are_one_cache_of_both() {
    let scenario = Scenario::new(Case::Moderate, 1, LENGTH);
    let (gpu, host) = (NonZeroU32::new(1_000).unwrap(), 1_400);
    let story = Story::on(&scenario, Setup { kind: Kind::Tiers { host_blocks: host }, capacity_blocks: gpu });
    let both = u64::from(gpu.get() + host);
    let settings = DomainSettings { capacity: Some(both), ..DomainSettings::default() };
    let driven = Drive { settings, ..Drive::new(&story) }.run();
    assert_eq!(driven.lines.0, story.truth.0);
    // An engine that reports what fits its GPU is contradicted by what its host's memory had.
    let mut driven = Drive { resolution: Resolution::Epochs, ..Drive::new(&story) }.run();
    let found = fit(&mut driven).capacity_blocks.unwrap();
    assert!(found.abs_diff(both) < both / 50, "{found} of {both}");
}

#[test]
fn a_miss_that_another_replica_had_is_routed() {
    let scenario = Scenario::new(Case::RoutedAway, 1, LENGTH);
    let capacity_blocks = NonZeroU32::new(1_500).unwrap();
    let scenario = scenario.with(Setup { capacity_blocks, kind: Kind::Vllm });
    let story = Story::of(scenario.trace.clone(), scenario.setup, scenario.facts.clone());
    let played = scenario.play();
    for (moments, bound) in [(Moments::AsTheyHappen, 0.01), (Moments::EndsOnly, 0.05)] {
        let driven = Drive { moments, resolution: Resolution::Epochs, ..Drive::new(&story) }.run();
        let (mut right, mut wrong) = (0, 0);
        for (told, played) in driven.told.iter().zip(&played) {
            let truth = played.causes.iter().filter(|cause| **cause == Cause::RoutedElsewhere).count() as u64;
            let parts = told.parts.iter().filter(|(cause, _, _)| *cause == Cause::RoutedElsewhere);
            let said = parts.map(|(_, tokens, _)| tokens / 16).sum::<u64>();
            right += truth.min(said);
            wrong += truth.abs_diff(said);
        }
        println!("routed | {moments:?} | {right} blocks right, {wrong} wrong");
        assert!(right > 1_000 && (wrong as f64) < bound * right as f64, "{moments:?}: {right} right, {wrong} wrong");
    }
}

#[test]
fn an_unknown_capacity_is_found() {
    for (case, kind) in [(Case::BarelyOver, Kind::Lru), (Case::BarelyOver, Kind::Vllm), (Case::HotHog, Kind::Vllm)] {
        let story = Story::new(case, kind, LENGTH);
        let settings = DomainSettings::default();
        let mut driven = Drive { settings, resolution: Resolution::Epochs, ..Drive::new(&story) }.run();
        let truth = u64::from(story.setup.capacity_blocks.get());
        let found = fit(&mut driven).capacity_blocks.unwrap();
        assert!(found.abs_diff(truth) * 100 <= truth, "{case:?} on {kind:?}: {found} of {truth}");
        // Before, nothing is said of what was lost; from then on, what is said is right.
        let told = driven.lines.0.iter().zip(&story.truth.0).filter(|(line, _)| line.unexplained == 0);
        let (lines, truth): (Vec<_>, Vec<_>) = told.map(|(line, truth)| (line.clone(), truth.clone())).unzip();
        let (lines, truth) = (Lines(lines), Lines(truth));
        let part = truth.whole().total() as f64 / story.truth.whole().total() as f64;
        let misplaced = truth.misplaced(&lines);
        println!("{} | {kind:?} | capacity unknown | {found} | {misplaced:.3} % of {:.0} %", case.name(), 100.0 * part);
        assert!(part > 0.4, "{case:?} on {kind:?}: {part}");
        assert!(misplaced < 1.0, "{case:?} on {kind:?}: {misplaced}");
    }
}
