//! What tenants pay: contracts, the bill of a period, invoices that can be proved, margins, and rows for finance. Pure values and
//! functions: no clock, no I/O, no randomness, no floats.
//!
//! Reading order is the order of the modules below: numbers and words, what a contract says, what was used when, who bears
//! it, what it comes to, and what is issued.
//!
//! # Why fractions and not decimals?
//! A cost in picodollars at a percentage, at a day's rate, with a discount and a tax has more digits than a decimal keeps, and a share of
//! a month has no end as one. Fractions of big integers are exact; nothing is rounded before [`settle`](settle::settle).
#![deny(missing_docs)]
#![deny(clippy::float_arithmetic, clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod currency;
pub mod digest;
pub mod exact;
pub mod spelling;

pub mod check;
pub mod contract;
pub mod pricing;
pub mod select;
pub mod terms;

pub mod period;
pub mod refusal;
pub mod slot;
pub mod usage;

pub mod basis;
pub mod books;

pub mod exchange;
pub mod line;
pub mod open;

mod charges;
pub mod credits;
pub mod draft;
mod fill;

pub mod settle;

pub mod invoice;
mod steps;

pub mod adjustment;
pub mod verify;

pub mod focus;
pub mod margin;

#[cfg(test)]
pub(crate) mod tests;
