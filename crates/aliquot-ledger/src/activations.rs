//! Table `activations`: which price book rates which part of a partition.

use aliquot_core::ports::Activations;
use aliquot_core::position::{Offset, Partition};
use aliquot_core::prices::BookId;

use crate::columns::{book, book_text};
use crate::database::{FromRow, Row, Statement};
use crate::error::Error;
use crate::ledger::Ledger;
use crate::partitions;

impl Activations for Ledger {
    type Error = Error;

    async fn activations(&mut self, partition: Partition) -> Result<Vec<(Offset, BookId)>, Error> {
        let rows: Vec<Activation> = Statement::new(
            self.dialect(),
            "SELECT from_offset, price_book FROM activations WHERE partition = $1 ORDER BY from_offset",
        )
        .bind(partition.0)
        .all(&mut self.reader().await?)
        .await
        .map_err(Error::sql("read the activations of"))?;
        rows.into_iter().map(|Activation { from, price_book }| Ok((Offset(from), book(&price_book)?))).collect()
    }

    /// Refused with [`Error::RatedAlready`] where the ledger holds anything from `from` on, unless it says so already: another
    /// book there would make a replay differ from what it replays.
    async fn activate(&mut self, partition: Partition, from: Offset, book: BookId) -> Result<(), Error> {
        let failed = || Error::sql("activate a price book in");
        let mut transaction = self.begin().await?;
        let there: Option<String> = Statement::new(
            self.dialect(),
            "SELECT price_book FROM activations WHERE partition = $1 AND from_offset = $2",
        )
        .bind(partition.0)
        .bind(from.0)
        .optional(&mut transaction)
        .await
        .map_err(failed())?;
        if there.is_some_and(|there| there == book_text(book)) {
            return Ok(());
        }
        let held = partitions::positions(&mut transaction).await?.get(&partition).copied().unwrap_or_default();
        if from < held {
            return Err(Error::RatedAlready { partition, from, held, book });
        }
        Statement::new(
            self.dialect(),
            "INSERT INTO activations (partition, from_offset, price_book) VALUES ($1, $2, $3) \
             ON CONFLICT (partition, from_offset) DO UPDATE SET price_book = excluded.price_book",
        )
        .bind(partition.0)
        .bind(from.0)
        .bind(book_text(book).as_str())
        .execute(&mut transaction)
        .await
        .map_err(failed())?;
        transaction.commit().await.map_err(failed())
    }
}

struct Activation {
    from: i64,
    price_book: String,
}

impl FromRow for Activation {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self { from: row.int("from_offset")?, price_book: row.text("price_book")? })
    }
}
