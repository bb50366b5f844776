//! Which shape a ledger has, and bringing it to the newest. Writes nothing into a ledger of a newer version.

use sqlx::migrate::Migrator;

use crate::database::{Dialect, Session, Statement};
use crate::error::Error;

/// The files of `schemas/ledger`, as they were when this was built.
pub(crate) static SQLITE: Migrator = sqlx::migrate!("../../schemas/ledger");

/// The files of `schemas/ledger/postgres`. The same number is the same schema.
pub(crate) static POSTGRES: Migrator = sqlx::migrate!("../../schemas/ledger/postgres");

/// What a database holds.
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
    SQLITE.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Brings the ledger to the newest schema. Run inside a transaction that locks out every other process, so that of two that
/// open a new ledger at once the second finds it made.
pub(crate) async fn migrate(session: &mut Session, place: &str) -> Result<(), Error> {
    let known = known();
    match find(session).await? {
        Found::Foreign => Err(Error::Foreign { place: place.to_owned() }),
        Found::Schema(found) if found > known => Err(Error::Newer { place: place.to_owned(), found, known }),
        Found::Nothing | Found::Schema(_) => {
            let migrated = match session {
                Session::Sqlite(on) => SQLITE.run(&mut **on).await,
                Session::Postgres(on) => POSTGRES.run(&mut **on).await,
            };
            migrated.map_err(|source| Error::Migrate { place: place.to_owned(), source })
        }
    }
}

/// Refuses a ledger of any schema but the newest.
pub(crate) async fn check(session: &mut Session, place: &str) -> Result<(), Error> {
    let known = known();
    match (find(session).await?, session.dialect()) {
        // A server's new database is one that nobody has written to yet; a file without tables is none of ours.
        (Found::Nothing, Dialect::Postgres) => Err(Error::Missing { place: place.to_owned() }),
        (Found::Nothing | Found::Foreign, _) => Err(Error::Foreign { place: place.to_owned() }),
        (Found::Schema(found), _) if found > known => Err(Error::Newer { place: place.to_owned(), found, known }),
        (Found::Schema(found), _) if found < known => Err(Error::Older { place: place.to_owned(), found, known }),
        (Found::Schema(_), _) => Ok(()),
    }
}

async fn find(session: &mut Session) -> Result<Found, Error> {
    let tables = match session.dialect() {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        Dialect::Postgres => {
            "SELECT CAST(tablename AS TEXT) AS name FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
        }
    };
    let failed = || Error::sql("read the schema of");
    let tables: Vec<String> = Statement::new(session.dialect(), tables).all(session).await.map_err(failed())?;
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if !tables.iter().any(|name| name == "_sqlx_migrations") {
        return Ok(Found::Foreign);
    }
    let newest = Statement::new(session.dialect(), "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations");
    newest.one(session).await.map(Found::Schema).map_err(failed())
}
