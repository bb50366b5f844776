//! Azure's inference trace: a CSV of arrival, prompt tokens and output tokens. It names no user, no model and no block; each row
//! is a session of its own.

use std::str::FromStr;

use aliquot_core::time::Micros;

use super::{Error, Format, Lines, Request};
use crate::random::mix;

/// The rows of the trace.
#[derive(Debug)]
pub(super) struct Rows {
    lines: Lines,
    row: u64,
    /// Arrival of the first row, in microseconds since 1970.
    first: Option<i64>,
}

impl Rows {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, row: 0, first: None }
    }

    pub(super) fn read(&mut self) -> Result<Option<Request>, Error> {
        let mut line = self.lines.next()?;
        if line.is_some_and(|line| self.row == 0 && line.starts_with(b"TIMESTAMP")) {
            line = self.lines.next()?;
        }
        let Some(line) = line else { return Ok(None) };
        let Some((arrival, prompt_tokens, output_tokens)) = parse(line) else {
            let detail = "expected a line such as 2023-11-16 18:15:46.6805900,374,44".to_owned();
            return Err(Error::Record { line: self.lines.number(), format: Format::Azure, detail });
        };
        self.row += 1;
        let first = *self.first.get_or_insert(arrival);
        Ok(Some(Request {
            at: Micros(arrival - first),
            id: format!("azure/{}", self.row),
            session: mix(self.row),
            prompt_tokens,
            output_tokens,
            receipts: 1,
            ..Request::default()
        }))
    }
}

fn parse(line: &[u8]) -> Option<(i64, u64, u64)> {
    let mut fields = std::str::from_utf8(line).ok()?.split(',');
    let row = (micros(fields.next()?)?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    fields.next().is_none().then_some(row)
}

/// `YYYY-MM-DD hh:mm:ss[.fraction]` in UTC, as microseconds since 1970.
fn micros(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let [year, month, day] = numbers::<i64>(date, '-')?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers::<i64>(whole, ':')?;
    let is_date = (1..=9_999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let is_time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    if !is_date || !is_time || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000 + micros.parse::<i64>().ok()?)
}

fn numbers<T: FromStr>(text: &str, separator: char) -> Option<[T; 3]> {
    let numbers: Result<Vec<T>, _> = text.split(separator).map(str::parse).collect();
    numbers.ok()?.try_into().ok()
}

/// Years are counted from March, so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let march_year = if month < 3 { year - 1 } else { year };
    let march_month = (month + 9) % 12;
    let leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    march_year * 365 + leap_days + (march_month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let first = parse(b"2023-11-16 18:15:46.6805900,374,44").unwrap();
        assert_eq!(first, (1_700_158_546_680_590, 374, 44));
        assert_eq!(micros("1970-01-01 00:00:00"), Some(0));
        assert_eq!(micros("2024-03-01 00:00:00.5").unwrap() - micros("2024-02-29 00:00:00").unwrap(), 86_400_500_000);
        for bad in ["", "a,b,c", "2023-11-16 18:15:46,1", "2023-11-16 18:15:46,1,2,3", "2023-13-16 18:15:46,1,2"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
        for bad in
            ["2023-11-16T18:15:46,1,2", "2023-11-16 24:15:46,1,2", "2023-11-16 18:15:46.x,1,2", "2023-11-16 1:2,1,2"]
        {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
