//! Table `snapshots`: the newest states of each partition. Never looks into them.

use aliquot_core::commit::Commit;
use aliquot_core::ports::Snapshots;
use aliquot_core::position::{Offset, Partition};
use sqlx::SqliteConnection;

use crate::admit::Admitted;
use crate::columns::limit;
use crate::error::Error;
use crate::ledger::Ledger;

/// States kept per partition: the newest, and two in case it does not read. One takes about a megabyte.
pub const SNAPSHOTS_KEPT: usize = 3;

impl Snapshots for Ledger {
    type Error = Error;

    async fn load(&mut self, partition: Partition, at: Offset) -> Result<Vec<(Offset, Vec<u8>)>, Error> {
        let rows = sqlx::query_as::<_, (i64, Vec<u8>)>(
            "SELECT next_offset, state FROM snapshots WHERE partition = $1 AND next_offset <= $2 \
             ORDER BY next_offset DESC",
        )
        .bind(partition.0)
        .bind(at.0)
        .fetch_all(&self.readers)
        .await;
        let rows = rows.map_err(Error::sql("read the snapshots of"))?;
        Ok(rows.into_iter().map(|(offset, state)| (Offset(offset), state)).collect())
    }
}

/// Keeps the states after the admitted ranges and drops the oldest.
pub(crate) async fn put(connection: &mut SqliteConnection, commit: &Commit, admitted: &Admitted) -> Result<(), Error> {
    let failed = || Error::sql("write the snapshots of");
    for (partition, range) in commit.ranges.iter().filter(|(partition, _)| admitted.moves(**partition)) {
        let Some(state) = commit.snapshots.get(partition) else { continue };
        sqlx::query("INSERT INTO snapshots (partition, next_offset, state) VALUES ($1, $2, $3)")
            .bind(partition.0)
            .bind(range.to.0)
            .bind(state.as_slice())
            .execute(&mut *connection)
            .await
            .map_err(failed())?;
        sqlx::query(
            "DELETE FROM snapshots WHERE partition = $1 AND next_offset NOT IN \
             (SELECT next_offset FROM snapshots WHERE partition = $1 ORDER BY next_offset DESC LIMIT $2)",
        )
        .bind(partition.0)
        .bind(limit(SNAPSHOTS_KEPT))
        .execute(&mut *connection)
        .await
        .map_err(failed())?;
    }
    Ok(())
}
