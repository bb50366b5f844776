//! Pieces of time in which usage is summed: UTC hours, and quarters of them where a local midnight lies inside an hour. Knows no
//! zone.

use std::fmt;

use aliquot_core::time::EventTime;

use crate::spelling::rfc3339;

/// How long a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    /// Fifteen minutes: every zone's offset since 1972 is a whole number of them.
    Quarter,
    /// An hour: what the ledger keeps.
    Hour,
}

impl Grain {
    /// Its length in microseconds.
    pub const fn micros(self) -> i64 {
        match self {
            Self::Quarter => 900_000_000,
            Self::Hour => 3_600_000_000,
        }
    }
}

/// A UTC hour, or a quarter of one: `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    start: EventTime,
    grain: Grain,
}

impl Slot {
    /// The slot of that length that begins at `start`; `None` if none begins there.
    pub const fn new(start: EventTime, grain: Grain) -> Option<Self> {
        if start.0.rem_euclid(grain.micros()) == 0 { Some(Self { start, grain }) } else { None }
    }

    /// The slot of that length in which `time` lies.
    pub const fn around(time: EventTime, grain: Grain) -> Self {
        Self { start: EventTime(time.0.saturating_sub(time.0.rem_euclid(grain.micros()))), grain }
    }

    /// Its first instant.
    pub const fn start(self) -> EventTime {
        self.start
    }

    /// The first instant after it.
    pub const fn end(self) -> EventTime {
        EventTime(self.start.0.saturating_add(self.grain.micros()))
    }

    /// How long it is.
    pub const fn grain(self) -> Grain {
        self.grain
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", rfc3339(self.start), rfc3339(self.end()))
    }
}
