//! Decimal text to picodollars and back, exact or refused: digits are integers all the way, so that nothing is ever rounded.

use aliquot_core::money::{Rate, Usd};

/// Decimals of a picodollar.
const PICO_DECIMALS: i32 = 12;

/// Exponents beyond this are no prices; the bound keeps sums of exponents small.
const EXPONENT_MAX: u32 = 64;

/// Why a text is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    NotANumber,
    Negative,
    TooFine,
    TooLarge,
}

impl Bad {
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::NotANumber => "not a decimal number",
            Self::Negative => "below zero: a discount is a lower price, not a negative one",
            Self::TooFine => "finer than a picodollar per unit, which cannot be charged exactly",
            Self::TooLarge => "more than 18 million dollars per unit",
        }
    }
}

/// `text` dollars for `per` units, as a price for one unit.
pub(super) fn rate(text: &str, per: u64) -> Result<Rate, Bad> {
    let Decimal { digits, exponent } = decimal(text)?;
    if digits == 0 {
        return Ok(Rate::FREE);
    }
    let exponent = exponent.saturating_add(PICO_DECIMALS);
    let scale = 10_u128.checked_pow(exponent.unsigned_abs());
    let (numerator, denominator) = match exponent >= 0 {
        true => (scale.and_then(|scale| digits.checked_mul(scale)).ok_or(Bad::TooLarge)?, u128::from(per)),
        false => (digits, scale.and_then(|scale| scale.checked_mul(u128::from(per))).ok_or(Bad::TooFine)?),
    };
    if numerator.checked_rem(denominator) != Some(0) {
        return Err(Bad::TooFine);
    }
    let pico = numerator.checked_div(denominator).and_then(|pico| u64::try_from(pico).ok());
    pico.map(Rate::from_pico).ok_or(Bad::TooLarge)
}

/// Dollars for one unit, without needless zeros: what [`rate`] reads back with `per` = 1.
pub(super) fn write(rate: Rate) -> String {
    let text = Usd::from_pico(i128::from(rate.pico())).to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A factor such as `1/2` or `1.1`, as numerator and denominator, neither of them 0 unless the factor is.
pub(super) fn factor(text: &str) -> Option<(u64, u64)> {
    if let Some((numerator, denominator)) = text.split_once('/') {
        let (numerator, denominator) = (whole(numerator)?, whole(denominator)?);
        return (denominator > 0).then_some((numerator, denominator));
    }
    let Decimal { digits, exponent } = decimal(text).ok()?;
    let scale = 10_u64.checked_pow(exponent.unsigned_abs())?;
    let digits = u64::try_from(digits).ok()?;
    if exponent >= 0 { Some((digits.checked_mul(scale)?, 1)) } else { Some(reduced(digits, scale)) }
}

fn whole(text: &str) -> Option<u64> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

fn reduced(numerator: u64, denominator: u64) -> (u64, u64) {
    let (mut divisor, mut rest) = (denominator, numerator);
    while rest > 0 {
        (divisor, rest) = (rest, divisor.checked_rem(rest).unwrap_or_default());
    }
    (numerator.checked_div(divisor).unwrap_or_default(), denominator.checked_div(divisor).unwrap_or(1))
}

/// `digits` × 10^`exponent`, with no zero at the end of the digits.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    digits: u128,
    exponent: i32,
}

fn decimal(text: &str) -> Result<Decimal, Bad> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().map_err(|_| Bad::NotANumber)?;
    let (mantissa, is_negative) = mantissa.strip_prefix('-').map_or((mantissa, false), |rest| (rest, true));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || mantissa.ends_with('.') {
        return Err(Bad::NotANumber);
    }
    let fraction = fraction.trim_end_matches('0');
    let mut digits = format!("{whole}{fraction}").parse::<u128>().map_err(|_| Bad::TooFine)?;
    if digits == 0 {
        return Ok(Decimal { digits, exponent: 0 });
    }
    if is_negative {
        return Err(Bad::Negative);
    }
    let decimals = i32::try_from(fraction.len()).map_err(|_| Bad::TooFine)?;
    let mut exponent = exponent.saturating_sub(decimals);
    while digits.checked_rem(10) == Some(0) {
        digits = digits.checked_div(10).unwrap_or_default();
        exponent = exponent.saturating_add(1);
    }
    if exponent.unsigned_abs() > EXPONENT_MAX {
        return Err(if exponent > 0 { Bad::TooLarge } else { Bad::TooFine });
    }
    Ok(Decimal { digits, exponent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_to_picodollars() {
        let cases = [
            ("3", 1_000_000, Ok(3_000_000)),
            ("0.075", 1_000_000, Ok(75_000)),
            ("7.5e-08", 1, Ok(75_000)),
            ("1E-12", 1, Ok(1)),
            ("1.0e-13", 10, Err(Bad::TooFine)),
            ("1e-13", 1, Err(Bad::TooFine)),
            ("10.000000000000000000000", 1_000, Ok(10_000_000_000)),
            ("0.18000000000000002", 1_000_000, Err(Bad::TooFine)),
            ("3.60", 3_600_000_000, Ok(1_000)),
            ("1", 3, Err(Bad::TooFine)),
            ("0e-99999", 1, Ok(0)),
            ("0.000", 3, Ok(0)),
            ("-0", 1, Ok(0)),
            ("18446744.073709551615", 1, Ok(u64::MAX)),
            ("18446744.073709551616", 1, Err(Bad::TooLarge)),
            ("1e40", 1, Err(Bad::TooLarge)),
            ("1e2147483647", 1, Err(Bad::TooLarge)),
            ("1e-2147483648", 1, Err(Bad::TooFine)),
            ("-0.1", 1, Err(Bad::Negative)),
            ("", 1, Err(Bad::NotANumber)),
            (".5", 1, Err(Bad::NotANumber)),
            ("5.", 1, Err(Bad::NotANumber)),
            ("1e", 1, Err(Bad::NotANumber)),
            ("$3", 1, Err(Bad::NotANumber)),
            ("NaN", 1, Err(Bad::NotANumber)),
        ];
        for (text, per, expected) in cases {
            assert_eq!(rate(text, per), expected.map(Rate::from_pico), "{text} / {per}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for pico in [0, 1, 75_000, 1_000_000_000_000, 10_000_000_000_000, u64::MAX] {
            assert_eq!(rate(&write(Rate::from_pico(pico)), 1), Ok(Rate::from_pico(pico)));
        }
        assert_eq!(write(Rate::from_pico(75_000)), "0.000000075");
        assert_eq!(write(Rate::from_pico(20_000_000_000_000)), "20");
    }

    #[test]
    fn factors() {
        let cases = [
            ("1/2", Some((1, 2))),
            ("0.5", Some((1, 2))),
            ("1.1", Some((11, 10))),
            ("2.0", Some((2, 1))),
            ("20", Some((20, 1))),
            ("0", Some((0, 1))),
            ("1/0", None),
            ("-1/2", None),
            ("+1/2", None),
            ("half", None),
            ("-0.5", None),
        ];
        for (text, expected) in cases {
            assert_eq!(factor(text), expected, "{text}");
        }
    }
}
