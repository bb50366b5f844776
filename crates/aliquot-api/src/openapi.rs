//! The description of the whole API, whatever role serves it. Built from the handlers' own annotations; its text is
//! `schemas/openapi/openapi.json`, and a test holds the two together.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::OpenApi;

use crate::problem::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Aliquot",
        description = "Meters multi-tenant LLM inference. Money is a string of dollars with twelve decimals, never a number; every other quantity is an integer, \
            and a string of digits beyond 2^53. Times are RFC 3339 in UTC, periods are half-open: `from` is in, `to` is not. Unknown is `null`, never zero. Errors are problem details (RFC 9457)."
    ),
    paths(
        crate::events::post,
        crate::usage::list,
        crate::costs::list,
        crate::hit_rates::list,
        crate::bill_change::list,
        crate::externalities::list,
        crate::causes::list,
        crate::gaps::list,
        crate::rejects::list,
        crate::health::alive,
        crate::health::ready,
        crate::metrics::scrape,
        document,
    ),
    tags(
        (name = "events", description = "The way in"),
        (name = "billing", description = "What was used and what it cost, by time and group"),
        (name = "attribution", description = "Why it cost what it cost, and whose doing that was"),
        (name = "operation", description = "For supervisors and operators"),
    ),
)]
struct Document;

/// Get this description.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get_openapi", tag = "operation", responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
pub(crate) async fn document() -> Result<impl IntoResponse, Problem> {
    let text = text().map_err(|error| Problem::internal(format!("write the OpenAPI document: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text))
}

/// The document, one member a line, as it lies in `schemas/`.
pub(crate) fn text() -> Result<String, serde_json::Error> {
    Document::openapi().to_pretty_json().map(|text| text + "\n")
}
