//! One order of arrival drawn by hash, and the player that decides in it: on average the Shapley-Shubik index, at the price of
//! reading each player at most once. Whether one order is enough is for the caller to decide.

use alloc::vec::Vec;

use crate::quota::Quota;

/// A sequence of numbers that look random, determined by its seed.
#[derive(Debug)]
struct Draws {
    state: u64,
}

impl Draws {
    /// The generator `splitmix64` by Vigna: one addition and a bijective mixing of the bits.
    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ self.state.wrapping_shr(30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed.wrapping_shr(27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed.wrapping_shr(31)
    }

    /// One of `0..count`, each as likely to within `count` / 2⁶⁴.
    fn below(&mut self, count: u64) -> u64 {
        let wide = u128::from(self.next()).wrapping_mul(u128::from(count));
        u64::try_from(wide.wrapping_shr(64)).unwrap_or_default()
    }
}

/// The place of the player that decides when the players of `weights` arrive in the order drawn from `seed`; of a soft quota, at one
/// of those points where the game is decided by somebody, drawn by their weights. `None` if there is no such point.
pub(super) fn pivot(weights: &[u64], quota: &Quota, seed: u64, waiting: &mut Vec<usize>) -> Option<usize> {
    let sum = weights.iter().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
    let decided = || quota.points().filter(|point| point.threshold > 0 && point.threshold <= sum);
    let belief = decided().map(|point| u64::from(point.weight)).fold(0_u64, u64::saturating_add);
    let mut draws = Draws { state: seed };
    let mut left = draws.below(belief);
    let point = decided().find(|point| match left.checked_sub(u64::from(point.weight)) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    })?;
    waiting.clear();
    waiting.extend(0..weights.len());
    let mut reached = 0_u64;
    while !waiting.is_empty() {
        let drawn = draws.below(u64::try_from(waiting.len()).unwrap_or(u64::MAX));
        let place = waiting.swap_remove(usize::try_from(drawn).unwrap_or_default());
        reached = reached.saturating_add(weights.get(place).copied().unwrap_or_default());
        if reached >= point.threshold {
            return Some(place);
        }
    }
    None
}
