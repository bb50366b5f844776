//! Control data on the command line: who asks for a change, times as people give them, and records as tables, JSON and CSV.

use aliquot_core::time::EventTime;
use aliquot_ledger::{Author, Field, Record};
use anyhow::Context;
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat};
use serde_json::{Map, Value};

use crate::cli::control::Listing;
use crate::{clock, config, output, table};

/// Whoever runs this command, now.
pub(crate) fn author(who: &str) -> Author<'_> {
    Author { who, at: clock::now() }
}

/// Whoever runs this command, for the audit log.
pub(crate) fn user() -> String {
    config::user().map_or_else(|| "command line".to_owned(), |user| format!("{user} at a command line"))
}

/// A UTC date, or a time in RFC 3339.
pub(crate) fn time(option: &str, text: &str) -> anyhow::Result<EventTime> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(EventTime(date.and_time(NaiveTime::MIN).and_utc().timestamp_micros()));
    }
    let time = DateTime::parse_from_rfc3339(text)
        .with_context(|| format!("{option} {text} is neither a date such as 2026-11-01 nor a time in RFC 3339"))?;
    Ok(EventTime(time.timestamp_micros()))
}

/// Prints the records.
pub(crate) fn print<R: Record>(records: &[R], format: Listing) -> anyhow::Result<()> {
    output::print(&match format {
        Listing::Table => as_table(records),
        Listing::Json => {
            let records: Vec<Value> = records.iter().map(to_json).collect();
            format!("{:#}\n", Value::from(records))
        }
        Listing::Csv => as_csv(records),
    })
}

/// A record as JSON, times in RFC 3339.
pub(crate) fn to_json(record: &impl Record) -> Value {
    let member = |(name, field): (&str, Field)| (name.to_owned(), field.to_json(|time| rfc3339(time).into()));
    Value::Object(record.fields().into_iter().map(member).collect::<Map<_, _>>())
}

fn rfc3339(time: EventTime) -> String {
    DateTime::from_timestamp_micros(time.0)
        .map_or_else(|| time.0.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn cell(field: &Field) -> String {
    match field.to_json(|time| rfc3339(time).into()) {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn as_table<R: Record>(records: &[R]) -> String {
    let Some(first) = records.first() else { return "nothing\n".to_owned() };
    let header: Vec<&str> = first.fields().into_iter().map(|(name, _)| name).collect();
    let rows = records.iter().map(|record| record.fields().iter().map(|(_, field)| cell(field)).collect());
    format!("{}\n", table::table(&header, usize::MAX, rows))
}

fn as_csv<R: Record>(records: &[R]) -> String {
    let Some(first) = records.first() else { return String::new() };
    let header = first.fields().into_iter().map(|(name, _)| name.to_owned()).collect();
    let rows = records.iter().map(|record| record.fields().iter().map(|(_, field)| cell(field)).collect());
    let line = |cells: Vec<String>| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\n";
    std::iter::once(header).chain(rows).map(line).collect()
}

/// A value of CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_or_rfc_3339() {
        assert_eq!(time("--from", "1970-01-02").unwrap(), EventTime(86_400_000_000));
        assert_eq!(time("--from", "1970-01-01T01:00:01+01:00").unwrap(), EventTime(1_000_000));
        let error = time("--from", "soon").unwrap_err().to_string();
        assert!(error.contains("--from soon"), "{error}");
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        assert_eq!(["a b", "a,b", "a\"b"].map(quoted), ["a b", "\"a,b\"", "\"a\"\"b\""]);
    }
}
