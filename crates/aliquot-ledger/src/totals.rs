//! Table `totals`: adding to the hourly totals, and reading them. What is added up is decided in `aliquot_core::totals`.

use std::collections::HashMap;

use aliquot_core::money::{Rate, Usd};
use aliquot_core::time::EventTime;
use aliquot_core::totals::{TotalKey, Totals, WindowTotal};
use aliquot_core::usage::Class;
use futures::TryStreamExt;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::columns::{add_quantity, add_usd, book, book_text, limit, number};
use crate::error::Error;
use crate::ledger::Ledger;
use crate::{key, total_key};

/// Totals that one call answers at most: a map of a million takes some 300 MB. Longer answers come page by page.
pub const TOTALS_MAX: usize = 1_000_000;

/// Totals that are read or written by one statement. Ten parameters each; SQLite takes 32,766, PostgreSQL 65,535. Beyond a few
/// hundred a larger statement is not faster, only larger.
const TOTALS_PER_STATEMENT: usize = 500;

#[derive(sqlx::FromRow)]
struct Row {
    hour_us: i64,
    tenant: Option<String>,
    provider: String,
    model: String,
    class: String,
    rate_pico: Option<String>,
    price_book: String,
    quantity: String,
    cost_pico: String,
}

impl Ledger {
    /// The totals of the hours that begin in `from..to`; `None` = no bound.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond [`TOTALS_MAX`], and what the database says.
    pub async fn totals(&self, from: Option<EventTime>, to: Option<EventTime>) -> Result<Totals, Error> {
        let from = from.map_or_else(Vec::new, |from| key::hour(from).to_vec());
        let to = to.map_or_else(|| key::END.to_vec(), |to| key::hour(to).to_vec());
        let mut rows = sqlx::query_as::<_, Row>(
            "SELECT hour_us, tenant, provider, model, class, rate_pico, price_book, quantity, cost_pico \
             FROM totals WHERE total_key >= $1 AND total_key < $2 ORDER BY total_key",
        )
        .bind(from)
        .bind(to)
        .fetch(&self.readers);
        let mut totals = Totals::new();
        while let Some(row) = rows.try_next().await.map_err(Error::sql("read the totals of"))? {
            if totals.len() >= TOTALS_MAX {
                return Err(Error::TooMany { what: "totals", limit: TOTALS_MAX });
            }
            let (key, total) = row.into_total()?;
            totals.insert(key, total);
        }
        Ok(totals)
    }

    /// Up to `rows` totals that come after the key `after`, or the first ones, in the ledger's order: by hour, tenant (unknown
    /// first), provider, model, class by name, price (unknown first), book. Fewer than `rows` = these are the last.
    ///
    /// # Errors
    /// What the database says.
    pub async fn totals_page(
        &self,
        after: Option<&TotalKey>,
        rows: usize,
    ) -> Result<Vec<(TotalKey, WindowTotal)>, Error> {
        let page = sqlx::query_as::<_, Row>(
            "SELECT hour_us, tenant, provider, model, class, rate_pico, price_book, quantity, cost_pico \
             FROM totals WHERE total_key > $1 ORDER BY total_key LIMIT $2",
        )
        .bind(after.map(total_key::encode).unwrap_or_default())
        .bind(limit(rows))
        .fetch_all(&self.readers)
        .await;
        page.map_err(Error::sql("read the totals of"))?.into_iter().map(Row::into_total).collect()
    }

    /// Up to `rows` totals that have no price, in the ledger's order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn unpriced(&self, rows: usize) -> Result<Vec<(TotalKey, WindowTotal)>, Error> {
        let page = sqlx::query_as::<_, Row>(
            "SELECT hour_us, tenant, provider, model, class, rate_pico, price_book, quantity, cost_pico \
             FROM totals WHERE rate_pico IS NULL ORDER BY total_key LIMIT $1",
        )
        .bind(limit(rows))
        .fetch_all(&self.readers)
        .await;
        page.map_err(Error::sql("read the totals of"))?.into_iter().map(Row::into_total).collect()
    }

    /// All quantities and all costs, exact: the numbers an audit holds against another store's.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sum(&self) -> Result<WindowTotal, Error> {
        let mut rows =
            sqlx::query_as::<_, (String, String)>("SELECT quantity, cost_pico FROM totals").fetch(&self.readers);
        let mut sum = WindowTotal::default();
        while let Some((quantity, cost)) = rows.try_next().await.map_err(Error::sql("read the totals of"))? {
            sum = add_up(sum, total_of(&quantity, &cost)?)?;
        }
        Ok(sum)
    }
}

/// A total on its way into the table.
struct Addition {
    bytes: Vec<u8>,
    key: TotalKey,
    total: WindowTotal,
}

/// Adds to what the table holds. Read, added here and written, because the numbers are wider than SQL's; the transaction keeps
/// others out meanwhile.
pub(crate) async fn add(connection: &mut SqliteConnection, totals: Totals) -> Result<(), Error> {
    let addition = |(key, total)| Addition { bytes: total_key::encode(&key), key, total };
    let mut additions = totals.into_iter().map(addition);
    loop {
        let chunk: Vec<Addition> = additions.by_ref().take(TOTALS_PER_STATEMENT).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        let held = read(connection, &chunk).await?;
        let (mut known, new): (Vec<_>, Vec<_>) = chunk.into_iter().partition(|new| held.contains_key(&new.bytes));
        for addition in &mut known {
            let held = held.get(&addition.bytes).copied().unwrap_or_default();
            addition.total = add_up(held, addition.total)?;
        }
        write(connection, &known, UPDATE).await?;
        write(connection, &new, "").await?;
    }
}

async fn read(
    connection: &mut SqliteConnection,
    additions: &[Addition],
) -> Result<HashMap<Vec<u8>, WindowTotal>, Error> {
    let mut query =
        QueryBuilder::<Sqlite>::new("SELECT total_key, quantity, cost_pico FROM totals WHERE total_key IN (");
    let mut keys = query.separated(", ");
    for addition in additions {
        keys.push_bind(addition.bytes.as_slice());
    }
    keys.push_unseparated(")");
    let rows = query
        .build_query_as::<(Vec<u8>, String, String)>()
        .persistent(is_full(additions))
        .fetch_all(connection)
        .await
        .map_err(Error::sql("read the totals of"))?;
    rows.into_iter().map(|(bytes, quantity, cost)| Ok((bytes, total_of(&quantity, &cost)?))).collect()
}

/// What an INSERT of known totals ends with. An UPDATE from a list of values would do, but SQLite then reads the whole table.
const UPDATE: &str =
    " ON CONFLICT (total_key) DO UPDATE SET quantity = excluded.quantity, cost_pico = excluded.cost_pico";

/// Writes totals of which either all are there already or none is: without the clause for known ones, new ones take a third
/// less time.
async fn write(connection: &mut SqliteConnection, rows: &[Addition], conflict: &'static str) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO totals \
         (total_key, hour_us, tenant, provider, model, class, rate_pico, price_book, quantity, cost_pico) ",
    );
    query.push_values(rows, |mut row, Addition { bytes, key, total }| {
        row.push_bind(bytes.as_slice())
            .push_bind(key.hour.0)
            .push_bind(key.tenant.as_deref())
            .push_bind(key.provider.as_str())
            .push_bind(key.model.as_str())
            .push_bind(key.class.name())
            .push_bind(key.rate.map(|rate| rate.pico().to_string()))
            .push_bind(book_text(key.book))
            .push_bind(total.quantity.to_string())
            .push_bind(total.cost.pico().to_string());
    });
    query.push(conflict);
    let written = query.build().persistent(is_full(rows)).execute(connection).await;
    written.map_err(Error::sql("write the totals of"))?;
    Ok(())
}

/// Whether the statement will come again: only full ones are worth keeping prepared.
fn is_full(additions: &[Addition]) -> bool {
    additions.len() == TOTALS_PER_STATEMENT
}

impl Row {
    fn into_total(self) -> Result<(TotalKey, WindowTotal), Error> {
        let total = total_of(&self.quantity, &self.cost_pico)?;
        let class = Class::from_name(&self.class)
            .ok_or_else(|| Error::Corrupt { column: "class", found: self.class.clone() })?;
        let rate = self.rate_pico.as_deref().map(|rate| number("rate_pico", rate)).transpose()?;
        let key = TotalKey {
            hour: EventTime(self.hour_us),
            tenant: self.tenant,
            provider: self.provider,
            model: self.model,
            class,
            rate: rate.map(Rate::from_pico),
            book: book(&self.price_book)?,
        };
        Ok((key, total))
    }
}

fn total_of(quantity: &str, cost: &str) -> Result<WindowTotal, Error> {
    Ok(WindowTotal { quantity: number("quantity", quantity)?, cost: Usd::from_pico(number("cost_pico", cost)?) })
}

fn add_up(held: WindowTotal, new: WindowTotal) -> Result<WindowTotal, Error> {
    Ok(WindowTotal { quantity: add_quantity(held.quantity, new.quantity)?, cost: add_usd(held.cost, new.cost)? })
}
