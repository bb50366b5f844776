//! A row of an answer of either database, read column by column. Interprets nothing but PostgreSQL's missing zero byte.

use std::borrow::Cow;

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Row as _};

/// A row.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What is read from a row.
pub(crate) trait FromRow: Sized + Send {
    /// Reads it.
    fn from_row(row: Row) -> Result<Self, sqlx::Error>;
}

/// A column: its name, or its place.
pub(crate) trait Column: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> {}

impl<C: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>> Column for C {}

impl FromRow for Row {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(row)
    }
}

/// The only column.
impl FromRow for i64 {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        row.int(0)
    }
}

/// The only column.
impl FromRow for String {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        row.text(0)
    }
}

/// The only column.
impl FromRow for Vec<u8> {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        row.bytes(0)
    }
}

/// PostgreSQL's texts cannot hold a zero byte, which is a character like others elsewhere. There, this one begins a pair that
/// stands for it, and another for itself.
const ESCAPE: char = '\u{1a}';

impl Row {
    /// An `INTEGER`.
    pub(crate) fn small(&self, column: impl Column) -> Result<i32, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    /// A `BIGINT`.
    pub(crate) fn int(&self, column: impl Column) -> Result<i64, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    /// A `BIGINT` that may be null.
    pub(crate) fn optional_int(&self, column: impl Column) -> Result<Option<i64>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    /// A `TEXT`.
    pub(crate) fn text(&self, column: impl Column) -> Result<String, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column).map(unescaped),
        }
    }

    /// A `TEXT` that may be null.
    pub(crate) fn optional_text(&self, column: impl Column) -> Result<Option<String>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get::<Option<String>, _>(column).map(|text| text.map(unescaped)),
        }
    }

    /// A `BLOB` or `BYTEA`.
    pub(crate) fn bytes(&self, column: impl Column) -> Result<Vec<u8>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

/// The text as PostgreSQL holds it.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_add(8));
    for character in text.chars() {
        match character {
            '\0' => out.extend([ESCAPE, '0']),
            ESCAPE => out.extend([ESCAPE, '1']),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// The text that [`escaped`] was given. A pair that it never makes stays as it is.
fn unescaped(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    text.replace("\u{1a}0", "\0").replace("\u{1a}1", "\u{1a}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_a_database_without_zero_bytes() {
        for text in ["", "a", "\0", "\u{1a}", "\u{1a}0", "\u{1a}1", "\0\u{1a}\0", "é\u{1a}\u{1a}0\0\x00\u{31}"] {
            let held = escaped(text);
            assert!(!held.contains('\0'), "{text:?}");
            assert_eq!(unescaped(held.into_owned()), text);
        }
    }
}
