//! Exact amounts of money and quantities that pass through percentages, exchange rates and shares of a month: fractions of whole
//! numbers of any size. Nothing here rounds but [`Exact::rounded`], which only `settle` calls for money.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use aliquot_core::money::{PICO_PER_USD, Usd};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A fraction in lowest terms. Written as a decimal number where it is one (`0.125`), else as a fraction (`1/3`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exact {
    numerator: BigInt,
    /// Positive.
    denominator: BigInt,
}

/// The longest text of a number that is read: enough for any real amount, and no way to keep a reader busy.
const TEXT_BYTES_MAX: usize = 400;

#[expect(
    clippy::arithmetic_side_effects,
    reason = "whole numbers of any size do not overflow, and no denominator is zero"
)]
impl Exact {
    /// A whole number.
    pub fn whole(number: impl Into<BigInt>) -> Self {
        Self { numerator: number.into(), denominator: 1.into() }
    }

    /// Nothing.
    pub fn zero() -> Self {
        Self::whole(0)
    }

    /// `numerator / denominator`; `None` of a zero denominator.
    pub fn ratio(numerator: impl Into<BigInt>, denominator: impl Into<BigInt>) -> Option<Self> {
        let (numerator, denominator) = (numerator.into(), denominator.into());
        if denominator.sign() == Sign::NoSign {
            return None;
        }
        Some(Self::reduced(numerator, denominator))
    }

    fn reduced(numerator: BigInt, denominator: BigInt) -> Self {
        let divisor = numerator.gcd(&denominator);
        let divisor = if denominator.sign() == Sign::Minus { -divisor } else { divisor };
        Self { numerator: numerator / &divisor, denominator: denominator / divisor }
    }

    /// An accrued amount in dollars.
    pub fn dollars(amount: Usd) -> Self {
        Self::reduced(amount.pico().into(), PICO_PER_USD.into())
    }

    /// The sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let numerator = &self.numerator * &other.denominator + &other.numerator * &self.denominator;
        Self::reduced(numerator, &self.denominator * &other.denominator)
    }

    /// The difference.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    /// The product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        Self::reduced(&self.numerator * &other.numerator, &self.denominator * &other.denominator)
    }

    /// The amount with the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { numerator: -&self.numerator, denominator: self.denominator.clone() }
    }

    /// The amount divided by a positive whole number.
    #[must_use]
    pub fn per(&self, divisor: std::num::NonZeroU64) -> Self {
        Self::reduced(self.numerator.clone(), &self.denominator * BigInt::from(divisor.get()))
    }

    /// The quotient; `None` of nothing below.
    pub fn over(&self, other: &Self) -> Option<Self> {
        Self::ratio(&self.numerator * &other.denominator, &self.denominator * &other.numerator)
    }

    /// The part of it that `percent` says.
    #[must_use]
    pub fn percent(&self, percent: &Self) -> Self {
        Self::reduced(&self.numerator * &percent.numerator, &self.denominator * &percent.denominator * 100)
    }

    /// The greatest whole number that is not above it.
    pub fn floor(&self) -> BigInt {
        self.numerator.div_floor(&self.denominator)
    }

    /// The nearest whole number; of two equally near ones the even one.
    pub fn rounded(&self) -> BigInt {
        let (floor, rest) = self.numerator.div_mod_floor(&self.denominator);
        match (rest * 2_u8).cmp(&self.denominator) {
            Ordering::Less => floor,
            Ordering::Equal if floor.is_even() => floor,
            Ordering::Equal | Ordering::Greater => floor + 1,
        }
    }

    /// Decimals that write it exactly; `None` if there is no end of them.
    fn decimals(&self) -> Option<u32> {
        let mut rest = self.denominator.clone();
        let mut count_of = |factor: u8| {
            let mut count = 0_u32;
            while (&rest % factor).sign() == Sign::NoSign {
                rest /= factor;
                count += 1;
            }
            count
        };
        let decimals = count_of(2).max(count_of(5));
        (rest == 1.into()).then_some(decimals)
    }

    /// As a decimal number with `places` decimals, cut towards zero where it has more: for formats that know no fractions. What
    /// is cut has to be shown elsewhere by whoever asks.
    #[must_use]
    pub fn cut(&self, places: u32) -> Self {
        let scale = BigInt::from(10).pow(places);
        // Division of whole numbers goes towards zero.
        Self::reduced(&self.numerator * &scale / &self.denominator, scale)
    }

    /// In whole picodollars to the nearest, if it is an amount in dollars and within range: to explain, never to bill.
    pub fn near_usd(&self) -> Option<Usd> {
        i128::try_from(self.times(&Self::whole(PICO_PER_USD)).rounded()).ok().map(Usd::from_pico)
    }
}

impl Exact {
    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.numerator.sign() == Sign::NoSign
    }

    /// Whether it is below nothing.
    pub fn is_negative(&self) -> bool {
        self.numerator.sign() == Sign::Minus
    }

    /// Whether it has an end as a decimal number, with at most `places` decimals.
    pub fn fits(&self, places: u32) -> bool {
        self.decimals().is_some_and(|decimals| decimals <= places)
    }

    /// Adds in place.
    pub fn add(&mut self, other: &Self) {
        *self = self.plus(other);
    }

    /// The sum of all.
    pub fn sum<'e>(amounts: impl IntoIterator<Item = &'e Self>) -> Self {
        amounts.into_iter().fold(Self::zero(), |sum, amount| sum.plus(amount))
    }
}

impl Default for Exact {
    fn default() -> Self {
        Self::zero()
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        self.minus(other).numerator.sign().cmp(&Sign::NoSign)
    }
}

impl fmt::Display for Exact {
    #[expect(clippy::arithmetic_side_effects, reason = "as for the arithmetic above")]
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(decimals) = self.decimals() else { return write!(out, "{}/{}", self.numerator, self.denominator) };
        let sign = if self.is_negative() { "-" } else { "" };
        let scale = BigInt::from(10).pow(decimals);
        let scaled = BigInt::from(self.numerator.magnitude().clone()) * &scale / &self.denominator;
        let (whole, fraction) = scaled.div_rem(&scale);
        match usize::try_from(decimals) {
            Ok(width) if width > 0 => write!(out, "{sign}{whole}.{:0>width$}", fraction.to_string()),
            _ => write!(out, "{sign}{whole}"),
        }
    }
}

/// The text is no number: neither a decimal number such as `-0.125` nor a fraction such as `1/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an exact number: write it as in \"0.125\" or \"1/3\"")]
pub struct NotExact;

impl FromStr for Exact {
    type Err = NotExact;

    fn from_str(text: &str) -> Result<Self, NotExact> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let whole = |part: &str| part.parse::<BigInt>().map_err(|_| NotExact);
        if text.len() > TEXT_BYTES_MAX {
            return Err(NotExact);
        }
        let (numerator, denominator) = match (rest.split_once('/'), rest.split_once('.')) {
            (Some((above, below)), None) if digits(above) && digits(below) => (whole(above)?, whole(below)?),
            (None, Some((before, after))) if digits(before) && digits(after) => {
                let decimals = u32::try_from(after.len()).map_err(|_| NotExact)?;
                (whole(&format!("{before}{after}"))?, BigInt::from(10).pow(decimals))
            }
            (None, None) if digits(rest) => (whole(rest)?, 1.into()),
            _ => return Err(NotExact),
        };
        let magnitude = Self::ratio(numerator, denominator).ok_or(NotExact)?;
        Ok(if sign < 0 { magnitude.negated() } else { magnitude })
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
