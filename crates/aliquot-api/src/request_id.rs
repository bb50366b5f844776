//! The name of a request, by which the client's report, the answer and the log find one another. Taken from the header
//! `x-request-id` or given out by a counter: there is no randomness here.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aliquot_core::time::EventTime;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Bytes of a name somebody else gave: a UUID has 36, a trace and span together 49. A longer one would only fill the log.
const BYTES_MAX: usize = 64;

/// The name of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// The client's own name for its request, if it is plain enough to stand in a URI reference and in a log line.
    fn given(header: &HeaderValue) -> Option<Self> {
        let text = header.to_str().ok().filter(|text| !text.is_empty() && text.len() <= BYTES_MAX)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        text.bytes().all(is_plain).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Gives out names, one after the other.
#[derive(Clone, Debug)]
pub struct RequestIds(Arc<AtomicU64>);

impl RequestIds {
    /// Names from the microsecond of the process's start on, so that no name comes twice across restarts: less than one request
    /// comes in a microsecond.
    pub fn starting_at(start: EventTime) -> Self {
        Self(Arc::new(AtomicU64::new(start.0.unsigned_abs())))
    }

    fn next(&self) -> RequestId {
        RequestId(format!("{:016x}", self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Names the request, and gives every problem its body, because here the name is known.
pub(crate) async fn name(State(ids): State<RequestIds>, mut request: Request, next: Next) -> Response {
    let id = request.headers().get(HEADER).and_then(RequestId::given).unwrap_or_else(|| ids.next());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let bare = std::mem::replace(&mut response, problem.into_body(&id));
        // What the router added to the bare response, such as `allow`, stays.
        for (header, value) in bare.headers() {
            response.headers_mut().entry(header).or_insert_with(|| value.clone());
        }
    }
    let value =
        HeaderValue::from_str(id.as_str()).expect("a request's name is made of letters, digits, `-`, `_` and `.`");
    response.headers_mut().insert(HEADER, value);
    response
}
