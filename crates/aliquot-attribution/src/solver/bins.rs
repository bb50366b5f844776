//! The distribution of a sum of weights up to the quota, in bins. Who is in the sum is decided elsewhere.

use crate::real;

/// Bins below the quota: the resolution of a large game, and its cost.
const COUNT: usize = 64;

/// [`COUNT`] as a float.
const COUNT_REAL: f64 = 64.0;

/// Two more bins, beyond the quota, tell density and slope at the quota.
const KEPT: usize = COUNT + 2;

/// A number for every bin.
type PerBin = [f64; KEPT];

/// How the numbers of a game map to bins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The width of a bin in blocks.
    pub(super) width: f64,
    /// The bin of the sum 0.
    start: usize,
}

impl Scale {
    /// The quota is the upper edge of the last bin. A small one has a bin for every number, and then the first bins stay empty.
    pub(super) fn new(quota: u64) -> Self {
        // Sums are whole: what is below the quota is below the middle between it and the number before.
        let width = ((real::from_u64(quota) - 0.5) / (COUNT_REAL - 0.5)).max(1.0);
        let start = usize::try_from(quota).map_or(0, |quota| COUNT.saturating_sub(quota));
        Self { width, start }
    }

    /// Whether there is a bin for every number.
    pub(super) fn is_whole(&self) -> bool {
        self.width <= 1.0
    }
}

/// Sum and sum of squares of weights.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) sum: f64,
    pub(super) squares: f64,
}

impl Moments {
    pub(super) fn of(weights: impl Iterator<Item = f64>) -> Self {
        weights.fold(Self::default(), |moments, weight| Self {
            sum: moments.sum + weight,
            squares: moments.squares + weight * weight,
        })
    }

    pub(super) fn without(self, weight: f64) -> Self {
        Self { sum: self.sum - weight, squares: self.squares - weight * weight }
    }

    /// Between which moments the sum of those present is within `deviations` standard deviations of `level`: the roots of
    /// (level - p·sum)² = deviations²·p·(1 - p)·squares.
    pub(super) fn crossing(&self, level: f64, deviations: f64) -> (f64, f64) {
        let spread = deviations * deviations * self.squares;
        let leading = self.sum * self.sum + spread;
        let middle = 2.0 * level * self.sum + spread;
        let root = libm::sqrt((middle * middle - 4.0 * leading * level * level).max(0.0));
        let at = |number: f64| (number / (2.0 * leading)).clamp(0.0, 1.0);
        (at(middle - root), at(middle + root))
    }
}

/// How a player moves a sum: by a weight that lies between two bins, and so goes to the three nearest such that mean and variance
/// stay what they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The nearest bin.
    bins: usize,
    /// How much goes to the bin before it, to it, and to the one after it.
    parts: [f64; 3],
}

impl Step {
    /// Of a weight in bins.
    pub(super) fn new(weight: f64) -> Self {
        Self::spread(weight, 0.0)
    }

    fn spread(mean: f64, variance: f64) -> Self {
        let bins = real::to_usize(mean + 0.5);
        let off = mean - real::from_usize(bins);
        let away = off * off + variance;
        Self { bins, parts: [(away - off) / 2.0, 1.0 - away, (away + off) / 2.0] }
    }

    /// The shifts with their parts; what would go below the first bin stays in it.
    fn shifts(&self) -> impl Iterator<Item = (usize, f64)> {
        let places = [self.bins.saturating_sub(1), self.bins, self.bins.saturating_add(1)];
        places.into_iter().zip(self.parts)
    }
}

/// A density and its first two derivatives, per bin.
#[derive(Debug)]
pub(super) struct Density {
    pub(super) value: f64,
    pub(super) slope: f64,
    pub(super) curvature: f64,
}

/// The probability of every sum below the quota, and a little beyond.
#[derive(Clone, Debug)]
pub(super) struct Bins(PerBin);

impl Bins {
    /// Variance in squared bins from which on a normal distribution has its mean and variance also when read off at whole bins.
    const SMOOTH: f64 = 0.5;

    /// The sum of the players of these moments, in bins, each there with probability `moment`.
    pub(super) fn normal(scale: Scale, light: &Moments, moment: f64) -> Self {
        let mean = moment * light.sum;
        let variance = moment * (1.0 - moment) * light.squares;
        let mut bins: PerBin = [0.0; KEPT];
        if variance < Self::SMOOTH {
            for (place, part) in Step::spread(mean, variance).shifts() {
                if let Some(bin) = bins.get_mut(place.saturating_add(scale.start)) {
                    *bin += part;
                }
            }
            return Self(bins);
        }
        let top = real::to_usize(mean + 0.5).min(KEPT.saturating_sub(1));
        let off = real::from_usize(top) - mean;
        let height = libm::exp(-off * off / (2.0 * variance)) / libm::sqrt(2.0 * core::f64::consts::PI * variance);
        let flattening = libm::exp(-1.0 / variance);
        let (down, up) = bins.split_at_mut(top);
        fill(up.iter_mut(), height, libm::exp(-(0.5 + off) / variance), flattening);
        let first = libm::exp(-(0.5 - off) / variance);
        fill(down.iter_mut().rev(), height * first, first * flattening, flattening);
        if let Some(bin) = bins.first_mut() {
            // A sum is not negative, though the normal distribution may be.
            *bin += libm::erfc((mean + 0.5) / libm::sqrt(2.0 * variance)) / 2.0;
        }
        Self(bins)
    }

    /// With one more player, there with probability `moment`.
    pub(super) fn joined(&self, step: &Step, moment: f64) -> Self {
        let mut bins = self.0.map(|bin| bin * (1.0 - moment));
        let [before, at, after] = step.parts.map(|part| part * moment);
        let [first, second, ..] = self.0;
        let arrivals = [before * first, before * second + at * first];
        let moved = bins.get_mut(step.bins.saturating_sub(1)..).unwrap_or_default();
        for (bin, arrival) in moved.iter_mut().zip(arrivals) {
            *bin += arrival;
        }
        let moved = moved.get_mut(arrivals.len()..).unwrap_or_default();
        for (bin, [last, middle, next]) in moved.iter_mut().zip(self.0.array_windows()) {
            *bin += after * last + at * middle + before * next;
        }
        Self(bins)
    }

    /// The probability of a sum below the quota.
    pub(super) fn below_quota(&self) -> f64 {
        self.0.iter().take(COUNT).sum()
    }

    /// The density at the quota, between the last bin below it and the first one beyond.
    pub(super) fn at_quota(&self) -> Density {
        let [.., before, last, beyond, after] = self.0;
        Density {
            value: (9.0 * (last + beyond) - (before + after)) / 16.0,
            slope: (27.0 * (beyond - last) - (after - before)) / 24.0,
            curvature: (after - beyond - last + before) / 2.0,
        }
    }
}

/// Values of a normal distribution bin by bin away from its top: each ratio between two is smaller than the one before.
fn fill<'a>(bins: impl Iterator<Item = &'a mut f64>, height: f64, ratio: f64, flattening: f64) {
    let (mut height, mut ratio) = (height, ratio);
    for bin in bins {
        *bin = height;
        height *= ratio;
        ratio *= flattening;
    }
}

/// For every sum, the probability that some other players do not lift it to the quota.
#[derive(Clone, Debug)]
pub(super) struct Room(PerBin);

impl Room {
    /// Without any other players.
    pub(super) fn empty() -> Self {
        let mut room = [1.0; KEPT];
        for beyond in room.iter_mut().skip(COUNT) {
            *beyond = 0.0;
        }
        Self(room)
    }

    /// With one more player, there with probability `moment`.
    pub(super) fn joined(&self, step: &Step, moment: f64) -> Self {
        let mut room = self.0.map(|bin| bin * (1.0 - moment));
        let [before, at, after] = step.parts.map(|part| part * moment);
        let moved = self.0.get(step.bins.saturating_sub(1)..).unwrap_or_default();
        for (bin, [next, middle, last]) in room.iter_mut().zip(moved.array_windows()) {
            *bin += before * next + at * middle + after * last;
        }
        Self(room)
    }

    /// The probability that these players and those of `sums` stay below the quota together.
    pub(super) fn left_by(&self, sums: &Bins) -> f64 {
        let mut lanes = [0.0; 4];
        let (sums, room) = (sums.0.chunks_exact(4), self.0.chunks_exact(4));
        for (sums, room) in sums.zip(room) {
            for (lane, (sum, room)) in lanes.iter_mut().zip(sums.iter().zip(room)) {
                *lane += sum * room;
            }
        }
        lanes.iter().sum()
    }
}
