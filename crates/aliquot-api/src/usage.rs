//! `GET /v1/usage`: how much was used, by class.

use aliquot_core::usage::{ByClass, Class};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::problem::{Body, Problem};
use crate::question::SeriesParameters;
use crate::series::{Books, Page, Row, Scope};

/// What was used in a run of time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageRow {
    #[serde(flatten)]
    scope: Scope,
    /// Requests, duplicates not among them.
    requests: u64,
    /// Requests among them that say something about cache reads; for the others a cached token is not known to be none.
    requests_cache_reported: u64,
    /// Quantities by class; the classes are disjoint. Token classes count tokens, `gpu_us` microseconds of one GPU.
    #[serde(serialize_with = "by_class")]
    #[schema(value_type = std::collections::BTreeMap<String, u64>, example = json!({"uncached": 1200, "cache_read": 4096, "output": 310}))]
    quantities: ByClass<u64>,
}

/// List how much was used, by class.
///
/// One row for each bucket and group.
#[utoipa::path(get, path = "/v1/usage", operation_id = "list_usage", tag = "billing", params(SeriesParameters), responses(
    (status = 200, description = "one page of rows", body = Page<UsageRow>),
    (status = 400, description = "a parameter or the cursor is not valid", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the lake cannot answer now, or too many ask", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(books): State<Books>, uri: Uri) -> Result<Json<Page<UsageRow>>, Problem> {
    books.page(&uri, row).await
}

fn row(scope: Scope, row: Row) -> UsageRow {
    UsageRow {
        scope,
        requests: row.requests,
        requests_cache_reported: row.requests_cache_reported,
        quantities: row.quantities,
    }
}

fn by_class<S: Serializer>(quantities: &ByClass<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(Class::ALL.len()))?;
    for (class, quantity) in quantities.iter() {
        map.serialize_entry(class.name(), &quantity)?;
    }
    map.end()
}
