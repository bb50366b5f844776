//! `GET /v1/costs`: what it cost, and how much of it has no price.

use aliquot_core::money::Usd;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::problem::{Body, Problem};
use crate::question::SeriesParameters;
use crate::series::{Books, Page, Row, Scope};

/// What a run of time cost. The five parts sum to the whole exactly.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CostRow {
    #[serde(flatten)]
    scope: Scope,
    /// Requests, duplicates not among them.
    requests: u64,
    /// Requests among them of which a part has no price: their cost is *not* in the amounts.
    requests_unpriced: u64,
    /// The whole.
    #[serde(serialize_with = "dollars")]
    #[schema(value_type = String, example = "12.000000075000")]
    cost_usd: Usd,
    /// Uncached prompt tokens.
    #[serde(serialize_with = "dollars")]
    #[schema(value_type = String, example = "9.000000000000")]
    cost_uncached_usd: Usd,
    /// Cache reads.
    #[serde(serialize_with = "dollars")]
    #[schema(value_type = String, example = "1.000000075000")]
    cost_cache_read_usd: Usd,
    /// Cache writes.
    #[serde(serialize_with = "dollars")]
    #[schema(value_type = String, example = "0.000000000000")]
    cost_cache_write_usd: Usd,
    /// Output and reasoning.
    #[serde(serialize_with = "dollars")]
    #[schema(value_type = String, example = "2.000000000000")]
    cost_output_usd: Usd,
    /// Everything else: media in the prompt, searches, fees per call, GPU time, cache rent.
    #[serde(serialize_with = "dollars")]
    #[schema(value_type = String, example = "0.000000000000")]
    cost_other_usd: Usd,
}

/// List what it cost, exact to the picodollar.
///
/// One row for each bucket and group.
#[utoipa::path(get, path = "/v1/costs", operation_id = "list_costs", tag = "billing", params(SeriesParameters), responses(
    (status = 200, description = "one page of rows", body = Page<CostRow>),
    (status = 400, description = "a parameter or the cursor is not valid", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the lake cannot answer now, or too many ask", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(books): State<Books>, uri: Uri) -> Result<Json<Page<CostRow>>, Problem> {
    books.page(&uri, row).await
}

fn row(scope: Scope, row: Row) -> CostRow {
    CostRow {
        scope,
        requests: row.requests,
        requests_unpriced: row.requests_unpriced,
        cost_usd: row.cost,
        cost_uncached_usd: row.cost_uncached,
        cost_cache_read_usd: row.cost_cache_read,
        cost_cache_write_usd: row.cost_cache_write,
        cost_output_usd: row.cost_output,
        cost_other_usd: row.cost_other,
    }
}

fn dollars<S: Serializer>(amount: &Usd, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}
