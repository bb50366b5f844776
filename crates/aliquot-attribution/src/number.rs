//! Between whole numbers and floats, the same bits everywhere. Floats live inside of estimates only; what leaves them is whole.

/// The nearest float.
pub fn float(whole: u64) -> f64 {
    const HALF: u64 = 1 << 32;
    let half = |number: Option<u64>| u32::try_from(number.unwrap_or_default()).map_or(0.0, f64::from);
    // Each half is exact, and so is the product; the sum is rounded once.
    half(whole.checked_div(HALF)) * 4_294_967_296.0 + half(whole.checked_rem(HALF))
}

/// The whole number below, or `None` if it is negative, not a number, or past 64 bits.
pub fn whole(float: f64) -> Option<u64> {
    const FRACTION_BITS: u32 = 52;
    const BIAS: u64 = 1023;
    if !(0.0..18_446_744_073_709_551_616.0).contains(&float) {
        return None;
    }
    let bits = float.abs().to_bits();
    let exponent = bits >> FRACTION_BITS;
    if exponent < BIAS {
        return Some(0);
    }
    let power = u32::try_from(exponent.checked_sub(BIAS)?).ok()?;
    let digits = (bits & ((1 << FRACTION_BITS) - 1)) | (1 << FRACTION_BITS);
    match power.checked_sub(FRACTION_BITS) {
        Some(up) => digits.checked_shl(up),
        None => digits.checked_shr(FRACTION_BITS.checked_sub(power)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_survive_as_far_as_floats_hold_them() {
        for number in [0, 1, 2, 3, 112, 480, 1 << 32, (1 << 32) + 1, (1 << 53) - 1, 1 << 63] {
            assert_eq!(whole(float(number)), Some(number));
        }
        assert_eq!(whole(float(u64::MAX)), None, "rounds up to 2^64");
    }

    #[test]
    fn fractions_are_cut_off_and_nonsense_is_none() {
        assert_eq!(whole(0.999_999), Some(0));
        assert_eq!(whole(1.5), Some(1));
        assert_eq!(whole(4_503_599_627_370_496.5), Some(4_503_599_627_370_496));
        assert_eq!(whole(-0.0), Some(0));
        assert_eq!([whole(-1.0), whole(f64::NAN), whole(f64::INFINITY)], [None; 3]);
    }
}
