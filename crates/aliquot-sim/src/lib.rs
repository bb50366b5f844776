//! Traffic with known truth: replay of real traces, a deterministic demo fleet, and a generator for load tests. Nothing here
//! reads a clock or the system's randomness; same settings, same events. It decides nothing about money.
#![deny(missing_docs)]

pub mod random;

pub mod cache;
pub mod node;
pub mod pace;

pub mod truth;

mod emitted;
pub use emitted::{Emitted, Reported};
pub mod payload;

pub mod trace;

pub mod replay;

pub mod fleet;

pub mod matrix;

pub mod coalition;

pub mod rules;

pub mod scenario;

pub mod load;
