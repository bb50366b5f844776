//! What ends a run, and what the operator should do. What may pass by itself is not here: it is retried.

use aliquot_core::position::{Offset, Partition};
use aliquot_core::prices::BookId;
use aliquot_wire::snapshot::SnapshotError;

/// Why a run ended before its source did. Nothing is lost by any of these: the next run begins where the sinks are.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log or a sink cannot go on.
    #[error("cannot {doing} {name}: {source}")]
    Halt {
        /// `log`, or the sink's name.
        name: &'static str,
        /// What was being done.
        doing: &'static str,
        /// What it says, with the fix.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stop was asked for while the log or a sink did not answer.
    #[error(
        "cannot {doing} {name}, and a stop was asked for: {source}; what was not committed is read again by the next start, once {name} answers"
    )]
    GaveUp {
        /// `log`, or the sink's name.
        name: &'static str,
        /// What was being done.
        doing: &'static str,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The task that commits ended by itself.
    #[error("the task that commits ended early: {0}; this is a defect: report it and restart")]
    Committer(tokio::task::JoinError),
    /// A price book that rated what has to be read again is missing.
    #[error("price book {:016x} rates partition {} from offset {} on, but was not given; import that price list again, or restore the ledger that holds it", .book.0, .partition.0, .from.0)]
    MissingBook {
        /// The book.
        book: BookId,
        /// What it rates.
        partition: Partition,
        /// From where on.
        from: Offset,
    },
    /// The price book that is to rate new events is missing.
    #[error("price book {:016x} is set as the current one, but was not given; import that price list, or set another one", .0.0)]
    MissingCurrentBook(BookId),
    /// A state was written by another version.
    #[error("cannot read the state of partition {} at offset {}: {source}", .partition.0, .offset.0)]
    Snapshot {
        /// Whose state.
        partition: Partition,
        /// Where.
        offset: Offset,
        /// Why not.
        source: SnapshotError,
    },
    /// The log left something out.
    #[error("partition {} goes on at offset {}, but {} comes next: the log has left out messages; this is a defect of its source: report it and restart", .partition.0, .found.0, .wanted.0)]
    Gap {
        /// Which partition.
        partition: Partition,
        /// Where its batch begins.
        found: Offset,
        /// Where it should.
        wanted: Offset,
    },
}

/// Why one call cannot succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Somebody else owns the partition.
    Fenced,
    /// The run is over.
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}
