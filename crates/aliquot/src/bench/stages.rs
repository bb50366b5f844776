//! Stores that hold nothing but positions: what the pipeline costs without a store is what it costs with these.

use std::convert::Infallible;

use aliquot_core::commit::Commit;
use aliquot_core::ports::{Activations, Fault, Kind, Sink, Snapshots};
use aliquot_core::position::{Offset, Partition, Positions};
use aliquot_core::prices::BookId;

/// A store that forgets everything but how far it is.
#[derive(Debug, Default)]
pub(super) struct Nothing {
    positions: Positions,
    activations: Vec<(Partition, Offset, BookId)>,
}

/// It never fails.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Never(Infallible);

impl Fault for Never {
    fn kind(&self) -> Kind {
        match self.0 {}
    }
}

impl Sink for Nothing {
    type Error = Never;

    fn name(&self) -> &'static str {
        "nothing"
    }

    async fn positions(&mut self, partitions: &[Partition]) -> Result<Positions, Never> {
        Ok(partitions
            .iter()
            .map(|partition| (*partition, self.positions.get(partition).copied().unwrap_or_default()))
            .collect())
    }

    async fn commit(&mut self, commit: &Commit) -> Result<(), Never> {
        self.positions.extend(commit.ranges.iter().map(|(partition, range)| (*partition, range.to)));
        Ok(())
    }
}

impl Snapshots for Nothing {
    type Error = Never;

    async fn load(&mut self, _partition: Partition, _at: Offset) -> Result<Vec<(Offset, Vec<u8>)>, Never> {
        Ok(Vec::new())
    }
}

impl Activations for Nothing {
    type Error = Never;

    async fn activations(&mut self, partition: Partition) -> Result<Vec<(Offset, BookId)>, Never> {
        let of_partition = self.activations.iter().filter(|(of, _, _)| *of == partition);
        Ok(of_partition.map(|(_, from, book)| (*from, *book)).collect())
    }

    async fn activate(&mut self, partition: Partition, from: Offset, book: BookId) -> Result<(), Never> {
        self.activations.push((partition, from, book));
        Ok(())
    }
}
