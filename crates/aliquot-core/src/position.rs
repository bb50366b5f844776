//! How far a partition has been read: half-open offset ranges that travel with the data they describe.

use alloc::collections::BTreeMap;

/// A partition of the event log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub i32);

/// The place of a message in its partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

impl Offset {
    /// The next place.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Messages `from..to` of one partition: `to` is the first message *not* in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetRange {
    /// The first message.
    pub from: Offset,
    /// One past the last message.
    pub to: Offset,
}

impl OffsetRange {
    /// Whether the range holds no message.
    pub fn is_empty(self) -> bool {
        self.from >= self.to
    }
}

/// For each partition, the first offset that is *not* yet held.
pub type Positions = BTreeMap<Partition, Offset>;

/// Where one event stands in the log: a message may carry a batch, so the offset alone does not name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The partition.
    pub partition: Partition,
    /// The message.
    pub offset: Offset,
    /// The event inside the message, from 0.
    pub index: u32,
}
