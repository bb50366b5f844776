//! `GET /v1/costs`: what it cost, and how much of it has no price.

use aliquot_core::money::Usd;
use aliquot_query::{Amounts, Measure};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use utoipa::ToSchema;

use crate::money::dollars;
use crate::problem::{Body, Problem};
use crate::question::SeriesParameters;
use crate::series::{Books, Count, Page, Scope};

/// What a run of time cost. The five parts sum to the whole exactly.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CostRow {
    #[serde(flatten)]
    scope: Scope,
    /// Requests, duplicates not among them.
    requests: Count,
    /// Requests among them of which a part has no price: their cost is *not* in the amounts.
    requests_unpriced: Count,
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
    (status = 422, description = "the question takes more time or memory than one may", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the lake cannot answer now, or too many ask", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(books): State<Books>, uri: Uri) -> Result<Json<Page<CostRow>>, Problem> {
    books.page(&uri, Measure::Costs, row).await
}

fn row(scope: Scope, amounts: Amounts) -> Option<CostRow> {
    let Amounts::Costs(costs) = amounts else { return None };
    Some(CostRow {
        scope,
        requests: Count(costs.events),
        requests_unpriced: Count(costs.unpriced_events),
        cost_usd: costs.cost,
        cost_uncached_usd: costs.uncached,
        cost_cache_read_usd: costs.cache_read,
        cost_cache_write_usd: costs.cache_write,
        cost_output_usd: costs.output,
        cost_other_usd: costs.other,
    })
}
