//! The Shapley-Shubik index of a game of many players in a few microseconds: the heaviest are tried in all coalitions, and the sum of
//! the others at the moment of arrival is taken for a normal distribution. Which game is played, and who decides nothing, is known
//! already.
//!
//! As in [`super::large`], every player arrives at a moment drawn evenly from 0..1, and its share is the probability of deciding
//! then. Of a heavy player that is a difference of two values of the distribution, which are those of two coalitions of heavy ones;
//! of a light one it follows from the density and its slope at the quota.

use alloc::vec::Vec;

use super::quadrature;
use crate::real;

/// Players that are tried in all coalitions, at least. One more doubles the time.
const HEAVY_MIN: usize = 4;

/// And at most: so many if the next ones are too few and too heavy for their sum to be near a normal distribution.
const HEAVY_MAX: usize = 8;

/// A light player has at most this part of the variance of all light ones.
const PART_OF_VARIANCE: f64 = 1.0 / 6.0;

/// Buffers.
#[derive(Debug, Default)]
pub(super) struct Normal {
    shares: Vec<f64>,
    /// The weight of each coalition of heavy players, by its bits.
    coalitions: Vec<f64>,
    /// The probability of being below the quota, for each of them.
    below: Vec<f64>,
}

/// The lighter players' sum if all of them are there, the sum of their squares, and the variance of the quota itself.
#[derive(Clone, Copy, Debug)]
struct Light {
    sum: f64,
    squares: f64,
    doubt: f64,
}

impl Normal {
    /// The shares of players in the order of their weights, the heaviest first; they add up to 1. Everybody decides somewhere.
    /// The quota is normally distributed with the variance `doubt`, which is zero if it is known.
    pub(super) fn shares(&mut self, weights: &[u64], quota: f64, doubt: f64) -> &[f64] {
        let (heavy, light) = weights.split_at(heavy(weights));
        let sum: f64 = light.iter().map(|weight| real::from_u64(*weight)).sum();
        let squares = light.iter().map(|weight| real::from_u64(*weight) * real::from_u64(*weight)).sum();
        self.form(heavy);
        let sea = Light { sum, squares, doubt };
        let mut atoms = [0.0; HEAVY_MAX];
        let mut slopes = (0.0, 0.0);
        let (from, to) = interval(weights, quota, doubt);
        for (moment, part) in quadrature::nodes(from, to, 1) {
            self.at(moment, part, quota, sea, &mut slopes);
            self.decide(moment, part, heavy.len(), &mut atoms);
        }
        self.shares.clear();
        self.shares.extend(atoms.iter().take(heavy.len()));
        let left = (1.0 - atoms.iter().sum::<f64>()).max(0.0);
        self.shares_of_light(light, left, slopes);
        pool(weights, &mut self.shares);
        &self.shares
    }

    /// Weighs every coalition of heavy players.
    fn form(&mut self, heavy: &[u64]) {
        self.coalitions.clear();
        self.coalitions.push(0.0);
        for weight in heavy {
            for place in 0..self.coalitions.len() {
                let without = self.coalitions.get(place).copied().unwrap_or_default();
                self.coalitions.push(without + real::from_u64(*weight));
            }
        }
    }

    /// For every coalition at one moment, the probability that it and the light ones are below the quota; and into `slopes` the
    /// density at the quota and its slope, by which the light ones decide.
    fn at(&mut self, moment: f64, part: f64, quota: f64, light: Light, slopes: &mut (f64, f64)) {
        let mean = moment * light.sum;
        let variance = moment * (1.0 - moment) * light.squares + light.doubt;
        let deviation = libm::sqrt(variance).max(f64::MIN_POSITIVE);
        let players = self.coalitions.len().trailing_zeros();
        let chances = chances(moment, players);
        self.below.clear();
        for (coalition, weight) in self.coalitions.iter().enumerate() {
            // Weights are whole: below the quota is at most one less.
            let z = (quota - 0.5 - weight - mean) / deviation;
            if z.abs() > FAR {
                self.below.push(if z > 0.0 { 1.0 } else { 0.0 });
                continue;
            }
            let bell = libm::exp(-0.5 * z * z);
            self.below.push(below(z, bell));
            let chance = part * of(&chances, coalition) * bell / (deviation * ROOT_OF_TWO_PI);
            slopes.0 += chance;
            slopes.1 -= chance * z / deviation * (moment - 0.5);
        }
    }

    /// Adds each heavy player's probability of deciding if it arrives at that moment.
    fn decide(&self, moment: f64, part: f64, heavy: usize, atoms: &mut [f64; HEAVY_MAX]) {
        let players = self.coalitions.len().trailing_zeros();
        let chances = chances(moment, players.saturating_sub(1));
        for (place, share) in atoms.iter_mut().enumerate().take(heavy) {
            let bit = 1_usize << place;
            // Runs of coalitions without the player, each followed by the same ones with it.
            let mut first = 0_usize;
            for pair in self.below.chunks_exact(bit << 1) {
                let (without, with) = pair.split_at(bit);
                for (coalition, (without, with)) in (first..).zip(without.iter().zip(with)) {
                    *share += part * of(&chances, coalition) * (without - with).max(0.0);
                }
                first = first.saturating_add(pair.len());
            }
        }
    }

    /// Splits what is left among the light players by their chance of deciding.
    fn shares_of_light(&mut self, light: &[u64], left: f64, (linear, square): (f64, f64)) {
        let heaviest = light.first().map_or(0.0, |weight| real::from_u64(*weight));
        // A heavier one must not decide less often: where the slope says so, it is too steep to be believed.
        let is_plausible = linear > 0.0 && linear + 2.0 * square * heaviest > 0.0;
        let (linear, square) = if is_plausible { (linear, square) } else { (1.0, 0.0) };
        let chance = |weight: &u64| {
            let weight = real::from_u64(*weight);
            weight * (linear + square * weight)
        };
        let all: f64 = light.iter().map(chance).sum();
        self.shares.extend(light.iter().map(|weight| left * chance(weight) / all));
    }
}

/// How many count as heavy.
fn heavy(weights: &[u64]) -> usize {
    let square = |weight: &u64| real::from_u64(*weight) * real::from_u64(*weight);
    let is_light = |rest: &[u64]| {
        let all: f64 = rest.iter().map(square).sum();
        rest.first().is_none_or(|heaviest| square(heaviest) <= all * PART_OF_VARIANCE)
    };
    let counts = HEAVY_MIN.min(weights.len())..HEAVY_MAX.min(weights.len());
    counts.clone().find(|count| weights.get(*count..).is_none_or(is_light)).unwrap_or(counts.end)
}

/// The moments between which somebody decides, almost surely: four standard deviations about that at which the quota is what is
/// expected to be there.
fn interval(weights: &[u64], quota: f64, doubt: f64) -> (f64, f64) {
    let all = weights.iter().map(|weight| real::from_u64(*weight));
    let (sum, squares) = all.fold((0.0, 0.0), |(sum, squares), weight| (sum + weight, squares + weight * weight));
    let middle = (quota / sum).clamp(0.0, 1.0);
    let half = (4.0 * libm::sqrt(middle * (1.0 - middle) * squares + doubt) + 1.0) / sum;
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// The probability that just so many of the players are there, in one way of choosing them, by their number.
fn chances(moment: f64, players: u32) -> [f64; HEAVY_MAX + 1] {
    let mut chances = [0.0; HEAVY_MAX + 1];
    for (there, chance) in (0..=players).zip(&mut chances) {
        let absent = players.saturating_sub(there);
        let power = |base: f64, exponent: u32| real::power(base, usize::try_from(exponent).unwrap_or_default());
        *chance = power(moment, there) * power(1.0 - moment, absent);
    }
    chances
}

/// The chance of a coalition.
fn of(chances: &[f64; HEAVY_MAX + 1], coalition: usize) -> f64 {
    usize::try_from(coalition.count_ones()).ok().and_then(|there| chances.get(there)).copied().unwrap_or_default()
}

/// Standard deviations beyond which nothing is expected.
const FAR: f64 = 6.0;

const ROOT_OF_TWO_PI: f64 = 2.506_628_274_631_000_2;

/// The normal distribution at `z`, where `bell` is exp(-z²/2): Hastings' rational approximation, to within 10⁻⁷.
fn below(z: f64, bell: f64) -> f64 {
    const FACTORS: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * libm::fabs(z));
    let series = FACTORS.iter().rev().fold(0.0, |sum, factor| t * (sum + factor));
    let tail = bell / ROOT_OF_TWO_PI * series;
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// Makes shares equal where weights are, and where a lighter player would have more than a heavier one: both then have the mean.
fn pool(weights: &[u64], shares: &mut [f64]) {
    let mut from = 0;
    while from < shares.len() {
        let (mut to, mut sum) = (from.saturating_add(1), shares.get(from).copied().unwrap_or_default());
        while let (Some(share), Some(weight)) = (shares.get(to), weights.get(to)) {
            let mean = sum / real::from_usize(to.saturating_sub(from));
            if Some(weight) != weights.get(to.saturating_sub(1)) && *share <= mean {
                break;
            }
            sum += share;
            to = to.saturating_add(1);
        }
        let mean = sum / real::from_usize(to.saturating_sub(from));
        shares.iter_mut().take(to).skip(from).for_each(|share| *share = mean);
        // A larger mean than that before would be out of order again.
        let before = from.checked_sub(1).and_then(|before| shares.get(before)).copied();
        from = if before.is_some_and(|before| before < mean) { 0 } else { to };
    }
}
