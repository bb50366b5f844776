//! What shares promise whatever the weights: small games, which are exact, and large ones, which are not.

use aliquot_attribution::quota::Quota;
use aliquot_attribution::solver::Solver;
use aliquot_core::money::Usd;
use proptest::collection::vec;
use proptest::prelude::*;

fn shares(weights: &[u64], quota: &Quota) -> Vec<u64> {
    let mut shares = vec![7; 3];
    Solver::new().shares(weights, quota, &mut shares);
    shares
}

/// Weights of few and of many, with zeros, with equals and with giants.
fn weights() -> impl Strategy<Value = Vec<u64>> {
    let weight = prop_oneof![1 => Just(0), 4 => 1..20_u64, 4 => 1..2_000_u64, 1 => 1..1_000_000_u64];
    prop_oneof![vec(weight.clone(), 1..12), vec(weight, 26..70)]
}

/// Weights with a quota that is mostly within reach; hard or soft.
fn games() -> impl Strategy<Value = (Vec<u64>, Quota)> {
    (weights(), 0..1_050_u64, prop_oneof![Just(0), 1..100_u64]).prop_map(|(weights, per_mille, sigma)| {
        let threshold = (weights.iter().sum::<u64>() * per_mille).div_ceil(1_000);
        let quota = if sigma == 0 { Quota::hard(threshold) } else { Quota::soft(threshold, threshold * sigma / 1_000) };
        (weights, quota)
    })
}

fn decided(weights: &[u64], quota: &Quota) -> bool {
    let sum: u64 = weights.iter().sum();
    quota.points().any(|point| (1..=sum).contains(&point.threshold))
}

proptest! {
    #[test]
    fn axiom_01_somebody_has_a_share_exactly_if_somebody_decides((weights, quota) in games(), seed: u64) {
        let shares = shares(&weights, &quota);
        prop_assert_eq!(shares.len(), weights.len());
        let is_decided = decided(&weights, &quota);
        prop_assert_eq!(shares.iter().any(|share| *share > 0), is_decided);
        let pivot = Solver::new().pivot(&weights, &quota, seed);
        prop_assert_eq!(pivot.is_some(), is_decided);
        prop_assert!(pivot.is_none_or(|place| weights[place] > 0));
    }

    #[test]
    fn axiom_02_who_touched_nothing_has_no_share((weights, quota) in games()) {
        for (weight, share) in weights.iter().zip(shares(&weights, &quota)) {
            prop_assert!(*weight > 0 || share == 0);
        }
    }

    #[test]
    fn axiom_02_who_never_decides_has_no_share(heavy in vec(1_000..2_000_u64, 1..9), light in vec(1..12_u64, 1..80)) {
        // The heavy ones and the quota are whole thousands, and all the light ones together do not make up one.
        let heavy: Vec<u64> = heavy.iter().map(|weight| weight * 1_000).collect();
        let quota = heavy.iter().sum::<u64>() / 2 / 1_000 * 1_000 + 1_000;
        let all: Vec<u64> = heavy.iter().chain(&light).copied().collect();
        let with = shares(&all, &Quota::hard(quota));
        prop_assert!(with[heavy.len()..].iter().all(|share| *share == 0), "{:?}", with);
        let without = shares(&heavy, &Quota::hard(quota));
        for (with, without) in super::reference::fractions(&with).iter().zip(super::reference::fractions(&without)) {
            prop_assert!((with - without).abs() < 1e-9);
        }
    }

    #[test]
    fn axiom_03_equal_weights_pay_the_same((weights, quota) in games()) {
        let shares = shares(&weights, &quota);
        let mut order: Vec<(u64, u64)> = weights.into_iter().zip(shares).collect();
        order.sort_unstable();
        for pair in order.windows(2) {
            prop_assert!(pair[0].0 < pair[1].0 || pair[0].1 == pair[1].1, "{:?}", pair);
        }
    }

    #[test]
    fn axiom_04_heavier_weights_pay_no_less((weights, quota) in games()) {
        let shares = shares(&weights, &quota);
        let mut order: Vec<(u64, u64)> = weights.into_iter().zip(shares).collect();
        order.sort_unstable();
        for pair in order.windows(2) {
            prop_assert!(pair[0].1 <= pair[1].1, "{:?}", pair);
        }
    }

    #[test]
    fn axiom_05_parts_of_an_amount_add_up_and_so_do_amounts(
        (weights, quota) in games(), pico in -1_000_000_000_000_000_i128..1_000_000_000_000_000, other in 1..1_000_i128,
    ) {
        let shares = shares(&weights, &quota);
        let split = |pico: i128| Usd::from_pico(pico).split(&shares);
        prop_assert_eq!(split(pico).is_some(), decided(&weights, &quota));
        if let (Some(first), Some(second)) = (split(pico), split(other)) {
            let sum: i128 = first.iter().chain(&second).map(|part| part.pico()).sum();
            prop_assert_eq!(sum, pico + other);
        }
    }

    #[test]
    fn axiom_05_a_soft_quota_is_the_sum_of_its_points(
        weights in vec(0..500_u64, 1..10), capacity in 1..2_000_u64, sigma in 0..200_u64,
    ) {
        let soft = Quota::soft(capacity, sigma);
        let mut sum = vec![0; weights.len()];
        for point in soft.points() {
            for (sum, share) in sum.iter_mut().zip(shares(&weights, &Quota::hard(point.threshold))) {
                *sum += share * u64::from(point.weight);
            }
        }
        prop_assert_eq!(shares(&weights, &soft), sum);
    }

    #[test]
    fn axiom_06_names_do_not_matter((weights, quota) in games(), turn in 0..70_usize) {
        let turn = turn % weights.len();
        let mut turned = weights.clone();
        turned.rotate_left(turn);
        let mut expected = shares(&weights, &quota);
        expected.rotate_left(turn);
        prop_assert_eq!(shares(&turned, &quota), expected);
    }

    #[test]
    fn axiom_13_if_nothing_is_known_of_the_quota_shares_are_proportional(weights in vec(0..25_u64, 1..12)) {
        let total: u64 = weights.iter().sum();
        let mut solver = Solver::new();
        let (mut sums, mut shares) = (vec![0_u128; weights.len()], Vec::new());
        for quota in 1..=total {
            solver.shares(&weights, &Quota::hard(quota), &mut shares);
            for (sum, share) in sums.iter_mut().zip(&shares) {
                *sum += u128::from(*share);
            }
        }
        // Exactly, not to within something: each weight has its part of the sum.
        let sum: u128 = sums.iter().sum();
        for (weight, part) in weights.iter().zip(&sums) {
            prop_assert_eq!(part * u128::from(total), sum * u128::from(*weight));
        }
    }

    #[test]
    fn a_game_does_not_depend_on_the_ones_before((first, quota) in games(), (second, other) in games()) {
        let mut solver = Solver::new();
        let mut shares_after = Vec::new();
        solver.shares(&second, &other, &mut shares_after);
        solver.shares(&first, &quota, &mut shares_after);
        prop_assert_eq!(shares_after, shares(&first, &quota));
    }
}

#[test]
fn numbers_at_the_end_of_their_range_do_no_harm() {
    for count in [1, 2, 24, 25, 300] {
        let weights = vec![u64::MAX; count];
        assert!(shares(&weights, &Quota::hard(u64::MAX)).windows(2).all(|pair| pair[0] == pair[1] && pair[0] > 0));
        assert!(shares(&weights, &Quota::soft(u64::MAX, u64::MAX)).iter().all(|share| *share > 0));
        assert!(shares(&weights, &Quota::hard(1)).iter().all(|share| *share > 0));
    }
    assert!(shares(&[], &Quota::hard(1)).is_empty());
}
