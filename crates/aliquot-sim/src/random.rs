//! Seeded randomness: SplitMix64, one stream per purpose, so that a draw added for one purpose moves no other. Whole numbers
//! only; no source of chance but the seed.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The golden ratio in 64 bits, SplitMix64's step.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed` for `purpose`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self(hash(seed, purpose))
    }

    /// The stream of `seed` for the thing with that number.
    pub const fn numbered(seed: u64, number: u64) -> Self {
        Self(pair(seed, number))
    }

    /// The next number.
    pub const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        scaled(self.draw(), bound)
    }

    /// A number of `range`, ends included.
    pub fn within(&mut self, range: (u64, u64)) -> u64 {
        let width = range.1.saturating_sub(range.0).saturating_add(1);
        range.0.saturating_add(self.below(width))
    }
}

/// Spreads a number over all 64 bits; a bijection.
pub const fn mix(number: u64) -> u64 {
    let once = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let twice = (once ^ once >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    twice ^ twice >> 31
}

/// The hash of two numbers, in that order.
pub const fn pair(first: u64, second: u64) -> u64 {
    mix(mix(first.wrapping_add(STEP)).wrapping_add(second))
}

/// The hash of a text.
pub fn hash(seed: u64, text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), seed)
}

/// Where `draw` lies among `bound` equal parts of the 64-bit range. The parts differ by at most one number in 2⁶⁴ / bound.
pub fn scaled(draw: u64, bound: u64) -> u64 {
    let product = u128::from(draw) * u128::from(bound);
    u64::try_from(product >> 64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_their_seed_and_purpose() {
        let draws = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            [random.draw(), random.draw(), random.draw()]
        };
        assert_eq!(draws(1, "think"), draws(1, "think"));
        assert_ne!(draws(1, "think"), draws(1, "faults"));
        assert_ne!(draws(1, "think"), draws(2, "think"));
        // The first numbers of SplitMix64 from 0, as its authors print them.
        let mut random = Random(0);
        assert_eq!([random.draw(), random.draw()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn draws_fill_their_range_and_stay_in_it() {
        let mut random = Random::new(7, "range");
        let mut seen = [0_u32; 5];
        for _ in 0..5_000 {
            seen[usize::try_from(random.within((10, 14)) - 10).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| (850..1_150).contains(count)), "{seen:?}");
        assert_eq!((random.below(0), random.below(1), random.within((3, 3))), (0, 0, 3));
        assert_eq!((scaled(0, 10), scaled(u64::MAX, 10)), (0, 9));
    }
}
