//! What goes wrong with the ledger, what the pipeline may do about it, and what the operator.

use std::path::PathBuf;

use aliquot_core::ports::{Fault, Kind};
use aliquot_core::position::{Offset, OffsetRange, Partition};
use aliquot_core::prices::BookId;
use sqlx::migrate::MigrateError;

/// A failure of the ledger. Nothing of a refused commit is written; after [`Error::Sql`] the commit may be durable all the same,
/// which the same call finds out when it is made again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open the ledger {}: {source}; {}", .path.display(), advice(.source))]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: sqlx::Error,
    },
    /// There is no such file, and it was not to be created.
    #[error("there is no ledger at {}; check the data directory, or let `aliquot serve` create it", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of something else.
    #[error("{} is not a ledger; choose another file", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of Aliquot has migrated the ledger.
    #[error("the ledger {} has schema {found}, this version knows up to {known}; use the version of aliquot that wrote it, or a newer one", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The ledger must be migrated first, which a reader may not do.
    #[error("the ledger {} has schema {found}, this version reads {known}; start `aliquot serve` of this version once, which migrates it", .path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The schema read here.
        known: i64,
    },
    /// A migration failed, and was undone.
    #[error("cannot migrate the ledger {}: {source}; nothing was changed, use the version of aliquot that wrote it", .path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: MigrateError,
    },
    /// The database did not do what was asked.
    #[error("cannot {doing} the ledger: {source}; {}", advice(.source))]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: sqlx::Error,
    },
    /// The ledger was opened for reading only.
    #[error("the ledger was opened for reading only; open it for writing")]
    ReadOnly,
    /// The ledger's positions are those of another event log.
    #[error(
        "the ledger's positions are those of {claimed}, not of {offered}; use that log, or another data directory: offsets mean nothing in another log"
    )]
    OtherLog {
        /// The log it has.
        claimed: String,
        /// The log it was offered.
        offered: String,
    },
    /// Messages between the ledger's position and the commit are missing.
    #[error("the ledger holds partition {} up to offset {}, the commit begins at {}: what lies between would be missing; restart, so that reading resumes at the ledger's position, and restore the log if it does not reach back that far", .partition.0, .held.0, .from.0)]
    Hole {
        /// The partition.
        partition: Partition,
        /// The first offset not held.
        held: Offset,
        /// Where the commit begins.
        from: Offset,
    },
    /// Somebody else has moved the partition into the middle of the commit.
    #[error("another process has moved partition {} of the ledger to offset {}, inside the commit {}..{}; check that no two processes share a consumer identity if this goes on", .partition.0, .held.0, .range.from.0, .range.to.0)]
    Fenced {
        /// The partition.
        partition: Partition,
        /// The first offset not held.
        held: Offset,
        /// What the commit covers.
        range: OffsetRange,
    },
    /// The commit reaches across the position the pipeline was told, and its counts cannot be divided there.
    #[error("the commit {}..{} of partition {} reaches across the ledger's position {}, and its counts cannot be divided; this is a defect of the pipeline, which must cut commits there", .range.from.0, .range.to.0, .partition.0, .held.0)]
    Uncut {
        /// The partition.
        partition: Partition,
        /// The first offset not held.
        held: Offset,
        /// What the commit covers.
        range: OffsetRange,
    },
    /// A commit holds something of a partition or an offset that it does not say was read: replaying it would double that.
    #[error("the commit's {what} of partition {} lies outside its offset ranges; this is a defect of the pipeline", .partition.0)]
    OutsideRanges {
        /// What.
        what: &'static str,
        /// Where.
        partition: Partition,
    },
    /// A book is to rate offsets that are rated already.
    #[error("price book {:016x} cannot rate partition {} from offset {} on: the ledger holds it rated up to {}; this is a defect of the pipeline, which must activate a book at or after every sink's position", .book.0, .partition.0, .from.0, .held.0)]
    RatedAlready {
        /// The partition.
        partition: Partition,
        /// Where the book was to begin.
        from: Offset,
        /// The first offset not held.
        held: Offset,
        /// The book.
        book: BookId,
    },
    /// Two different books have the same id.
    #[error("price book {:016x} is stored already with other contents; import it again from its source", .0.0)]
    OtherBook(BookId),
    /// A number leaves its range.
    #[error("{what} leaves its range; look for absurd quantities or prices in the newest events")]
    Overflow {
        /// Which number.
        what: &'static str,
    },
    /// The ledger holds something this crate never writes.
    #[error(
        "the ledger's column {column} holds {found:?}, which was not written by aliquot; restore the ledger from a backup"
    )]
    Corrupt {
        /// Which column.
        column: &'static str,
        /// What it holds.
        found: String,
    },
    /// An answer would not fit in memory.
    #[error("there are more than {limit} {what}; ask for a shorter time, or page by page")]
    TooMany {
        /// What was asked for.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl Error {
    /// Names what the database failed to do.
    pub(crate) fn sql(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Sql { doing, source }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Open { source, .. } | Self::Sql { source, .. } => trouble_of(source).0,
            Self::Fenced { .. } => Kind::Fenced,
            Self::Missing { .. }
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Migrate { .. }
            | Self::ReadOnly
            | Self::Hole { .. }
            | Self::OtherLog { .. }
            | Self::Uncut { .. }
            | Self::OutsideRanges { .. }
            | Self::RatedAlready { .. }
            | Self::OtherBook(_)
            | Self::Overflow { .. }
            | Self::Corrupt { .. }
            | Self::TooMany { .. } => Kind::Halt,
        }
    }
}

/// What may be done about a failure of the database: by the pipeline, and by people.
type Trouble = (Kind, &'static str);

const LOCKED: Trouble =
    (Kind::Retry, "another process or a long read holds it; this is tried again, stop the other process if it goes on");
const DISK: Trouble = (Kind::Retry, "check the disk and its free space");
const DAMAGED: Trouble =
    (Kind::Halt, "the file is damaged or not a ledger; restore it from a backup or choose another");
const OTHER: Trouble = (Kind::Halt, "check that the file and its directory are there and writable");

/// Whether somebody else holds the lock.
pub(crate) fn is_locked(source: &sqlx::Error) -> bool {
    trouble_of(source) == LOCKED
}

fn advice(source: &sqlx::Error) -> &'static str {
    trouble_of(source).1
}

/// Sorts failures of the database by what may be done about them.
///
/// | SQLite's code | meaning | kind |
/// |---|---|---|
/// | 5, 6, 15 | somebody else holds the lock | retry |
/// | 10, 13 | the disk fails, or is full | retry: nothing was written, and disks are mended |
/// | 11, 26 | not a database, or a damaged one | halt |
/// | others | no right to write, no such file, a defect of ours | halt |
fn trouble_of(source: &sqlx::Error) -> Trouble {
    match source {
        sqlx::Error::PoolTimedOut => LOCKED,
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => DISK,
        sqlx::Error::Database(error) => {
            // SQLite's extended codes carry the primary one in their lowest byte.
            let code = error.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
            match code {
                Some(5 | 6 | 15) => LOCKED,
                Some(10 | 13) => DISK,
                Some(11 | 26) => DAMAGED,
                _ => OTHER,
            }
        }
        _ => OTHER,
    }
}
