//! Event time in four bytes: steps of 65.536 ms from a domain's first event, for nine years.

use aliquot_core::time::{EventTime, Micros};

/// A moment of a domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u32);

/// Microseconds per step, as a power of two.
const STEP_BITS: u32 = 16;

impl Tick {
    /// The moment of `time` in a domain that begins at `base`; what lies before is the beginning.
    pub fn of(time: EventTime, base: EventTime) -> Self {
        let micros = time.since(base).0.max(0) >> STEP_BITS;
        Self(u32::try_from(micros).unwrap_or(u32::MAX))
    }

    /// How much later it is than `earlier`; zero if it is not.
    pub fn since(self, earlier: Self) -> Micros {
        Micros(i64::from(self.0.saturating_sub(earlier.0)) << STEP_BITS)
    }
}
