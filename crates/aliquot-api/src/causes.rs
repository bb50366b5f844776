//! `GET /v1/causes`: why prompts cost what they cost, as the ledger keeps it by the hour.

use std::collections::BTreeMap;

use aliquot_core::externality::{CauseKey, CauseTotal};
use aliquot_core::time::{EventTime, Micros};
use aliquot_ledger::CauseFilter;
use aliquot_query::Dimension;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter as Described, ParameterIn};

use crate::hours::{self, Hourly, Reading, SUMS_PER_READ};
use crate::money::Dollars;
use crate::paging::{self, CURSOR, Cursor, LIMIT};
use crate::params::{Form, Parameter, Params};
use crate::problem::{Body, Problem};
use crate::series::{Count, Scope};
use crate::stores;
use crate::time::{self, Period};

const GROUPS: [(&str, Dimension); 3] =
    [("tenant", Dimension::Tenant), ("domain", Dimension::Domain), ("model", Dimension::Model)];

const BUCKETS: [(&str, Bucket); 3] = [("none", Bucket::None), ("hour", Bucket::Hour), ("day", Bucket::Day)];

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "from",
        about: "Start of the period, a whole hour; without it, 24 hours before `to`",
        form: Form::Time,
    },
    Parameter {
        name: "to",
        about: "End of the period, which is not in it, a whole hour; without it, the end of this hour",
        form: Form::Time,
    },
    Parameter {
        name: "group_by",
        about: "Rows for each combination of these; without it, rows for all",
        form: Form::Choices(&["tenant", "domain", "model"]),
    },
    Parameter {
        name: "bucket",
        about: "Rows for each of these runs of time, of UTC",
        form: Form::Choice(&["none", "hour", "day"]),
    },
    Parameter { name: "tenant", about: "Only this tenant", form: Form::Text },
    Parameter { name: "domain", about: "Only this cache domain", form: Form::Text },
    Parameter { name: "model", about: "Only this model", form: Form::Text },
    LIMIT,
    CURSOR,
];

/// The parameters in the OpenAPI document.
struct CauseParameters;

impl utoipa::IntoParams for CauseParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Described> {
        PARAMETERS.iter().map(Parameter::described).collect()
    }
}

/// How long a run of time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bucket {
    None,
    Hour,
    Day,
}

/// One page of causes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Causes {
    /// The rows, by time, group, cause and evidence; unknown groups come first.
    data: Vec<CauseRow>,
    /// The cursor of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// Start of the period that was asked for.
    #[schema(format = DateTime)]
    from: String,
    /// End of the period, which is not in it.
    #[schema(format = DateTime)]
    to: String,
}

/// What prompts cost for one reason.
#[derive(Debug, Serialize, ToSchema)]
struct CauseRow {
    #[serde(flatten)]
    scope: Scope,
    /// Why, one of a closed list.
    #[schema(example = "evicted_neighbour")]
    cause: String,
    /// How sure: `exact`, `modelled`, `inferred` or `unattributable`.
    #[schema(example = "modelled")]
    evidence: String,
    /// Prompt tokens.
    tokens: Count,
    /// What they cost beyond a cache read; of `hit` all the rest. Over all causes, the cost of the requests of which somebody asked why.
    cost_usd: Dollars,
}

/// Start of the run of time, groups, cause, evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key(i64, Vec<Option<String>>, String, String);

/// What a cursor holds: the end of the period, so that it stays what it was on the first page, and the last row.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    to_us: i64,
    key: Key,
}

/// What was asked.
#[derive(Debug)]
struct Question {
    period: Period,
    groups: Vec<Dimension>,
    bucket: Bucket,
    filter: CauseFilter,
}

/// List why prompts cost what they cost.
///
/// One row for each bucket, group, cause and kind of evidence.
#[utoipa::path(get, path = "/v1/causes", operation_id = "list_causes", tag = "attribution", params(CauseParameters), responses(
    (status = 200, description = "one page of rows", body = Causes),
    (status = 400, description = "a parameter or the cursor is not valid", body = Body<'static>, content_type = "application/problem+json"),
    (status = 422, description = "the answer is made of more hourly sums than one may be", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the ledger cannot answer now, or too many ask", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(hourly): State<Hourly>, uri: Uri) -> Result<Json<Causes>, Problem> {
    let params = Params::of(&uri, PARAMETERS)?;
    let limit = paging::limit(&params)?;
    let cursor: Option<Cursor<Place>> = Cursor::of(&params)?;
    let now = cursor.as_ref().map_or_else(|| hourly.clock.now(), |cursor| EventTime(cursor.after.to_us));
    let question = Question::of(&params, now)?;
    let text = format!("causes {question:?}");
    cursor.as_ref().map_or(Ok(()), |cursor| cursor.check(&text))?;
    let sums = question.sums(&hourly).await?;
    let is_after = |key: &Key| cursor.as_ref().is_none_or(|cursor| *key > cursor.after.key);
    let mut rest = sums.into_iter().filter(|(key, _)| is_after(key)).peekable();
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let place = |key: &Key| Place { to_us: question.period.to.0, key: key.clone() };
    let next_cursor = rest.peek().and(page.last()).map(|(key, _)| Cursor::new(&text, place(key)).encode());
    Ok(Json(Causes {
        data: page.into_iter().map(|(key, sum)| question.row(key, sum)).collect(),
        next_cursor,
        from: time::format(question.period.from),
        to: time::format(question.period.to),
    }))
}

impl Question {
    fn of(params: &Params, now: EventTime) -> Result<Self, Problem> {
        let text = |name| params.text(name).map(str::to_owned);
        let filter = CauseFilter { domain: text("domain"), tenant: text("tenant"), model: text("model"), cause: None };
        Ok(Self {
            period: hours::period(params, now)?,
            groups: params.choices("group_by", &GROUPS)?,
            bucket: params.choice("bucket", &BUCKETS)?.unwrap_or(Bucket::None),
            filter,
        })
    }

    async fn sums(&self, hourly: &Hourly) -> Result<BTreeMap<Key, CauseTotal>, Problem> {
        let Period { from, to } = self.period;
        let mut sums = BTreeMap::<Key, CauseTotal>::new();
        let (mut reading, mut last) = (Reading::default(), None);
        loop {
            let read = hourly.ledger.causes(Some(from), Some(to), &self.filter, last.as_ref(), SUMS_PER_READ);
            let page = read.await.map_err(stores::failed)?;
            let goes_on = reading.goes_on_after(page.len())?;
            for (key, sum) in page {
                let total = sums.entry(self.key(&key)).or_default();
                *total = total.plus(sum);
                last = Some(key);
            }
            if !goes_on {
                return Ok(sums);
            }
        }
    }

    fn key(&self, key: &CauseKey) -> Key {
        let group = |dimension: &Dimension| match dimension {
            Dimension::Tenant => key.tenant.clone(),
            Dimension::Domain => Some(key.domain.clone()),
            Dimension::Model => Some(key.model.clone()),
            Dimension::Provider | Dimension::Feature => None,
        };
        let groups = self.groups.iter().map(group).collect();
        Key(self.start_of(key.hour).0, groups, key.cause.name().to_owned(), key.evidence.name().to_owned())
    }

    /// Where the run of time begins that the hour is in.
    fn start_of(&self, hour: EventTime) -> EventTime {
        match self.bucket {
            Bucket::None => self.period.from,
            Bucket::Hour => hour,
            Bucket::Day => EventTime(hour.0.saturating_sub(hour.0.rem_euclid(Micros::DAY.0))),
        }
    }

    /// The run of time that begins there, as far as it lies in the period.
    fn run_from(&self, start: EventTime) -> Period {
        let length = match self.bucket {
            Bucket::None => return self.period,
            Bucket::Hour => Micros::HOUR,
            Bucket::Day => Micros::DAY,
        };
        let end = EventTime(start.0.saturating_add(length.0));
        Period { from: start.max(self.period.from), to: end.min(self.period.to) }
    }

    fn row(&self, Key(start, groups, cause, evidence): Key, sum: CauseTotal) -> CauseRow {
        let scope = Scope::over(self.run_from(EventTime(start)), self.groups.iter().copied().zip(groups));
        CauseRow { scope, cause, evidence, tokens: Count(sum.tokens), cost_usd: Dollars(sum.cost) }
    }
}
