//! One message to its events: chooses the decoder, and holds the message against its limits. Reads no field itself.

use aliquot_core::event::Report;
use aliquot_core::reject::Reason;

use crate::arrow;
use crate::content_type::{ARROW, BYTES_MAX, Encoding, JSON, JSON_BATCH};
use crate::json;
use crate::limits::Limits;
use crate::refusal::{Problem, Refusal};

/// Calls `each` for every event of the message, in order, with its place in the message from 0: the event, or why it is
/// refused. A message that cannot be read at all is one refusal; what has no event in it (an empty batch) makes no call.
///
/// The event borrows from the message and is overwritten by the next one.
pub fn decode(
    content_type: &str,
    payload: &[u8],
    limits: &Limits,
    each: &mut dyn FnMut(u32, Result<Report<'_>, Refusal<'_>>),
) {
    if payload.len() > limits.message_bytes {
        let detail = format!(
            "the message has {} bytes, the limit is {}: send smaller batches",
            payload.len(),
            limits.message_bytes
        );
        return each(0, Err(Problem::new(Reason::TooLarge, detail).about(payload)));
    }
    // Every refused event of a batch is kept with its content type: a long one would be kept thousands of times.
    if content_type.len() > BYTES_MAX {
        let length = content_type.len();
        let detail = format!("the content type has {length} bytes, the limit is {BYTES_MAX}: leave its parameters out");
        return each(0, Err(Problem::new(Reason::TooLarge, detail).about(payload)));
    }
    match Encoding::of(content_type) {
        Some(Encoding::Json) => json::decode_one(payload, limits, each),
        Some(Encoding::JsonBatch) => json::decode_batch(payload, limits, each),
        Some(Encoding::Arrow) => arrow::decode(payload, limits, each),
        None => {
            let detail = format!("the content type is none of {JSON}, {JSON_BATCH}, {ARROW}");
            each(0, Err(Problem::new(Reason::UnknownContentType, detail).about(payload)));
        }
    }
}
