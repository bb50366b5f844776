//! Whether the process lives and whether it is ready to serve. The binary decides about readiness; this only tells.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::problem::{Body, Problem};

/// Whether everything the process needs is there, and if not, what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// What the process waits for, one sentence each; empty = ready.
    pub waiting_for: Vec<String>,
}

impl Readiness {
    /// Nothing is missing.
    pub const READY: Self = Self { waiting_for: Vec::new() };

    /// One thing is missing.
    pub fn waiting_for(what: impl Into<String>) -> Self {
        Self { waiting_for: vec![what.into()] }
    }
}

/// The state of the process.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `alive` or `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// Tell whether the process lives.
#[utoipa::path(get, path = "/healthz", operation_id = "get_health", tag = "operation", responses((status = 200, description = "it lives", body = Health)))]
pub(crate) async fn alive() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Tell whether the process is ready to serve.
#[utoipa::path(get, path = "/readyz", operation_id = "get_readiness", tag = "operation", responses(
    (status = 200, description = "it is ready", body = Health),
    (status = 503, description = "it is not; `reasons` says what it waits for", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn ready(State(readiness): State<watch::Receiver<Readiness>>) -> Result<Json<Health>, Problem> {
    let waiting_for = readiness.borrow().waiting_for.clone();
    if waiting_for.is_empty() { Ok(Json(Health { status: "ready" })) } else { Err(Problem::not_ready(waiting_for)) }
}
