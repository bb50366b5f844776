//! Opening a ledger in a PostgreSQL server. Knows no table.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::database::Pool;
use crate::error::Error;
use crate::ledger::{Ledger, READERS_MAX};
use crate::schema;

/// The oldest release whose behaviour is tested, as the server numbers it.
const VERSION_MIN: u32 = 150_000;

/// How long a call waits for a connection before it fails with a kind that says "again".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Settings of every connection.
///
/// A call waits for another process's transaction several times as long as the longest commit, then it fails with a kind that says
/// "again". A process that stopped in the middle of a transaction loses it, and the lock with it, before long.
const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "60s")];

/// A commit that was answered is on the server's disk, whatever the server's default is: the pipeline acknowledges to the log on
/// its word.
const SETTINGS_OF_WRITER: [(&str, &str); 1] = [("synchronous_commit", "on")];

/// A reader changes nothing, even by mistake.
const SETTINGS_OF_READER: [(&str, &str); 1] = [("default_transaction_read_only", "on")];

/// Where a database in a PostgreSQL server is, and how to log in. Shows no password.
#[derive(Clone)]
pub struct Server {
    options: PgConnectOptions,
    place: String,
}

impl Server {
    /// Reads `postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE`; a password that is given comes before one in
    /// the address.
    ///
    /// # Errors
    /// [`Error::Address`] when it is no such address.
    pub fn parse(url: &str, password: Option<&str>) -> Result<Self, Error> {
        let wrong = |why: &dyn fmt::Display| Error::Address { why: why.to_string() };
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(wrong(&"it does not begin with postgres://"));
        }
        let mut options = PgConnectOptions::from_str(url).map_err(|error| wrong(&error))?;
        if let Some(password) = password {
            options = options.password(password);
        }
        let host =
            options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let place = format!("postgres://{}@{host}:{}/{database}", options.get_username(), options.get_port());
        // A commit's statements are long, and the caller logs the commit.
        let options = options.application_name("aliquot").options(SETTINGS).disable_statement_logging();
        Ok(Self { options, place })
    }

    fn writer(&self) -> PgConnectOptions {
        self.options.clone().options(SETTINGS_OF_WRITER)
    }

    fn reader(&self) -> PgConnectOptions {
        self.options.clone().options(SETTINGS_OF_READER)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Server").field(&self.place).finish()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.place)
    }
}

impl Ledger {
    /// Opens the ledger in the server's database, making its tables where there are none, and bringing its schema to the newest.
    ///
    /// # Errors
    /// [`Error::OldServer`], [`Error::Newer`] when a newer version wrote it, [`Error::Foreign`] when the database is something
    /// else's, and what the database says.
    pub async fn connect(server: &Server) -> Result<Self, Error> {
        let place = &server.place;
        let failed = |source| Error::Open { place: place.clone(), source };
        greet(server).await?;
        let writer = Pool::Postgres(pool(1).connect_with(server.writer()).await.map_err(failed)?);
        let mut session = writer.begin_alone().await.map_err(failed)?;
        Box::pin(schema::migrate(&mut session, place)).await?;
        session.commit().await.map_err(failed)?;
        let readers = pool(READERS_MAX).connect_with(server.reader()).await.map_err(failed)?;
        Ok(Self::new(Some(writer), Pool::Postgres(readers)))
    }

    /// Opens the ledger in the server's database for reading. Neither creates nor migrates anything.
    ///
    /// # Errors
    /// [`Error::OldServer`], [`Error::Missing`], [`Error::Foreign`], [`Error::Newer`], [`Error::Older`], and what the database says.
    pub async fn connect_read_only(server: &Server) -> Result<Self, Error> {
        let place = &server.place;
        let failed = |source| Error::Open { place: place.clone(), source };
        greet(server).await?;
        let readers = Pool::Postgres(pool(READERS_MAX).connect_with(server.reader()).await.map_err(failed)?);
        schema::check(&mut readers.session().await.map_err(failed)?, place).await?;
        Ok(Self::new(None, readers))
    }
}

/// Connects once outside of any pool, which would keep to itself why a connection cannot be had, and looks at the version.
async fn greet(server: &Server) -> Result<(), Error> {
    let failed = |source| Error::Open { place: server.place.clone(), source };
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&server.options));
    let connection = connecting.await.map_err(|_| failed(sqlx::Error::PoolTimedOut))?.map_err(failed)?;
    let version = connection.server_version_num();
    connection.close().await.map_err(failed)?;
    match version {
        Some(found) if found < VERSION_MIN => Err(Error::OldServer { place: server.place.clone(), found }),
        // A server that does not say is a proxy or a relative, and has to show what it can.
        _ => Ok(()),
    }
}

/// Connections are looked at before they are used: a server that was restarted in the meantime has closed them.
fn pool(connections_max: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(connections_max).acquire_timeout(CONNECT_TIMEOUT).test_before_acquire(true)
}
