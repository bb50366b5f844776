//! The failures of the stores the API reads, as problems. Their messages name files and hosts: they go to the log only.

use aliquot_core::ports::{Fault, Kind as FaultKind};
use aliquot_query::{Error as QueryError, Kind as QueryKind};

use crate::problem::{Kind, Problem};

/// When to come back if a store cannot answer: locks are short, and so is the way of the first events into a new lake.
const RETRY_AFTER_S: u32 = 2;

/// What the client is told about a failure of the ledger.
pub(crate) fn failed(error: impl Fault) -> Problem {
    let inside = error.to_string();
    match error.kind() {
        FaultKind::Retry => unavailable(inside),
        FaultKind::Fenced | FaultKind::Halt => Problem::internal(inside),
    }
}

/// What the client is told when the engine does not answer. The question was parsed at our door, so that a wrong one is our
/// fault and not the client's.
pub(crate) fn unanswered(error: QueryError) -> Problem {
    let inside = error.to_string();
    match error.kind() {
        QueryKind::TooLarge => {
            let detail =
                "the question takes more time or memory than one may; ask for a shorter period or fewer groups";
            Problem::new(Kind::TooCostly, detail).because(inside)
        }
        QueryKind::Absent => unavailable(inside),
        QueryKind::Asked | QueryKind::Failed => Problem::internal(inside),
    }
}

fn unavailable(inside: String) -> Problem {
    let problem = Problem::new(Kind::Unavailable, "a store cannot answer now; ask again");
    problem.retry_after(RETRY_AFTER_S).because(inside)
}
