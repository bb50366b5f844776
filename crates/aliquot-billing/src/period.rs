//! Billing periods: the calendar months of a zone, cut to the dates of a contract. `[start, end)` by billing time, which no retry
//! changes.
//!
//! A local day begins once, at the first instant whose local date it is: midnight, the first of two midnights, or where the
//! clock jumped to over midnight. It ends where the next one begins, so it has 23 to 25 hours, and a date that a zone skipped
//! (Apia's 2011-12-30) has none and is no day. Midnights fall on quarters of a UTC hour; see [`Period::splits`].

use aliquot_core::time::EventTime;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::refusal::Refusal;
use crate::slot::{Grain, Slot};
use crate::spelling;
use crate::terms::{Proration, Zone};

/// A month of a zone, or the part of one that a contract covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Whose month it is.
    pub zone: Zone,
    /// The first day in it.
    #[serde(with = "spelling::date")]
    pub first: NaiveDate,
    /// The first date after it.
    #[serde(with = "spelling::date")]
    pub after: NaiveDate,
    /// The first instant of `first`.
    #[serde(with = "spelling::time")]
    pub start: EventTime,
    /// The first instant of `after`.
    #[serde(with = "spelling::time")]
    pub end: EventTime,
    /// Days in it.
    pub days: u32,
    /// Days in the zone's whole month.
    pub month_days: u32,
}

/// A local day: `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Its date.
    pub date: NaiveDate,
    /// Its first instant.
    pub start: EventTime,
    /// The first instant after it.
    pub end: EventTime,
}

impl Period {
    /// The period of `contract` in a month of its zone.
    ///
    /// # Errors
    /// [`Refusal::NoSuchMonth`], or [`Refusal::NotInForce`] in a month of which the contract covers no day.
    pub fn of(contract: &Contract, year: i32, month: u32) -> Result<Self, Refusal> {
        let terms = contract.terms();
        let Zone(zone) = terms.zone;
        let missing = Refusal::NoSuchMonth { year, month };
        let month_first = NaiveDate::from_ymd_opt(year, month, 1).ok_or(missing.clone())?;
        let month_after = month_first.checked_add_months(Months::new(1)).ok_or(missing.clone())?;
        let first = month_first.max(terms.start);
        let after = terms.end.map_or(month_after, |end| end.min(month_after));
        let not_in_force = Refusal::NotInForce { contract: terms.id.clone(), from: month_first, to: month_after };
        if first >= after {
            return Err(not_in_force);
        }
        let (start, end) = first_instant(first, zone).zip(first_instant(after, zone)).ok_or(missing)?;
        let days = count(days(first, after, zone));
        let month_days = count(self::days(month_first, month_after, zone));
        if days == 0 {
            return Err(not_in_force);
        }
        Ok(Self { zone: terms.zone, first, after, start, end, days, month_days })
    }

    /// The period of `contract` in which `time` lies.
    ///
    /// # Errors
    /// As [`Period::of`].
    pub fn at(contract: &Contract, time: EventTime) -> Result<Self, Refusal> {
        let Zone(zone) = contract.terms().zone;
        let local = DateTime::from_timestamp_micros(time.0).map(|utc| utc.with_timezone(&zone).date_naive());
        let date = local.ok_or(Refusal::NoSuchMonth { year: i32::MAX, month: 0 })?;
        Self::of(contract, date.year(), date.month())
    }

    /// Its days, in order.
    pub fn days(&self) -> Vec<Day> {
        days(self.first, self.after, self.zone.0).collect()
    }

    /// The date of its last day.
    pub fn last(&self) -> NaiveDate {
        self.days().last().map_or(self.first, |day| day.date)
    }

    /// The hours that hold a local midnight in their middle: of these, usage has to be given in quarters, and of every other hour it
    /// may be given whole.
    pub fn splits(&self) -> Vec<Slot> {
        let borders = self.days().into_iter().map(|day| day.start).chain([self.end]);
        let hours = borders.map(|border| (border, Slot::around(border, Grain::Hour)));
        hours.filter(|(border, hour)| hour.start() < *border).map(|(_, hour)| hour).collect()
    }

    /// The part of the month that it is, by days; 1 where amounts per period are owed in full.
    pub(crate) fn share(&self, proration: Option<Proration>) -> (u32, u32) {
        match proration {
            Some(Proration::Daily) => (self.days, self.month_days),
            Some(Proration::Full) | None => (1, 1),
        }
    }
}

fn count(days: impl Iterator<Item = Day>) -> u32 {
    u32::try_from(days.count()).unwrap_or(u32::MAX)
}

/// The days of `[first, after)` that the zone has.
fn days(first: NaiveDate, after: NaiveDate, zone: Tz) -> impl Iterator<Item = Day> {
    let dates = first.iter_days().take_while(move |date| *date < after);
    let day = move |date: NaiveDate| {
        let next = date.checked_add_days(Days::new(1))?;
        Some(Day { date, start: first_instant(date, zone)?, end: first_instant(next, zone)? })
    };
    dates.filter_map(day).filter(|day| day.start < day.end)
}

/// The first instant whose local date is `date` or, where the zone skipped that, the next one it has.
fn first_instant(date: NaiveDate, zone: Tz) -> Option<EventTime> {
    /// Two days: no zone skipped more than one date at a time.
    const QUARTERS_MAX: i64 = 192;
    let midnight = date.and_time(NaiveTime::MIN);
    let locals = (0..QUARTERS_MAX)
        .filter_map(|quarter| midnight.checked_add_signed(TimeDelta::minutes(quarter.saturating_mul(15))));
    let instant = locals.filter_map(|local| zone.from_local_datetime(&local).earliest()).next()?;
    Some(EventTime(instant.timestamp_micros()))
}
