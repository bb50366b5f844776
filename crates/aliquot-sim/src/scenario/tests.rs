//! Each story shows its point: who lost what to whom, why blocks missed, and how far simple rules are off.

use std::collections::BTreeMap;

use aliquot_core::cause::Cause;

use super::*;
use crate::coalition::{Outcomes, Tier, Verdict, replay};
use crate::matrix::{PARTS, bill_factor, misallocation};
use crate::rules::{by_footprint, equally, last_evictor, observe};

const HALF: Micros = Micros(LENGTH.0 / 2);
const QUARTER: Micros = Micros(LENGTH.0 / 4);

fn verdict(scenario: &Scenario) -> Verdict {
    Verdict::of(&Outcomes::of(&scenario.trace, &scenario.setup, Tier::Any))
}

/// Blocks by cause.
fn causes(scenario: &Scenario) -> BTreeMap<Cause, u64> {
    let mut counts = BTreeMap::new();
    for cause in scenario.play().iter().flat_map(|played| &played.causes) {
        *counts.entry(*cause).or_default() += 1;
    }
    counts
}

#[test]
fn the_last_evictor_is_a_bad_guess_in_every_story() {
    for case in Case::DISJOINT {
        let scenario = Scenario::new(case, 1, HALF);
        let lost = observe(&scenario.trace, &scenario.setup);
        let verdict = verdict(&scenario);
        assert_eq!(lost.len() as u64, verdict.lost.iter().sum::<u64>(), "{case:?}: both look at the same blocks");
        assert_eq!(verdict.whole().credited(), 0, "{case:?}: nothing is shared");
        let evictor = misallocation(&verdict.missed, &last_evictor(TENANTS, &lost));
        assert!((0.08..0.36).contains(&evictor), "{case:?}: {evictor}");
        let footprint = misallocation(&verdict.missed, &by_footprint(TENANTS, scenario.capacity_blocks(), &lost));
        assert!(footprint < evictor, "{case:?}: {footprint} and {evictor}");
    }
}

#[test]
fn a_hog_that_always_hits_evicts_nobody_and_costs_the_most() {
    let scenario = Scenario::new(Case::HotHog, 1, QUARTER);
    let verdict = verdict(&scenario);
    let by_eviction = last_evictor(TENANTS, &observe(&scenario.trace, &scenario.setup));
    let most = (0..TENANTS).max_by_key(|tenant| verdict.missed.caused(*tenant));
    assert_eq!(most, Some(HOG));
    assert!(bill_factor(&verdict.missed, &by_eviction, HOG) < 0.5);
    let warm = (0..scenario.trace.requests.len()).filter(|request| scenario.facts[*request].is_launch);
    assert_eq!(warm.count(), 0, "it does not come at t0: it is there from the beginning");
}

#[test]
fn shared_templates_make_neighbours_help() {
    let [system, templates] = Case::SHARED.map(|case| verdict(&Scenario::new(case, 1, HALF)).whole());
    assert!(templates.credited() > templates.total() / 10, "{} of {}", templates.credited(), templates.total());
    assert!(system.credited() < system.total() / 10, "a few blocks that are always warm change little");
    assert!(system.credited() > 0);
}

#[test]
fn a_launch_is_what_its_victims_lost() {
    let scenario = Scenario::new(Case::Launch, 1, LENGTH);
    let (with, without) = (&scenario.trace, scenario.without_launch());
    let misses = |trace: &Trace| {
        let (found, _) = replay(trace, &scenario.setup, &trace.steps(), u32::MAX);
        let mut misses = [0_usize; TENANTS];
        for (request, found) in trace.requests.iter().zip(found) {
            misses[request.tenant] += request.blocks.len() - found.hits;
        }
        misses
    };
    let (after, before) = (misses(with), misses(&without));
    for victim in 1..TENANTS {
        assert!(after[victim] > before[victim] + 20, "tenant {victim} lost {} more", after[victim] - before[victim]);
    }
    let victims = causes(&scenario)[&Cause::EvictedNeighbour];
    assert_eq!(
        victims as i64 * PARTS,
        verdict(&scenario).missed.charged(),
        "what neighbours are charged is what they evicted"
    );
    assert!(
        scenario
            .facts
            .iter()
            .zip(&with.requests)
            .all(|(facts, request)| { !facts.is_launch || request.tenant == HOG && request.start >= scenario.t0 })
    );
    assert_eq!(
        without,
        Scenario::new(Case::Moderate, 1, LENGTH).without_launch(),
        "the others' traffic is what it always is"
    );
}

#[test]
fn each_blameless_story_has_its_cause_and_no_culprit() {
    let expected = [
        (Case::TtlExpiry, Cause::TtlExpired),
        (Case::Deploy, Cause::PrefixChanged),
        (Case::Stampede, Cause::InFlightRace),
        (Case::RoutedAway, Cause::RoutedElsewhere),
        (Case::OwnPrefixChange, Cause::PrefixChanged),
        (Case::CacheReset, Cause::Reset),
        (Case::LostHits, Cause::ModelConflict),
    ];
    for (case, cause) in expected {
        let causes = causes(&Scenario::new(case, 1, HALF));
        assert!(causes.get(&cause).is_some_and(|blocks| *blocks > 100), "{case:?}: {causes:?}");
        for evicted in [Cause::EvictedNeighbour, Cause::EvictedSelf] {
            assert_eq!(causes.get(&evicted), None, "{case:?}: nothing was evicted");
        }
    }
    assert!(
        Case::BLAMELESS
            .into_iter()
            .all(|case| { case == Case::PhantomHits || expected.iter().any(|(other, _)| *other == case) })
    );
}

#[test]
fn an_event_changes_what_follows_it_and_nothing_before() {
    let plain = Scenario::new(Case::PhantomHits, 1, HALF);
    let cause_at = |scenario: &Scenario, cause: Cause, since: bool| {
        let played = scenario.play();
        let requests = scenario.trace.requests.iter().zip(&played);
        let counted = requests.filter(|(request, _)| (request.start >= scenario.t0) == since);
        counted.flat_map(|(_, played)| &played.causes).filter(|other| **other == cause).count()
    };
    for (case, cause) in [
        (Case::Deploy, Cause::PrefixChanged),
        (Case::RoutedAway, Cause::RoutedElsewhere),
        (Case::OwnPrefixChange, Cause::PrefixChanged),
        (Case::CacheReset, Cause::Reset),
        (Case::LostHits, Cause::ModelConflict),
    ] {
        let scenario = Scenario::new(case, 1, HALF);
        assert_eq!(cause_at(&scenario, cause, false), 0, "{case:?}");
        assert_eq!(cause_at(&plain, cause, true), 0, "{case:?}: without it there is no such cause");
    }
    let changed = Scenario::new(Case::OwnPrefixChange, 1, HALF);
    let played = changed.play();
    let changers = changed.trace.requests.iter().zip(&played);
    assert!(
        changers
            .filter(|(_, played)| played.causes.contains(&Cause::PrefixChanged))
            .all(|(request, _)| request.tenant == 3)
    );
}

#[test]
fn a_bug_is_in_the_report_and_not_in_the_cache() {
    let phantom = Scenario::new(Case::PhantomHits, 1, HALF);
    let played = phantom.play();
    let lied = |played: &&Played| played.reported_hits > played.hits;
    assert!(played.iter().filter(lied).count() > 100);
    let lies = played.iter().filter(lied);
    assert!(lies.clone().all(|played| played.causes[played.hits] != Cause::Hit), "the labels know better");
    assert!(
        played.iter().all(|played| played.reported_hits <= played.causes.len() && played.reported_hits >= played.hits)
    );
    let lost = Scenario::new(Case::LostHits, 1, HALF).play();
    let truth = |played: &[Played]| played.iter().map(|played| played.hits).collect::<Vec<_>>();
    assert_eq!(truth(&lost), truth(&played), "the same cache, two reports");
    assert!(lost.iter().any(|played| played.reported_hits == 0 && played.hits > 10));
}

#[test]
fn a_route_has_its_reason() {
    let scenario = Scenario::new(Case::RoutedAway, 1, HALF);
    let mut reasons = BTreeMap::new();
    for (request, facts) in scenario.trace.requests.iter().zip(&scenario.facts) {
        assert!(request.start < scenario.t0 || request.replica != 1, "drained");
        assert!(request.start >= scenario.t0 || facts.route == Route::Affinity);
        *reasons.entry(facts.route.name()).or_insert(0) += 1;
    }
    assert!(reasons.len() == 3 && reasons.values().all(|count| *count > 50), "{reasons:?}");
}

#[test]
fn the_seed_is_the_only_chance() {
    let short = Micros(LENGTH.0 / 8);
    let [first, again, other] = [1, 1, 2].map(|seed| Scenario::new(Case::RoutedAway, seed, short));
    assert_eq!(first, again);
    assert_eq!(first.play(), again.play());
    assert_ne!(first.trace, other.trace);
    let sessions =
        first.facts.iter().enumerate().filter_map(|(number, facts)| facts.previous.map(|previous| (number, previous)));
    assert!(sessions.clone().count() > 100);
    assert!(sessions.clone().all(|(number, previous)| {
        first.facts[previous].session == first.facts[number].session
            && first.trace.requests[previous].end <= first.trace.requests[number].start
    }));
}

#[test]
#[ignore = "half a minute: the table of all stories, three seeds each"]
fn table() {
    println!("story | accesses | lost | own % | hog % | credited % | evictor | footprint | equally");
    for case in Case::DISJOINT.into_iter().chain(Case::SHARED).chain([Case::Launch]) {
        for seed in 1..=3 {
            let scenario = Scenario::new(case, seed, LENGTH);
            let verdict = verdict(&scenario);
            let (truth, lost) = (&verdict.missed, observe(&scenario.trace, &scenario.setup));
            let of_total = |parts: i64| 100.0 * parts as f64 / truth.total() as f64;
            let own = (0..TENANTS).map(|victim| truth.own(victim)).sum();
            let capacity = scenario.capacity_blocks();
            let rules = [
                last_evictor(TENANTS, &lost),
                by_footprint(TENANTS, capacity, &lost),
                equally(TENANTS, capacity, &lost),
            ];
            let [evictor, footprint, equally] = rules.map(|claimed| {
                format!("{:.1} / {:.2}", 100.0 * misallocation(truth, &claimed), bill_factor(truth, &claimed, HOG))
            });
            println!(
                "{} | {} | {} | {:.1} | {:.1} | {:.1} | {evictor} | {footprint} | {equally}",
                case.name(),
                scenario.trace.accesses(),
                truth.total() / PARTS,
                of_total(own),
                of_total(truth.caused(HOG)),
                of_total(verdict.whole().credited()),
            );
        }
    }
}
