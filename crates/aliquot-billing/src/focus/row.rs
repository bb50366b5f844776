//! A row of a dataset: one value for each column. Knows no rules.

use std::collections::BTreeMap;

use aliquot_core::time::EventTime;
use chrono::{DateTime, SecondsFormat};

use super::columns::Column;
use crate::exact::Exact;

/// A value of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// Text; never empty.
    Text(String),
    /// A number with an end as a decimal one.
    Decimal(Exact),
    /// A time of whole seconds.
    Time(EventTime),
    /// Flat names and texts.
    Json(BTreeMap<String, String>),
}

impl Value {
    /// As it stands in a file; `None` of nothing.
    pub fn written(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.clone()),
            Self::Decimal(number) => Some(number.to_string()),
            Self::Time(time) => {
                DateTime::from_timestamp_micros(time.0).map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
            }
            Self::Json(names) => serde_json::to_string(names).ok(),
        }
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }

    pub(super) fn maybe(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    pub(super) fn json(names: BTreeMap<String, String>) -> Self {
        if names.is_empty() { Self::Null } else { Self::Json(names) }
    }
}

/// One row. What a dataset has no column for is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    columns: &'static [Column],
    values: BTreeMap<&'static str, Value>,
}

impl Row {
    pub(super) const fn new(columns: &'static [Column]) -> Self {
        Self { columns, values: BTreeMap::new() }
    }

    pub(super) fn set(&mut self, name: &'static str, value: Value) {
        if self.columns.iter().any(|column| column.name == name) {
            self.values.insert(name, value);
        }
    }

    /// The columns of its dataset.
    pub const fn columns(&self) -> &'static [Column] {
        self.columns
    }

    /// The value of a column.
    pub fn get(&self, name: &str) -> &Value {
        self.values.get(name).unwrap_or(&Value::Null)
    }

    /// All values, in the order of the columns.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.columns.iter().map(|column| self.get(column.name))
    }

    pub(super) fn number(&self, name: &str) -> Option<&Exact> {
        match self.get(name) {
            Value::Decimal(number) => Some(number),
            _ => None,
        }
    }
}
