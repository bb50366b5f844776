//! RFC 3339 to microseconds and back. The usual form, UTC with a `Z`, is read by hand; every other form by chrono.
#![expect(clippy::arithmetic_side_effects, reason = "every operand is bounded by a year of four digits")]

use aliquot_core::time::EventTime;
use chrono::DateTime;

/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z: what RFC 3339 can write.
const RANGE: core::ops::RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_300_799_999_999;

const SECONDS_PER_DAY: i64 = 86_400;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Days before each month of a year that begins in March, so that the leap day comes last.
const DAYS_BEFORE: [i64; 12] = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337];

/// Whether RFC 3339 can write the time.
pub(crate) fn is_writable(time: EventTime) -> bool {
    RANGE.contains(&time.0)
}

/// The time that `text` names. What is finer than a microsecond is cut off.
pub(crate) fn parse(text: &str) -> Option<EventTime> {
    parse_utc(text.as_bytes()).or_else(|| {
        let time = EventTime(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros());
        is_writable(time).then_some(time)
    })
}

/// Appends the time with six decimals and a `Z`. A time RFC 3339 cannot write comes out in a form no decoder accepts.
pub(crate) fn write(time: EventTime, out: &mut Vec<u8>) {
    if !is_writable(time) {
        out.extend_from_slice(format!("out of range: {} us", time.0).as_bytes());
        return;
    }
    let seconds = time.0.div_euclid(MICROS_PER_SECOND);
    let (year, month, day) = date_of(seconds.div_euclid(SECONDS_PER_DAY));
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let parts = [(year, 4, b'-'), (month, 2, b'-'), (day, 2, b'T'), (second / 3_600, 2, b':')];
    let rest = [(second / 60 % 60, 2, b':'), (second % 60, 2, b'.'), (time.0.rem_euclid(MICROS_PER_SECOND), 6, b'Z')];
    for (number, digits, after) in parts.into_iter().chain(rest) {
        write_digits(number, digits, out);
        out.push(after);
    }
}

fn write_digits(number: i64, digits: u32, out: &mut Vec<u8>) {
    let mut unit = 10_i64.pow(digits);
    for _ in 0..digits {
        unit /= 10;
        out.push(b'0' + u8::try_from(number / unit.max(1) % 10).unwrap_or_default());
    }
}

fn parse_utc(text: &[u8]) -> Option<EventTime> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2, rest @ ..] = text else {
        return None;
    };
    let (year, month, day) = (two(*y1, *y2)? * 100 + two(*y3, *y4)?, two(*m1, *m2)?, two(*d1, *d2)?);
    let (hour, minute, second) = (two(*h1, *h2)?, two(*i1, *i2)?, two(*s1, *s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match rest {
        [b'Z'] => 0,
        [b'.', fraction @ .., b'Z'] => fraction_micros(fraction)?,
        _ => return None,
    };
    let seconds = days_of(year, month, day)? * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second;
    Some(EventTime(seconds * MICROS_PER_SECOND + micros))
}

fn fraction_micros(fraction: &[u8]) -> Option<i64> {
    if fraction.is_empty() || fraction.len() > 6 {
        return None;
    }
    let mut micros = 0;
    for place in 0..6 {
        micros = micros * 10 + fraction.get(place).map_or(Some(0), |byte| digit(*byte))?;
    }
    Some(micros)
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// Days since 1970-01-01, or `None` if there is no such date. Years are counted from March, 400 of them have 146,097 days.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day < 1 || day > length {
        return None;
    }
    let march_year = if month < 3 { year - 1 } else { year };
    let march_month = usize::try_from((month + 9) % 12).ok()?;
    let leap_days = march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400);
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    Some(march_year * 365 + leap_days + DAYS_BEFORE.get(march_month)? + day - 1 - 719_468)
}

/// Year, month and day of a number of days since 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let cycle = shifted.div_euclid(146_097);
    let day_of_cycle = shifted.rem_euclid(146_097);
    // Takes out the leap days before, so that a plain division by 365 is right; the last day of a cycle is one itself.
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = DAYS_BEFORE.partition_point(|before| *before <= day_of_year) - 1;
    let before = DAYS_BEFORE.get(march_month).copied().unwrap_or_default();
    let march_month = i64::try_from(march_month).unwrap_or_default();
    let month = (march_month + 2) % 12 + 1;
    let year = cycle * 400 + year_of_cycle + i64::from(month < 3);
    (year, month, day_of_year - before + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_chrono(text: &str) -> Option<EventTime> {
        Some(EventTime(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros()))
    }

    #[test]
    fn forms_of_rfc3339() {
        let noon = Some(EventTime(1_764_072_000_123_456));
        assert_eq!(parse("2025-11-25T12:00:00.123456Z"), noon);
        assert_eq!(parse("2025-11-25T13:00:00.123456+01:00"), noon);
        assert_eq!(parse("2025-11-25t12:00:00.123456z"), noon);
        assert_eq!(parse("2025-11-25T12:00:00.123456999Z"), noon);
        assert_eq!(parse("2025-11-25T12:00:00Z"), Some(EventTime(1_764_072_000_000_000)));
        assert_eq!(parse("2025-11-25T12:00:00.5Z"), Some(EventTime(1_764_072_000_500_000)));
        for bad in ["", "Z", "2025-11-25", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-11-25T24:00:00Z"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        for bad in ["2025-11-25T12:00:00.Z", "2025-11-25T12:00:00", "1764072000", "2025-11-25T12:00:0xZ"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse("0000-01-01T00:00:00+01:00"), None, "lies before the year 0");
    }

    #[test]
    fn every_day_of_four_centuries_and_both_ends() {
        for days in (-719_528..-719_100).chain(-1_000..147_000).chain(2_932_000..2_932_897) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), Some(days));
            let text = format!("{year:04}-{month:02}-{day:02}T23:59:59.999999Z");
            assert_eq!(parse_utc(text.as_bytes()), by_chrono(&text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(micros in RANGE) {
            let mut text = Vec::new();
            write(EventTime(micros), &mut text);
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(parse_utc(text.as_bytes()), Some(EventTime(micros)));
            prop_assert_eq!(by_chrono(&text), Some(EventTime(micros)));
        }

        #[test]
        fn by_hand_is_by_chrono(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,7})?Z") {
            if let Some(time) = parse_utc(text.as_bytes()) {
                prop_assert_eq!(Some(time), by_chrono(&text));
            }
        }
    }
}
