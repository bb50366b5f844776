//! Opening a ledger in a file, with SQLite. Knows no table.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::database::Pool;
use crate::error::{Error, is_locked};
use crate::ledger::{Ledger, READERS_MAX};
use crate::schema;

/// How long a call waits for another process's lock before it fails with a kind that says "again": several times the longest
/// commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How often, and how far apart, a new file is tried to be opened that another process is just making: that takes milliseconds.
const CONNECT_ATTEMPTS_MAX: u32 = 50;
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

impl Ledger {
    /// Opens the ledger in the file `path`, creating the file and its directory, and bringing its schema to the newest.
    ///
    /// # Errors
    /// [`Error::Newer`] when a newer version wrote it, [`Error::Foreign`] when the file is something else's, and what the
    /// database says.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let place = path.display().to_string();
        let failed = |source| Error::Open { place: place.clone(), source };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(|source| failed(source.into()))?;
        }
        // What a commit answered is on the disk, also when the power fails: the pipeline acknowledges to the log on its word.
        let options = options(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = Pool::Sqlite(connect_patiently(options).await.map_err(failed)?);
        let mut session = writer.begin_alone().await.map_err(failed)?;
        Box::pin(schema::migrate(&mut session, &place)).await?;
        session.commit().await.map_err(failed)?;
        let readers = pool(READERS_MAX).connect_with(options_of_reader(path)).await.map_err(failed)?;
        Ok(Self::new(Some(writer), Pool::Sqlite(readers)))
    }

    /// Opens the ledger in the file `path` for reading, also while another process writes. Neither creates nor migrates anything.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Foreign`], [`Error::Newer`], [`Error::Older`], and what the database says.
    pub async fn open_read_only(path: &Path) -> Result<Self, Error> {
        let place = path.display().to_string();
        let failed = |source| Error::Open { place: place.clone(), source };
        if !path.try_exists().map_err(|source| failed(source.into()))? {
            return Err(Error::Missing { place });
        }
        let readers = Pool::Sqlite(pool(READERS_MAX).connect_with(options_of_reader(path)).await.map_err(failed)?);
        schema::check(&mut readers.session().await.map_err(failed)?, &place).await?;
        Ok(Self::new(None, readers))
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
