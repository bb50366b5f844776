//! `GET /v1/gaps`: which events are missing, as the ledger knows it from the nodes' own counts. An operator acts on it: a gap
//! that stays is money that was not metered.

use aliquot_core::commit::StreamReport;
use aliquot_ledger::Ledger;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter as Described, ParameterIn};

use crate::paging::{self, CURSOR, Cursor, LIMIT};
use crate::params::{Form, Parameter, Params};
use crate::problem::{Body, Problem};
use crate::series::Count;
use crate::stores;

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "domain", about: "Only gaps in this cache domain", form: Form::Text },
    Parameter { name: "source", about: "Only gaps of this node or proxy", form: Form::Text },
    LIMIT,
    CURSOR,
];

/// The parameters in the OpenAPI document.
struct GapParameters;

impl utoipa::IntoParams for GapParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Described> {
        PARAMETERS.iter().map(Parameter::described).collect()
    }
}

/// One page of gaps.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Gaps {
    /// The gaps, by partition, node, epoch, domain and number.
    data: Vec<Gap>,
    /// The cursor of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// Streams that match.
    streams: usize,
    /// Streams among them with a gap.
    streams_incomplete: usize,
}

/// Consecutive events of one stream that have not arrived.
#[derive(Debug, Serialize, ToSchema)]
struct Gap {
    /// The partition the stream is on.
    partition: i32,
    /// The node or proxy.
    source: String,
    /// The node's epoch, in decimal digits: a name of 64 bits rather than a quantity.
    #[schema(example = "1769860800000000000")]
    epoch: String,
    /// The cache domain.
    domain: String,
    /// The first missing number.
    from: Count,
    /// One past the last missing number.
    to: Count,
    /// How many are missing.
    missing: Count,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key(i32, String, u64, String, u64);

/// List the gaps in the nodes' counts.
///
/// Each is a run of events that a node has counted and that have not arrived. It closes when they come in.
#[utoipa::path(get, path = "/v1/gaps", operation_id = "list_gaps", tag = "operation", params(GapParameters), responses(
    (status = 200, description = "one page of gaps", body = Gaps),
    (status = 400, description = "a parameter or the cursor is not valid", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the ledger cannot answer now", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(ledger): State<Ledger>, uri: Uri) -> Result<Json<Gaps>, Problem> {
    let params = Params::of(&uri, PARAMETERS)?;
    let limit = paging::limit(&params)?;
    let question = format!("gaps {:?} {:?}", params.text("domain"), params.text("source"));
    let cursor = Cursor::of(&params)?;
    cursor.as_ref().map_or(Ok(()), |cursor: &Cursor<Key>| cursor.check(&question))?;
    let mut streams = ledger.streams().await.map_err(stores::failed)?;
    let matches = |name: &str, value: &str| params.text(name).is_none_or(|wanted| wanted == value);
    streams.retain(|stream| matches("domain", &stream.domain) && matches("source", &stream.source));
    let gaps = streams.iter().flat_map(|stream| stream.gaps.iter().map(move |(from, to)| (stream, *from, *to)));
    let key = |(stream, from, _): &(&StreamReport, u64, u64)| {
        Key(stream.partition.0, stream.source.clone(), stream.epoch, stream.domain.clone(), *from)
    };
    let mut rest = gaps.filter(|gap| cursor.as_ref().is_none_or(|cursor| key(gap) > cursor.after)).peekable();
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let next_cursor = rest.peek().and(page.last()).map(|last| Cursor::new(&question, key(last)).encode());
    Ok(Json(Gaps {
        data: page.into_iter().map(|(stream, from, to)| Gap::of(stream, from, to)).collect(),
        next_cursor,
        streams: streams.len(),
        streams_incomplete: streams.iter().filter(|stream| !stream.gaps.is_empty()).count(),
    }))
}

impl Gap {
    fn of(stream: &StreamReport, from: u64, to: u64) -> Self {
        Self {
            partition: stream.partition.0,
            source: stream.source.clone(),
            epoch: stream.epoch.to_string(),
            domain: stream.domain.clone(),
            from: Count(from.into()),
            to: Count(to.into()),
            missing: Count(to.saturating_sub(from).into()),
        }
    }
}
