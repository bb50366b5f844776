//! Reads the embedded log for the pipeline: all partitions in turn, a bounded batch at a time. Decides nothing about durability.

use std::collections::BTreeMap;
use std::time::Duration;

use aliquot_core::ports::{Pulled, RawBatch, Source};
use aliquot_core::position::{Offset, OffsetRange, Partition, Positions};
use tokio::sync::watch;

use crate::log::Extent;
use crate::spool::blocking;
use crate::writer::Order;
use crate::{Error, Spool};

/// How long a pull waits for something new before it answers [`Pulled::Idle`].
const IDLE_WAIT: Duration = Duration::from_millis(200);

/// What a source says when it has read everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// [`Pulled::Idle`]: more may come.
    Follow,
    /// [`Pulled::End`]: there is nothing more now.
    Finite,
}

/// The embedded log as a source. All partitions are assigned by the first pull and never revoked; one that was not given a
/// place to begin with [`Source::seek`] is not read.
#[derive(Debug)]
pub struct SpoolSource {
    spool: Spool,
    extents: watch::Receiver<Vec<Extent>>,
    mode: Mode,
    assigned: bool,
    cursors: BTreeMap<Partition, Offset>,
    /// The partition read last: the others come before it again.
    last: Partition,
}

impl SpoolSource {
    pub(crate) fn new(spool: Spool, mode: Mode) -> Self {
        let extents = spool.extents();
        Self { spool, extents, mode, assigned: false, cursors: BTreeMap::new(), last: Partition(-1) }
    }

    /// The next partition that has something new, from where, and its extent.
    fn next_due(&mut self) -> Option<(Partition, Offset, Extent)> {
        let extents = self.extents.borrow_and_update();
        let due = |(partition, cursor): (&Partition, &Offset)| {
            let extent = *usize::try_from(partition.0).ok().and_then(|index| extents.get(index))?;
            (cursor.0 < extent.end).then_some((*partition, *cursor, extent))
        };
        let after = self.cursors.range((std::ops::Bound::Excluded(self.last), std::ops::Bound::Unbounded));
        let mut turns = after.chain(self.cursors.range(..=self.last));
        turns.find_map(due)
    }

    pub(crate) async fn read(&mut self, partition: Partition, from: Offset, extent: Extent) -> Result<RawBatch, Error> {
        if from.0 < extent.start {
            return Err(Error::Trimmed { partition, start: Offset(extent.start), wanted: from });
        }
        let log = self.spool.log();
        let messages = blocking(move || Ok(log.read(partition, from, Offset(extent.end))?)).await?;
        // The log has no holes, so whatever is missing at the beginning was trimmed since the extent was looked at.
        match messages.first().map(|first| first.offset) {
            Some(first) if first == from => {}
            first => {
                return Err(Error::Trimmed { partition, start: first.unwrap_or(Offset(extent.end)), wanted: from });
            }
        }
        let to = messages.last().map_or(Offset(extent.end), |last| last.offset.next());
        // Only now, with nothing left to wait for: a pull that is dropped earlier has taken nothing.
        self.last = partition;
        self.cursors.insert(partition, to);
        Ok(RawBatch { partition, range: OffsetRange { from, to }, messages })
    }
}

impl Source for SpoolSource {
    type Error = Error;

    async fn pull(&mut self) -> Result<Pulled, Error> {
        if !self.assigned {
            self.assigned = true;
            return Ok(Pulled::Assigned(self.spool.starts().into_keys().collect()));
        }
        loop {
            if let Some((partition, from, extent)) = self.next_due() {
                return self.read(partition, from, extent).await.map(Pulled::Batch);
            }
            if self.mode == Mode::Finite {
                return Ok(Pulled::End);
            }
            match tokio::time::timeout(IDLE_WAIT, self.extents.changed()).await {
                Ok(changed) => changed.map_err(|_| Error::Closed)?,
                Err(_) => return Ok(Pulled::Idle),
            }
        }
    }

    async fn seek(&mut self, partition: Partition, offset: Offset) -> Result<(), Error> {
        let extent = usize::try_from(partition.0).ok().and_then(|index| self.extents.borrow().get(index).copied());
        let Extent { start, end, .. } = extent.ok_or(Error::NoSuchPartition(partition))?;
        if offset.0 < start {
            return Err(Error::Trimmed { partition, start: Offset(start), wanted: offset });
        }
        if offset.0 > end {
            return Err(Error::Ahead { partition, end: Offset(end), wanted: offset });
        }
        self.cursors.insert(partition, offset);
        Ok(())
    }

    async fn acknowledge(&mut self, positions: &Positions) -> Result<(), Error> {
        let positions = positions.clone();
        self.spool.order(|reply| Order::Acknowledge(positions, reply)).await
    }
}
