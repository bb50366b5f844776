//! Whole numbers split in proportion, by the rule that splits money: largest remainder, equal remainders to the earlier place.
//! The parts always sum to the whole. Knows no tenants and no units.

use alloc::vec::Vec;

use aliquot_core::money::Usd;

/// The whole, where shares are fixed-point: millionths.
pub const MILLIONTHS: u64 = 1_000_000;

/// Splits `amount` in proportion to `weights`. `None` if no weight is positive: then nobody can be given it.
pub fn apportion(amount: u64, weights: &[u64]) -> Option<Vec<u64>> {
    let parts = Usd::from_pico(i128::from(amount)).split(weights)?;
    parts.into_iter().map(|part| u64::try_from(part.pico()).ok()).collect()
}

/// Weights in proportion to `amounts`, all halved together as often as the greatest needs to fit 64 bits. An amount that is not
/// zero keeps a weight that is not zero.
pub fn weights(amounts: &[u128]) -> Vec<u64> {
    let greatest = amounts.iter().copied().max().unwrap_or_default();
    let halvings = u128::from(u64::MAX).leading_zeros().saturating_sub(greatest.leading_zeros());
    let weight = |amount: u128| {
        let halved = amount.checked_shr(halvings).unwrap_or_default();
        u64::try_from(halved).unwrap_or(u64::MAX).max(u64::from(amount > 0))
    };
    amounts.iter().copied().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remainder_goes_to_the_largest_fraction_and_then_to_the_earlier_place() {
        assert_eq!(apportion(10, &[1, 1, 1]), Some(alloc::vec![4, 3, 3]));
        assert_eq!(apportion(10, &[2, 3, 1]), Some(alloc::vec![3, 5, 2]));
        assert_eq!(apportion(u64::MAX, &[0, 7]), Some(alloc::vec![0, u64::MAX]));
        assert_eq!(apportion(10, &[0, 0]), None);
        assert_eq!(apportion(10, &[]), None);
    }

    #[test]
    fn amounts_past_64_bits_become_weights_in_the_same_proportion() {
        assert_eq!(weights(&[0, 7, u128::from(u64::MAX)]), [0, 7, u64::MAX]);
        assert_eq!(weights(&[1 << 70, 3 << 70, 1]), [1 << 62, 3 << 62, 1]);
        assert_eq!(weights(&[u128::MAX, u128::MAX]), [u64::MAX, u64::MAX]);
    }
}
