//! Bins of distances, 128 for every doubling: each number has its own up to 256, further on they are 0.4 to 0.8 % wide. What is
//! counted in them is decided elsewhere.

/// 2⁷ bins for every doubling.
const BITS: u32 = 7;
const PER_DOUBLING: u64 = 1 << BITS;

/// Bins for all distances of 64 bits.
pub(super) const COUNT: usize = 7_424;

/// The bin of a distance.
pub(super) fn place(distance: u64) -> usize {
    // How many of the low bits do not count, and the eight bits that do, the first of which is 1 unless the number is small.
    let dropped = distance.checked_ilog2().unwrap_or_default().saturating_sub(BITS);
    let leading = distance.wrapping_shr(dropped);
    usize::try_from(u64::from(dropped).wrapping_mul(PER_DOUBLING).wrapping_add(leading)).unwrap_or(usize::MAX)
}

/// The least distance of a bin.
pub(super) fn lower_edge(place: usize) -> u64 {
    let place = u64::try_from(place).unwrap_or(u64::MAX);
    let dropped = place.wrapping_shr(BITS).saturating_sub(1);
    let leading = place.wrapping_sub(dropped.wrapping_mul(PER_DOUBLING));
    let dropped = u32::try_from(dropped).unwrap_or(u32::MAX);
    leading
        .checked_mul(1_u64.checked_shl(dropped).unwrap_or_default())
        .filter(|edge| *edge > 0 || place == 0)
        .unwrap_or(u64::MAX)
}

/// How many distances a bin has.
pub(super) fn width(place: usize) -> u64 {
    lower_edge(place.saturating_add(1)).saturating_sub(lower_edge(place))
}

/// The distance in the middle of a bin.
pub(super) fn middle(place: usize) -> u64 {
    lower_edge(place).saturating_add(width(place).wrapping_shr(1))
}

#[cfg(test)]
mod tests {
    use super::{COUNT, lower_edge, place, width};

    #[test]
    fn bins_lie_side_by_side_and_cover_everything() {
        for bin in 0..COUNT {
            assert_eq!(place(lower_edge(bin)), bin);
            assert_eq!(place(lower_edge(bin).saturating_add(width(bin).max(1) - 1)), bin);
        }
        assert_eq!(place(u64::MAX), COUNT - 1);
        assert_eq!((lower_edge(255), lower_edge(256), lower_edge(257)), (255, 256, 258));
    }

    #[test]
    fn bins_are_narrow() {
        for bin in 256..COUNT - 1 {
            assert!(width(bin) * 128 <= lower_edge(bin), "bin {bin}");
        }
    }
}
