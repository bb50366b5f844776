//! What goes wrong with the ledger, what the pipeline may do about it, and what the operator.

use std::io::ErrorKind;

use aliquot_core::ports::{Fault, Kind};
use aliquot_core::position::{Offset, OffsetRange, Partition};
use aliquot_core::prices::BookId;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

/// A failure of the ledger. Nothing of a refused commit is written; after [`Error::Sql`] the commit may be durable all the same,
/// which the same call finds out when it is made again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or the database cannot be opened.
    #[error("cannot open the ledger {place}: {source}; {}", advice(.source))]
    Open {
        /// The file, or the database in its server.
        place: String,
        /// Why not.
        source: sqlx::Error,
    },
    /// There is no such file, or nothing in the database, and it was not to be created.
    #[error("there is no ledger at {place}; check the data directory or the address, or let `aliquot serve` create it")]
    Missing {
        /// The file, or the database in its server.
        place: String,
    },
    /// The file or the database is something else's.
    #[error("{place} is not a ledger; choose another file or database")]
    Foreign {
        /// The file, or the database in its server.
        place: String,
    },
    /// A newer version of Aliquot has migrated the ledger.
    #[error(
        "the ledger {place} has schema {found}, this version knows up to {known}; use the version of aliquot that wrote it, or a newer one"
    )]
    Newer {
        /// The file, or the database in its server.
        place: String,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The ledger must be migrated first, which a reader may not do.
    #[error(
        "the ledger {place} has schema {found}, this version reads {known}; start `aliquot serve` of this version once, which migrates it"
    )]
    Older {
        /// The file, or the database in its server.
        place: String,
        /// Its schema.
        found: i64,
        /// The schema read here.
        known: i64,
    },
    /// A migration failed, and was undone.
    #[error(
        "cannot migrate the ledger {place}: {source}; nothing was changed, use the version of aliquot that wrote it"
    )]
    Migrate {
        /// The file, or the database in its server.
        place: String,
        /// Why.
        source: MigrateError,
    },
    /// The address of a database is none.
    #[error("the ledger's address cannot be read: {why}; write it as postgres://USER@HOST:PORT/DATABASE")]
    Address {
        /// Why not.
        why: String,
    },
    /// The server is older than what is tested.
    #[error("the server of {place} is PostgreSQL {}, and 15 or newer is needed; upgrade it, or use another", .found / 10_000)]
    OldServer {
        /// The database.
        place: String,
        /// Its version, as PostgreSQL numbers it: 140012 is 14.12.
        found: u32,
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
    /// Something of that id is there already.
    #[error("there is a {kind} {id} already; change it, or choose another id")]
    Exists {
        /// What.
        kind: &'static str,
        /// Which one.
        id: String,
    },
    /// Nothing of that id is there.
    #[error("there is no {kind} {id}; list what there is, or add it first")]
    NoSuch {
        /// What.
        kind: &'static str,
        /// Which one.
        id: String,
    },
    /// A change of control data contradicts what is there.
    #[error("{why}")]
    Refused {
        /// What contradicts what, and what to do.
        why: String,
    },
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
            | Self::Address { .. }
            | Self::OldServer { .. }
            | Self::ReadOnly
            | Self::Hole { .. }
            | Self::OtherLog { .. }
            | Self::Uncut { .. }
            | Self::OutsideRanges { .. }
            | Self::RatedAlready { .. }
            | Self::OtherBook(_)
            | Self::Exists { .. }
            | Self::NoSuch { .. }
            | Self::Refused { .. }
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
const NO_CONNECTION: Trouble = (
    Kind::Retry,
    "no connection was free in time, or its server does not answer; this is tried again, look at the server if it goes on",
);
const AWAY: Trouble = (
    Kind::Retry,
    "the database server is away or restarts; this is tried again, check that it runs and can be reached",
);
const FULL: Trouble = (
    Kind::Retry,
    "the server has no connection left; this is tried again, raise max_connections or stop other clients",
);
const DISK: Trouble = (Kind::Retry, "check the disk and its free space");
const DAMAGED: Trouble =
    (Kind::Halt, "the file is damaged or not a ledger; restore it from a backup or choose another");
const LOGIN: Trouble =
    (Kind::Halt, "the server refuses the login; check user and password, and pg_hba.conf on the server");
const NO_DATABASE: Trouble =
    (Kind::Halt, "create the database with CREATE DATABASE, or correct its name in ledger.url");
const NO_RIGHT: Trouble =
    (Kind::Halt, "the user may not do this; make it the owner of the database, or grant it CREATE on the schema");
const STANDBY: Trouble = (Kind::Halt, "the server takes no writes, so it is a standby; name the primary in ledger.url");
const TLS: Trouble = (Kind::Halt, "check sslmode and sslrootcert in ledger.url against the server's certificate");
const OTHER: Trouble = (Kind::Halt, "check that the file and its directory, or the database, are there and writable");

/// Whether somebody else holds the lock.
pub(crate) fn is_locked(source: &sqlx::Error) -> bool {
    trouble_of(source) == LOCKED
}

fn advice(source: &sqlx::Error) -> &'static str {
    trouble_of(source).1
}

/// Sorts failures of the database by what may be done about them.
fn trouble_of(source: &sqlx::Error) -> Trouble {
    match source {
        sqlx::Error::PoolTimedOut => NO_CONNECTION,
        sqlx::Error::Io(error) if is_of_network(error.kind()) => AWAY,
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => DISK,
        sqlx::Error::Tls(_) => TLS,
        sqlx::Error::Database(error) => match error.code() {
            Some(code) if error.try_downcast_ref::<PgDatabaseError>().is_some() => trouble_of_postgres(&code),
            Some(code) => trouble_of_sqlite(&code),
            None => OTHER,
        },
        _ => OTHER,
    }
}

/// Whether it is a connection that failed, which a file has none of.
fn is_of_network(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::TimedOut
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
    )
}

/// | SQLite's code | meaning | kind |
/// |---|---|---|
/// | 5, 6, 15 | somebody else holds the lock | retry |
/// | 10, 13 | the disk fails, or is full | retry: nothing was written, and disks are mended |
/// | 11, 26 | not a database, or a damaged one | halt |
/// | others | no right to write, no such file, a defect of ours | halt |
fn trouble_of_sqlite(code: &str) -> Trouble {
    // Extended codes carry the primary one in their lowest byte.
    match code.parse::<i32>().map(|code| code & 0xff) {
        Ok(5 | 6 | 15) => LOCKED,
        Ok(10 | 13) => DISK,
        Ok(11 | 26) => DAMAGED,
        _ => OTHER,
    }
}

/// | SQLSTATE | meaning | kind |
/// |---|---|---|
/// | 55P03, 40001, 40P01 | somebody else holds the lock | retry |
/// | 08…, 57P01 to 57P03, 57014, 25P03 | the connection was ended, or is not taken yet | retry: a commit finds out what it did |
/// | 53300 | no connection is left | retry |
/// | 53100, 53200, 58030 | disk or memory of the server | retry |
/// | 28000, 28P01 / 3D000 / 42501 | login, database, right | halt |
/// | 25006 | a standby | halt |
/// | XX001, XX002 | damaged | halt |
/// | others | a defect of ours | halt |
fn trouble_of_postgres(code: &str) -> Trouble {
    match code {
        "55P03" | "40001" | "40P01" => LOCKED,
        "57P01" | "57P02" | "57P03" | "57014" | "25P03" => AWAY,
        _ if code.starts_with("08") => AWAY,
        "53300" => FULL,
        "53100" | "53200" | "58030" => DISK,
        "28000" | "28P01" => LOGIN,
        "3D000" => NO_DATABASE,
        "42501" => NO_RIGHT,
        "25006" => STANDBY,
        "XX001" | "XX002" => DAMAGED,
        _ => OTHER,
    }
}
