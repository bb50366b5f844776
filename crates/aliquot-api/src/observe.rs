//! What surrounds every handler: a panic becomes an answer, and the answer is counted and timed. Changes no other answer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Clock;
use crate::metrics::Metrics;
use crate::problem::Problem;

/// The route of requests no route matched: their paths are the client's invention and have no bound.
const UNMATCHED: &str = "unmatched";

/// Counts and times the request.
pub(crate) async fn measure(
    State((metrics, clock)): State<(Metrics, Clock)>,
    request: Request,
    next: Next,
) -> Response {
    let method = method_label(request.method());
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| UNMATCHED.to_owned(), |path| path.as_str().to_owned());
    let started = clock.now();
    let response = next.run(request).await;
    metrics.request_answered(method, &route, response.status().as_u16(), clock.now().since(started));
    response
}

/// Answers a panicking handler's request with a problem. Our bug ends one request, not the connection of a proxy that carries
/// a hundred others.
pub(crate) async fn survive(request: Request, next: Next) -> Response {
    let mut answering = pin!(next.run(request));
    // What the handler left half done is dropped with its future; what outlives it are locks, which would be poisoned, and
    // atomics.
    let caught =
        std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context))) {
            Ok(Poll::Ready(response)) => Poll::Ready(Ok(response)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(panic)),
        });
    match caught.await {
        Ok(response) => response,
        Err(panic) => Problem::internal(format!("panic: {}", message_of(panic.as_ref()))).into_response(),
    }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// The method as a label; a client can invent methods.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
