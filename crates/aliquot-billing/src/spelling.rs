//! How values of core are written in contracts and invoices: times in RFC 3339, dates in ISO 8601, money and large counts as
//! text. For `#[serde(with = …)]`.

use chrono::{DateTime, NaiveDate, SecondsFormat};

use aliquot_core::time::EventTime;

/// A time as RFC 3339, in UTC: `2026-10-01T00:00:00Z`. A time beyond the calendar is written in microseconds.
pub fn rfc3339(time: EventTime) -> String {
    let known = DateTime::from_timestamp_micros(time.0);
    known.map_or_else(|| time.0.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

macro_rules! spelled {
    ($(#[$doc:meta])* $module:ident, $type:ty, $write:expr, $read:expr, $what:literal) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use serde::de::Error;
            use serde::{Deserialize, Deserializer, Serializer};

            pub(crate) fn serialize<S: Serializer>(value: &$type, serializer: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$type) -> String = $write;
                serializer.serialize_str(&write(value))
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let text = String::deserialize(deserializer)?;
                let read: fn(&str) -> Option<$type> = $read;
                read(&text).ok_or_else(|| Error::custom(format!(concat!($what, ": {:?}"), text)))
            }
        }
    };
}

fn read_time(text: &str) -> Option<EventTime> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(EventTime(time.timestamp_micros())).filter(|time| rfc3339(*time) == text)
}

fn read_date(text: &str) -> Option<NaiveDate> {
    text.parse().ok().filter(|date: &NaiveDate| date.to_string() == text)
}

spelled!(
    /// A point in time.
    time, aliquot_core::time::EventTime, |time| super::rfc3339(*time), super::read_time, "not a time as in \"2026-10-01T00:00:00Z\""
);
/// The end of a span of dates, which may be left out.
pub(crate) mod end {
    use chrono::NaiveDate;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Option<NaiveDate>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(date) => super::date::serialize(date, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
        super::date::deserialize(deserializer).map(Some)
    }
}

spelled!(
    /// A date.
    date, chrono::NaiveDate, |date| date.to_string(), super::read_date, "not a date as in \"2026-10-01\""
);
spelled!(
    /// A large count.
    count, u128, |count| count.to_string(), |text| text.parse().ok(), "not a count as in \"1000000\""
);
