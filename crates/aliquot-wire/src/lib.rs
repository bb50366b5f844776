//! Bytes to events and back: CloudEvents JSON, JSON batches and Arrow batches; the bytes of a partition's state; price books.
//! Decides nothing about an event but whether it can be read. No I/O, no clock, and nothing panics on any input.
#![deny(missing_docs)]
#![deny(clippy::float_arithmetic, clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod limits;
pub mod refusal;

mod content_type;
mod decode;
mod raw_events;
pub use content_type::{ARROW, JSON, JSON_BATCH};
pub use decode::decode;
pub use limits::Limits;
pub use raw_events::RawEvents;
pub use refusal::Refusal;

pub mod arrow;
pub mod binary;
pub mod json;

mod blocks;
mod cache;
mod cloudevent;
mod event_type;
mod field;
mod node;
mod object;
mod prompt_text;
mod request;
mod slots;
#[cfg(test)]
mod testing;
mod timestamp;

pub mod snapshot;

pub mod prices;
