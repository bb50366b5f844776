//! Which game a loss is: who is a player, what counts as the victim's own doing, and what a contract with entitlements promises.

use aliquot_attribution::game::{Distances, Entitlements, NeighbourGame, Verdict, pose};
use aliquot_attribution::quota::Quota;
use aliquot_attribution::solver::Solver;
use aliquot_core::cause::Game;
use proptest::collection::vec;
use proptest::prelude::*;

fn absent(own: u64, neighbours: &[u64], capacity: u64) -> Verdict<'_> {
    let distances = Distances { own, neighbours };
    pose(Game::NeighboursAbsent, distances, Entitlements::NONE, &Quota::hard(capacity))
}

fn entitled<'a>(own: (u64, u64), neighbours: &'a [u64], promised: &[u64], capacity: &Quota) -> Verdict<'a> {
    let entitlements = Entitlements { own: own.1, neighbours: promised };
    pose(Game::Entitlements, Distances { own: own.0, neighbours }, entitlements, capacity)
}

fn weights_and_quota(verdict: Verdict<'_>) -> Option<(Vec<u64>, Quota)> {
    match verdict {
        Verdict::Neighbours(NeighbourGame { weights, quota }) => Some((weights.into_owned(), quota)),
        Verdict::SelfInflicted | Verdict::Nobody => None,
    }
}

#[test]
fn compared_with_having_the_cache_to_oneself() {
    assert_eq!(weights_and_quota(absent(30, &[50, 40], 100)), Some((vec![50, 40], Quota::hard(70))));
    assert_eq!(absent(100, &[50], 100), Verdict::SelfInflicted);
    assert_eq!(absent(20, &[0, 0], 100), Verdict::SelfInflicted, "no neighbour touched anything");
    // Lost with only 80 of 100 touched: all 80 were needed.
    assert_eq!(weights_and_quota(absent(30, &[50], 100)), Some((vec![50], Quota::hard(50))));
}

#[test]
fn compared_with_neighbours_that_keep_to_their_entitlement() {
    let capacity = Quota::hard(100);
    let verdict = entitled((30, 40), &[60, 20], &[40, 20], &capacity);
    assert_eq!(weights_and_quota(verdict), Some((vec![20, 0], Quota::hard(10))));
    // The victim's own excess is there in any case: of 110 blocks it leaves ten to those who borrow.
    let verdict = entitled((50, 40), &[60, 20], &[30, 20], &Quota::hard(110));
    assert_eq!(weights_and_quota(verdict), Some((vec![30, 0], Quota::hard(10))));
    assert_eq!(entitled((50, 40), &[60, 20], &[30, 20], &capacity), Verdict::SelfInflicted);
    // Everyone kept to what was promised, and yet the block was lost.
    assert_eq!(entitled((30, 40), &[30, 20], &[30, 20], &capacity), Verdict::Nobody);
    // More was promised than there is: still not the doing of a victim that keeps to its promise.
    assert_eq!(entitled((30, 40), &[90, 20], &[80, 20], &capacity), Verdict::Nobody);
    assert_eq!(entitled((100, 40), &[9], &[9], &capacity), Verdict::SelfInflicted);
}

#[test]
fn a_soft_capacity_is_cut_to_what_the_loss_shows() {
    let neighbours = [40, 30];
    let distances = Distances { own: 35, neighbours: &neighbours };
    let game = |capacity| weights_and_quota(pose(Game::NeighboursAbsent, distances, Entitlements::NONE, &capacity));
    let quota = game(Quota::soft(100, 10)).expect("the neighbours were needed").1;
    // 76, 82, 88, 94 and 100 blocks are possible: above 35, and not above 105.
    assert_eq!(quota.points().map(|point| point.threshold).collect::<Vec<_>>(), [41, 47, 53, 59, 65]);
    // Every threshold is above what was touched: all of it was needed.
    assert_eq!(game(Quota::soft(200, 10)).expect("the neighbours were needed").1, Quota::hard(70));
}

#[test]
fn avoidable_is_what_one_neighbour_alone_made() {
    let neighbours = [50, 40, 10, 0];
    let Verdict::Neighbours(game) = absent(30, &neighbours, 100) else { panic!("the neighbours were needed") };
    // 100 against a quota of 70: without the first 50 are left, without the second 60, without the third 90.
    assert_eq!([0, 1, 2, 3, 4].map(|place| game.avoidable(place)), [true, true, false, false, false]);
    // What is left without the second just suffices for a quota of 60.
    let Verdict::Neighbours(game) = absent(30, &neighbours, 90) else { panic!("the neighbours were needed") };
    assert_eq!([0, 1, 2, 3].map(|place| game.avoidable(place)), [true, false, false, false]);
    let Verdict::Neighbours(game) = absent(30, &neighbours, 1_000) else { panic!("the neighbours were needed") };
    assert_eq!([0, 1, 2, 3].map(|place| game.avoidable(place)), [true, true, true, false]);
}

/// Per tenant, how much was touched and how much is promised, the victim first; and a capacity that keeps all promises.
fn contracts() -> impl Strategy<Value = (Vec<(u64, u64)>, Quota)> {
    (vec((0..200_u64, 0..100_u64), 1..9), 0..300_u64, prop_oneof![Just(0), 1..50_u64]).prop_map(
        |(tenants, spare, sigma)| {
            // A soft capacity keeps them at its least point too, 2.4 sigma below.
            let capacity = tenants.iter().map(|(_, promised)| promised).sum::<u64>() + spare + 1 + 3 * sigma;
            (tenants, Quota::soft(capacity, sigma))
        },
    )
}

proptest! {
    #[test]
    fn axiom_12_who_keeps_within_its_entitlement_never_pays((tenants, capacity) in contracts()) {
        let (touched, promised): (Vec<u64>, Vec<u64>) = tenants.iter().copied().unzip();
        match entitled(tenants[0], &touched[1..], &promised[1..], &capacity) {
            Verdict::SelfInflicted => prop_assert!(touched[0] >= promised[0]),
            Verdict::Nobody => prop_assert!(tenants.iter().all(|(touched, promised)| touched <= promised)),
            Verdict::Neighbours(game) => {
                let mut shares = Vec::new();
                Solver::new().shares(&game.weights, &game.quota, &mut shares);
                prop_assert!(shares.iter().any(|share| *share > 0));
                for (share, (touched, promised)) in shares.iter().zip(&tenants[1..]) {
                    prop_assert!(*share == 0 || touched > promised);
                }
            }
        }
    }

    #[test]
    fn where_nothing_is_promised_both_questions_have_the_same_answer(
        own in 0..200_u64, neighbours in vec(0..200_u64, 0..9), capacity in 1..1_000_u64, sigma in 0..50_u64,
    ) {
        let distances = Distances { own, neighbours: &neighbours };
        let capacity = Quota::soft(capacity, sigma);
        prop_assert_eq!(
            pose(Game::Entitlements, distances, Entitlements::NONE, &capacity),
            pose(Game::NeighboursAbsent, distances, Entitlements::NONE, &capacity)
        );
    }

    #[test]
    fn a_loss_that_needed_neighbours_is_always_decided_by_one(
        own in 0..200_u64, neighbours in vec(0..200_u64, 0..9), capacity in 1..1_000_u64, sigma in 0..300_u64,
    ) {
        let distances = Distances { own, neighbours: &neighbours };
        let verdict = pose(Game::NeighboursAbsent, distances, Entitlements::NONE, &Quota::soft(capacity, sigma));
        let total = own + neighbours.iter().sum::<u64>();
        prop_assert_eq!(verdict == Verdict::SelfInflicted, own >= capacity.min(total));
        if let Verdict::Neighbours(game) = verdict {
            prop_assert!(Solver::new().pivot(&game.weights, &game.quota, 1).is_some());
        }
    }
}
