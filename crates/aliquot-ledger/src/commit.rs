//! The ledger as a sink: everything of a commit in one transaction, with the positions. Decides nothing itself.

use aliquot_core::commit::Commit;
use aliquot_core::externality::{cause_totals, externalities};
use aliquot_core::ports::Sink;
use aliquot_core::position::{Partition, Positions};
use aliquot_core::totals::by_account;

use crate::admit::{admit, check_ranges};
use crate::causes::CauseTable;
use crate::error::Error;
use crate::externalities::ExternalityTable;
use crate::ledger::Ledger;
use crate::{additions, fits, partitions, snapshots, streams, sums};

impl Sink for Ledger {
    type Error = Error;

    fn name(&self) -> &'static str {
        "ledger"
    }

    async fn positions(&mut self, partitions: &[Partition]) -> Result<Positions, Error> {
        // As a writer: a commit that was dropped, or whose connection was lost, while it was becoming durable comes first.
        let mut transaction = self.begin().await?;
        let held = partitions::positions(&mut transaction).await?;
        transaction.rollback().await.map_err(Error::sql("read the positions of"))?;
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
            let charges = &commit.charges;
            let new = || charges.rows().iter().filter(|row| admitted.has(row.place));
            let accounts = by_account(charges, new());
            let (externalities, causes) = (externalities(charges, new()), cause_totals(charges, new()));
            tracing::debug!(
                accounts = accounts.len(),
                externalities = externalities.len(),
                causes = causes.len(),
                streams = commit.streams.len(),
                "ledger commit"
            );
            additions::add(&mut transaction, accounts).await?;
            sums::add::<ExternalityTable>(&mut transaction, externalities).await?;
            sums::add::<CauseTable>(&mut transaction, causes).await?;
            fits::put(&mut transaction, commit, &admitted).await?;
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
