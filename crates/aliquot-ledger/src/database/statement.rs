//! A statement on its way to either database: its text and the values bound to it. Runs what it is given.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe};

use super::row::{FromRow, Row, escaped};
use super::{Dialect, Session};

/// A statement with its values.
pub(crate) struct Statement {
    sql: Cow<'static, str>,
    arguments: Arguments,
    /// Whether the database keeps it prepared: worth while only for texts that come again.
    is_kept: bool,
}

enum Arguments {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

/// What can be bound. There is no boolean: it would be another type in each database, so columns hold 0 or 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'v> {
    /// `INTEGER`.
    Small(i32),
    /// `BIGINT`.
    Int(Option<i64>),
    /// `TEXT`.
    Text(Option<&'v str>),
    /// `BLOB`, `BYTEA`.
    Bytes(&'v [u8]),
}

impl Statement {
    /// A statement whose text names its values `$1`, `$2`, …, and is kept prepared.
    pub(crate) fn new(dialect: Dialect, sql: &'static str) -> Self {
        Self { sql: sql.into(), arguments: Arguments::of(dialect), is_kept: true }
    }

    /// A statement that is composed piece by piece, and is not kept prepared.
    pub(crate) fn composed(dialect: Dialect, start: impl Display) -> Self {
        Self { sql: start.to_string().into(), arguments: Arguments::of(dialect), is_kept: false }
    }

    /// Keeps it prepared, or not.
    pub(crate) fn kept(self, is_kept: bool) -> Self {
        Self { is_kept, ..self }
    }

    /// Binds the next value.
    pub(crate) fn bind<'v>(mut self, value: impl Into<Value<'v>>) -> Self {
        self.arguments.add(value.into());
        self
    }

    /// Appends to the text.
    pub(crate) fn push(&mut self, sql: impl Display) -> &mut Self {
        write!(self.sql.to_mut(), "{sql}").expect("a string takes whatever is written to it");
        self
    }

    /// Appends a place for a value and binds it.
    pub(crate) fn push_bind<'v>(&mut self, value: impl Into<Value<'v>>) -> &mut Self {
        self.arguments.add(value.into());
        let sql = self.sql.to_mut();
        let placed = match &self.arguments {
            // A number would make SQLite look each one up among those before it.
            Arguments::Sqlite(_) => sql.write_char('?'),
            Arguments::Postgres(arguments) => write!(sql, "${}", arguments.len()),
        };
        placed.expect("a string takes whatever is written to it");
        self
    }

    /// Appends `VALUES` and a row for each item.
    pub(crate) fn push_values<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut row: impl FnMut(&mut Fields<'_>, T),
    ) {
        let mut before = "VALUES (";
        for item in items {
            self.push(before);
            row(&mut Fields { statement: self, is_first: true }, item);
            before = "), (";
        }
        self.push(")");
    }

    /// Runs it; how many rows it changed.
    pub(crate) async fn execute(self, session: &mut Session) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(self.sql);
        match (self.arguments, session) {
            (Arguments::Sqlite(arguments), Session::Sqlite(on)) => {
                let query = sqlx::query_with(sql, arguments).persistent(self.is_kept);
                Ok(query.execute(&mut **on).await?.rows_affected())
            }
            (Arguments::Postgres(arguments), Session::Postgres(on)) => {
                let query = sqlx::query_with(sql, arguments).persistent(self.is_kept);
                Ok(query.execute(&mut **on).await?.rows_affected())
            }
            _ => Err(of_the_other()),
        }
    }

    /// Its rows, one by one.
    pub(crate) fn stream<R: FromRow>(self, session: &mut Session) -> BoxStream<'_, Result<R, sqlx::Error>> {
        let sql = AssertSqlSafe(self.sql);
        let rows: BoxStream<'_, _> = match (self.arguments, session) {
            (Arguments::Sqlite(arguments), Session::Sqlite(on)) => {
                let query = sqlx::query_with(sql, arguments).persistent(self.is_kept);
                query.fetch(&mut **on).map_ok(Row::Sqlite).boxed()
            }
            (Arguments::Postgres(arguments), Session::Postgres(on)) => {
                let query = sqlx::query_with(sql, arguments).persistent(self.is_kept);
                query.fetch(&mut **on).map_ok(Row::Postgres).boxed()
            }
            _ => futures::stream::iter([Err(of_the_other())]).boxed(),
        };
        rows.map(|row| R::from_row(row?)).boxed()
    }

    /// All its rows.
    pub(crate) async fn all<R: FromRow>(self, session: &mut Session) -> Result<Vec<R>, sqlx::Error> {
        self.stream(session).try_collect().await
    }

    /// Its only row, if there is one. Read to the end, so that the statement is finished.
    pub(crate) async fn optional<R: FromRow>(self, session: &mut Session) -> Result<Option<R>, sqlx::Error> {
        Ok(self.all(session).await?.into_iter().next())
    }

    /// Its only row.
    pub(crate) async fn one<R: FromRow>(self, session: &mut Session) -> Result<R, sqlx::Error> {
        self.optional(session).await?.ok_or(sqlx::Error::RowNotFound)
    }
}

fn of_the_other() -> sqlx::Error {
    sqlx::Error::Configuration("the statement was written for the other database".into())
}

/// The values of one row, with commas between them.
pub(crate) struct Fields<'s> {
    statement: &'s mut Statement,
    is_first: bool,
}

impl Fields<'_> {
    pub(crate) fn bind<'v>(&mut self, value: impl Into<Value<'v>>) -> &mut Self {
        self.separate();
        self.statement.push_bind(value);
        self
    }

    /// Appends a value as it stands.
    pub(crate) fn push(&mut self, sql: impl Display) -> &mut Self {
        self.separate();
        self.statement.push(sql);
        self
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.statement.push(", ");
        }
    }
}

impl Arguments {
    fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::Sqlite(SqliteArguments::default()),
            Dialect::Postgres => Self::Postgres(PgArguments::default()),
        }
    }

    fn add(&mut self, value: Value<'_>) {
        let added = match self {
            Self::Sqlite(arguments) => match value {
                Value::Small(number) => arguments.add(number),
                Value::Int(number) => arguments.add(number),
                Value::Text(text) => arguments.add(text),
                Value::Bytes(bytes) => arguments.add(bytes),
            },
            Self::Postgres(arguments) => match value {
                Value::Small(number) => arguments.add(number),
                Value::Int(number) => arguments.add(number),
                Value::Text(text) => arguments.add(text.map(escaped)),
                Value::Bytes(bytes) => arguments.add(bytes),
            },
        };
        added.expect("numbers, texts and bytes encode always");
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Small(number)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'v> From<Option<&'v str>> for Value<'v> {
    fn from(text: Option<&'v str>) -> Self {
        Self::Text(text)
    }
}

impl<'v> From<&'v [u8]> for Value<'v> {
    fn from(bytes: &'v [u8]) -> Self {
        Self::Bytes(bytes)
    }
}
