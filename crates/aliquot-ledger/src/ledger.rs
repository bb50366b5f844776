//! The ledger's handle: who may write to it when. Opening is the business of `open_file` and `open_server`; knows no table.
//!
//! # Why one connection that writes and several that read?
//! There is one writer at a time, in SQLite because it has no other way, in PostgreSQL because partitions add to the same totals.
//! A single writing connection puts our own writers in a queue instead of a race, and readers on connections of their own see the
//! last commit while the next one is being written.

use aliquot_core::position::Positions;

use crate::database::{Dialect, Pool, Session};
use crate::error::Error;

/// Reading connections: enough that a slow report holds up nobody. In SQLite each has a thread and a page cache of 2 MB.
pub(crate) const READERS_MAX: u32 = 4;

/// The ledger, open. Clones share its connections; each believes for itself how far the partitions are (see [`crate::Error::Fenced`]).
#[derive(Clone, Debug)]
pub struct Ledger {
    /// `None` = opened for reading only.
    writer: Option<Pool>,
    readers: Pool,
    /// For each partition, the position that whoever commits through this handle believes it is at: the last one that was asked
    /// for, or committed. If the stored one is beyond it, somebody else has moved the partition.
    pub(crate) believed: Positions,
}

impl Ledger {
    pub(crate) fn new(writer: Option<Pool>, readers: Pool) -> Self {
        Self { writer, readers, believed: Positions::new() }
    }

    /// Closes all connections, for clones as well. A ledger in a file has everything in that file then, so that it can be copied.
    pub async fn close(self) {
        // SQLite: the last connection to close folds the write-ahead log into the file, which a reader may not.
        self.readers.close().await;
        if let Some(writer) = self.writer {
            writer.close().await;
        }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.readers.dialect()
    }

    /// A connection that reads.
    pub(crate) async fn reader(&self) -> Result<Session, Error> {
        self.readers.session().await.map_err(Error::sql("read"))
    }

    /// A transaction that reads one state of the ledger.
    pub(crate) async fn begin_reading(&self) -> Result<Session, Error> {
        self.readers.begin_reading().await.map_err(Error::sql("read"))
    }

    /// A transaction in which nobody else writes: what it reads stays true until it ends. Everything that reads before it writes
    /// relies on this. Dropped without a commit, it leaves nothing behind.
    pub(crate) async fn begin(&self) -> Result<Session, Error> {
        let writer = self.writer.as_ref().ok_or(Error::ReadOnly)?;
        writer.begin_alone().await.map_err(Error::sql("write to"))
    }
}
