//! What tenants pay. Pure values and functions: no clock, no I/O, no randomness, no floats.
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
