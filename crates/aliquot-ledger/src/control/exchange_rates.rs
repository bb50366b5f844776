//! Table `exchange_rates`: what one currency is worth in another on a day. Computes with none.

use super::audit_log::{Author, Change, append};
use super::record::{Field, Record};
use crate::database::{FromRow, Row, Session, Statement};
use crate::error::Error;
use crate::ledger::Ledger;

/// What one currency is worth in another on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRate {
    /// ISO 4217.
    pub base: String,
    /// ISO 4217.
    pub quote: String,
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Units of `quote` for one of `base`, decimal.
    pub rate: String,
    /// Who says so.
    pub source: String,
}

impl Ledger {
    /// Puts a day's rate. The same rate again is nothing new.
    ///
    /// # Errors
    /// [`Error::Refused`] when the day has another rate, by which somebody may have been billed, and what the database says.
    pub async fn put_exchange_rate(&self, by: Author<'_>, put: &ExchangeRate) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let ExchangeRate { base, quote, day, rate, source } = put;
        match find(&mut transaction, base, quote, day).await? {
            Some(held) if held.rate == *rate => return Ok(()),
            Some(held) => {
                let why = format!("{base} in {quote} on {day} is {} already; a rate that was used stays", held.rate);
                return Err(Error::Refused { why });
            }
            None => {}
        }
        let insert = "INSERT INTO exchange_rates (base, quote, day, rate, source) VALUES ($1, $2, $3, $4, $5)";
        let insert = [base, quote, day, rate, source]
            .into_iter()
            .fold(Statement::new(self.dialect(), insert), |insert, text| insert.bind(text.as_str()));
        insert.execute(&mut transaction).await.map_err(Error::sql("write an exchange rate to"))?;
        let subject = format!("{base} in {quote} on {day}");
        let change = Change { action: "add", kind: "exchange_rate", subject: &subject };
        append(&mut transaction, by, change, None, put).await?;
        transaction.commit().await.map_err(Error::sql("write an exchange rate to"))
    }

    /// The rate of that day, and of no other.
    ///
    /// # Errors
    /// What the database says.
    pub async fn exchange_rate(&self, base: &str, quote: &str, day: &str) -> Result<Option<ExchangeRate>, Error> {
        find(&mut self.reader().await?, base, quote, day).await
    }
}

async fn find(session: &mut Session, base: &str, quote: &str, day: &str) -> Result<Option<ExchangeRate>, Error> {
    let select =
        "SELECT base, quote, day, rate, source FROM exchange_rates WHERE base = $1 AND quote = $2 AND day = $3";
    let select = Statement::new(session.dialect(), select).bind(base).bind(quote).bind(day);
    select.optional(session).await.map_err(Error::sql("read the exchange rates of"))
}

impl FromRow for ExchangeRate {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            base: row.text("base")?,
            quote: row.text("quote")?,
            day: row.text("day")?,
            rate: row.text("rate")?,
            source: row.text("source")?,
        })
    }
}

impl Record for ExchangeRate {
    fn fields(&self) -> Vec<(&'static str, Field)> {
        let text = |text: &String| Field::Text(text.clone());
        vec![
            ("base", text(&self.base)),
            ("quote", text(&self.quote)),
            ("day", text(&self.day)),
            ("rate", text(&self.rate)),
            ("source", text(&self.source)),
        ]
    }
}
