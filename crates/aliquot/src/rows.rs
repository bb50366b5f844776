//! An answer's rows as JSON values, for commands that read what a query found. Reads; asks nothing.

use aliquot_core::money::Usd;
use aliquot_query::{Answer, Format};
use anyhow::Context;
use serde_json::{Map, Value};

/// One row by column name.
#[derive(Clone, Debug)]
pub(crate) struct Row(Map<String, Value>);

/// The rows of an answer.
pub(crate) fn rows(answer: &Answer) -> anyhow::Result<Vec<Row>> {
    let mut json = Vec::new();
    answer.write(Format::Json, &mut json)?;
    let rows: Vec<Map<String, Value>> = serde_json::from_slice(&json).context("the answer is no list of rows")?;
    Ok(rows.into_iter().map(Row).collect())
}

impl Row {
    /// A text, empty where there is none.
    pub(crate) fn text(&self, column: &str) -> &str {
        self.0.get(column).and_then(Value::as_str).unwrap_or_default()
    }

    /// A text, or `–` where nothing is known.
    pub(crate) fn name(&self, column: &str) -> String {
        self.0.get(column).and_then(Value::as_str).unwrap_or("–").to_owned()
    }

    /// All of it, as it is.
    pub(crate) fn json(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A count.
    pub(crate) fn count(&self, column: &str) -> anyhow::Result<u128> {
        let value = self.0.get(column).with_context(|| format!("the answer has no column {column}"))?;
        match value {
            Value::Null => Ok(0),
            Value::String(text) => text.parse().with_context(|| format!("column {column} holds no count")),
            other => other.as_u64().map(u128::from).with_context(|| format!("column {column} holds no count")),
        }
    }

    /// An amount.
    pub(crate) fn usd(&self, column: &str) -> anyhow::Result<Usd> {
        match self.0.get(column) {
            None | Some(Value::Null) => Ok(Usd::ZERO),
            Some(Value::String(text)) => Usd::parse(text).with_context(|| format!("column {column} holds no amount")),
            Some(_) => anyhow::bail!("column {column} holds no amount"),
        }
    }
}
