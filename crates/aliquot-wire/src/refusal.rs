//! The answer to bytes that are not an event: why, what in particular, and the bytes. Stores nothing.

use aliquot_core::reject::Reason;

/// An event, or a whole message, that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// Why.
    pub reason: Reason,
    /// What in particular: a field's name and what it should be, never its content.
    pub detail: String,
    /// The bytes of that event, or of the whole message where the event cannot be cut out. Of several refused rows of one
    /// Arrow message only the first carries the message; the others are empty and their `detail` says so.
    pub raw: &'a [u8],
}

/// A refusal before it is known which bytes it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    pub(crate) fn about(self, raw: &[u8]) -> Refusal<'_> {
        Refusal { reason: self.reason, detail: self.detail, raw }
    }
}
