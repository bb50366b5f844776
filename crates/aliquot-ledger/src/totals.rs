//! Table `totals`: reading the hourly totals. A row holds all of an account's; answers are one total per class and price.

use aliquot_core::time::EventTime;
use aliquot_core::totals::{Account, TotalKey, Totals, WindowTotal};
use futures::TryStreamExt;

use crate::columns::{book, limit};
use crate::database::{FromRow, Row, Statement};
use crate::error::Error;
use crate::ledger::Ledger;
use crate::lines::{Lines, add_up};
use crate::{account_key, key};

/// Totals that one call answers at most: a map of a million takes some 300 MB. Longer answers come page by page.
pub const TOTALS_MAX: usize = 1_000_000;

/// A row as it is held.
struct Held {
    hour_us: i64,
    tenant: Option<String>,
    provider: String,
    model: String,
    price_book: String,
    unpriced: i32,
    lines: String,
}

impl Ledger {
    /// The totals of the hours that begin in `from..to`; `None` = no bound.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond [`TOTALS_MAX`], and what the database says.
    pub async fn totals(&self, from: Option<EventTime>, to: Option<EventTime>) -> Result<Totals, Error> {
        let from = from.map_or_else(Vec::new, |from| key::hour(from).to_vec());
        let to = to.map_or_else(|| key::END.to_vec(), |to| key::hour(to).to_vec());
        let mut reader = self.reader().await?;
        let mut rows = Statement::new(
            self.dialect(),
            "SELECT hour_us, tenant, provider, model, price_book, unpriced, lines \
             FROM totals WHERE account_key >= $1 AND account_key < $2 ORDER BY account_key",
        )
        .bind(from.as_slice())
        .bind(to.as_slice())
        .stream::<Held>(&mut reader);
        let mut totals = Totals::new();
        while let Some(row) = rows.try_next().await.map_err(Error::sql("read the totals of"))? {
            let (account, lines) = row.parts()?;
            if totals.len().saturating_add(lines.len()) > TOTALS_MAX {
                return Err(Error::TooMany { what: "totals", limit: TOTALS_MAX });
            }
            totals.extend(lines.iter().map(|line| (account.key(line.class, line.rate), line.total)));
        }
        Ok(totals)
    }

    /// Up to `rows` totals that come after the key `after`, or the first ones, in the ledger's order: by hour, tenant (unknown
    /// first), provider, model, book, class by name, price (unknown first). Fewer than `rows` = these are the last.
    ///
    /// # Errors
    /// What the database says.
    pub async fn totals_page(
        &self,
        after: Option<&TotalKey>,
        rows: usize,
    ) -> Result<Vec<(TotalKey, WindowTotal)>, Error> {
        let from = after.map(|after| account_key::encode(&account_of(after))).unwrap_or_default();
        // Of the first account perhaps everything came before; each other one has a total at least.
        let mut reader = self.reader().await?;
        let mut accounts = Statement::new(
            self.dialect(),
            "SELECT hour_us, tenant, provider, model, price_book, unpriced, lines \
             FROM totals WHERE account_key >= $1 ORDER BY account_key LIMIT $2",
        )
        .bind(from.as_slice())
        .bind(limit(rows.saturating_add(1)))
        .stream::<Held>(&mut reader);
        let mut page = Vec::new();
        while page.len() < rows
            && let Some(row) = accounts.try_next().await.map_err(Error::sql("read the totals of"))?
        {
            let (account, lines) = row.parts()?;
            let begun = after.filter(|after| account_of(after) == account).map(|after| (after.class, after.rate));
            let left = lines.after(begun).take(rows.saturating_sub(page.len()));
            page.extend(left.map(|line| (account.key(line.class, line.rate), line.total)));
        }
        Ok(page)
    }

    /// Up to `rows` totals that have no price, in the ledger's order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn unpriced(&self, rows: usize) -> Result<Vec<(TotalKey, WindowTotal)>, Error> {
        let mut reader = self.reader().await?;
        let mut accounts = Statement::new(
            self.dialect(),
            "SELECT hour_us, tenant, provider, model, price_book, unpriced, lines \
             FROM totals WHERE unpriced = 1 ORDER BY account_key LIMIT $1",
        )
        .bind(limit(rows))
        .stream::<Held>(&mut reader);
        let mut page = Vec::new();
        while page.len() < rows
            && let Some(row) = accounts.try_next().await.map_err(Error::sql("read the totals of"))?
        {
            let (account, lines) = row.parts()?;
            let unpriced = lines.iter().filter(|line| line.rate.is_none()).take(rows.saturating_sub(page.len()));
            page.extend(unpriced.map(|line| (account.key(line.class, line.rate), line.total)));
        }
        Ok(page)
    }

    /// All quantities and all costs, exact: the numbers an audit holds against another store's.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sum(&self) -> Result<WindowTotal, Error> {
        let mut reader = self.reader().await?;
        let mut rows = Statement::new(self.dialect(), "SELECT lines FROM totals").stream::<String>(&mut reader);
        let mut sum = WindowTotal::default();
        while let Some(lines) = rows.try_next().await.map_err(Error::sql("read the totals of"))? {
            sum = add_up(sum, Lines::read(&lines)?.sum()?)?;
        }
        Ok(sum)
    }
}

impl Held {
    fn parts(&self) -> Result<(Account<'_>, Lines), Error> {
        let account = Account {
            hour: EventTime(self.hour_us),
            tenant: self.tenant.as_deref(),
            provider: &self.provider,
            model: &self.model,
            book: book(&self.price_book)?,
        };
        let lines = Lines::read(&self.lines)?;
        if i32::from(lines.is_unpriced()) != self.unpriced {
            return Err(Error::Corrupt { column: "unpriced", found: self.unpriced.to_string() });
        }
        Ok((account, lines))
    }
}

fn account_of(key: &TotalKey) -> Account<'_> {
    let TotalKey { hour, ref tenant, ref provider, ref model, book, .. } = *key;
    Account { hour, tenant: tenant.as_deref(), provider, model, book }
}

impl FromRow for Held {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            hour_us: row.int("hour_us")?,
            tenant: row.optional_text("tenant")?,
            provider: row.text("provider")?,
            model: row.text("model")?,
            price_book: row.text("price_book")?,
            unpriced: row.small("unpriced")?,
            lines: row.text("lines")?,
        })
    }
}
