//! Verdicts on hand-made traces, sums that must be exact, and what one engine's truth says about another's.

mod claim;

use std::num::NonZeroU32;

use aliquot_core::time::Micros;

use super::*;
use crate::cache::Kind;
use crate::matrix::{Matrix, PARTS};
use crate::rules::{Lost, observe};
use crate::scenario::{Case, LENGTH, Scenario};

fn blocks(blocks: u32) -> NonZeroU32 {
    NonZeroU32::new(blocks).unwrap()
}

/// Requests of a tenant for blocks, one after the other.
fn one_by_one(tenants: usize, requests: &[(usize, &[u64])]) -> Trace {
    let request = |(at, (tenant, blocks)): (i64, &(usize, &[u64]))| Request {
        tenant: *tenant,
        start: Micros(at),
        ready: Micros(at),
        end: Micros(at),
        blocks: blocks.to_vec(),
        ..Request::default()
    };
    Trace { tenants, replicas: 1, requests: (0..).zip(requests).map(request).collect(), restarts: Vec::new() }
}

fn lru(capacity: u32) -> Setup {
    Setup { kind: Kind::Lru, capacity_blocks: blocks(capacity) }
}

fn verdict(trace: &Trace, setup: &Setup) -> Verdict {
    Verdict::of(&Outcomes::of(trace, setup, Tier::Any))
}

/// A part of the story, with a cache so small that much is lost.
fn excerpt(case: Case, kind: Kind, capacity: u32) -> (Trace, Setup) {
    let trace = Scenario::new(case, 1, Micros(LENGTH.0 / 8)).trace;
    (trace, Setup { kind, capacity_blocks: blocks(capacity) })
}

#[test]
fn a_loss_that_takes_two_neighbours_is_halved() {
    let trace = one_by_one(3, &[(0, &[1]), (1, &[11, 12]), (2, &[21]), (0, &[1])]);
    let outcomes = Outcomes::of(&trace, &lru(3), Tier::Any);
    let hits: Vec<usize> = [0b001, 0b011, 0b101, 0b111].map(|members| outcomes.hits(3, members)).to_vec();
    assert_eq!(hits, [1, 1, 1, 0]);
    assert!(outcomes.is_miss(3, 0, 0b111) && !outcomes.is_miss(3, 0, 0b101));
    let verdict = Verdict::of(&outcomes);
    assert_eq!(
        [verdict.missed.share(1, 0), verdict.missed.share(2, 0), verdict.missed.own(0)],
        [PARTS / 2, PARTS / 2, 0]
    );
    assert_eq!((verdict.cold, verdict.lost, verdict.solo), (vec![1, 2, 1], vec![1, 0, 0], vec![0, 0, 0]));
    assert_eq!(verdict.avoidable, [[0, 0, 0], [1, 0, 0], [1, 0, 0]], "either could have spared it");
}

#[test]
fn what_is_enough_alone_takes_it_all_and_ones_own_is_ones_own() {
    let by_neighbour = verdict(&one_by_one(3, &[(0, &[1]), (1, &[11, 12, 13]), (2, &[21]), (0, &[1])]), &lru(3));
    assert_eq!((by_neighbour.missed.share(1, 0), by_neighbour.missed.share(2, 0)), (PARTS, 0));
    assert_eq!(
        by_neighbour.avoidable,
        [[0, 0, 0], [1, 0, 0], [0, 0, 0]],
        "the other's absence would have spared nothing"
    );
    let by_itself = verdict(&one_by_one(2, &[(0, &[1]), (0, &[2, 3, 4]), (1, &[11]), (0, &[1])]), &lru(3));
    assert_eq!((by_itself.missed.own(0), by_itself.missed.charged(), by_itself.solo[0]), (PARTS, 0, 1));
}

#[test]
fn whoever_keeps_a_block_warm_has_a_credit() {
    // Tenant 1 asks for block 1 between the floods of tenant 2.
    let trace = one_by_one(3, &[(0, &[1]), (0, &[2, 3]), (1, &[1]), (0, &[4]), (0, &[1])]);
    let kept = verdict(&trace, &lru(3));
    assert_eq!(kept.lost, [0, 0, 0]);
    assert_eq!(
        (kept.hit.own(0), kept.hit.credits(1, 0), kept.hit.lost(0)),
        (PARTS, PARTS, 0),
        "alone it would have missed"
    );
    assert_eq!(kept.hit.own(1), PARTS, "tenant 1 alone had never brought it");
    assert_eq!(kept.hit.credits(0, 1), PARTS);
    let flooded = one_by_one(3, &[(0, &[1]), (0, &[2, 3, 4]), (1, &[1]), (2, &[21, 22, 23]), (0, &[1])]);
    let lost = verdict(&flooded, &lru(3)).missed;
    let shares = [lost.own(0), lost.credits(1, 0), lost.charges(2, 0)];
    assert_eq!(shares, [PARTS, PARTS / 2, PARTS / 2], "lost alone, kept by tenant 1 unless tenant 2 is there");
    assert_eq!(lost.lost(0), PARTS);
}

/// Holds that own parts, charges and credits add up to what was lost, victim by victim.
fn assert_adds_up(verdict: &Verdict, what: &str) {
    for victim in 0..verdict.lost.len() {
        assert_eq!(verdict.missed.lost(victim), verdict.lost[victim] as i64 * PARTS, "{what}, victim {victim}");
        assert_eq!(verdict.hit.lost(victim), 0, "{what}, victim {victim}");
        assert_eq!(verdict.whole().own(victim), verdict.solo[victim] as i64 * PARTS, "{what}, victim {victim}");
    }
}

#[test]
fn every_engine_s_verdict_adds_up() {
    let lifetime = Micros(30_000_000);
    let kinds = [
        Kind::Lru,
        Kind::Vllm,
        Kind::Sglang,
        Kind::Lfu,
        Kind::AtRandom { seed: 1 },
        Kind::Tiers { host_blocks: 300 },
        Kind::Ttl { lifetime },
    ];
    for kind in kinds {
        let (trace, setup) = excerpt(Case::SharedTemplates, kind, 900);
        let outcomes = Outcomes::of(&trace, &setup, Tier::Any);
        let verdict = Verdict::of(&outcomes);
        assert_adds_up(&verdict, &format!("{kind:?}"));
        assert_eq!(outcomes.refused(), 0);
        let steps = trace.steps();
        let (actual, _) = replay(&trace, &setup, &steps, u32::MAX);
        assert!((0..outcomes.requests()).all(|request| outcomes.actual(request) == actual[request].hits), "{kind:?}");
        let asked: u64 = verdict.cold.iter().chain(&verdict.lost).sum::<u64>()
            + actual.iter().map(|found| found.hits as u64).sum::<u64>();
        assert_eq!(asked, trace.accesses() as u64, "{kind:?}: each access is cold, lost or a hit");
        assert!(verdict.lost.iter().sum::<u64>() > 50, "{kind:?} lost too little to say anything: {:?}", verdict.lost);
        assert!(verdict.hit.credited() > 0, "{kind:?}: somebody kept a template warm");
        if matches!(kind, Kind::Ttl { .. }) {
            assert_eq!(verdict.whole().charged(), 0, "neighbours can only prolong a block's life");
        }
    }
}

#[test]
fn without_shared_blocks_nobody_helps_anybody() {
    for kind in [Kind::Lru, Kind::Vllm] {
        let (trace, setup) = excerpt(Case::Moderate, kind, 900);
        let verdict = verdict(&trace, &setup);
        assert!(verdict.missed.charged() > 100 * PARTS);
        assert_eq!((verdict.whole().credited(), verdict.hit), (0, Matrix::new(8)));
    }
}

#[test]
fn two_tiers_are_two_thresholds() {
    let (trace, setup) = excerpt(Case::SharedTemplates, Kind::Tiers { host_blocks: 500 }, 600);
    let of_tier = |tier| Verdict::of(&Outcomes::of(&trace, &setup, tier));
    assert_eq!(of_tier(Tier::Fast), verdict(&trace, &lru(600)));
    assert_eq!(of_tier(Tier::Any), verdict(&trace, &lru(1_100)));
    assert_ne!(of_tier(Tier::Any), of_tier(Tier::Fast));
}

#[test]
fn replicas_and_restarts_are_each_their_own() {
    // The neighbour fills replica 1, where the victim's next request goes; on replica 0 nothing happens to it but a restart.
    let mut trace = one_by_one(2, &[(0, &[1]), (0, &[1]), (1, &[11, 12]), (0, &[1]), (0, &[1])]);
    for (request, replica) in trace.requests.iter_mut().zip([0, 1, 1, 1, 0]) {
        request.replica = replica;
    }
    trace.replicas = 2;
    let verdict_of = |trace: &Trace| verdict(trace, &lru(2));
    assert_eq!(
        (verdict_of(&trace).missed.share(1, 0), verdict_of(&trace).missed.own(0)),
        (PARTS, PARTS),
        "new on replica 1"
    );
    trace.restarts.push((Micros(4), 0));
    assert_eq!(verdict_of(&trace).missed.own(0), 2 * PARTS, "nobody else is to blame for a restart");
}

/// What weighted votes say of each lost block: `kept` of a tenant's different blocks since stay whoever is absent, the rest goes
/// with it, and a miss takes as many as fit.
fn by_votes(lost: &[Lost], capacity: u32, kept: impl Fn(&Lost, usize) -> u32) -> Matrix {
    let mut matrix = Matrix::new(8);
    for lost in lost {
        let since = lost.since.unwrap();
        let neighbours: Vec<usize> = (0..8).filter(|tenant| *tenant != lost.victim).collect();
        let base: u32 = (0..8).map(|tenant| kept(lost, tenant)).sum();
        let absent = |coalition: usize| {
            let members = neighbours.iter().enumerate().filter(|(player, _)| coalition >> player & 1 == 1);
            members.map(|(_, tenant)| since[*tenant] - kept(lost, *tenant)).sum::<u32>()
        };
        let game = Game::new(7, |coalition| base + absent(coalition) >= capacity);
        assert!(game.actual(), "it was lost: {lost:?}");
        if game.solo() {
            matrix.add_own(lost.victim, PARTS);
        }
        for (neighbour, share) in neighbours.iter().zip(game.shares()) {
            matrix.add_share(*neighbour, lost.victim, share);
        }
    }
    matrix
}

#[test]
fn all_replays_say_what_votes_of_distinct_blocks_say() {
    let (trace, setup) = excerpt(Case::Moderate, Kind::Lru, 900);
    let votes =
        by_votes(
            &observe(&trace, &setup),
            900,
            |lost, tenant| {
                if tenant == lost.victim { lost.since.unwrap()[tenant] } else { 0 }
            },
        );
    assert_eq!(verdict(&trace, &setup).missed, votes);
    assert!(votes.charged() > 100 * PARTS);
}

#[test]
fn entitlements_are_the_documented_game_where_blocks_are_not_shared() {
    let (trace, setup) = excerpt(Case::Moderate, Kind::Lru, 600);
    let entitlements = [60, 70, 80, 40, 75, 75, 100, 100];
    let lost = observe(&trace, &setup);
    let is_over = |lost: &&Lost| lost.since.unwrap()[lost.victim] >= entitlements[lost.victim];
    let (over, within): (Vec<&Lost>, Vec<&Lost>) = lost.iter().partition(is_over);
    let within: Vec<Lost> = within.into_iter().copied().collect();
    let mut expected = by_votes(&within, 600, |lost, tenant| lost.since.unwrap()[tenant].min(entitlements[tenant]));
    over.iter().for_each(|lost| expected.add_own(lost.victim, PARTS));
    let entitled = entitled(&trace, blocks(600), &entitlements);
    assert_eq!(entitled, expected);
    let charged = entitled.charged() / PARTS;
    assert!(over.len() > 100 && charged > 100, "{} own, {charged} charged", over.len());
    assert_ne!(entitled, verdict(&trace, &setup).missed, "another game, other shares");
}
