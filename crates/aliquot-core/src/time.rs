//! Points and lengths of event time. There is no "now" here: every time comes from an event or from the broker.

/// A length of time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// One second.
    pub const SECOND: Self = Self(1_000_000);
    /// One hour.
    pub const HOUR: Self = Self(3_600_000_000);
    /// One day of 24 hours.
    pub const DAY: Self = Self(86_400_000_000);
}

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(pub i64);

impl EventTime {
    /// Before every event.
    pub const MIN: Self = Self(i64::MIN);

    /// The time from `earlier` to `self`, saturating at the ends of the scale.
    pub const fn since(self, earlier: Self) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }

    /// The start of the UTC hour this point lies in.
    pub const fn hour(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(Micros::HOUR.0)))
    }

    /// The number of the UTC day since 1970-01-01.
    pub fn day(self) -> i32 {
        i32::try_from(self.0.div_euclid(Micros::DAY.0)).unwrap_or(i32::MAX)
    }

    /// Minutes since UTC midnight, 0 to 1,439.
    pub fn minute_of_day(self) -> u16 {
        u16::try_from(self.0.rem_euclid(Micros::DAY.0).div_euclid(60_000_000)).unwrap_or_default()
    }

    /// The UTC weekday, 0 = Monday to 6 = Sunday.
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        u8::try_from(i64::from(self.day()).saturating_add(3).rem_euclid(7)).unwrap_or_default()
    }
}
