//! The failures of the stores the API reads, as problems. Their messages name files and hosts: they go to the log only.

use aliquot_core::ports::{Fault, Kind as FaultKind};

use crate::problem::{Kind, Problem};

/// When to come back if a store cannot answer: locks are short, and so is a leader election.
const RETRY_AFTER_S: u32 = 2;

/// What the client is told about a store's failure.
pub(crate) fn failed(error: impl Fault) -> Problem {
    let inside = error.to_string();
    match error.kind() {
        FaultKind::Retry => Problem::new(Kind::Unavailable, "a store cannot answer now; ask again")
            .retry_after(RETRY_AFTER_S)
            .because(inside),
        FaultKind::Fenced | FaultKind::Halt => Problem::internal(inside),
    }
}
