//! Every error of the API as problem details (RFC 9457). Holds what the client is told apart from what only the log is told;
//! the body is written where the request's id is known (see [`crate::request_id`]).

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::request_id::RequestId;
use crate::verdict::Verdicts;

/// The media type of every error body.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What can go wrong: a closed list, each with one status, one type and one title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A query parameter is unknown, malformed or given twice.
    InvalidParameter,
    /// The cursor was not given out by this API, or for another question.
    InvalidCursor,
    /// The body is not what its content type says.
    UnreadableBody,
    /// No key came with the request, or none that holds.
    Unauthorized,
    /// The key is not for this.
    Forbidden,
    /// No such resource, or not in this role.
    NotFound,
    /// The resource has no such method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    SlowBody,
    /// The body has too many bytes or too many events.
    TooLarge,
    /// The content type or encoding is not read.
    UnsupportedContent,
    /// Not one event of the request was accepted.
    AllRejected,
    /// The question takes more than one may.
    TooCostly,
    /// Our fault; the log says why.
    Internal,
    /// More requests at once than the limit.
    Busy,
    /// What the answer needs cannot be reached now.
    Unavailable,
    /// The process is not ready to serve.
    NotReady,
}

impl Kind {
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidParameter => (StatusCode::BAD_REQUEST, "invalid-parameter", "a query parameter is not valid"),
            Self::InvalidCursor => (StatusCode::BAD_REQUEST, "invalid-cursor", "the cursor is not valid"),
            Self::UnreadableBody => (StatusCode::BAD_REQUEST, "unreadable-body", "the body cannot be read"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "a key is needed"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "the key is not for this"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "there is no such resource"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "the resource has no such method")
            }
            Self::SlowBody => (StatusCode::REQUEST_TIMEOUT, "slow-body", "the body did not arrive in time"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the request is too large"),
            Self::UnsupportedContent => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-content", "the content type is not read")
            }
            Self::AllRejected => (StatusCode::UNPROCESSABLE_ENTITY, "all-rejected", "no event was accepted"),
            Self::TooCostly => (StatusCode::UNPROCESSABLE_ENTITY, "too-costly", "the question is too costly"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server failed"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "too many requests at once"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the service cannot answer now"),
            Self::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "not-ready", "the process is not ready"),
        }
    }

    fn status(self) -> StatusCode {
        self.parts().0
    }
}

/// An error on its way to the client. As a response it carries only its status; the layer that knows the request's id writes
/// the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    members: Option<Box<Members>>,
    inside: Option<String>,
    retry_after_s: Option<u32>,
}

/// What a problem has beside the members of RFC 9457.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Members {
    /// Of `invalid-parameter`.
    Parameter {
        /// The parameter that is not valid.
        parameter: Cow<'static, str>,
        /// What it may be, where that is a list.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        allowed: Vec<&'static str>,
    },
    /// Of `all-rejected`.
    Verdicts(Verdicts),
    /// Of `not-ready`.
    Reasons {
        /// What the process waits for.
        reasons: Vec<String>,
    },
}

/// Problem details (RFC 9457).
///
/// Some kinds have members of their own: `invalid-parameter` has `parameter` and, where that is a list, `allowed`; `all-rejected`
/// has `accepted`, `rejected` and `events`, as the answer with verdicts has; `not-ready` has `reasons`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body<'a> {
    /// Names the kind of problem, `urn:aliquot:problem:` and a word; programs match on this.
    #[schema(value_type = String, example = "urn:aliquot:problem:invalid-parameter")]
    r#type: String,
    /// The kind of problem in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request, and what to do about it.
    detail: &'a str,
    /// The request's id, as in the header `x-request-id` and in the server's log.
    instance: &'a str,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Option<&'a Members>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), members: None, inside: None, retry_after_s: None }
    }

    /// A parameter that is not valid; `allowed` lists what it may be, where that is a list.
    pub(crate) fn parameter(
        parameter: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
        allowed: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let members = Members::Parameter { parameter: parameter.into(), allowed: allowed.into_iter().collect() };
        Self { members: Some(Box::new(members)), ..Self::new(Kind::InvalidParameter, detail) }
    }

    pub(crate) fn all_rejected(verdicts: Verdicts) -> Self {
        let detail =
            "every event was rejected and nothing was stored; mend the events by their reasons and send them again";
        Self { members: Some(Box::new(Members::Verdicts(verdicts))), ..Self::new(Kind::AllRejected, detail) }
    }

    pub(crate) fn not_ready(reasons: Vec<String>) -> Self {
        let detail = "the process lives but does not serve yet, or not any more; send requests elsewhere";
        Self { members: Some(Box::new(Members::Reasons { reasons })), ..Self::new(Kind::NotReady, detail) }
    }

    /// A failure of ours: the client learns the request's id, the log learns `inside`.
    pub(crate) fn internal(inside: impl Into<String>) -> Self {
        let detail = "something failed on our side; quote the instance when you report it";
        Self { inside: Some(inside.into()), ..Self::new(Kind::Internal, detail) }
    }

    /// Asks the client to come back after so many seconds.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// Adds what only the log is told.
    pub(crate) fn because(self, inside: impl Into<String>) -> Self {
        Self { inside: Some(inside.into()), ..self }
    }

    /// Logs the problem if it is ours, and writes the body.
    pub(crate) fn into_body(self, id: &RequestId) -> Response {
        let (status, word, title) = self.kind.parts();
        if let Some(inside) = &self.inside {
            tracing::error!(request.id = %id, http.status = status.as_u16(), problem = word, error = inside, "request failed");
        }
        let body = Body {
            r#type: format!("urn:aliquot:problem:{word}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            instance: id.as_str(),
            members: self.members.as_deref(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.kind == Kind::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The answer to a path without a resource.
pub(crate) async fn not_found() -> Problem {
    Problem::new(Kind::NotFound, "no resource has this path in this role; /openapi.json lists them")
}

/// The answer to a method a resource does not have.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "the header `allow` lists the methods of this resource")
}
