//! The judge of attribution: it replays a trace once for each coalition of its tenants and says exactly who cost whom what. It
//! knows no model of a cache, only caches; a model is right as far as it says the same.
//!
//! A coalition's replay contains the requests of its members and no others, with the times and routes that they had in truth.
//! That harm feeds back on times, queues and routes is not part of the question.

mod entitlement;
mod game;
mod outcomes;
mod stage;
mod trace;
mod verdict;

pub use entitlement::entitled;
pub use game::{Game, PLAYERS_MAX};
pub use outcomes::{BlockRun, Outcomes, Tier};
pub use stage::{Setup, Stage, replay};
pub use trace::{Request, Step, TENANTS_MAX, Trace};
pub use verdict::Verdict;

#[cfg(test)]
mod tests;
