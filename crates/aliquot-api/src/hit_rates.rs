//! `GET /v1/hit-rates`: how much of the prompts came from a cache, and of how many requests that is known.

use aliquot_query::{Amounts, Measure};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Body, Problem};
use crate::question::SeriesParameters;
use crate::series::{Books, Count, Page, Scope};

/// How well the caches did in a run of time, weighted by tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HitRateRow {
    #[serde(flatten)]
    scope: Scope,
    /// Requests, duplicates not among them.
    requests: Count,
    /// Requests among them that say something about cache reads. Only their tokens are counted here.
    requests_cache_reported: Count,
    /// Prompt tokens read from a cache.
    cache_read_tokens: Count,
    /// Prompt tokens that could have been: read, written and uncached ones.
    cacheable_tokens: Count,
    /// The quotient, cut off after six decimals, for charts; null where there are no such tokens. Compute with the two counts.
    #[schema(required = true)]
    hit_rate: Option<f64>,
}

/// List how much of the prompts came from a cache, weighted by tokens.
///
/// One row for each bucket and group.
#[utoipa::path(get, path = "/v1/hit-rates", operation_id = "list_hit_rates", tag = "billing", params(SeriesParameters), responses(
    (status = 200, description = "one page of rows", body = Page<HitRateRow>),
    (status = 400, description = "a parameter or the cursor is not valid", body = Body<'static>, content_type = "application/problem+json"),
    (status = 422, description = "the question takes more time or memory than one may", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the lake cannot answer now, or too many ask", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(books): State<Books>, uri: Uri) -> Result<Json<Page<HitRateRow>>, Problem> {
    books.page(&uri, Measure::HitRates, row).await
}

fn row(scope: Scope, amounts: Amounts) -> Option<HitRateRow> {
    let Amounts::HitRate(rate) = amounts else { return None };
    Some(HitRateRow {
        scope,
        requests: Count(rate.events),
        requests_cache_reported: Count(rate.reported_events),
        cache_read_tokens: Count(rate.numerator()),
        cacheable_tokens: Count(rate.denominator()),
        hit_rate: quotient(rate.numerator(), rate.denominator()),
    })
}

/// `part / whole`, cut off after six decimals.
fn quotient(part: u128, whole: u128) -> Option<f64> {
    let millionths = part.checked_mul(1_000_000)?.checked_div(whole)?;
    u32::try_from(millionths).ok().map(|millionths| f64::from(millionths) / 1e6)
}
