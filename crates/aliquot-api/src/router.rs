//! Which path leads where, and what surrounds every request. Handles nothing itself.

use std::sync::Arc;

use aliquot_ledger::Scope;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use crate::access::{self, Bound, Guard};
use crate::events::{self, Gateway, Ingest};
use crate::hours::Hourly;
use crate::series::Books;
use crate::state::{Readers, State};
use crate::{
    admit, bill_change, causes, costs, externalities, gaps, health, hit_rates, metrics, observe, openapi, problem,
    rejects, request_id, usage,
};

/// The whole API of a process with this state.
pub fn router(state: State) -> Router {
    let mut router = operation(&state);
    if let Some(readers) = &state.readers {
        router = router.merge(reading(&state, readers));
    }
    if let Some(gateway) = &state.gateway {
        router = router.merge(ingest(&state, gateway));
    }
    let State { clock, request_ids, metrics, .. } = state;
    router
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        // The last layer is the outermost: a request is named first, then timed, and nothing inside can take the server down.
        .layer(from_fn(observe::survive))
        .layer(from_fn_with_state((metrics, clock), observe::measure))
        .layer(from_fn_with_state(request_ids, request_id::name))
}

/// What operators and supervisors ask; never refused for being many.
fn operation(state: &State) -> Router {
    // How much comes in, and how much of it is bad, is nobody else's business; scrapers can send a key. The description says nothing
    // of any tenant, and supervisors have no keys.
    let metrics = Router::new()
        .route("/metrics", get(metrics::scrape).with_state(state.metrics.clone()))
        .layer(from_fn_with_state(guard(state, Scope::Read, Bound::Refused), access::check));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready).with_state(state.readiness.clone()))
        .route("/openapi.json", get(openapi::document))
        .merge(metrics)
}

fn reading(state: &State, readers: &Readers) -> Router {
    let places = Arc::new(Semaphore::new(state.concurrency.read));
    let hourly = Hourly { ledger: readers.ledger.clone(), clock: state.clock.clone() };
    let books = Books { engine: readers.engine.clone(), clock: state.clock.clone() };
    let of_tenants = Router::new()
        .route("/v1/usage", get(usage::list))
        .route("/v1/costs", get(costs::list))
        .with_state(books.clone())
        .layer(from_fn_with_state(Arc::clone(&places), admit::within))
        .layer(from_fn_with_state(guard(state, Scope::Read, Bound::Asks), access::check));
    let of_all = Router::new()
        .route("/v1/hit-rates", get(hit_rates::list))
        .route("/v1/bill-change", get(bill_change::list))
        .route("/v1/rejects", get(rejects::list))
        .with_state(books)
        .route("/v1/externalities", get(externalities::list).with_state(hourly.clone()))
        .route("/v1/causes", get(causes::list).with_state(hourly))
        .route("/v1/gaps", get(gaps::list).with_state(readers.ledger.clone()))
        .layer(from_fn_with_state(places, admit::within))
        .layer(from_fn_with_state(guard(state, Scope::Read, Bound::Refused), access::check));
    of_tenants.merge(of_all)
}

fn ingest(state: &State, gateway: &Gateway) -> Router {
    let ingest = Ingest { gateway: gateway.clone(), clock: state.clock.clone(), metrics: state.metrics.clone() };
    let places = Arc::new(Semaphore::new(state.concurrency.ingest));
    Router::new()
        .route("/v1/events", post(events::post))
        .layer(DefaultBodyLimit::max(gateway.limits.message_bytes))
        .layer(from_fn_with_state(places, admit::within))
        .layer(from_fn_with_state(guard(state, Scope::Ingest, Bound::Refused), access::check))
        .with_state(ingest)
}

fn guard(state: &State, scope: Scope, bound: Bound) -> Guard {
    Guard::new(&state.access, &state.clock, scope, bound)
}
