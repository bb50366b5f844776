//! Times, periods and time zones as the API reads and writes them: RFC 3339, UTC on the way out, half-open. Which bucket a
//! request is in is for the engine; here it is only known where a bucket ends.

use aliquot_core::time::{EventTime, Micros};
use aliquot_query::Bucket;
use chrono::{DateTime, Days, FixedOffset, LocalResult, NaiveDate, NaiveTime, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;

use crate::params::Params;
use crate::problem::Problem;

/// Times before the year 1 or after 9999 cannot be written; no event has one.
pub(crate) fn format(time: EventTime) -> String {
    DateTime::<Utc>::from_timestamp_micros(time.0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A time in RFC 3339, with any offset. What is finer than a microsecond is cut off.
pub(crate) fn parse(text: &str) -> Option<EventTime> {
    DateTime::<FixedOffset>::parse_from_rfc3339(text).ok().map(|time| EventTime(time.timestamp_micros()))
}

/// `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: EventTime,
    pub(crate) to: EventTime,
}

impl Period {
    /// The 24 hours before `now`.
    pub(crate) fn day_before(now: EventTime) -> Self {
        Self { from: EventTime(now.0.saturating_sub(Micros::DAY.0)), to: now }
    }

    /// The period of `from` and `to`. Without `to`, it ends with `otherwise`; without both, it is `otherwise`; with `to` alone, it
    /// is the 24 hours before.
    pub(crate) fn of(params: &Params, otherwise: Self) -> Result<Self, Problem> {
        let (from, to) = (time_of(params, "from")?, time_of(params, "to")?);
        let period = match (from, to) {
            (None, None) => otherwise,
            (Some(from), None) => Self { from, to: otherwise.to },
            (None, Some(to)) => Self::day_before(to),
            (Some(from), Some(to)) => Self { from, to },
        };
        if period.from >= period.to {
            let (from, to) = (format(period.from), format(period.to));
            let detail = format!("the period is empty: from is {from}, to is {to}; from must lie before to");
            return Err(Problem::parameter("from", detail, []));
        }
        Ok(period)
    }
}

/// The time that a parameter gives.
pub(crate) fn time_of(params: &Params, name: &'static str) -> Result<Option<EventTime>, Problem> {
    let Some(text) = params.text(name) else { return Ok(None) };
    let detail = "the time is not RFC 3339, such as 2026-01-31T12:00:00Z; in a URL a + is written %2B";
    parse(text).map(Some).ok_or_else(|| Problem::parameter(name, detail, []))
}

/// The time zone of `time_zone`; without it, UTC.
pub(crate) fn zone(params: &Params) -> Result<Tz, Problem> {
    let Some(text) = params.text("time_zone") else { return Ok(Tz::UTC) };
    text.parse().map_err(|_| {
        Problem::parameter("time_zone", "there is no such time zone; use an IANA name such as Europe/Berlin or UTC", [])
    })
}

/// The end of the bucket that begins at `start`. A day ends at the next midnight of its zone, so that it has 23 or 25 hours when
/// the clock changes; hours and minutes always have their length.
pub(crate) fn end_of(bucket: Bucket, start: EventTime, zone: Tz) -> EventTime {
    match bucket {
        Bucket::Minute => EventTime(start.0.saturating_add(60 * Micros::SECOND.0)),
        Bucket::Hour => EventTime(start.0.saturating_add(Micros::HOUR.0)),
        Bucket::Day => {
            let utc = DateTime::<Utc>::from_timestamp_micros(start.0).unwrap_or_default();
            let date = utc.with_timezone(&zone).date_naive();
            midnight(date.checked_add_days(Days::new(1)).unwrap_or(date), zone)
        }
    }
}

/// When the day begins. Where the clock is put forward at midnight, the day begins at the first moment there is; where it is put
/// back over midnight, at the earlier of the two.
fn midnight(date: NaiveDate, zone: Tz) -> EventTime {
    let start = date.and_time(NaiveTime::MIN);
    // No zone leaves out more than a day; its clock changes at whole minutes.
    let minutes = (0..=1_440).map(|minute| start + chrono::Duration::minutes(minute));
    let first = minutes.map(|local| zone.from_local_datetime(&local)).find_map(|found| match found {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time.timestamp_micros()),
        LocalResult::None => None,
    });
    EventTime(first.unwrap_or_else(|| start.and_utc().timestamp_micros()))
}

#[cfg(test)]
mod tests;
