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

/// All their coalitions.
const COALITIONS: usize = 1 << HEAVY_MAX;

/// Buffers.
#[derive(Debug, Default)]
pub(super) struct Normal {
    shares: Vec<f64>,
}

/// The lighter players' sum if all of them are there, and the sum of their squares.
#[derive(Clone, Copy, Debug)]
struct Light {
    sum: f64,
    squares: f64,
}

impl Normal {
    /// The shares of players in the order of their weights, the heaviest first; they add up to 1. Everybody decides somewhere.
    pub(super) fn shares(&mut self, weights: &[u64], quota: u64) -> &[f64] {
        let (heavy, light) = weights.split_at(heavy(weights));
        let squares = light.iter().map(|weight| real::from_u64(*weight) * real::from_u64(*weight)).sum();
        let sea = Light { sum: light.iter().map(|weight| real::from_u64(*weight)).sum(), squares };
        let mut atoms = [0.0; HEAVY_MAX];
        let (mut linear, mut square) = (0.0, 0.0);
        let (from, to) = interval(weights, quota);
        for (moment, part) in quadrature::nodes(from, to, 1) {
            let values = at(heavy, real::from_u64(quota), sea, moment);
            for (coalition, value) in values.iter().enumerate().take(1 << heavy.len()) {
                let chance = part * chance(coalition, heavy.len(), moment);
                linear += chance * value.density;
                square += chance * value.slope * (moment - 0.5);
            }
            for (place, share) in atoms.iter_mut().enumerate().take(heavy.len()) {
                *share += part * decides(&values, place, heavy.len(), moment);
            }
        }
        self.shares.clear();
        self.shares.extend(atoms.iter().take(heavy.len()));
        let left = (1.0 - atoms.iter().sum::<f64>()).max(0.0);
        self.shares_of_light(light, left, (linear, square));
        pool(weights, &mut self.shares);
        &self.shares
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

/// The distribution of the sum of all who are there, at the quota, for one coalition of heavy players.
#[derive(Clone, Copy, Debug, Default)]
struct Value {
    /// The probability of being below it.
    below: f64,
    density: f64,
    slope: f64,
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
fn interval(weights: &[u64], quota: u64) -> (f64, f64) {
    let all = weights.iter().map(|weight| real::from_u64(*weight));
    let (sum, squares) = all.fold((0.0, 0.0), |(sum, squares), weight| (sum + weight, squares + weight * weight));
    let middle = real::from_u64(quota) / sum;
    let half = 4.0 * libm::sqrt(middle * (1.0 - middle).max(0.0) * squares) / sum + 1.0 / sum;
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// The values for every coalition of heavy players, by its bits, at one moment.
fn at(heavy: &[u64], quota: f64, light: Light, moment: f64) -> [Value; COALITIONS] {
    let mean = moment * light.sum;
    let deviation = libm::sqrt(moment * (1.0 - moment) * light.squares).max(f64::MIN_POSITIVE);
    let mut values = [Value::default(); COALITIONS];
    let count = 1_usize.wrapping_shl(u32::try_from(heavy.len()).unwrap_or_default());
    for (coalition, value) in values.iter_mut().enumerate().take(count) {
        let members = heavy.iter().enumerate().filter(|(place, _)| contains(coalition, *place));
        let weight: f64 = members.map(|(_, weight)| real::from_u64(*weight)).sum();
        // Weights are whole: below the quota is at most one less.
        let z = (quota - 0.5 - weight - mean) / deviation;
        let bell = libm::exp(-0.5 * z * z);
        let density = bell / (deviation * ROOT_OF_TWO_PI);
        *value = Value { below: below(z, bell), density, slope: -z / deviation * density };
    }
    values
}

const ROOT_OF_TWO_PI: f64 = 2.506_628_274_631_000_2;

/// The normal distribution at `z`, where `bell` is exp(-z²/2): Hastings' rational approximation, to within 10⁻⁷.
fn below(z: f64, bell: f64) -> f64 {
    const FACTORS: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * libm::fabs(z));
    let series = FACTORS.iter().rev().fold(0.0, |sum, factor| t * (sum + factor));
    let tail = bell / ROOT_OF_TWO_PI * series;
    if z > 0.0 { 1.0 - tail } else { tail }
}

const fn contains(coalition: usize, place: usize) -> bool {
    coalition & (1 << place) != 0
}

/// The probability that just these of so many are there.
fn chance(coalition: usize, of: usize, moment: f64) -> f64 {
    let there = usize::try_from(coalition.count_ones()).unwrap_or_default();
    if there > of || coalition >= 1 << of {
        return 0.0;
    }
    real::power(moment, there) * real::power(1.0 - moment, of.saturating_sub(there))
}

/// The probability that a heavy player decides if it arrives at that moment.
fn decides(values: &[Value; COALITIONS], place: usize, of: usize, moment: f64) -> f64 {
    let without = (0..1_usize << of).filter(|coalition| !contains(*coalition, place));
    without
        .map(|coalition| {
            let below = |coalition: usize| values.get(coalition).map_or(0.0, |value| value.below);
            let others = of.saturating_sub(1);
            let there = usize::try_from(coalition.count_ones()).unwrap_or_default();
            let chance = real::power(moment, there) * real::power(1.0 - moment, others.saturating_sub(there));
            chance * (below(coalition) - below(coalition | 1 << place)).max(0.0)
        })
        .sum()
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
