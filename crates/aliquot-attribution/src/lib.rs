//! Who caused it: from prefix chains and observed cache hits to a cause for every prompt token, and to the neighbours' shares.
//! Pure values and functions: no clock, no I/O, no randomness. Money is split in whole picodollars; floats appear only in the
//! weights of a split, by operations that give the same bits everywhere.
//!
//! Reading order is the order of the modules below: whose blocks were used when, how large a cache is, which games there are and how
//! they are solved, what tokens cost, why a block was not read, who pushed it out, and what the pipeline drives; then waits and GPU
//! time, which need no cache.
#![no_std]
#![deny(missing_docs)]
#![deny(clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;

mod real;

pub mod tenants;
pub mod tick;

pub mod recency;
pub mod replica;
pub mod sharers;

pub mod background;
pub mod calibration;
pub mod miniature;
pub mod node;
pub mod quota;

pub mod game;
pub mod signed;
pub mod solver;

pub mod apportion;
pub mod number;
pub mod orders;

pub mod least_squares;
pub mod prefill;
pub mod price;

pub mod fate;
pub mod layout;
pub mod provider;
pub mod sessions;
pub mod settings;
pub mod walk;

pub mod judge;
pub mod judgement;
pub mod sharing;
pub mod weigh;

pub mod attributor;
pub mod domain;

pub mod limits;
pub mod refusals;
pub mod steps;
pub mod waits;

pub mod idle;
pub mod peaks;
pub mod residency;

pub mod gpu_nodes;
pub mod uses;
