//! Tables of exact sums by key: adding to what is held, and reading in the order of the keys. Which sums there are is said by their
//! tables; what is summed is decided in `aliquot_core`.

use std::collections::{BTreeMap, HashMap};

use aliquot_core::time::EventTime;
use sqlx::query_builder::Separated;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use crate::columns::limit;
use crate::error::Error;
use crate::key;
use crate::ledger::Ledger;

/// A table of sums by key. Its keys begin with an hour.
pub(crate) trait SumTable {
    /// What a sum is a sum of.
    type Key: Ord;
    /// The amounts.
    type Sum: Copy;
    /// The table's name.
    const NAME: &'static str;
    /// The column of the key's bytes.
    const KEY: &'static str;
    /// The columns that say what the key says.
    const PARTS: &'static [&'static str];
    /// The columns of the amounts, decimal text all of them.
    const AMOUNTS: &'static [&'static str];
    /// What is being done when a read fails.
    const READING: &'static str;
    /// What is being done when a write fails.
    const WRITING: &'static str;

    /// The key's bytes.
    fn encode(key: &Self::Key) -> Vec<u8>;
    /// Binds [`Self::PARTS`].
    fn bind(key: &Self::Key, row: &mut Separated<'_, Sqlite, &'static str>);
    /// Reads [`Self::PARTS`].
    fn key_of(row: &SqliteRow) -> Result<Self::Key, Error>;
    /// The amounts as text.
    fn texts(sum: &Self::Sum) -> Vec<String>;
    /// Reads the amounts.
    fn sum_of(texts: &[String]) -> Result<Self::Sum, Error>;
    /// The sum of two, unless a number leaves its range.
    fn plus(held: Self::Sum, new: Self::Sum) -> Result<Self::Sum, Error>;
}

/// Sums in one statement, of at most sixteen parameters each; see the additions to totals for the limits.
const SUMS_PER_STATEMENT: usize = 500;

/// Which sums are read.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// Hours that begin here or later.
    pub(crate) from: Option<EventTime>,
    /// Hours that begin before this.
    pub(crate) to: Option<EventTime>,
    /// Only where the column has the value.
    pub(crate) equal: Vec<(&'static str, &'a str)>,
    /// Only after the key with these bytes.
    pub(crate) after: Option<Vec<u8>>,
}

/// Sums of the table that are wanted, at most `rows`, in the order of the keys.
pub(crate) async fn page<T: SumTable>(
    ledger: &Ledger,
    wanted: Wanted<'_>,
    rows: usize,
) -> Result<Vec<(T::Key, T::Sum)>, Error> {
    let mut query = select::<T>("");
    let start = wanted.from.map_or_else(Vec::new, |from| key::hour(from).to_vec());
    let end = wanted.to.map_or_else(|| key::END.to_vec(), |to| key::hour(to).to_vec());
    let after = wanted.after.unwrap_or_default().max(start);
    query.push(format_args!(" WHERE {} > ", T::KEY)).push_bind(after);
    query.push(format_args!(" AND {} < ", T::KEY)).push_bind(end);
    for (column, value) in wanted.equal {
        query.push(format_args!(" AND {column} = ")).push_bind(value);
    }
    query.push(format_args!(" ORDER BY {} LIMIT ", T::KEY)).push_bind(limit(rows));
    let found = query.build().fetch_all(&ledger.readers).await.map_err(Error::sql(T::READING))?;
    found.iter().map(|row| Ok((T::key_of(row)?, sum_of::<T>(row)?))).collect()
}

/// Adds to what the table holds. Read, added here and written, because the numbers are wider than SQL's; the transaction keeps
/// others out meanwhile.
pub(crate) async fn add<T: SumTable>(
    connection: &mut SqliteConnection,
    sums: BTreeMap<T::Key, T::Sum>,
) -> Result<(), Error> {
    let mut sums = sums.into_iter().map(|(key, sum)| (T::encode(&key), key, sum));
    loop {
        let mut chunk: Vec<_> = sums.by_ref().take(SUMS_PER_STATEMENT).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        let held = held::<T>(connection, chunk.iter().map(|(bytes, ..)| bytes.as_slice())).await?;
        for (bytes, _, sum) in &mut chunk {
            if let Some(held) = held.get(bytes.as_slice()) {
                *sum = T::plus(*held, *sum)?;
            }
        }
        write::<T>(connection, &chunk).await?;
    }
}

/// Those of the keys that the table holds.
async fn held<T: SumTable>(
    connection: &mut SqliteConnection,
    keys: impl Iterator<Item = &[u8]>,
) -> Result<HashMap<Vec<u8>, T::Sum>, Error> {
    let mut query = select::<T>(T::KEY);
    query.push(format_args!(" WHERE {} IN (", T::KEY));
    let mut list = query.separated(", ");
    for key in keys {
        list.push_bind(key);
    }
    list.push_unseparated(")");
    let rows = query.build().persistent(false).fetch_all(connection).await.map_err(Error::sql(T::READING))?;
    let key = |row: &SqliteRow| row.try_get(T::KEY).map_err(Error::sql(T::READING));
    rows.iter().map(|row| Ok((key(row)?, sum_of::<T>(row)?))).collect()
}

async fn write<T: SumTable>(
    connection: &mut SqliteConnection,
    rows: &[(Vec<u8>, T::Key, T::Sum)],
) -> Result<(), Error> {
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO ");
    let columns = [T::PARTS, T::AMOUNTS].concat().join(", ");
    query.push(format_args!("{} ({}, {columns}) ", T::NAME, T::KEY));
    query.push_values(rows, |mut row, (bytes, key, sum)| {
        row.push_bind(bytes.as_slice());
        T::bind(key, &mut row);
        for text in T::texts(sum) {
            row.push_bind(text);
        }
    });
    query.push(format_args!(" ON CONFLICT ({}) DO UPDATE SET ", T::KEY));
    let mut updates = query.separated(", ");
    for column in T::AMOUNTS {
        updates.push(format_args!("{column} = excluded.{column}"));
    }
    query.build().persistent(false).execute(connection).await.map_err(Error::sql(T::WRITING))?;
    Ok(())
}

/// A SELECT of the table's amounts, and of the key's bytes or else of what they say.
fn select<T: SumTable>(key: &'static str) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    let mut columns = query.separated(", ");
    let parts: &[&str] = if key.is_empty() { T::PARTS } else { &[key] };
    for column in parts.iter().chain(T::AMOUNTS) {
        columns.push(column);
    }
    query.push(format_args!(" FROM {}", T::NAME));
    query
}

fn sum_of<T: SumTable>(row: &SqliteRow) -> Result<T::Sum, Error> {
    let texts = T::AMOUNTS.iter().map(|column| row.try_get::<String, _>(*column));
    T::sum_of(&texts.collect::<Result<Vec<_>, _>>().map_err(Error::sql(T::READING))?)
}
