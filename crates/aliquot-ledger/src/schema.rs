//! Which shape a ledger has, and bringing it to the newest. Writes nothing into a ledger of a newer version.

use std::path::Path;

use sqlx::SqliteConnection;
use sqlx::migrate::Migrator;

use crate::error::Error;

/// The files of `schemas/ledger`, as they were when this was built.
pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("../../schemas/ledger");

/// What a database file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing: it is new.
    Nothing,
    /// Tables of something else.
    Foreign,
    /// A ledger of this schema.
    Schema(i64),
}

/// The newest schema known here.
pub(crate) fn known() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Brings the ledger to the newest schema. Run inside a transaction that locks out every other process, so that of two that
/// open a new ledger at once the second finds it made.
pub(crate) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    let known = known();
    match find(connection).await? {
        Found::Foreign => Err(Error::Foreign { path: path.to_owned() }),
        Found::Schema(found) if found > known => Err(Error::Newer { path: path.to_owned(), found, known }),
        Found::Nothing | Found::Schema(_) => {
            let migrated = MIGRATOR.run(connection).await;
            migrated.map_err(|source| Error::Migrate { path: path.to_owned(), source })
        }
    }
}

/// Refuses a ledger of any schema but the newest.
pub(crate) async fn check(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    let known = known();
    match find(connection).await? {
        Found::Nothing | Found::Foreign => Err(Error::Foreign { path: path.to_owned() }),
        Found::Schema(found) if found > known => Err(Error::Newer { path: path.to_owned(), found, known }),
        Found::Schema(found) if found < known => Err(Error::Older { path: path.to_owned(), found, known }),
        Found::Schema(_) => Ok(()),
    }
}

async fn find(connection: &mut SqliteConnection) -> Result<Found, Error> {
    let failed = || Error::sql("read the schema of");
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut *connection)
        .await
        .map_err(failed())?;
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if !tables.iter().any(|name| name == "_sqlx_migrations") {
        return Ok(Found::Foreign);
    }
    sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .map(Found::Schema)
        .map_err(failed())
}
