//! Whole numbers into floats and back without casts, and powers: the same bits on every machine. Knows nothing of games.

/// 2³².
const HALF: f64 = 4_294_967_296.0;

/// The float nearest to `number`, to within one rounding.
pub(crate) fn from_u64(number: u64) -> f64 {
    let low = u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    let high = u32::try_from(number.wrapping_shr(32)).unwrap_or(u32::MAX);
    f64::from(high) * HALF + f64::from(low)
}

/// The float nearest to a count of things in memory.
pub(crate) fn from_usize(number: usize) -> f64 {
    from_u64(u64::try_from(number).unwrap_or(u64::MAX))
}

/// The whole part of `number`: 0 for what is negative or no number, the greatest integer for what is too large.
pub(crate) fn to_u64(number: f64) -> u64 {
    const FRACTION_BITS: u64 = 52;
    const BIAS: u64 = 1023;
    if number.is_nan() || number < 1.0 {
        return 0;
    }
    let bits = number.to_bits();
    let implied = 1_u64.wrapping_shl(52);
    let mantissa = (bits & implied.wrapping_sub(1)) | implied;
    // At least 0: the number is not below 1, and has no sign bit.
    let exponent = bits.wrapping_shr(52).wrapping_sub(BIAS);
    if exponent > 63 {
        return u64::MAX;
    }
    let shift = |by: u64| u32::try_from(by).unwrap_or_default();
    match exponent.checked_sub(FRACTION_BITS) {
        Some(left) => mantissa.wrapping_shl(shift(left)),
        None => mantissa.wrapping_shr(shift(FRACTION_BITS.wrapping_sub(exponent))),
    }
}

/// The whole part of `number` as a place in memory.
pub(crate) fn to_usize(number: f64) -> usize {
    usize::try_from(to_u64(number)).unwrap_or(usize::MAX)
}

/// `base` to the power of `exponent`, by squaring.
pub(crate) fn power(base: f64, exponent: usize) -> f64 {
    let (mut product, mut square, mut left) = (1.0, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            product *= square;
        }
        square *= square;
        left = left.wrapping_shr(1);
    }
    product
}

#[cfg(test)]
mod tests {
    use super::{from_u64, power, to_u64};

    #[test]
    fn whole_numbers_survive_the_way_through_floats() {
        for number in [0, 1, 2, 3, 255, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 53) - 1, 1 << 53, 1 << 63] {
            assert_eq!(to_u64(from_u64(number)), number);
        }
        assert_eq!(to_u64(1.999), 1);
        assert_eq!(to_u64(-3.0), 0);
        assert_eq!(to_u64(f64::NAN), 0);
        assert_eq!(to_u64(f64::INFINITY), u64::MAX);
        assert_eq!(to_u64(from_u64(u64::MAX)), u64::MAX);
    }

    #[test]
    fn a_power_is_repeated_multiplication() {
        assert_eq!(power(0.5, 10).to_bits(), (1.0 / 1024.0_f64).to_bits());
        assert_eq!(power(3.0, 0).to_bits(), 1.0_f64.to_bits());
    }
}
