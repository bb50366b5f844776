//! The same answers by the slowest obvious methods: all coalitions one by one, and an integral without bins. Tests nothing.

/// The shares of a game by all coalitions, as fractions.
pub(crate) fn enumerated(weights: &[u64], quota: u64) -> Vec<f64> {
    let count = weights.len();
    let sums: Vec<u64> = (0..1_usize << count)
        .map(|coalition| (0..count).filter(|player| coalition >> player & 1 == 1).map(|player| weights[player]).sum())
        .collect();
    // 1 / (count * C(count - 1, before)): how likely a player arrives after exactly these others.
    let mut likely = vec![1.0 / count as f64];
    for before in 1..count {
        likely.push(likely[before - 1] * before as f64 / (count - before) as f64);
    }
    let decides = |player: usize, coalition: usize| {
        coalition >> player & 1 == 0 && sums[coalition] < quota && sums[coalition | 1 << player] >= quota
    };
    (0..count)
        .map(|player| {
            let decided = (0..sums.len()).filter(|coalition| decides(player, *coalition));
            decided.map(|coalition| likely[coalition.count_ones() as usize]).sum()
        })
        .collect()
}

/// The shares of a large game by moments of arrival, with a place for every sum: of up to 128 players by as many points as integrate
/// their polynomials exactly; of more by points far closer than any of them changes.
pub(crate) fn integrated(weights: &[u64], quota: u64) -> Vec<f64> {
    let mut shares = vec![0.0; weights.len()];
    let mut sums = vec![0.0; quota as usize];
    sums[0] = 1.0;
    for (moment, part) in moments(weights.len().div_ceil(2).min(64)) {
        split(weights, sums.clone(), moment, part, &mut shares);
    }
    shares
}

/// Adds the shares of `weights` at one moment, when the others come to `sums`.
fn split(weights: &[u64], sums: Vec<f64>, moment: f64, part: f64, shares: &mut [f64]) {
    if let [weight] = weights {
        let deciding = &sums[sums.len().saturating_sub(*weight as usize)..];
        shares[0] += part * deciding.iter().sum::<f64>();
        return;
    }
    let (first, second) = weights.split_at(weights.len() / 2);
    let (first_shares, second_shares) = shares.split_at_mut(first.len());
    split(first, joined(sums.clone(), second, moment), moment, part, first_shares);
    split(second, joined(sums, first, moment), moment, part, second_shares);
}

fn joined(mut sums: Vec<f64>, weights: &[u64], moment: f64) -> Vec<f64> {
    for weight in weights {
        let mut with: Vec<f64> = sums.iter().map(|sum| sum * (1.0 - moment)).collect();
        for (sum, without) in with.iter_mut().skip(*weight as usize).zip(&sums) {
            *sum += without * moment;
        }
        sums = with;
    }
    sums
}

/// The points of Gauss and Legendre's rule on 0..1 with their weights, by Newton's method.
fn moments(count: usize) -> Vec<(f64, f64)> {
    let degree = count as f64;
    let legendre = |at: f64| {
        let (mut before, mut value) = (1.0, at);
        for next in 2..=count {
            let next = next as f64;
            (before, value) = (value, ((2.0 * next - 1.0) * at * value - (next - 1.0) * before) / next);
        }
        (value, degree * (at * value - before) / (at * at - 1.0))
    };
    (0..count)
        .map(|root| {
            let mut at = (std::f64::consts::PI * (root as f64 + 0.75) / (degree + 0.5)).cos();
            for _ in 0..20 {
                let (value, slope) = legendre(at);
                at -= value / slope;
            }
            let (_, slope) = legendre(at);
            ((at + 1.0) / 2.0, 1.0 / ((1.0 - at * at) * slope * slope))
        })
        .collect()
}

/// Half of the absolute differences: the part of the whole that is on the wrong line.
pub(crate) fn misplaced(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).sum::<f64>() / 2.0
}

/// Shares as fractions of their sum.
pub(crate) fn fractions(shares: &[u64]) -> Vec<f64> {
    let sum: f64 = shares.iter().map(|share| *share as f64).sum();
    shares.iter().map(|share| *share as f64 / sum).collect()
}

/// A sequence of numbers that look random.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// One of `0..count`.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0 ^ self.0 >> 29) * u128::from(count)) >> 64) as u64
    }

    /// Evenly from 0..1.
    pub(crate) fn part(&mut self) -> f64 {
        self.below(1 << 53) as f64 / (1_u64 << 53) as f64
    }
}
