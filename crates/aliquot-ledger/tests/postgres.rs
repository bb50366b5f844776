//! The contract of a ledger, held against a real PostgreSQL that `POSTGRES_URL` names (`deploy/local/postgres-start` prints it), and
//! what is PostgreSQL's own: logins, versions, lost connections. Each test has a database of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of these tests fail the test")]

use std::hash::{BuildHasher, RandomState};

use aliquot_ledger::{Ledger, Server};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

mod contract;
#[path = "postgres/own.rs"]
mod own;

#[expect(clippy::disallowed_methods, reason = "this suite is told where the server is by its environment")]
fn url() -> String {
    std::env::var("POSTGRES_URL")
        .unwrap_or_else(|_| panic!("set POSTGRES_URL; `deploy/local/postgres-start` prints it"))
}

/// The address of that database in the server.
fn address(database: &str) -> String {
    let (server, _) = url().rsplit_once('/').map(|(server, rest)| (server.to_owned(), rest.to_owned())).unwrap();
    format!("{server}/{database}")
}

/// A database of its own.
pub(crate) struct Store {
    database: String,
}

impl Store {
    pub(crate) async fn new() -> Self {
        let database = format!("test_{:016x}", RandomState::new().hash_one(0));
        let mut connection = PgConnection::connect(&url()).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {database}"))).execute(&mut connection).await.unwrap();
        Self { database }
    }

    fn server(&self) -> Server {
        Server::parse(&address(&self.database), None).unwrap()
    }

    /// A handle of its own, as another process would have one.
    pub(crate) async fn open(&self) -> Ledger {
        Ledger::connect(&self.server()).await.unwrap()
    }

    /// A connection that knows nothing of the ledger.
    async fn raw(&self) -> PgConnection {
        PgConnection::connect(&address(&self.database)).await.unwrap()
    }
}
