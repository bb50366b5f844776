//! An HTTP request to the one message it carries: CloudEvents over HTTP in structured, batch or binary mode, or an Arrow batch.
//! Looks at headers and length only; what the message says is for [`crate::events`].

use std::time::Duration;

use aliquot_wire::{ARROW, JSON, JSON_BATCH, binary};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};

use crate::problem::{Kind, Problem};

/// How long a body may take to arrive: 4 MiB at 140 kB/s. A slower sender holds a place that others need.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// A message as the log takes it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) content_type: &'static str,
    pub(crate) payload: Vec<u8>,
}

/// How the request carries its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The body is the message.
    Body(&'static str),
    /// The headers and the body together are one event.
    Binary,
}

impl Mode {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            let encoding = encoding.to_str().unwrap_or("not text");
            let detail = format!(
                "content-encoding is {encoding}; send the body as it is, or an Arrow stream with compressed buffers"
            );
            return Err(Problem::new(Kind::UnsupportedContent, detail));
        }
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if let Some(known) = [JSON, JSON_BATCH, ARROW].into_iter().find(|known| essence.eq_ignore_ascii_case(known)) {
            return Ok(Self::Body(known));
        }
        let is_other_cloudevents = essence.to_ascii_lowercase().starts_with("application/cloudevents");
        if headers.contains_key("ce-specversion") && !is_other_cloudevents {
            return Ok(Self::Binary);
        }
        let detail = format!(
            "the content type is none of {JSON}, {JSON_BATCH}, {ARROW}, and there is no header ce-specversion that would make it a binary-mode event"
        );
        Err(Problem::new(Kind::UnsupportedContent, detail))
    }
}

/// Reads the request's message.
pub(crate) async fn read(request: Request) -> Result<Message, Problem> {
    let mode = Mode::of(request.headers())?;
    let headers = if mode == Mode::Binary { request.headers().clone() } else { HeaderMap::new() };
    let body = read_body(request).await?;
    match mode {
        Mode::Body(content_type) => Ok(Message { content_type, payload: body.into() }),
        Mode::Binary => {
            let attributes = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
            let payload = binary::structured(attributes, &body)
                .map_err(|refusal| Problem::new(Kind::UnreadableBody, refusal.detail))?;
            Ok(Message { content_type: JSON, payload })
        }
    }
}

async fn read_body(request: Request) -> Result<Bytes, Problem> {
    let Ok(read) = tokio::time::timeout(BODY_TIME_MAX, Bytes::from_request(request, &())).await else {
        let detail = format!("the body took longer than {} s; send smaller batches", BODY_TIME_MAX.as_secs());
        return Err(Problem::new(Kind::SlowBody, detail));
    };
    read.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(Kind::TooLarge, "the body has more bytes than allowed; send smaller batches")
        }
        _ => Problem::new(Kind::UnreadableBody, "the connection broke before the body was complete; send it again"),
    })
}
