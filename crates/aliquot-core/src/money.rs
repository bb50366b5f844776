//! Money that accrues: whole picodollars, added and multiplied, never rounded. Rounding to a currency is the invoice's duty.

use alloc::vec::Vec;
use core::fmt;
use core::iter::Sum;

/// Picodollars in one US dollar: 10¹².
pub const PICO_PER_USD: i128 = 1_000_000_000_000;

/// An exact amount in picodollars (10⁻¹² USD); maps 1:1 to Arrow `Decimal128(38, 12)`, which ends a little earlier,
/// at 10²⁶ USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i128);

impl Usd {
    /// Nothing. Not the same as "unknown": see [`crate::rating::Rated::unpriced`].
    pub const ZERO: Self = Self(0);

    /// An amount of whole picodollars.
    pub const fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// The amount in picodollars.
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// The sum, or `None` past ±1.7·10²⁶ USD.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(pico) => Some(Self(pico)),
            None => None,
        }
    }

    /// The difference, or `None` past ±1.7·10²⁶ USD.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(pico) => Some(Self(pico)),
            None => None,
        }
    }

    /// Splits the amount in proportion to `weights` by the largest-remainder method; equal remainders go to the earlier
    /// place, so callers order the parts by id. The parts always sum to the whole.
    ///
    /// With no positive weight the amount cannot be placed and the answer is `None`.
    pub fn split(self, weights: &[u64]) -> Option<Vec<Self>> {
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        if total == 0 {
            return None;
        }
        let magnitude = self.0.unsigned_abs();
        let mut parts = Vec::with_capacity(weights.len());
        let mut remainders = Vec::with_capacity(weights.len());
        let mut placed: u128 = 0;
        for (place, weight) in weights.iter().enumerate() {
            let (quotient, remainder) = mul_div(magnitude, *weight, total)?;
            placed = placed.checked_add(quotient)?;
            parts.push(quotient);
            remainders.push((core::cmp::Reverse(remainder), place));
        }
        remainders.sort_unstable();
        let left = usize::try_from(magnitude.checked_sub(placed)?).ok()?;
        for (_, place) in remainders.iter().take(left) {
            let part = parts.get_mut(*place)?;
            *part = part.checked_add(1)?;
        }
        let zero = 0_i128;
        let signed = |part| if self.0 < 0 { zero.checked_sub_unsigned(part) } else { zero.checked_add_unsigned(part) };
        parts.into_iter().map(|part| signed(part).map(Self)).collect()
    }

    /// Reads a decimal number of dollars such as `-12.000000000001`: exact, or `None` when it is malformed, too large or has
    /// more than twelve decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1_i128, rest),
            None => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let well_formed = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !well_formed(whole) || !well_formed(fraction) || fraction.len() > 12 {
            return None;
        }
        let scale = 10_i128.checked_pow(u32::try_from(12_usize.checked_sub(fraction.len())?).ok()?)?;
        // Signed before they are added: the least amount has no positive counterpart.
        let whole = whole.parse::<i128>().ok()?.checked_mul(PICO_PER_USD)?.checked_mul(sign)?;
        let fraction = fraction.parse::<i128>().ok()?.checked_mul(scale)?.checked_mul(sign)?;
        whole.checked_add(fraction).map(Self)
    }
}

/// `amount * weight / total` with its remainder. An amount near 10²⁶ USD times a weight leaves 128 bits, so the weight is taken
/// in two halves: each product stays below `total * 2³³`, which fits for fewer than 2³¹ weights, more than a list ever has.
pub(crate) fn mul_div(amount: u128, weight: u64, total: u128) -> Option<(u128, u128)> {
    const HALF: u64 = 1 << 32;
    let (whole, rest) = (amount.checked_div(total)?, amount.checked_rem(total)?);
    let (high, low) = (weight.checked_div(HALF)?, weight.checked_rem(HALF)?);
    let (half, high, low) = (u128::from(HALF), u128::from(high), u128::from(low));
    let upper = rest.checked_mul(high)?;
    let lower = upper.checked_rem(total)?.checked_mul(half)?.checked_add(rest.checked_mul(low)?)?;
    let quotient = whole.checked_mul(u128::from(weight))?;
    let quotient = quotient.checked_add(upper.checked_div(total)?.checked_mul(half)?)?;
    Some((quotient.checked_add(lower.checked_div(total)?)?, lower.checked_rem(total)?))
}

impl fmt::Display for Usd {
    /// Dollars with twelve decimals: `0.000000075000`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let pico_per_usd = PICO_PER_USD.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = magnitude.checked_div(pico_per_usd).unwrap_or_default();
        let fraction = magnitude.checked_rem(pico_per_usd).unwrap_or_default();
        write!(out, "{sign}{whole}.{fraction:012}")
    }
}

impl Sum for Usd {
    /// # Panics
    /// Past ±1.7·10²⁶ USD: more than fits any book, so an overflow is our bug and never the world's data.
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| {
            sum.checked_add(amount).expect("a sum of bounded charges stays below 10^26 dollars")
        })
    }
}

/// A price for one unit of something (a token, a GPU microsecond, a search): whole picodollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

impl Rate {
    /// Free of charge: a price somebody stated, unlike a missing one.
    pub const FREE: Self = Self(0);

    /// A price in picodollars for one unit.
    pub const fn from_pico(pico: u64) -> Self {
        Self(pico)
    }

    /// Picodollars for one unit.
    pub const fn pico(self) -> u64 {
        self.0
    }

    /// The price of `quantity` units: exact, and always within range (2⁶⁴ × 2⁶³ < 2¹²⁷), or `None` past it.
    pub fn times(self, quantity: u64) -> Option<Usd> {
        i128::from(self.0).checked_mul(i128::from(quantity)).map(Usd)
    }

    /// The price scaled by `numerator / denominator`, or `None` when that is finer than a picodollar or out of range.
    pub fn scaled(self, numerator: u64, denominator: u64) -> Option<Self> {
        let product = u128::from(self.0).checked_mul(u128::from(numerator))?;
        let denominator = u128::from(denominator);
        if product.checked_rem(denominator)? != 0 {
            return None;
        }
        u64::try_from(product.checked_div(denominator)?).ok().map(Self)
    }
}
