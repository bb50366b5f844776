//! Buckets of time in a named zone. A day is a local calendar day, so it has 23, 24 or 25 hours, or none at all; hours and minutes
//! are the local clock's, and an hour the clock shows twice is two buckets.
//!
//! # Why are days grouped by their date and not by their first instant?
//! Because truncating an instant to local midnight is ambiguous where the clock goes back over midnight (Havana): the rows of such
//! a day would fall into two buckets. The date is unambiguous; its first instant is looked up afterwards, once per row.

use aliquot_core::time::EventTime;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::functions::datetime::expr_fn::date_trunc;
use datafusion::prelude::{Expr, cast, col, lit};

use crate::error::Error;

/// How long a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// A minute.
    Minute,
    /// An hour of the zone's clock.
    Hour,
    /// A calendar day of the zone.
    Day,
}

/// The zone of that name in the time zone database.
pub(crate) fn zone(name: &str) -> Result<Tz, Error> {
    name.parse().map_err(|_| Error::Ask(format!("there is no time zone {name:?}; name one as in `Europe/Berlin`")))
}

impl Bucket {
    /// The bucket of the column `time` as a 64-bit number: microseconds of its start, or the day's number since 1970-01-01.
    pub(crate) fn key(self, zone: Tz) -> Expr {
        // UTC needs no zone: without one, DataFusion truncates by arithmetic.
        let zone = (zone != Tz::UTC).then(|| zone.name().into());
        let local = cast(col("time"), DataType::Timestamp(TimeUnit::Microsecond, zone));
        match self {
            Self::Minute => cast(date_trunc(lit("minute"), local), DataType::Int64),
            Self::Hour => cast(date_trunc(lit("hour"), local), DataType::Int64),
            Self::Day => cast(cast(cast(local, DataType::Date32), DataType::Int32), DataType::Int64),
        }
    }

    /// The first instant of the bucket with that key, or `None` outside the years a calendar knows.
    pub(crate) fn start(self, key: i64, zone: Tz) -> Option<EventTime> {
        match self {
            Self::Minute | Self::Hour => Some(EventTime(key)),
            Self::Day => {
                let days = Days::new(key.unsigned_abs());
                let epoch = DateTime::UNIX_EPOCH.date_naive();
                let date = if key < 0 { epoch.checked_sub_days(days) } else { epoch.checked_add_days(days) };
                first_instant(date?, zone)
            }
        }
    }
}

/// The first instant of a local day: midnight, the first of two midnights, or where the clock jumped to over midnight.
fn first_instant(date: NaiveDate, zone: Tz) -> Option<EventTime> {
    const QUARTERS_PER_DAY: i64 = 96;
    let midnight = date.and_time(NaiveTime::MIN);
    let quarters =
        (0..QUARTERS_PER_DAY).filter_map(|quarter| midnight.checked_add_signed(TimeDelta::minutes(15 * quarter)));
    let mut instants = quarters.filter_map(|local| zone.from_local_datetime(&local).earliest());
    instants.next().map(|instant| EventTime(instant.timestamp_micros()))
}
