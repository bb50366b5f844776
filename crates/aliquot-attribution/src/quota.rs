//! From how many blocks on a cache is full: one number if it is known, a few weighted ones if it is not. Where the number comes
//! from is decided elsewhere.

/// How many points a soft quota may have: enough for an even spread over ±2.4 sigma, and each costs a game.
pub const POINTS_MAX: usize = 9;

/// Weights of a normal distribution at 0, 0.6, 1.2, 1.8 and 2.4 sigma from its middle, the middle being 1000. The variance of the
/// nine points is 0.95 sigma².
const NORMAL: [(u64, u32); 5] = [(0, 1000), (3, 835), (6, 487), (9, 198), (12, 56)];

/// One value that the threshold may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// A coalition wins, that is, evicts, if its weights reach this many blocks.
    pub threshold: u64,
    /// How much of the belief lies here, relative to the other points.
    pub weight: u32,
}

/// The threshold of a voting game in blocks. Soft if it is not known exactly: then every point is a game, and their results are
/// added with the points' weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    centre: u64,
    points: [Point; POINTS_MAX],
    count: usize,
}

impl Quota {
    /// Exactly `threshold` blocks.
    pub fn hard(threshold: u64) -> Self {
        let mut quota = Self::empty(threshold);
        quota.add(Point { threshold, weight: 1 });
        quota
    }

    /// Around `capacity` blocks, by a normal distribution with standard deviation `sigma` blocks: 9 points, 5 if `sigma` is 1, and
    /// hard if it is 0. No point is below one block, the least that a cache holds.
    pub fn soft(capacity: u64, sigma: u64) -> Self {
        let mut quota = Self::empty(capacity);
        for (fifths, weight) in NORMAL.iter().rev() {
            let threshold = capacity.saturating_sub(offset(sigma, *fifths)).max(1);
            quota.add(Point { threshold, weight: *weight });
        }
        for (fifths, weight) in NORMAL.iter().skip(1) {
            let threshold = capacity.saturating_add(offset(sigma, *fifths)).max(1);
            quota.add(Point { threshold, weight: *weight });
        }
        quota
    }

    /// The most likely threshold.
    pub const fn centre(&self) -> u64 {
        self.centre
    }

    /// The points, from the least threshold to the greatest.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        self.points.into_iter().take(self.count)
    }

    /// Whether there is only one point.
    pub const fn is_hard(&self) -> bool {
        self.count == 1
    }

    /// What is left of the quota when `own` blocks stand in the cache in any case. A point that is reached already becomes 0: there
    /// every coalition wins, also the empty one, and nobody is to blame.
    pub fn less(&self, own: u64) -> Self {
        let mut left = Self::empty(self.centre.saturating_sub(own));
        for point in self.points() {
            left.add(Point { threshold: point.threshold.saturating_sub(own), ..point });
        }
        left
    }

    /// What is left of the belief once a miss was seen though `own` blocks alone had not caused it and `total` blocks were all that
    /// there were: the points above `own`, up to `total`. If there are none, the one number nearest to the centre, `total` at most.
    pub(crate) fn observed(&self, own: u64, total: u64) -> Self {
        let mut seen = Self::empty(self.centre.min(total));
        for point in self.points().filter(|point| point.threshold > own && point.threshold <= total) {
            seen.add(point);
        }
        if seen.count == 0 { Self::hard(self.centre.min(total)) } else { seen }
    }

    const fn empty(centre: u64) -> Self {
        Self { centre, points: [Point { threshold: 0, weight: 0 }; POINTS_MAX], count: 0 }
    }

    /// Adds a point that is not below the last one; equal thresholds become one point.
    fn add(&mut self, point: Point) {
        let last = self.count.checked_sub(1).and_then(|last| self.points.get_mut(last));
        if let Some(last) = last
            && last.threshold == point.threshold
        {
            last.weight = last.weight.saturating_add(point.weight);
        } else if let Some(free) = self.points.get_mut(self.count) {
            *free = point;
            self.count = self.count.saturating_add(1);
        }
    }
}

/// `fifths` fifths of `sigma`, rounded to the nearest block.
fn offset(sigma: u64, fifths: u64) -> u64 {
    sigma.saturating_mul(fifths).saturating_add(2).checked_div(5).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Point, Quota};

    fn thresholds(quota: &Quota) -> Vec<u64> {
        quota.points().map(|point| point.threshold).collect()
    }

    #[test]
    fn a_soft_quota_lies_evenly_around_its_capacity() {
        let quota = Quota::soft(1000, 100);
        assert_eq!(thresholds(&quota), [760, 820, 880, 940, 1000, 1060, 1120, 1180, 1240]);
        let weights: Vec<u32> = quota.points().map(|point| point.weight).collect();
        assert_eq!(weights, [56, 198, 487, 835, 1000, 835, 487, 198, 56]);
        assert!(!quota.is_hard());
    }

    #[test]
    fn points_that_coincide_become_one() {
        assert!(Quota::soft(1000, 0).is_hard());
        assert_eq!(thresholds(&Quota::soft(1000, 1)), [998, 999, 1000, 1001, 1002]);
        assert_eq!(thresholds(&Quota::soft(3, 5)), [1, 3, 6, 9, 12, 15]);
        assert_eq!(Quota::hard(7).points().collect::<Vec<_>>(), [Point { threshold: 7, weight: 1 }]);
    }

    #[test]
    fn what_stands_in_the_cache_anyhow_is_subtracted_at_every_point() {
        assert_eq!(thresholds(&Quota::soft(1000, 100).less(900)), [0, 40, 100, 160, 220, 280, 340]);
        assert_eq!(Quota::hard(5).less(9), Quota::hard(0));
        assert_eq!(Quota::soft(1000, 100).less(900).centre(), 100);
    }

    #[test]
    fn a_miss_rules_out_what_would_have_been_a_hit() {
        let quota = Quota::soft(1000, 100);
        assert_eq!(thresholds(&quota.observed(820, 1060)), [880, 940, 1000, 1060]);
        assert_eq!(quota.observed(0, 1060).centre(), 1000);
        assert_eq!(quota.observed(0, 700), Quota::hard(700));
        assert_eq!(quota.observed(945, 955), Quota::hard(955));
    }
}
