//! Tables of exact sums by key: adding to what is held, and reading in the order of the keys. Which sums there are is said by their
//! tables; what is summed is decided in `aliquot_core`.

use std::collections::{BTreeMap, HashMap};

use aliquot_core::time::EventTime;

use crate::columns::limit;
use crate::database::{Dialect, Fields, Row, Session, Statement};
use crate::error::Error;
use crate::key;
use crate::ledger::Ledger;

/// A table of sums by key. Its keys begin with an hour.
pub(crate) trait SumTable: Send {
    /// What a sum is a sum of.
    type Key: Ord + Send;
    /// The amounts.
    type Sum: Copy + Send;
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
    fn bind(key: &Self::Key, row: &mut Fields<'_>);
    /// Reads [`Self::PARTS`].
    fn key_of(row: &Row) -> Result<Self::Key, Error>;
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
    let mut query = select::<T>(ledger.dialect(), "");
    let start = wanted.from.map_or_else(Vec::new, |from| key::hour(from).to_vec());
    let end = wanted.to.map_or_else(|| key::END.to_vec(), |to| key::hour(to).to_vec());
    let after = wanted.after.unwrap_or_default().max(start);
    query.push(format_args!(" WHERE {} > ", T::KEY)).push_bind(after.as_slice());
    query.push(format_args!(" AND {} < ", T::KEY)).push_bind(end.as_slice());
    for (column, value) in wanted.equal {
        query.push(format_args!(" AND {column} = ")).push_bind(value);
    }
    query.push(format_args!(" ORDER BY {} LIMIT ", T::KEY)).push_bind(limit(rows));
    let found: Vec<Row> = query.all(&mut ledger.reader().await?).await.map_err(Error::sql(T::READING))?;
    found.iter().map(|row| Ok((T::key_of(row)?, sum_of::<T>(row)?))).collect()
}

/// Adds to what the table holds. Read, added here and written, because the numbers are wider than SQL's; the transaction keeps
/// others out meanwhile.
pub(crate) async fn add<T: SumTable>(session: &mut Session, sums: BTreeMap<T::Key, T::Sum>) -> Result<(), Error> {
    let mut sums = sums.into_iter().map(|(key, sum)| (T::encode(&key), key, sum));
    loop {
        let mut chunk: Vec<_> = sums.by_ref().take(SUMS_PER_STATEMENT).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        let held = held::<T>(session, chunk.iter().map(|(bytes, ..)| bytes.as_slice())).await?;
        for (bytes, _, sum) in &mut chunk {
            if let Some(held) = held.get(bytes.as_slice()) {
                *sum = T::plus(*held, *sum)?;
            }
        }
        write::<T>(session, &chunk).await?;
    }
}

/// Those of the keys that the table holds.
async fn held<T: SumTable>(
    session: &mut Session,
    keys: impl Iterator<Item = &[u8]>,
) -> Result<HashMap<Vec<u8>, T::Sum>, Error> {
    let mut query = select::<T>(session.dialect(), T::KEY);
    query.push(format_args!(" WHERE {} IN (", T::KEY));
    for (place, key) in keys.enumerate() {
        query.push(if place == 0 { "" } else { ", " }).push_bind(key);
    }
    query.push(")");
    let rows: Vec<Row> = query.all(session).await.map_err(Error::sql(T::READING))?;
    let key = |row: &Row| row.bytes(T::KEY).map_err(Error::sql(T::READING));
    rows.iter().map(|row| Ok((key(row)?, sum_of::<T>(row)?))).collect()
}

async fn write<T: SumTable>(session: &mut Session, rows: &[(Vec<u8>, T::Key, T::Sum)]) -> Result<(), Error> {
    let columns = [T::PARTS, T::AMOUNTS].concat().join(", ");
    let start = format!("INSERT INTO {} ({}, {columns}) ", T::NAME, T::KEY);
    let mut query = Statement::composed(session.dialect(), start);
    query.push_values(rows, |row, (bytes, key, sum)| {
        row.bind(bytes.as_slice());
        T::bind(key, row);
        for text in T::texts(sum) {
            row.bind(text.as_str());
        }
    });
    let updates: Vec<String> = T::AMOUNTS.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    query.push(format_args!(" ON CONFLICT ({}) DO UPDATE SET {}", T::KEY, updates.join(", ")));
    query.execute(session).await.map_err(Error::sql(T::WRITING))?;
    Ok(())
}

/// A SELECT of the table's amounts, and of the key's bytes or else of what they say.
fn select<T: SumTable>(dialect: Dialect, key: &'static str) -> Statement {
    let parts: &[&str] = if key.is_empty() { T::PARTS } else { &[key] };
    let columns = [parts, T::AMOUNTS].concat().join(", ");
    Statement::composed(dialect, format_args!("SELECT {columns} FROM {}", T::NAME))
}

fn sum_of<T: SumTable>(row: &Row) -> Result<T::Sum, Error> {
    let texts = T::AMOUNTS.iter().map(|column| row.text(*column));
    T::sum_of(&texts.collect::<Result<Vec<_>, _>>().map_err(Error::sql(T::READING))?)
}
