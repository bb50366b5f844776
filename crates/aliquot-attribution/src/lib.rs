//! Who caused it: from prefix chains and observed cache hits to a cause for every prompt token, and to the neighbours' shares.
//! Pure values and functions: no clock, no I/O, no randomness. Money is split in whole picodollars; floats appear only in the
//! weights of a split, by operations that give the same bits everywhere.
#![no_std]
#![deny(missing_docs)]
#![deny(clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;

mod real;

pub mod calibration;
pub mod game;
pub mod quota;
pub mod signed;
pub mod solver;
