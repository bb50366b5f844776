//! The API through its whole router: what goes in as HTTP, what comes out, byte for byte.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of these tests fail the test")]

mod world;

mod access;
mod attribution;
mod door;
mod gaps;
mod gateway;
mod operation;
mod series;
mod shutdown;
mod stored;
