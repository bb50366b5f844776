//! The Shapley-Shubik index of a game of many players in a few microseconds: the heaviest are tried in all coalitions, and the sum of
//! the others at the moment of arrival is taken for a normal distribution. Which game is played, and who decides nothing, is known
//! already. How far the sum is from being normal, by its skewness and its excess, is allowed for.
//!
//! As in [`super::large`], every player arrives at a moment drawn evenly from 0..1, and its share is the probability of deciding
//! then. Of a heavy player that is a difference of two values of the distribution, which are those of two coalitions of heavy ones;
//! of a light one it follows from the density and its slope at the quota.

use alloc::vec::Vec;

use super::bell::Bell;
use super::quadrature;
use crate::real;

/// Players that are tried in all coalitions, at least. One more doubles the time.
const HEAVY_MIN: usize = 3;

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
    /// The probability that just this coalition is there, for each of them.
    chances: Vec<f64>,
    /// The same, and that it and the light ones are below the quota.
    below: Vec<f64>,
    bell: Bell,
}

/// The lighter players if all of them are there: sums of powers of their weights; and the variance of the quota itself.
#[derive(Clone, Copy, Debug)]
struct Light {
    sum: f64,
    squares: f64,
    cubes: f64,
    fourths: f64,
    doubt: f64,
}

impl Light {
    fn new(weights: &[u64], doubt: f64) -> Self {
        let none = Self { sum: 0.0, squares: 0.0, cubes: 0.0, fourths: 0.0, doubt };
        weights.iter().fold(none, |Self { sum, squares, cubes, fourths, doubt }, weight| {
            let weight = real::from_u64(*weight);
            let square = weight * weight;
            let (cubes, fourths) = (cubes + square * weight, fourths + square * square);
            Self { sum: sum + weight, squares: squares + square, cubes, fourths, doubt }
        })
    }

    /// The distribution of their sum at a moment.
    fn at(self, moment: f64) -> Sum {
        let spread = moment * (1.0 - moment);
        let variance = spread * self.squares + self.doubt;
        let deviation = libm::sqrt(variance).max(f64::MIN_POSITIVE);
        let skew = spread * (1.0 - 2.0 * moment) * self.cubes / (variance * deviation);
        let excess = spread * (1.0 - 6.0 * spread) * self.fourths / (variance * variance);
        let is_known = variance > 0.0;
        let [skew, excess] = [skew, excess].map(|term| if is_known { term } else { 0.0 });
        Sum { mean: moment * self.sum, scale: 1.0 / deviation, skew, excess }
    }
}

/// A sum that is nearly normally distributed.
#[derive(Clone, Copy, Debug)]
struct Sum {
    mean: f64,
    /// One by the standard deviation.
    scale: f64,
    skew: f64,
    excess: f64,
}

impl Normal {
    /// The shares of players in the order of their weights, the heaviest first; they add up to 1. Everybody decides somewhere.
    /// The quota is normally distributed with the variance `doubt`, which is zero if it is known.
    pub(super) fn shares(&mut self, weights: &[u64], quota: f64, doubt: f64) -> &[f64] {
        let (heavy, light) = weights.split_at(heavy(weights));
        let sea = Light::new(light, doubt);
        self.form(heavy);
        let mut atoms = [0.0; HEAVY_MAX];
        let mut slopes = (0.0, 0.0);
        let (from, to) = interval(weights, quota, doubt);
        for (moment, part) in quadrature::nodes(from, to, 1) {
            self.chances(moment, heavy.len());
            self.at(moment, part, quota, sea, &mut slopes);
            self.decide(moment, part, &mut atoms);
        }
        self.shares.clear();
        self.shares.extend(atoms.iter().take(heavy.len()).map(|share| share.max(0.0)));
        let left = (1.0 - self.shares.iter().sum::<f64>()).max(0.0);
        self.shares_of_light(light, left, slopes);
        pool(weights, &mut self.shares);
        &self.shares
    }

    /// Weighs every coalition of heavy players.
    fn form(&mut self, heavy: &[u64]) {
        self.coalitions.clear();
        self.coalitions.push(0.0);
        for weight in heavy {
            let weight = real::from_u64(*weight);
            self.coalitions.extend_from_within(..);
            let half = self.coalitions.len() / 2;
            self.coalitions.iter_mut().skip(half).for_each(|sum| *sum += weight);
        }
    }

    /// How likely each coalition of heavy players is at a moment.
    fn chances(&mut self, moment: f64, heavy: usize) {
        self.chances.clear();
        self.chances.push(1.0);
        for _ in 0..heavy {
            let half = self.chances.len();
            self.chances.extend_from_within(..);
            let (absent, there) = self.chances.split_at_mut(half);
            absent.iter_mut().for_each(|chance| *chance *= 1.0 - moment);
            there.iter_mut().for_each(|chance| *chance *= moment);
        }
    }

    /// For every coalition at one moment, the probability that it is there and with the light ones is below the quota; and into
    /// `slopes` the density at the quota and its slope, by which the light ones decide.
    fn at(&mut self, moment: f64, part: f64, quota: f64, light: Light, slopes: &mut (f64, f64)) {
        let Sum { mean, scale, skew, excess } = light.at(moment);
        self.below.clear();
        let (mut density, mut slope) = (0.0, 0.0);
        for (weight, chance) in self.coalitions.iter().zip(&self.chances) {
            // Weights are whole: below the quota is at most one less.
            let z = (quota - 0.5 - weight - mean) * scale;
            let (below, bell) = self.bell.at(z);
            let square = z * z;
            // Edgeworth's series: skewness, excess, and the square of the skewness.
            let terms = skew / 6.0 * (square - 1.0)
                + z * (excess / 24.0 * (square - 3.0) + skew * skew / 72.0 * ((square - 10.0) * square + 15.0));
            self.below.push(chance * (below - bell * terms));
            let bell = chance * bell;
            density += bell;
            slope -= bell * z;
        }
        slopes.0 += part * density * scale;
        slopes.1 += part * slope * scale * scale * (moment - 0.5);
    }

    /// Adds each heavy player's probability of deciding if it arrives at that moment: the chance to be below the quota without it,
    /// less that with it.
    fn decide(&self, moment: f64, part: f64, atoms: &mut [f64; HEAVY_MAX]) {
        let all: f64 = self.below.iter().sum();
        let bits =
            core::iter::successors(Some(1_usize), |bit| Some(bit << 1)).take_while(|bit| *bit < self.below.len());
        for (share, bit) in atoms.iter_mut().zip(bits) {
            let with: f64 = self.below.chunks_exact(bit << 1).flat_map(|pair| pair.iter().skip(bit)).sum();
            *share += part * ((all - with) / (1.0 - moment) - with / moment);
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
