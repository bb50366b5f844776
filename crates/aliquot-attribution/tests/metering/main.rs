//! Waits, refusals, steps, prefill, idle time and residency: what their splits promise for any input, and how far the waits and
//! refusals are from the replay of every coalition of tenants.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod attributor;
mod bad_input;
mod coalitions;
mod gpu_nodes;
mod limit_rules;
mod limits;
mod nodes;
mod prefill;
mod random;
mod steps;
mod waits;
