//! The rules of Aliquot: where money is decided. Pure values and functions: no clock, no I/O, no randomness, no floats.
//!
//! Reading order is the order of the modules below: quantities, what an event is, what it costs, what a partition remembers,
//! what leaves as one commit, and the ports through which bytes come and go.
#![no_std]
#![deny(missing_docs)]
#![deny(clippy::float_arithmetic, clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;

pub mod bytes;
pub mod money;
pub mod time;
pub mod usage;

pub mod event;
pub mod reject;

pub mod prices;
pub mod rating;
pub mod rent;

pub mod position;
pub mod recent_ids;
pub mod sequence;
pub mod state;
pub mod streams;

pub mod bill_change;
pub mod blame;
pub mod cause;

pub mod charge;
pub mod commit;
pub mod externality;
pub mod ports;
pub mod totals;
