//! What can go wrong with the embedded log, and what the pipeline may do about it. Decides nothing else.

use std::path::PathBuf;
use std::sync::Arc;

use aliquot_core::ports::{Fault, Kind};
use aliquot_core::position::{Offset, Partition};

/// An error of the embedded log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Another process, or another handle of this one, has the log open.
    #[error("the event log in {} is open already; stop the other process, or use another data directory", .0.display())]
    InUse(PathBuf),
    /// The log was made with another number of partitions; changing it would part a cache domain from its history.
    #[error("the event log in {} has {held} partitions, not {wanted}; set the partitions to {held}, or use another data directory", .dir.display())]
    Partitions {
        /// Where the log is.
        dir: PathBuf,
        /// How many it has.
        held: u64,
        /// How many were asked for.
        wanted: u16,
    },
    /// A log without partitions was asked for.
    #[error("an event log needs at least one partition; set the partitions to 1 or more")]
    NoPartitions,
    /// The log holds as much as it may. It takes messages again once the pipeline has committed some.
    #[error(
        "the event log is full: it holds {held} bytes, {wanted} more would exceed its limit of {limit}; the pipeline is behind, or the limit too low"
    )]
    Full {
        /// Bytes held.
        held: u64,
        /// Bytes of the refused messages.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
    /// These messages exceed the limit by themselves.
    #[error(
        "{wanted} bytes at once exceed the event log's limit of {limit} bytes; raise the limit, or send less at once"
    )]
    TooLarge {
        /// Bytes of the refused messages.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
    /// The wanted messages were trimmed.
    #[error("partition {} of the event log begins at offset {}, but {} is wanted: what lay before was dropped after everybody had acknowledged it; restore the stores that are behind, or begin with an empty data directory", .partition.0, .start.0, .wanted.0)]
    Trimmed {
        /// Which partition.
        partition: Partition,
        /// The first offset it has.
        start: Offset,
        /// The offset asked for.
        wanted: Offset,
    },
    /// The stores are ahead of the log: it is not the log they were filled from.
    #[error("partition {} of the event log ends at offset {}, but {} is wanted: the stores were filled from another log; put its files back, or begin with an empty data directory", .partition.0, .end.0, .wanted.0)]
    Ahead {
        /// Which partition.
        partition: Partition,
        /// One past its last message.
        end: Offset,
        /// The offset asked for.
        wanted: Offset,
    },
    /// There is no such partition.
    #[error("the event log has no partition {}", .0.0)]
    NoSuchPartition(Partition),
    /// The directory cannot be made or read.
    #[error("cannot use {} for the event log: {source}; check that it is a writable directory", .dir.display())]
    Directory {
        /// Where.
        dir: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// The store failed.
    #[error("the event log's store failed: {0}; check the disk and its free space, then restart")]
    Store(Arc<redb::Error>),
    /// The thread that writes is gone.
    #[error("the event log was closed; restart")]
    Closed,
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Full { .. } => Kind::Retry,
            Self::InUse(_)
            | Self::Partitions { .. }
            | Self::NoPartitions
            | Self::TooLarge { .. }
            | Self::Trimmed { .. }
            | Self::Ahead { .. }
            | Self::NoSuchPartition(_)
            | Self::Directory { .. }
            | Self::Store(_)
            | Self::Closed => Kind::Halt,
        }
    }
}

impl From<redb::Error> for Error {
    fn from(source: redb::Error) -> Self {
        Self::Store(Arc::new(source))
    }
}
