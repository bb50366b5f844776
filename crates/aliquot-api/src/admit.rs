//! How many requests of one kind run at once. Beyond the limit a request is refused at once instead of waiting: the client knows
//! better than we how long its request is worth waiting for.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::problem::{Kind, Problem};

/// When to come back after being refused: most requests end within a second.
const RETRY_AFTER_S: u32 = 1;

/// Runs the request if there is room.
pub(crate) async fn within(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(_place) = places.try_acquire() else {
        let detail = "as many requests of this kind as allowed are running; try again later";
        return Problem::new(Kind::Busy, detail).retry_after(RETRY_AFTER_S).into_response();
    };
    next.run(request).await
}
