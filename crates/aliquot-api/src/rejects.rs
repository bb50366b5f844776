//! `GET /v1/rejects`: how many messages or events were not accepted, and why, as the lake keeps them. The bytes themselves are no
//! matter of the API: they may hold what must not leave the house.

use aliquot_core::time::EventTime;
use aliquot_query::Format;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter as Described, ParameterIn};

use crate::params::{Form, Parameter, Params};
use crate::problem::{Body, Problem};
use crate::series::Books;
use crate::stores;
use crate::time::{self, Period};

/// There are as many rows as reasons at most, a closed list, so that there are no pages. The header makes numbers of the bounds.
const SQL: &str = "-- param: from = 0   start of the period, microseconds\n-- param: to = 0   its end\n\
     SELECT reason, count(*) AS rejects, CAST(min(received_at) AS BIGINT) AS first_us, \
     CAST(max(received_at) AS BIGINT) AS latest_us FROM rejects \
     WHERE received_at >= to_timestamp_micros($from) AND received_at < to_timestamp_micros($to) \
     GROUP BY reason ORDER BY rejects DESC, reason";

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "from",
        about: "Start of the period of arrival; without it, 24 hours before `to`",
        form: Form::Time,
    },
    Parameter { name: "to", about: "End of the period, which is not in it; without it, now", form: Form::Time },
];

/// The parameters in the OpenAPI document.
struct RejectParameters;

impl utoipa::IntoParams for RejectParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Described> {
        PARAMETERS.iter().map(Parameter::described).collect()
    }
}

/// What was not accepted in a period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rejects {
    /// The reasons, the most frequent first.
    data: Vec<RejectCount>,
    /// Start of the period that was asked for.
    #[schema(format = DateTime)]
    from: String,
    /// End of the period, which is not in it.
    #[schema(format = DateTime)]
    to: String,
}

/// One reason.
#[derive(Debug, Serialize, ToSchema)]
struct RejectCount {
    /// Why, one of a closed list.
    #[schema(example = "malformed")]
    reason: String,
    /// How many messages, or events of a batch message.
    rejects: u64,
    /// When the first arrived.
    #[schema(format = DateTime)]
    first: String,
    /// When the latest arrived.
    #[schema(format = DateTime)]
    latest: String,
}

/// A row of the answer.
#[derive(Debug, Deserialize)]
struct Found {
    reason: String,
    rejects: u64,
    first_us: i64,
    latest_us: i64,
}

/// Count what was not accepted, by reason.
#[utoipa::path(get, path = "/v1/rejects", operation_id = "list_rejects", tag = "operation", params(RejectParameters), responses(
    (status = 200, description = "one row for each reason", body = Rejects),
    (status = 400, description = "a parameter is not valid", body = Body<'static>, content_type = "application/problem+json"),
    (status = 422, description = "the question takes more time or memory than one may", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the lake cannot answer now, or too many ask", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(books): State<Books>, uri: Uri) -> Result<Json<Rejects>, Problem> {
    let params = Params::of(&uri, PARAMETERS)?;
    let Period { from, to } = Period::of(&params, Period::day_before(books.clock.now()))?;
    let bounds = [("from", from), ("to", to)].map(|(name, EventTime(micros))| (name.to_owned(), micros.to_string()));
    let answer = books.engine.sql(SQL, &bounds).await.map_err(stores::unanswered)?;
    let mut json = Vec::new();
    answer.write(Format::Json, &mut json).map_err(stores::unanswered)?;
    let found: Vec<Found> =
        serde_json::from_slice(&json).map_err(|error| Problem::internal(format!("read the rejects: {error}")))?;
    Ok(Json(Rejects {
        data: found.into_iter().map(RejectCount::from).collect(),
        from: time::format(from),
        to: time::format(to),
    }))
}

impl From<Found> for RejectCount {
    fn from(found: Found) -> Self {
        Self {
            reason: found.reason,
            rejects: found.rejects,
            first: time::format(EventTime(found.first_us)),
            latest: time::format(EventTime(found.latest_us)),
        }
    }
}
