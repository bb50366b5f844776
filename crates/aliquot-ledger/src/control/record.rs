//! What all control data has: named fields, which commands, the API and the audit log show in their own ways.

use aliquot_core::time::EventTime;
use serde_json::{Map, Value};

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Not said.
    Nothing,
    /// A text.
    Text(String),
    /// A list of words.
    Words(Vec<&'static str>),
    /// A number.
    Count(i64),
    /// A time.
    Time(EventTime),
    /// A document.
    Json(String),
}

/// A piece of control data.
pub trait Record {
    /// Its fields, in the order in which they are shown. No secret is among them.
    fn fields(&self) -> Vec<(&'static str, Field)>;
}

impl Field {
    pub(crate) fn text(text: Option<&String>) -> Self {
        text.map_or(Self::Nothing, |text| Self::Text(text.clone()))
    }

    pub(crate) fn time(time: Option<EventTime>) -> Self {
        time.map_or(Self::Nothing, Self::Time)
    }

    /// The field in JSON, times as `time` writes them. A document that is none stays a text.
    pub fn to_json(&self, time: impl Fn(EventTime) -> Value) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Words(words) => words.iter().copied().collect(),
            Self::Count(count) => (*count).into(),
            Self::Time(at) => time(*at),
            Self::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
        }
    }
}

/// The record as the audit log keeps it: times are microseconds.
pub(super) fn to_json(record: &impl Record) -> String {
    let field = |(name, field): (&'static str, Field)| (name.to_owned(), field.to_json(|time| time.0.into()));
    Value::Object(record.fields().into_iter().map(field).collect::<Map<_, _>>()).to_string()
}
