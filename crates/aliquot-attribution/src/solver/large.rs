//! The Shapley-Shubik index of a game of many players, approximately. Which game is played, and who decides nothing, is known
//! already.
//!
//! Let every player arrive at a moment drawn evenly from 0..1. At the moment p each of the others is there with probability p, and
//! a player's share is the probability of deciding at its own arrival: the integral over p of P(quota - weight <= sum of the
//! others < quota). The distribution of that sum is carried along in bins, into which one player after the other is mixed:
//!
//! | players | how |
//! |---|---|
//! | that reach the quota alone | exactly: they decide if nobody else has |
//! | heavy | mixed one by one; for each one's own share the others are joined without it |
//! | light: one to three bins | together, as a normal distribution; their shares by the density at the quota |
//!
//! Before that, a quota above half of the sum is replaced by its dual, sum - quota + 1, which has the same index. So near-unanimity,
//! where everyone decides alike, is the first row of the table.

use alloc::vec::Vec;

use super::bins::{self, Bins};
use super::quadrature;
use crate::real;

/// Buffers for games of many players.
#[derive(Debug, Default)]
pub(super) struct Large {
    /// Of each player to be mixed, how it is.
    steps: Vec<bins::Step>,
    /// The distribution after each player that was mixed.
    mixed: Vec<Bins>,
    shares: Vec<f64>,
}

/// What is the same at every moment.
#[derive(Debug)]
struct Game {
    /// How many reach the quota alone.
    alone: usize,
    /// How many are heavy, but do not.
    heavy: usize,
    scale: bins::Scale,
    /// Sum and sum of squares of the light ones, in bins.
    light: bins::Moments,
}

/// The light players' shares as a polynomial of their weights in bins.
#[derive(Debug, Default)]
struct Light {
    linear: f64,
    square: f64,
    cube: f64,
}

impl Light {
    /// Adds the series of P(quota - weight <= others < quota) at one moment, where the density is that of all with the player. To
    /// take the player out is to divide by 1 - moment·(1 - its shift), which makes the factors of the higher terms.
    fn add(&mut self, density: &bins::Density, moment: f64, part: f64) {
        self.linear += part * density.value;
        self.square += part * density.slope * (moment - 0.5);
        self.cube += part * density.curvature * (1.0 / 6.0 - moment + moment * moment);
    }
}

impl Large {
    /// The shares of `weights`, the heaviest first, at a quota that all of them together reach; they add up to 1, equal weights
    /// have equal shares, and heavier ones no smaller shares.
    pub(super) fn shares(&mut self, weights: &[u64], quota: u64) -> &[f64] {
        let sum = weights.iter().map(|weight| u128::from(*weight)).fold(0_u128, u128::saturating_add);
        let dual = sum.saturating_sub(u128::from(quota)).saturating_add(1);
        let quota = u64::try_from(dual).map_or(quota, |dual| dual.min(quota));
        let game = self.prepare(weights, quota);
        self.shares.clear();
        self.shares.resize(weights.len(), 0.0);
        let mut light = Light::default();
        if let Some(others) = weights.get(game.alone..).filter(|others| !others.is_empty()) {
            let span = Span::of(others, quota);
            // Before the span nobody but those who reach the quota alone decides.
            let early = (1.0 - real::power(1.0 - span.from, game.alone)) / real::from_usize(game.alone.max(1));
            self.add(0..game.alone, early);
            for (moment, part) in quadrature::nodes(span.from, span.to, span.panels) {
                self.at(&game, moment, part, &mut light);
            }
        } else {
            self.add(0..game.alone, 1.0);
        }
        for (share, weight) in self.shares.iter_mut().zip(weights).skip(game.alone.saturating_add(game.heavy)) {
            let bins = real::from_u64(*weight) / game.scale.width;
            *share = bins * (light.linear + bins * (light.square + bins * light.cube));
        }
        repair(weights, &mut self.shares);
        &self.shares
    }

    /// Sorts the players into the three kinds.
    fn prepare(&mut self, weights: &[u64], quota: u64) -> Game {
        let scale = bins::Scale::new(quota);
        let alone = weights.partition_point(|weight| *weight >= quota);
        let heavy = scale.width * heavy_from(weights.len(), &scale);
        let heavy = weights.partition_point(|weight| real::from_u64(*weight) >= heavy).saturating_sub(alone);
        let in_bins = |weight: &u64| real::from_u64(*weight) / scale.width;
        self.steps.clear();
        self.steps.extend(weights.iter().skip(alone).take(heavy).map(in_bins).map(bins::Step::new));
        let light = bins::Moments::of(weights.iter().skip(alone.saturating_add(heavy)).map(in_bins));
        Game { alone, heavy, scale, light }
    }

    /// Adds what is decided at one moment, counted `part` times.
    fn at(&mut self, game: &Game, moment: f64, part: f64, light: &mut Light) {
        // Whoever reaches the quota alone has decided, if there.
        let part_early = part * real::power(1.0 - moment, game.alone.saturating_sub(1));
        let part = if game.alone == 0 { part } else { part_early * (1.0 - moment) };
        self.mixed.clear();
        let mut last = Bins::normal(game.scale, &game.light, moment);
        for step in &self.steps {
            let next = last.joined(step, moment);
            self.mixed.push(last);
            last = next;
        }
        let below = last.below_quota();
        self.add(0..game.alone, part_early * below);
        light.add(&last.at_quota(), moment, part);
        let mut room = bins::Room::empty();
        let shares = self.shares.iter_mut().skip(game.alone).take(game.heavy);
        for ((share, step), others) in shares.zip(&self.steps).zip(&self.mixed).rev() {
            // Of all cases below the quota, those without the player are too many by the ones it would decide.
            *share += part * (room.left_by(others) - below) / moment;
            room = room.joined(step, moment);
        }
    }

    fn add(&mut self, places: core::ops::Range<usize>, part: f64) {
        for share in self.shares.iter_mut().skip(places.start).take(places.len()) {
            *share += part;
        }
    }
}

/// From how many bins on a player is heavy. The more players, the less each one's form matters, and the more it would cost to mix
/// them one by one. Where there is a bin for every number, nothing lies between bins and a normal distribution would be too coarse.
fn heavy_from(players: usize, scale: &bins::Scale) -> f64 {
    if scale.is_whole() { 1.0 } else { (real::from_usize(players) / 64.0).clamp(1.0, 3.0) }
}

/// The moments between which the quota is reached, practically always.
#[derive(Debug)]
struct Span {
    from: f64,
    to: f64,
    panels: usize,
}

impl Span {
    /// Standard deviations on either side.
    const DEVIATIONS: f64 = 4.0;

    /// The sum jumps past the quota when one of the heaviest arrives and glides past it in between, the faster the fewer glide; a
    /// panel resolves what takes a tenth of it. So many of the heaviest are tried as those that jump.
    const APART_MAX: usize = 16;

    /// Each panel costs as much as the first one; more resolve what hardly anybody has a share in.
    const PANELS_MAX: f64 = 4.0;

    fn of(weights: &[u64], quota: u64) -> Self {
        let all = bins::Moments::of(weights.iter().map(|weight| real::from_u64(*weight)));
        let quota = real::from_u64(quota);
        let heaviest = weights.first().copied().map_or(0.0, real::from_u64);
        let (from, _) = all.crossing((quota - heaviest).max(0.0), Self::DEVIATIONS);
        let (_, to) = all.crossing(quota, Self::DEVIATIONS);
        let mut rest = all;
        let mut narrow = 1.0_f64;
        for weight in weights.iter().take(Self::APART_MAX) {
            narrow = narrow.min(libm::sqrt(rest.squares) / rest.sum);
            rest = rest.without(real::from_u64(*weight));
        }
        let panels = ((to - from) / (5.0 * narrow)).clamp(1.0, Self::PANELS_MAX);
        Self { from, to, panels: real::to_usize(panels + 0.5) }
    }
}

/// Makes the shares of equal weights equal and those of heavier ones no smaller, none negative, and their sum 1.
fn repair(weights: &[u64], shares: &mut [f64]) {
    let mut least = 0.0_f64;
    let mut sum = 0.0;
    let mut end = weights.len();
    while let Some(weight) = end.checked_sub(1).and_then(|last| weights.get(last)) {
        let start = weights.partition_point(|other| other > weight);
        let equal = shares.iter().take(end).skip(start);
        let count = real::from_usize(equal.len().max(1));
        least = least.max(equal.sum::<f64>() / count);
        for share in shares.iter_mut().take(end).skip(start) {
            *share = least;
        }
        sum += least * count;
        end = start;
    }
    for share in shares {
        *share /= sum;
    }
}
