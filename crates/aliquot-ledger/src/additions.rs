//! Table `totals`: adding to the hourly totals. What is added up is decided in `aliquot_core::totals`.

use aliquot_core::totals::{Account, Line};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::account_key;
use crate::columns::book_text;
use crate::error::Error;
use crate::lines::Lines;

/// Accounts that are read or written by one statement, of eight parameters each; SQLite takes 32,766, PostgreSQL 65,535. Beyond
/// a few hundred a larger statement is not faster, only larger.
const ACCOUNTS_PER_STATEMENT: usize = 500;

/// An account's new totals on their way into the table.
struct Addition<'n> {
    key: Vec<u8>,
    account: Account<'n>,
    lines: Lines,
}

/// Adds to what the table holds. Read, added here and written, because the numbers are wider than SQL's; the transaction keeps
/// others out meanwhile.
pub(crate) async fn add(connection: &mut SqliteConnection, new: Vec<(Account<'_>, Vec<Line>)>) -> Result<(), Error> {
    let addition =
        |(account, lines)| Addition { key: account_key::encode(&account), account, lines: Lines::new(lines) };
    let mut additions = new.into_iter().map(addition);
    loop {
        let chunk: Vec<Addition<'_>> = additions.by_ref().take(ACCOUNTS_PER_STATEMENT).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        let (mut known, mut new) = (Vec::with_capacity(chunk.len()), Vec::new());
        for (held, mut addition) in read(connection, &chunk).await?.into_iter().zip(chunk) {
            match held {
                Some(mut sum) => {
                    sum.add(&addition.lines)?;
                    addition.lines = sum;
                    known.push(addition);
                }
                None => new.push(addition),
            }
        }
        write(connection, &known, UPDATE).await?;
        write(connection, &new, "").await?;
    }
}

/// Between the lines of two accounts; it is in none.
const SEPARATOR: char = '\u{1e}';

/// What is held of each account, in the order they are asked for. One row answers for all of them, because the library's work
/// for a row is greater than the database's.
async fn read(connection: &mut SqliteConnection, wanted: &[Addition<'_>]) -> Result<Vec<Option<Lines>>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new("WITH wanted (place, account_key) AS (");
    query.push_values(wanted.iter().enumerate(), |mut row, (place, addition)| {
        row.push(place).push_bind(addition.key.as_slice());
    });
    query.push(
        ") SELECT group_concat(coalesce(lines, ''), char(30) ORDER BY place) \
         FROM wanted LEFT JOIN totals USING (account_key)",
    );
    let answer = query.build_query_scalar::<String>().persistent(is_full(wanted)).fetch_one(connection).await;
    let answer = answer.map_err(Error::sql("read the totals of"))?;
    let held = answer.split(SEPARATOR).map(|lines| (!lines.is_empty()).then(|| Lines::read(lines)).transpose());
    let held: Vec<_> = held.collect::<Result<_, _>>()?;
    if held.len() == wanted.len() { Ok(held) } else { Err(Error::Corrupt { column: "lines", found: answer }) }
}

/// What an INSERT of known accounts ends with. An UPDATE from a list of values would do, but SQLite then reads the whole table.
const UPDATE: &str = " ON CONFLICT (account_key) DO UPDATE SET unpriced = excluded.unpriced, lines = excluded.lines";

/// Writes accounts of which either all are there already or none is: without the clause for known ones, new ones take a third
/// less time.
async fn write(
    connection: &mut SqliteConnection,
    additions: &[Addition<'_>],
    conflict: &'static str,
) -> Result<(), Error> {
    if additions.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO totals (account_key, hour_us, tenant, provider, model, price_book, unpriced, lines) ",
    );
    query.push_values(additions, |mut row, Addition { key, account, lines }| {
        row.push_bind(key.as_slice())
            .push_bind(account.hour.0)
            .push_bind(account.tenant)
            .push_bind(account.provider)
            .push_bind(account.model)
            .push_bind(book_text(account.book))
            .push_bind(lines.is_unpriced())
            .push_bind(lines.text());
    });
    query.push(conflict);
    let written = query.build().persistent(is_full(additions)).execute(connection).await;
    written.map_err(Error::sql("write the totals of"))?;
    Ok(())
}

/// Whether the statement will come again: only full ones are worth keeping prepared.
fn is_full(additions: &[Addition<'_>]) -> bool {
    additions.len() == ACCOUNTS_PER_STATEMENT
}
