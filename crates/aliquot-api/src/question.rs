//! What the series endpoints are asked, parsed at the door: a period, how to cut and group it, filters, and the page. Reads no
//! rows and knows no store.

use aliquot_core::time::EventTime;
use axum::http::Uri;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter as Described, ParameterIn};

use crate::paging::{self, CURSOR, Cursor, LIMIT};
use crate::params::{Form, Parameter, Params};
use crate::problem::Problem;
use crate::time::{self, Bucket, Period};

/// Something that a request is of, and by which numbers can be grouped and filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    Tenant,
    Model,
    Provider,
    Domain,
    Feature,
}

impl Dimension {
    const CHOICES: [(&'static str, Self); 5] = [
        ("tenant", Self::Tenant),
        ("model", Self::Model),
        ("provider", Self::Provider),
        ("domain", Self::Domain),
        ("feature", Self::Feature),
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Domain => "domain",
            Self::Feature => "feature",
        }
    }
}

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
        about: "One row for each of these runs of time; a day is a day of `time_zone`, with 23 or 25 hours when its clock changes",
        form: Form::Choice(&["none", "minute", "hour", "day"]),
    },
    Parameter {
        name: "time_zone",
        about: "IANA name of the zone whose days are meant; without it, UTC",
        form: Form::Text,
    },
    Parameter {
        name: "tenant",
        about: "Only this tenant; empty = only requests whose tenant is unknown",
        form: Form::Text,
    },
    Parameter { name: "model", about: "Only this model", form: Form::Text },
    Parameter { name: "provider", about: "Only this provider", form: Form::Text },
    Parameter { name: "domain", about: "Only this cache domain", form: Form::Text },
    Parameter { name: "feature", about: "Only this feature; empty = only requests without one", form: Form::Text },
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

/// A question about a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) period: Period,
    pub(crate) group_by: Vec<Dimension>,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) zone: Tz,
    /// What a dimension must be; `None` = unknown.
    pub(crate) filters: Vec<(Dimension, Option<String>)>,
    pub(crate) limit: usize,
    pub(crate) after: Option<RowKey>,
}

/// What names a row of the answer, in the order of the rows: first the start of its bucket, then its groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowKey {
    pub(crate) start_us: Option<i64>,
    pub(crate) groups: Vec<Option<String>>,
}

/// What a cursor of a series holds: the row before, and the period, so that "the last 24 hours" stays what it was on the first
/// page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    from_us: i64,
    to_us: i64,
    row: RowKey,
}

impl Question {
    /// Reads the question from the query of `uri`.
    pub(crate) fn of(uri: &Uri, now: EventTime) -> Result<Self, Problem> {
        let params = Params::of(uri, PARAMETERS)?;
        let cursor: Option<Cursor<Place>> = Cursor::of(&params)?;
        let otherwise = match &cursor {
            Some(cursor) => Period { from: EventTime(cursor.after.from_us), to: EventTime(cursor.after.to_us) },
            None => Period::day_before(now),
        };
        let period = Period::of(&params, otherwise)?;
        let mut question = Self {
            period,
            group_by: params.choices("group_by", &Dimension::CHOICES)?,
            bucket: params.choice("bucket", &Bucket::CHOICES)?.flatten(),
            zone: time::zone(&params)?,
            filters: filters(&params)?,
            limit: paging::limit(&params)?,
            after: None,
        };
        if let Some(cursor) = cursor {
            cursor.check(&question.text())?;
            question.after = Some(cursor.after.row);
        }
        Ok(question)
    }

    /// The cursor of the page after the row with this key.
    pub(crate) fn cursor_after(&self, row: RowKey) -> String {
        let Period { from, to } = self.period;
        Cursor::new(&self.text(), Place { from_us: from.0, to_us: to.0, row }).encode()
    }

    /// The run of time a row is about: its bucket, as far as it lies in the period.
    pub(crate) fn run_of(&self, row: &RowKey) -> Period {
        let (Some(bucket), Some(start)) = (self.bucket, row.start_us) else { return self.period };
        let Period { from, to } = bucket.around(EventTime(start), self.zone);
        Period { from: from.max(self.period.from), to: to.min(self.period.to) }
    }

    /// The question without its page. The same for usage, costs and hit rates: their rows have the same keys.
    fn text(&self) -> String {
        let Self { period, group_by, bucket, zone, filters, limit: _, after: _ } = self;
        format!("{period:?} {group_by:?} {bucket:?} {} {filters:?}", zone.name())
    }
}

fn filters(params: &Params) -> Result<Vec<(Dimension, Option<String>)>, Problem> {
    let mut filters = Vec::new();
    for (name, dimension) in Dimension::CHOICES {
        let Some(text) = params.text(name) else { continue };
        let may_be_unknown = matches!(dimension, Dimension::Tenant | Dimension::Feature);
        if text.is_empty() && !may_be_unknown {
            return Err(Problem::parameter(
                name,
                format!("{name} is empty; every request has one: name it, or leave {name} out"),
                [],
            ));
        }
        filters.push((dimension, Some(text.to_owned()).filter(|text| !text.is_empty())));
    }
    Ok(filters)
}
