//! What `/v1/externalities` and `/v1/causes` have in common: the ledger keeps their sums by the hour, so that a period is whole hours,
//! and an answer is a sum over hours that must be read to the end. What is summed is for the two.

use aliquot_core::time::{EventTime, Micros};
use aliquot_ledger::Ledger;

use crate::params::Params;
use crate::problem::{Kind, Problem};
use crate::state::Clock;
use crate::time::{self, Period};

/// The ledger as hourly sums are read from it.
#[derive(Clone, Debug)]
pub(crate) struct Hourly {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
}

/// Hourly sums that one answer is made of at most: reading them takes about a second.
const SUMS_MAX: usize = 500_000;

/// Hourly sums that are read at once, so that others have their turn in between.
pub(crate) const SUMS_PER_READ: usize = 10_000;

/// The period of `from` and `to` in whole hours; without them, the 24 hours up to the end of this one.
pub(crate) fn period(params: &Params, now: EventTime) -> Result<Period, Problem> {
    for name in ["from", "to"] {
        if time::time_of(params, name)?.is_some_and(|time| time.hour() != time) {
            let detail =
                format!("{name} must be a whole hour of UTC, such as 2026-01-31T12:00:00Z: sums are kept by the hour");
            return Err(Problem::parameter(name, detail, []));
        }
    }
    let hour = now.hour();
    let end = if hour == now { now } else { EventTime(hour.0.saturating_add(Micros::HOUR.0)) };
    Period::of(params, Period::day_before(end))
}

/// How far the reading of an answer's sums is.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    rows: usize,
}

impl Reading {
    /// Counts a page of so many rows; whether another one follows.
    pub(crate) fn goes_on_after(&mut self, page: usize) -> Result<bool, Problem> {
        self.rows = self.rows.saturating_add(page);
        if self.rows > SUMS_MAX {
            let detail =
                format!("the answer is made of more than {SUMS_MAX} hourly sums; ask for a shorter period or filter");
            return Err(Problem::new(Kind::TooCostly, detail));
        }
        Ok(page == SUMS_PER_READ)
    }
}
