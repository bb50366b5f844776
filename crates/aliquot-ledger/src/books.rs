//! Table `price_books`: every price book that was imported, as bytes. Never looks into them.

use aliquot_core::prices::BookId;
use aliquot_core::time::EventTime;

use crate::columns::{book, book_text};
use crate::database::{FromRow, Row, Statement};
use crate::error::Error;
use crate::ledger::Ledger;

/// A price book as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBook {
    /// Its version: the digest of `body`.
    pub id: BookId,
    /// Where it came from, for people.
    pub source: String,
    /// When it was first imported.
    pub imported_at: EventTime,
    /// Its encoding; empty in lists.
    pub body: Vec<u8>,
}

/// A row as it is held.
struct Held {
    price_book: String,
    source: String,
    imported_at_us: i64,
    body: Vec<u8>,
}

impl Ledger {
    /// Keeps a price book and makes it the current one. One that is there already keeps its source and its date.
    ///
    /// # Errors
    /// [`Error::OtherBook`] when another book has that id, and what the database says.
    pub async fn put_price_book(&self, stored: &StoredBook) -> Result<(), Error> {
        let failed = || Error::sql("write a price book to");
        let mut transaction = self.begin().await?;
        Statement::new(
            self.dialect(),
            "INSERT INTO price_books (price_book, put_number, source, imported_at_us, body) \
             SELECT $1, COALESCE(MAX(put_number), 0) + 1, $2, $3, $4 FROM price_books WHERE TRUE \
             ON CONFLICT (price_book) DO UPDATE SET put_number = excluded.put_number",
        )
        .bind(book_text(stored.id).as_str())
        .bind(stored.source.as_str())
        .bind(stored.imported_at.0)
        .bind(stored.body.as_slice())
        .execute(&mut transaction)
        .await
        .map_err(failed())?;
        let body: Vec<u8> = Statement::new(self.dialect(), "SELECT body FROM price_books WHERE price_book = $1")
            .bind(book_text(stored.id).as_str())
            .one(&mut transaction)
            .await
            .map_err(failed())?;
        if body != stored.body {
            return Err(Error::OtherBook(stored.id));
        }
        transaction.commit().await.map_err(failed())
    }

    /// The price book that was put last.
    ///
    /// # Errors
    /// What the database says.
    pub async fn current_price_book(&self) -> Result<Option<StoredBook>, Error> {
        let row: Option<Held> = Statement::new(
            self.dialect(),
            "SELECT price_book, source, imported_at_us, body FROM price_books ORDER BY put_number DESC LIMIT 1",
        )
        .optional(&mut self.reader().await?)
        .await
        .map_err(Error::sql("read the price books of"))?;
        row.map(Held::into_book).transpose()
    }

    /// The price book of that id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn price_book(&self, id: BookId) -> Result<Option<StoredBook>, Error> {
        let row: Option<Held> = Statement::new(
            self.dialect(),
            "SELECT price_book, source, imported_at_us, body FROM price_books WHERE price_book = $1",
        )
        .bind(book_text(id).as_str())
        .optional(&mut self.reader().await?)
        .await
        .map_err(Error::sql("read the price books of"))?;
        row.map(Held::into_book).transpose()
    }

    /// All price books without their bodies, the current one first. People import them, so they are few.
    ///
    /// # Errors
    /// What the database says.
    pub async fn price_books(&self) -> Result<Vec<StoredBook>, Error> {
        let rows: Vec<Listed> = Statement::new(
            self.dialect(),
            "SELECT price_book, source, imported_at_us FROM price_books ORDER BY put_number DESC",
        )
        .all(&mut self.reader().await?)
        .await
        .map_err(Error::sql("read the price books of"))?;
        rows.into_iter().map(|Listed(held)| held.into_book()).collect()
    }
}

impl Held {
    fn into_book(self) -> Result<StoredBook, Error> {
        Ok(StoredBook {
            id: book(&self.price_book)?,
            source: self.source,
            imported_at: EventTime(self.imported_at_us),
            body: self.body,
        })
    }
}

impl FromRow for Held {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let body = row.bytes("body")?;
        let Listed(listed) = Listed::from_row(row)?;
        Ok(Self { body, ..listed })
    }
}

/// A row without its body.
struct Listed(Held);

impl FromRow for Listed {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self(Held {
            price_book: row.text("price_book")?,
            source: row.text("source")?,
            imported_at_us: row.int("imported_at_us")?,
            body: Vec::new(),
        }))
    }
}
