//! The real binary against real services: killed at random moments, split into roles, read by other engines.
//!
//! `make test` starts the services and names them by environment variables. Topics, directories and ports are new for each test,
//! and only processes that a test started are ended.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of these tests fail the test, and say what they measured"
)]

mod gaps;
mod kill;
mod process;
mod readers;
mod roles;
mod world;
