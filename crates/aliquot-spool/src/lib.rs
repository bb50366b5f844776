//! The embedded event log: a durable, bounded, partitioned queue in one directory, for one process, without a broker.
//! It does not look into messages, and it is not a log format of its own: a B-tree store keeps the rows.
//!
//! Reading order: what is stored ([`Limits`], `log`), the thread that writes it (`writer`), the handle ([`Spool`]), and the two
//! ports, [`SpoolSource`] and [`SpoolOutlet`]. Which store, and why, is in the crate's `README.md`, with the measurements.
#![deny(missing_docs)]

mod error;
mod log;
mod outlet;
mod source;
mod spool;
mod writer;

pub use error::Error;
pub use outlet::SpoolOutlet;
pub use source::{Mode, SpoolSource};
pub use spool::{Limits, Spool};

#[cfg(test)]
mod tests;
