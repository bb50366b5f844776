//! Opening the ledger, and who may write to it when. Knows no table.
//!
//! # Why one connection that writes and several that read?
//! SQLite has one writer at a time. A single writing connection puts our own writers in a queue instead of a race, and readers
//! on connections of their own see the last commit while the next one is being written (write-ahead log).

use std::path::Path;
use std::time::Duration;

use aliquot_core::position::Positions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite, SqlitePool, Transaction};

use crate::error::{Error, is_locked};
use crate::schema;

/// How long a call waits for another process's lock before it fails with a kind that says "again": several times the longest
/// commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How often, and how far apart, a new file is tried to be opened that another process is just making: that takes milliseconds.
const CONNECT_ATTEMPTS_MAX: u32 = 50;
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

/// Reading connections: enough that a slow report holds up nobody; each has a thread and a page cache of 2 MB.
const READERS_MAX: u32 = 4;

/// The ledger, open. Clones share its connections; each believes for itself how far the partitions are (see [`crate::Error::Fenced`]).
#[derive(Clone, Debug)]
pub struct Ledger {
    /// `None` = opened for reading only.
    writer: Option<SqlitePool>,
    pub(crate) readers: SqlitePool,
    /// For each partition, the position that whoever commits through this handle believes it is at: the last one that was asked
    /// for, or committed. If the stored one is beyond it, somebody else has moved the partition.
    pub(crate) believed: Positions,
}

impl Ledger {
    /// Opens the ledger at `path`, creating the file and its directory, and bringing its schema to the newest.
    ///
    /// # Errors
    /// [`Error::Newer`] when a newer version wrote it, [`Error::Foreign`] when the file is something else's, and what the
    /// database says.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Open { path: path.to_owned(), source };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(|source| failed(source.into()))?;
        }
        // What a commit answered is on the disk, also when the power fails: the pipeline acknowledges to the log on its word.
        let options = options(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = connect_patiently(options).await.map_err(failed)?;
        let mut transaction = begin_alone(&writer).await.map_err(failed)?;
        Box::pin(schema::migrate(&mut transaction, path)).await?;
        transaction.commit().await.map_err(failed)?;
        let readers = pool(READERS_MAX).connect_with(options_of_reader(path)).await.map_err(failed)?;
        Ok(Self { writer: Some(writer), readers, believed: Positions::new() })
    }

    /// Opens the ledger at `path` for reading, also while another process writes. Neither creates nor migrates anything.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Foreign`], [`Error::Newer`], [`Error::Older`], and what the database says.
    pub async fn open_read_only(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Open { path: path.to_owned(), source };
        if !path.try_exists().map_err(|source| failed(source.into()))? {
            return Err(Error::Missing { path: path.to_owned() });
        }
        let readers = pool(READERS_MAX).connect_with(options_of_reader(path)).await.map_err(failed)?;
        let mut connection = readers.acquire().await.map_err(failed)?;
        schema::check(&mut connection, path).await?;
        drop(connection);
        Ok(Self { writer: None, readers, believed: Positions::new() })
    }

    /// Closes all connections, for clones as well, and folds the write-ahead log into the file, so that it can be copied.
    pub async fn close(self) {
        // The last connection to close does the folding, which a reader may not.
        self.readers.close().await;
        if let Some(writer) = self.writer {
            writer.close().await;
        }
    }

    /// The connection that writes.
    pub(crate) fn writer(&self) -> Result<&SqlitePool, Error> {
        self.writer.as_ref().ok_or(Error::ReadOnly)
    }

    /// A transaction in which nobody else writes: what it reads stays true until it ends. Everything that reads before it writes
    /// relies on this. Dropped without a commit, it leaves nothing behind.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        begin_alone(self.writer()?).await.map_err(Error::sql("write to"))
    }
}

/// Connects the writer. Switching a new file to the write-ahead log takes a lock that SQLite does not wait for, so that of two
/// processes that make the ledger at once one is sent away and must come again.
async fn connect_patiently(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let mut attempts = 1;
    loop {
        match pool(1).connect_with(options.clone()).await {
            Err(error) if attempts < CONNECT_ATTEMPTS_MAX && is_locked(&error) => {
                attempts = attempts.saturating_add(1);
                tokio::time::sleep(CONNECT_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

async fn begin_alone(writer: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    // A plain BEGIN takes the lock at the first write: by then, what was read may have changed.
    writer.begin_with("BEGIN IMMEDIATE").await
}

fn options(path: &Path) -> SqliteConnectOptions {
    // A commit's statements are long, and the caller logs the commit.
    SqliteConnectOptions::new().filename(path).foreign_keys(true).busy_timeout(BUSY_TIMEOUT).disable_statement_logging()
}

fn options_of_reader(path: &Path) -> SqliteConnectOptions {
    options(path).read_only(true)
}

/// Connections live as long as the ledger: opening a file anew would only cost.
fn pool(connections_max: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}
