//! A partition that is ours: its state, and how far the sinks and the commits are with it. Reads no message.

use std::collections::BTreeMap;

use aliquot_attribution::attributor::Attributor;
use aliquot_core::bytes::Writer;
use aliquot_core::commit::Commit;
use aliquot_core::position::{Offset, OffsetRange, Partition};
use aliquot_core::state::PartitionState;
use aliquot_wire::snapshot;

use crate::books::Schedule;

/// A snapshot is due after as many events as an eighth of the blocks in it: then writing it costs less than folding them.
const BLOCKS_PER_EVENT: u64 = 8;

/// An open partition.
#[derive(Debug)]
pub(crate) struct Open {
    /// What it remembers; `state.next` is how far it is folded.
    pub(crate) state: PartitionState,
    /// What it remembers of its domains' caches.
    pub(crate) attributor: Attributor,
    /// Which book rates which offset.
    pub(crate) schedule: Schedule,
    /// Where the range of the next commit begins. Before it, every sink has everything: the state is only being rebuilt, and
    /// nothing is written or counted.
    cut_at: Offset,
    /// Where the ledger was when the partition was opened.
    ledger_at: Offset,
    /// Events since the last snapshot.
    since_snapshot: u64,
}

/// What a snapshot holds.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) state: PartitionState,
    pub(crate) attributor: Attributor,
}

impl Open {
    /// The partition with this memory, given where the sinks are.
    pub(crate) fn new(memory: Memory, schedule: Schedule, lake_at: Offset, ledger_at: Offset) -> Self {
        let Memory { state, attributor } = memory;
        Self { state, attributor, schedule, cut_at: lake_at.min(ledger_at), ledger_at, since_snapshot: 0 }
    }

    /// Whether a message at `offset` is to be written, by some sink at least.
    pub(crate) fn is_new(&self, offset: Offset) -> bool {
        offset >= self.cut_at
    }

    /// Whether anything waits for its commit.
    pub(crate) fn has_accrued(&self) -> bool {
        self.cut_at < self.state.next
    }

    /// Moves the state forward to `offset`, over offsets without a message; but no further than to the ledger's position, if
    /// the next commit's range begins before it. Whether it got there.
    ///
    /// A range must not straddle that position, because the counts of a range cannot be split: the ledger takes the ones
    /// behind it and drops the ones before it whole. It happens only when the lake is behind the ledger (it was restored from a
    /// copy, say).
    pub(crate) fn advance(&mut self, offset: Offset) -> bool {
        let must_cut = self.cut_at < self.ledger_at && self.ledger_at <= offset;
        let reachable = if must_cut { self.ledger_at } else { offset };
        self.state.next = self.state.next.max(reachable);
        !must_cut
    }

    /// Puts the partition's range and the state after it into `commit`, if there is anything.
    pub(crate) fn cut(&mut self, partition: Partition, commit: &mut Commit) {
        if !self.has_accrued() {
            return;
        }
        let range = OffsetRange { from: self.cut_at, to: self.state.next };
        commit.ranges.insert(partition, range);
        commit.tallies.entry(partition).or_default();
        commit.streams.extend(self.state.take_moved(partition));
        self.attributor.take_news(partition, &mut commit.fits);
        let events = commit.tallies.get(&partition).map_or(0, |tally| tally.charged.saturating_add(tally.reports));
        self.since_snapshot = self.since_snapshot.saturating_add(events);
        if self.since_snapshot.saturating_mul(BLOCKS_PER_EVENT) >= self.attributor.blocks() {
            commit.snapshots.insert(partition, self.snapshot());
            self.since_snapshot = 0;
        }
        self.cut_at = range.to;
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut attribution = Writer::default();
        self.attributor.save(&mut attribution);
        snapshot::encode(&self.state, &attribution.into_bytes())
    }
}

/// The partitions that are ours.
pub(crate) type Partitions = BTreeMap<Partition, Open>;
