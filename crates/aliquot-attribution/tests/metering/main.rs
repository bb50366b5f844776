//! Waits, refusals, steps, prefill, idle time and residency: what their splits promise for any input, and how far the waits and
//! refusals are from the replay of every coalition of tenants.

mod coalitions;
mod random;

mod waits;
