//! Arrow IPC streams, one row per request, to events and back. Decides nothing the JSON decoder would decide otherwise. Only
//! requests come in numbers that are worth columns; events of other types are refused here, and travel as JSON.
//!
//! A cell is what the field of the same name is in JSON, and a null, or a column that is not there, is an absent field. The
//! event type stands in the schema's metadata, so that all rows of a stream are of one type.
//!
//! | what is wrong | answer |
//! |---|---|
//! | bytes that are no whole stream, its end mark included | one refusal of the message, and no row of it counts |
//! | a column of the wrong type, twice, or missing though required; more rows than the limit | the same |
//! | a cell | one refusal of its row |
//! | an unknown column that looks like prompt text | one refusal of each row that has something in it |
//!
//! **Why the whole stream is looked through before its first row counts:** a message that was cut short is sent again, and
//! rows that were counted the first time would be there twice if their node does not number its events.
//!
//! **Why not by `arrow_ipc::reader`?** It panics on a schema with a type it does not know and on a buffer that lies outside
//! its body, it refuses a batch where one row has a bad string, and it copies. Here the metadata is read through the verified
//! accessors of `arrow_ipc`, and the columns by slices of the message that are all bounds-checked.
//!
//! Compressed bodies are refused: Kafka compresses whole messages better, and nothing here has to guard against bombs.

use aliquot_core::reject::Reason;

use crate::refusal::Problem;

mod cache_use;
mod cells;
mod columns;
mod decode;
mod encode;
mod fields;
mod frames;
mod layout;
mod limits;
mod rows;
mod stream;
mod suspects;
mod types;

pub use columns::schema;
pub(crate) use decode::decode;
pub use encode::encode;

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Reason::Malformed, detail)
}

#[cfg(test)]
mod tests;
