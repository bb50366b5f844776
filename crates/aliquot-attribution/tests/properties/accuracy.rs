//! How far shares are from the truth: not at all up to 24 players, and within stated bounds beyond.

use aliquot_attribution::quota::Quota;
use aliquot_attribution::solver::Solver;
use proptest::collection::vec;
use proptest::prelude::*;

use super::reference::{Numbers, enumerated, fractions, integrated, misplaced};

fn solved(weights: &[u64], quota: u64) -> Vec<f64> {
    let mut shares = Vec::new();
    Solver::new().shares(weights, &Quota::hard(quota), &mut shares);
    fractions(&shares)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn small_games_are_exact(weights in vec(1..1_000_u64, 1..=13), per_mille in 1..=1_000_u64) {
        let quota = (weights.iter().sum::<u64>() * per_mille).div_ceil(1_000);
        prop_assert!(misplaced(&solved(&weights, quota), &enumerated(&weights, quota)) < 1e-13);
    }
}

#[test]
fn sixteen_players_are_exact() {
    let mut numbers = Numbers(1);
    for quota_percent in [5, 30, 62, 97] {
        let weights: Vec<u64> = (0..16).map(|_| 1 + numbers.below(1_000_000)).collect();
        let quota = weights.iter().sum::<u64>() * quota_percent / 100;
        assert!(misplaced(&solved(&weights, quota), &enumerated(&weights, quota)) < 1e-13);
    }
}

#[test]
fn twenty_and_twenty_four_players_are_exact() {
    for count in [20, 24] {
        for (name, weights) in populations(count, 1_500) {
            for quota_percent in [3, 20, 50] {
                let quota = weights.iter().sum::<u64>() * quota_percent / 100;
                let error = misplaced(&solved(&weights, quota), &integrated(&weights, quota));
                assert!(error < 1e-11, "{count} {name} at {quota_percent} %: {error}");
            }
        }
    }
}

#[test]
fn the_shares_of_a_known_game() {
    // The one with 4 decides unless it comes first, or last: then the other three have decided.
    let mut shares = Vec::new();
    Solver::new().shares(&[4, 2, 0, 2, 1], &Quota::hard(5), &mut shares);
    assert_eq!(shares, [6, 2, 0, 2, 2]);
}

#[test]
fn large_games_are_within_their_bounds() {
    // The truth about many players takes long to find, hence the fewer quotas.
    let quotas: [&[u64]; 2] = [&[1, 4, 12, 30, 50], &[4, 30]];
    let mut errors = Vec::new();
    for (players, bound, percents) in
        [(25, 0.015, quotas[0]), (64, 0.01, quotas[0]), (128, 0.02, quotas[1]), (255, 0.015, quotas[1])]
    {
        for (name, weights) in populations(players, 2_000) {
            for percent in percents {
                let quota = (weights.iter().sum::<u64>() * percent / 100).max(1);
                let error = misplaced(&solved(&weights, quota), &integrated(&weights, quota));
                assert!(error < bound, "{players} {name} at {percent} %: {error}");
                errors.push(error);
            }
        }
    }
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    assert!(mean < 0.0015, "{mean} on average");
}

#[test]
fn a_quota_and_its_dual_have_the_same_shares() {
    for players in [24, 64] {
        for (_, weights) in populations(players, 2_000) {
            let sum: u64 = weights.iter().sum();
            for quota in [1, sum / 50, sum / 3] {
                assert!(misplaced(&solved(&weights, quota), &solved(&weights, sum - quota + 1)) < 1e-9);
            }
        }
    }
}

#[test]
fn orders_of_arrival_find_on_average_what_is_exact() {
    let weights = [50, 30, 0, 20, 20, 5];
    let quota = Quota::soft(70, 20);
    let mut solver = Solver::new();
    let mut shares = Vec::new();
    solver.shares(&weights, &quota, &mut shares);
    let mut drawn = [0_u64; 6];
    for seed in 0..100_000 {
        drawn[solver.pivot(&weights, &quota, seed).expect("somebody decides")] += 1;
    }
    let error = misplaced(&fractions(&shares), &fractions(&drawn));
    assert!(error < 0.005, "{error}");
}

/// Typical sets of weights that add up to about `total`.
fn populations(count: u64, total: u64) -> Vec<(&'static str, Vec<u64>)> {
    let mut numbers = Numbers(count);
    let mut population = |name, weight: &dyn Fn(u64, f64) -> f64| {
        let raw: Vec<f64> = (0..count).map(|player| weight(player, numbers.part())).collect();
        let sum: f64 = raw.iter().sum();
        (name, raw.iter().map(|raw| ((raw / sum * total as f64).round() as u64).max(1)).collect())
    };
    vec![
        population("zipf", &|player, _| 1.0 / (player + 1) as f64),
        population("even", &|_, part| part + 0.01),
        population("exponential", &|_, part| -(part + 1e-9).ln()),
        population("pareto", &|_, part| (part + 1e-6).powf(-0.9)),
        population("one hog", &|player, part| if player == 0 { count as f64 * 0.2 } else { part }),
        population("eight hogs", &|player, part| if player < 8 { 8.0 + part } else { 0.3 * part + 0.01 }),
    ]
}

fn quickly(weights: &[u64], quota: u64) -> Vec<f64> {
    let mut shares = Vec::new();
    Solver::new().quick_shares(weights, &Quota::hard(quota), &mut shares);
    fractions(&shares)
}

#[test]
fn quick_games_are_within_their_bounds() {
    let mut errors = Vec::new();
    for players in [17, 20, 24, 64] {
        for (name, weights) in populations(players, 2_000) {
            let (mut ours, mut truth) = (vec![0.0; weights.len()], vec![0.0; weights.len()]);
            for percent in [10, 30, 50, 62, 75, 90] {
                let quota = weights.iter().sum::<u64>() * percent / 100;
                let (quick, exact) = (quickly(&weights, quota), integrated(&weights, quota));
                let error = misplaced(&quick, &exact);
                errors.push(error);
                println!("{players} {name} at {percent} %: {:.2} %", error * 100.0);
                assert!(error < 0.08, "{players} {name} at {percent} %: {error}");
                for (sum, share) in ours.iter_mut().zip(quick) {
                    *sum += share;
                }
                for (sum, share) in truth.iter_mut().zip(exact) {
                    *sum += share;
                }
            }
            let total = misplaced(&ours, &truth) / 6.0;
            println!("{players} {name} together: {:.2} %", total * 100.0);
            assert!(total < 0.025, "{players} {name} together: {total}");
        }
    }
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    println!("{mean} on average");
    assert!(mean < 0.008, "{mean} on average");
}
