//! The ledger as a sink: everything of a commit in one transaction, with the positions. Decides nothing itself.

use aliquot_core::commit::Commit;
use aliquot_core::ports::Sink;
use aliquot_core::position::{Partition, Positions};
use aliquot_core::totals::by_account;

use crate::admit::{admit, check_ranges};
use crate::error::Error;
use crate::ledger::Ledger;
use crate::{additions, partitions, snapshots, streams};

impl Sink for Ledger {
    type Error = Error;

    fn name(&self) -> &'static str {
        "ledger"
    }

    async fn positions(&mut self, partitions: &[Partition]) -> Result<Positions, Error> {
        // On the connection that writes: a commit that was dropped while it was becoming durable comes first there.
        let mut connection = self.writer()?.acquire().await.map_err(Error::sql("read the positions of"))?;
        let held = partitions::positions(&mut connection).await?;
        let position = |partition: &Partition| (*partition, held.get(partition).copied().unwrap_or_default());
        let positions: Positions = partitions.iter().map(position).collect();
        self.believed.extend(&positions);
        Ok(positions)
    }

    async fn commit(&mut self, commit: &Commit) -> Result<(), Error> {
        check_ranges(commit)?;
        let mut transaction = self.begin().await?;
        let held = partitions::positions(&mut transaction).await?;
        let admitted = admit(commit, &held, &self.believed)?;
        if !admitted.is_empty() {
            // The partitions first: snapshots refer to them.
            partitions::advance(&mut transaction, commit, &admitted).await?;
            let new = commit.charges.rows().iter().filter(|row| admitted.has(row.place));
            let new = by_account(&commit.charges, new);
            tracing::debug!(accounts = new.len(), streams = commit.streams.len(), "ledger commit");
            additions::add(&mut transaction, new).await?;
            streams::put(&mut transaction, commit.streams.iter().filter(|report| admitted.moves(report.partition)))
                .await?;
            snapshots::put(&mut transaction, commit, &admitted).await?;
            transaction.commit().await.map_err(Error::sql("commit to"))?;
        }
        for (partition, range) in commit.ranges.iter().filter(|(_, range)| !range.is_empty()) {
            let believed = self.believed.entry(*partition).or_default();
            *believed = range.to.max(*believed);
        }
        Ok(())
    }
}
