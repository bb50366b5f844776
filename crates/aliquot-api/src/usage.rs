//! `GET /v1/usage`: how much was used, by class.

use aliquot_core::usage::{ByClass, Class};
use aliquot_query::{Amounts, Measure};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::problem::{Body, Problem};
use crate::question::SeriesParameters;
use crate::series::{Books, Count, Page, Scope};

/// What was used in a run of time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageRow {
    #[serde(flatten)]
    scope: Scope,
    /// Requests, duplicates not among them.
    requests: Count,
    /// Quantities by class; the classes are disjoint. Token classes count tokens, `gpu_us` microseconds of one GPU.
    #[serde(serialize_with = "by_class")]
    #[schema(value_type = std::collections::BTreeMap<String, Count>, example = json!({"uncached": 1200, "cache_read": 4096, "output": 310}))]
    quantities: ByClass<u128>,
}

/// List how much was used, by class.
///
/// One row for each bucket and group.
#[utoipa::path(get, path = "/v1/usage", operation_id = "list_usage", tag = "billing", params(SeriesParameters), responses(
    (status = 200, description = "one page of rows", body = Page<UsageRow>),
    (status = 400, description = "a parameter or the cursor is not valid", body = Body<'static>, content_type = "application/problem+json"),
    (status = 422, description = "the question takes more time or memory than one may", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the lake cannot answer now, or too many ask", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(books): State<Books>, uri: Uri) -> Result<Json<Page<UsageRow>>, Problem> {
    books.page(&uri, Measure::Usage, row).await
}

fn row(scope: Scope, amounts: Amounts) -> Option<UsageRow> {
    let Amounts::Usage(usage) = amounts else { return None };
    Some(UsageRow { scope, requests: Count(usage.events), quantities: usage.quantities })
}

fn by_class<S: Serializer>(quantities: &ByClass<u128>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(Class::ALL.len()))?;
    for (class, quantity) in quantities.iter() {
        map.serialize_entry(class.name(), &Count(quantity))?;
    }
    map.end()
}
