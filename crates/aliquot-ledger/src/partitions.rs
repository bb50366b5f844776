//! Table `partitions`: how far each partition is, and what was counted on the way.

use std::collections::BTreeMap;

use aliquot_core::commit::{Commit, Tally};
use aliquot_core::position::{Offset, Partition, Positions};

use crate::admit::Admitted;
use crate::columns::{count, count_of};
use crate::database::{FromRow, Row, Session, Statement};
use crate::error::Error;
use crate::ledger::Ledger;

/// A row as it is held.
struct Held {
    partition: i32,
    next_offset: i64,
    charged_count: i64,
    duplicate_count: i64,
    rejected_count: i64,
    report_count: i64,
}

impl Ledger {
    /// For each partition the ledger has anything of, the first offset it does not hold.
    ///
    /// # Errors
    /// What the database says.
    pub async fn held(&self) -> Result<Positions, Error> {
        positions(&mut self.reader().await?).await
    }

    /// What was counted of each partition since its beginning.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tallies(&self) -> Result<BTreeMap<Partition, Tally>, Error> {
        read(&mut self.reader().await?)
            .await?
            .into_iter()
            .map(|row| Ok((Partition(row.partition), row.tally()?)))
            .collect()
    }
}

/// The position of every partition.
pub(crate) async fn positions(session: &mut Session) -> Result<Positions, Error> {
    let rows = read(session).await?;
    Ok(rows.into_iter().map(|row| (Partition(row.partition), Offset(row.next_offset))).collect())
}

/// Moves the admitted partitions to the ends of their ranges and adds to their counts.
pub(crate) async fn advance(session: &mut Session, commit: &Commit, admitted: &Admitted) -> Result<(), Error> {
    let rows = read(session).await?.into_iter();
    let mut tallies: BTreeMap<_, _> =
        rows.map(|row| Ok((row.partition, row.tally()?))).collect::<Result<_, Error>>()?;
    for (partition, range) in commit.ranges.iter().filter(|(partition, _)| admitted.moves(**partition)) {
        let held = tallies.remove(&partition.0).unwrap_or_default();
        let tally = sum(held, commit.tallies.get(partition).copied().unwrap_or_default())?;
        Statement::new(
            session.dialect(),
            "INSERT INTO partitions \
             (partition, next_offset, charged_count, duplicate_count, rejected_count, report_count) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset, \
             charged_count = excluded.charged_count, duplicate_count = excluded.duplicate_count, \
             rejected_count = excluded.rejected_count, report_count = excluded.report_count",
        )
        .bind(partition.0)
        .bind(range.to.0)
        .bind(count("the count of charges", tally.charged)?)
        .bind(count("the count of duplicates", tally.duplicates)?)
        .bind(count("the count of rejects", tally.rejected)?)
        .bind(count("the count of reports", tally.reports)?)
        .execute(session)
        .await
        .map_err(Error::sql("move the positions of"))?;
    }
    Ok(())
}

/// There are as many rows as the log has partitions, so all of them are read at once.
async fn read(session: &mut Session) -> Result<Vec<Held>, Error> {
    Statement::new(
        session.dialect(),
        "SELECT partition, next_offset, charged_count, duplicate_count, rejected_count, report_count \
         FROM partitions ORDER BY partition",
    )
    .all(session)
    .await
    .map_err(Error::sql("read the positions of"))
}

impl Held {
    fn tally(&self) -> Result<Tally, Error> {
        Ok(Tally {
            charged: count_of("charged_count", self.charged_count)?,
            duplicates: count_of("duplicate_count", self.duplicate_count)?,
            rejected: count_of("rejected_count", self.rejected_count)?,
            reports: count_of("report_count", self.report_count)?,
        })
    }
}

fn sum(held: Tally, new: Tally) -> Result<Tally, Error> {
    let add = |held: u64, new: u64| held.checked_add(new).ok_or(Error::Overflow { what: "a count of events" });
    Ok(Tally {
        charged: add(held.charged, new.charged)?,
        duplicates: add(held.duplicates, new.duplicates)?,
        rejected: add(held.rejected, new.rejected)?,
        reports: add(held.reports, new.reports)?,
    })
}

impl FromRow for Held {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            partition: row.small("partition")?,
            next_offset: row.int("next_offset")?,
            charged_count: row.int("charged_count")?,
            duplicate_count: row.int("duplicate_count")?,
            rejected_count: row.int("rejected_count")?,
            report_count: row.int("report_count")?,
        })
    }
}
