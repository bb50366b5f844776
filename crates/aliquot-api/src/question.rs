//! What the series endpoints are asked, parsed at the door: a period, how to cut and group it, filters, and the page. Reads no
//! rows.

use std::str::FromStr;

use aliquot_core::time::EventTime;
use aliquot_query::{Ask, Bucket, Cursor as RowCursor, Dimension, Filter, Measure};
use axum::http::Uri;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter as Described, ParameterIn};

use crate::paging::{self, CURSOR, Cursor, LIMIT};
use crate::params::{Form, Parameter, Params};
use crate::problem::Problem;
use crate::time::{self, Period};

const DIMENSIONS: [(&str, Dimension); 5] = [
    ("tenant", Dimension::Tenant),
    ("model", Dimension::Model),
    ("provider", Dimension::Provider),
    ("domain", Dimension::Domain),
    ("feature", Dimension::Feature),
];

const BUCKETS: [(&str, Option<Bucket>); 4] =
    [("none", None), ("minute", Some(Bucket::Minute)), ("hour", Some(Bucket::Hour)), ("day", Some(Bucket::Day))];

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "from", about: "Start of the period; without it, 24 hours before `to`", form: Form::Time },
    Parameter { name: "to", about: "End of the period, which is not in it; without it, now", form: Form::Time },
    Parameter {
        name: "group_by",
        about: "One row for each combination of these; without it, one row for all",
        form: Form::Choices(&["tenant", "model", "provider", "domain", "feature"]),
    },
    Parameter {
        name: "bucket",
        about: "One row for each of these runs of time; a day is one of `time_zone`, with 23 or 25 hours when its clock changes",
        form: Form::Choice(&["none", "minute", "hour", "day"]),
    },
    Parameter {
        name: "time_zone",
        about: "IANA name of the zone whose clock is meant; without it, UTC",
        form: Form::Text,
    },
    Parameter { name: "tenant", about: "Only this tenant", form: Form::Text },
    Parameter { name: "model", about: "Only this model", form: Form::Text },
    Parameter { name: "provider", about: "Only this provider", form: Form::Text },
    Parameter { name: "domain", about: "Only this cache domain", form: Form::Text },
    Parameter { name: "feature", about: "Only this feature", form: Form::Text },
    LIMIT,
    CURSOR,
];

/// The parameters in the OpenAPI document.
pub(crate) struct SeriesParameters;

impl utoipa::IntoParams for SeriesParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Described> {
        PARAMETERS.iter().map(Parameter::described).collect()
    }
}

/// What a cursor of a series holds: the key of the last row, and the period, so that "the last 24 hours" stays what it was on the
/// first page.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    from_us: i64,
    to_us: i64,
    row: String,
}

/// A question about a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// What the engine is asked.
    pub(crate) ask: Ask,
    pub(crate) zone: Tz,
}

impl Question {
    /// Reads the question from the query of `uri`.
    pub(crate) fn of(uri: &Uri, measure: Measure, now: EventTime) -> Result<Self, Problem> {
        let params = Params::of(uri, PARAMETERS)?;
        let cursor: Option<Cursor<Place>> = Cursor::of(&params)?;
        let otherwise = match &cursor {
            Some(cursor) => Period { from: EventTime(cursor.after.from_us), to: EventTime(cursor.after.to_us) },
            None => Period::day_before(now),
        };
        let Period { from, to } = Period::of(&params, otherwise)?;
        let zone = time::zone(&params)?;
        let ask = Ask {
            measure,
            group_by: params.choices("group_by", &DIMENSIONS)?,
            bucket: params.choice("bucket", &BUCKETS)?.flatten(),
            time_zone: zone.name().to_owned(),
            from,
            to,
            filters: filters(&params)?,
            limit: paging::limit(&params)?,
            after: None,
        };
        let mut question = Self { ask, zone };
        if let Some(cursor) = cursor {
            cursor.check(&question.text())?;
            let row = RowCursor::from_str(&cursor.after.row).map_err(|_| paging::invalid())?;
            question.ask.after = Some(row);
        }
        Ok(question)
    }

    /// The period that was asked for.
    pub(crate) fn period(&self) -> Period {
        Period { from: self.ask.from, to: self.ask.to }
    }

    /// The cursor of the page after this row.
    pub(crate) fn cursor_after(&self, row: &RowCursor) -> String {
        let place = Place { from_us: self.ask.from.0, to_us: self.ask.to.0, row: row.to_string() };
        Cursor::new(&self.text(), place).encode()
    }

    /// The run of time a row is about, whose bucket begins at `start`: the bucket, as far as it lies in the period.
    pub(crate) fn run_from(&self, start: Option<EventTime>) -> Period {
        let period = self.period();
        let (Some(bucket), Some(start)) = (self.ask.bucket, start) else { return period };
        let end = time::end_of(bucket, start, self.zone);
        Period { from: start.max(period.from), to: end.min(period.to) }
    }

    /// The question without its page and without its measure: the rows of all measures have the same keys.
    fn text(&self) -> String {
        let Ask { measure: _, group_by, bucket, time_zone, from, to, filters, limit: _, after: _ } = &self.ask;
        format!("{from:?} {to:?} {group_by:?} {bucket:?} {time_zone} {filters:?}")
    }
}

fn filters(params: &Params) -> Result<Vec<Filter>, Problem> {
    let mut filters = Vec::new();
    for (name, dimension) in DIMENSIONS {
        let Some(value) = params.text(name) else { continue };
        if value.is_empty() {
            return Err(Problem::parameter(name, format!("{name} is empty; name one, or leave {name} out"), []));
        }
        filters.push(Filter { dimension, value: value.to_owned() });
    }
    Ok(filters)
}
