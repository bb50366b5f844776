//! Table `activations`: which price book rates which part of a partition.

use aliquot_core::ports::Activations;
use aliquot_core::position::{Offset, Partition};
use aliquot_core::prices::BookId;

use crate::columns::{book, book_text};
use crate::error::Error;
use crate::ledger::Ledger;
use crate::partitions;

impl Activations for Ledger {
    type Error = Error;

    async fn activations(&mut self, partition: Partition) -> Result<Vec<(Offset, BookId)>, Error> {
        let rows = sqlx::query_as::<_, (i64, String)>(
            "SELECT from_offset, price_book FROM activations WHERE partition = $1 ORDER BY from_offset",
        )
        .bind(partition.0)
        .fetch_all(&self.readers)
        .await;
        let rows = rows.map_err(Error::sql("read the activations of"))?.into_iter();
        rows.map(|(from, text)| Ok((Offset(from), book(&text)?))).collect()
    }

    /// Refused with [`Error::RatedAlready`] where the ledger holds anything from `from` on, unless it says so already: another
    /// book there would make a replay differ from what it replays.
    async fn activate(&mut self, partition: Partition, from: Offset, book: BookId) -> Result<(), Error> {
        let failed = || Error::sql("activate a price book in");
        let mut transaction = self.begin().await?;
        let there: Option<String> =
            sqlx::query_scalar("SELECT price_book FROM activations WHERE partition = $1 AND from_offset = $2")
                .bind(partition.0)
                .bind(from.0)
                .fetch_optional(&mut *transaction)
                .await
                .map_err(failed())?;
        if there.is_some_and(|there| there == book_text(book)) {
            return Ok(());
        }
        let held = partitions::positions(&mut transaction).await?.get(&partition).copied().unwrap_or_default();
        if from < held {
            return Err(Error::RatedAlready { partition, from, held, book });
        }
        sqlx::query(
            "INSERT INTO activations (partition, from_offset, price_book) VALUES ($1, $2, $3) \
             ON CONFLICT (partition, from_offset) DO UPDATE SET price_book = excluded.price_book",
        )
        .bind(partition.0)
        .bind(from.0)
        .bind(book_text(book))
        .execute(&mut *transaction)
        .await
        .map_err(failed())?;
        transaction.commit().await.map_err(failed())
    }
}
