//! Connections to either database, and the transactions on them. Asks nothing itself.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Database, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::Dialect;

/// Held by whoever writes to a PostgreSQL ledger, until its transaction ends: "aliquot", as ASCII.
///
/// One lock for the whole ledger, as SQLite has it: partitions add to the same totals, by reading, adding and writing, and two at
/// once would lose what one of them added. It is not a lock on a table, because it is also held while the tables are made.
const LOCK: &str = "SELECT pg_advisory_xact_lock(27422272871821172)";

/// Connections to one database.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A connection that was taken from a pool, in a transaction or not.
pub(crate) enum Session {
    Sqlite(Held<Sqlite>),
    Postgres(Held<Postgres>),
}

/// See [`Session`].
pub(crate) enum Held<D: Database> {
    Connection(PoolConnection<D>),
    Transaction(Transaction<'static, D>),
}

impl Pool {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// A connection without a transaction.
    pub(crate) async fn session(&self) -> Result<Session, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Session::Sqlite(Held::Connection(pool.acquire().await?)),
            Self::Postgres(pool) => Session::Postgres(Held::Connection(pool.acquire().await?)),
        })
    }

    /// A transaction in which nobody else writes: what it reads stays true until it ends.
    pub(crate) async fn begin_alone(&self) -> Result<Session, sqlx::Error> {
        Ok(match self {
            // A plain BEGIN takes the lock at the first write: by then, what was read may have changed.
            Self::Sqlite(pool) => Session::Sqlite(Held::Transaction(pool.begin_with("BEGIN IMMEDIATE").await?)),
            Self::Postgres(pool) => {
                let mut transaction = pool.begin().await?;
                // Each statement after this one sees what was committed before the lock was granted.
                sqlx::raw_sql(LOCK).execute(&mut *transaction).await?;
                Session::Postgres(Held::Transaction(transaction))
            }
        })
    }

    /// A transaction that reads one state of the database, whatever is committed meanwhile.
    pub(crate) async fn begin_reading(&self) -> Result<Session, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Session::Sqlite(Held::Transaction(pool.begin().await?)),
            Self::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Session::Postgres(Held::Transaction(pool.begin_with(begin).await?))
            }
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Session {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Ends the transaction and keeps what was done in it. Dropped without this, it leaves nothing behind.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(held) => held.commit().await,
            Self::Postgres(held) => held.commit().await,
        }
    }

    /// Ends the transaction and undoes what was done in it.
    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(held) => held.rollback().await,
            Self::Postgres(held) => held.rollback().await,
        }
    }
}

impl<D: Database> Held<D> {
    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Connection(_) => Ok(()),
            Self::Transaction(transaction) => transaction.commit().await,
        }
    }

    async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Connection(_) => Ok(()),
            Self::Transaction(transaction) => transaction.rollback().await,
        }
    }
}

impl Deref for Held<Sqlite> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Connection(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

impl DerefMut for Held<Sqlite> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Connection(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

impl Deref for Held<Postgres> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Connection(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

impl DerefMut for Held<Postgres> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Connection(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}
