//! What becomes durable in one step: the data of some offset ranges, those ranges, and the state after them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::charge::Charges;
use crate::externality::Fit;
use crate::position::{OffsetRange, Partition, Place};
use crate::reject::Reason;
use crate::time::EventTime;

/// A message, or an event of a batch message, that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it stands in the log.
    pub place: Place,
    /// When the log took it.
    pub received_at: EventTime,
    /// Why.
    pub reason: Reason,
    /// What in particular, for the reader: a field's name, never its content.
    pub detail: String,
    /// What the message claimed to be.
    pub content_type: String,
    /// The bytes, unaltered: the whole message, or the one event of a JSON batch.
    pub raw: Vec<u8>,
}

/// How complete one stream of one node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// The partition the stream is on.
    pub partition: Partition,
    /// The node or proxy.
    pub source: String,
    /// The node's epoch.
    pub epoch: u64,
    /// The cache domain.
    pub domain: String,
    /// One past the highest number seen.
    pub end: u64,
    /// How many different numbers arrived.
    pub received: u64,
    /// The missing runs, `(from, to)` half-open.
    pub gaps: Vec<(u64, u64)>,
}

/// Counts that are true of a range of the log, whatever becomes of its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that became charges.
    pub charged: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Events or messages that were not accepted.
    pub rejected: u64,
    /// Events that were accepted and are no requests: nodes' intervals and caches' changes.
    pub reports: u64,
}

/// Everything that becomes durable together. Sinks take it whole and drop what they hold already, row by row, by offset.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// What was read for it.
    pub ranges: BTreeMap<Partition, OffsetRange>,
    /// The rated requests, in order of arrival within each partition.
    pub charges: Charges,
    /// What was not accepted.
    pub rejects: Vec<Rejected>,
    /// The streams that moved.
    pub streams: Vec<StreamReport>,
    /// The models of caches whose fit moved.
    pub fits: Vec<Fit>,
    /// What was counted, by partition.
    pub tallies: BTreeMap<Partition, Tally>,
    /// The encoded state of each partition after its range.
    pub snapshots: BTreeMap<Partition, Vec<u8>>,
}
