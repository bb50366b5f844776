//! The ledger: hourly money and who caused it, completeness of the streams, price books and restart states in SQL, moved forward
//! with the log's positions in one transaction. It prices nothing and decides nothing about events (see `aliquot-core`).
//!
//! Reading order: opening, what of a commit is new, the tables, one file each, and what goes wrong. Columns are described in
//! `schemas/ledger`.
#![deny(missing_docs)]
#![deny(clippy::float_arithmetic, clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod database;
mod ledger;
mod open_file;
mod open_server;
mod schema;

mod admit;
mod commit;

mod account_key;
mod activations;
mod additions;
mod books;
mod causes;
mod externalities;
mod fits;
mod log;
mod partitions;
mod snapshots;
mod streams;
mod totals;

mod control;

mod columns;
mod error;
mod key;
mod lines;
mod sums;

pub use books::StoredBook;
pub use causes::CauseFilter;
pub use control::{
    Author, Contract, Due, Entitlement, Entry, ExchangeRate, Field, KEY_RANDOM_BYTES, Key, NewKey, RECORDS_MAX, Record,
    Scope, Tenant,
};
pub use error::Error;
pub use externalities::ExternalityFilter;
pub use fits::FITS_MAX;
pub use ledger::Ledger;
pub use open_server::Server;
pub use snapshots::SNAPSHOTS_KEPT;
pub use streams::{Gap, STREAMS_MAX};
pub use totals::TOTALS_MAX;

/// The tests' fixture names the crate as other targets do.
#[cfg(test)]
extern crate self as aliquot_ledger;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests;
