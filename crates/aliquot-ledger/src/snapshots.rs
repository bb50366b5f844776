//! Table `snapshots`: the newest states of each partition. Never looks into them.

use aliquot_core::commit::Commit;
use aliquot_core::ports::Snapshots;
use aliquot_core::position::{Offset, Partition};

use crate::admit::Admitted;
use crate::columns::limit;
use crate::database::{FromRow, Row, Session, Statement};
use crate::error::Error;
use crate::ledger::Ledger;

/// States kept per partition: the newest, and two in case it does not read. One takes about a megabyte.
pub const SNAPSHOTS_KEPT: usize = 3;

impl Snapshots for Ledger {
    type Error = Error;

    async fn load(&mut self, partition: Partition, at: Offset) -> Result<Vec<(Offset, Vec<u8>)>, Error> {
        let rows: Vec<Held> = Statement::new(
            self.dialect(),
            "SELECT next_offset, state FROM snapshots WHERE partition = $1 AND next_offset <= $2 \
             ORDER BY next_offset DESC",
        )
        .bind(partition.0)
        .bind(at.0)
        .all(&mut self.reader().await?)
        .await
        .map_err(Error::sql("read the snapshots of"))?;
        Ok(rows.into_iter().map(|Held { next_offset, state }| (Offset(next_offset), state)).collect())
    }
}

/// Keeps the states after the admitted ranges and drops the oldest.
pub(crate) async fn put(session: &mut Session, commit: &Commit, admitted: &Admitted) -> Result<(), Error> {
    let failed = || Error::sql("write the snapshots of");
    for (partition, range) in commit.ranges.iter().filter(|(partition, _)| admitted.moves(**partition)) {
        let Some(state) = commit.snapshots.get(partition) else { continue };
        let insert = "INSERT INTO snapshots (partition, next_offset, state) VALUES ($1, $2, $3)";
        Statement::new(session.dialect(), insert)
            .bind(partition.0)
            .bind(range.to.0)
            .bind(state.as_slice())
            .execute(session)
            .await
            .map_err(failed())?;
        Statement::new(
            session.dialect(),
            "DELETE FROM snapshots WHERE partition = $1 AND next_offset NOT IN \
             (SELECT next_offset FROM snapshots WHERE partition = $1 ORDER BY next_offset DESC LIMIT $2)",
        )
        .bind(partition.0)
        .bind(limit(SNAPSHOTS_KEPT))
        .execute(session)
        .await
        .map_err(failed())?;
    }
    Ok(())
}

struct Held {
    next_offset: i64,
    state: Vec<u8>,
}

impl FromRow for Held {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self { next_offset: row.int("next_offset")?, state: row.bytes("state")? })
    }
}
