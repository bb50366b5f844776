//! The only place that asks what time it is. Everything else gets time from events, from the log, or from here as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use aliquot_core::time::EventTime;

/// The wall clock in UTC microseconds.
#[expect(clippy::disallowed_methods, reason = "the one wall clock of the program")]
pub(crate) fn now() -> EventTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    EventTime(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// A clock for lengths of time, which never jumps.
#[expect(clippy::disallowed_methods, reason = "the one stopwatch of the program")]
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}
