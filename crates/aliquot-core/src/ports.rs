//! The doors of the core: where messages come from, where commits go and what is kept beside them, where the gateway puts
//! events.

use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;

use crate::commit::Commit;
use crate::position::{Offset, OffsetRange, Partition, Positions};
use crate::prices::BookId;
use crate::time::EventTime;

/// What the pipeline may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The same call may work later.
    Retry,
    /// Somebody else owns the partition now: drop its state and go on with the others.
    Fenced,
    /// An operator must look; going on would lose or double something.
    Halt,
}

/// An error that knows what to do about it.
pub trait Fault: core::error::Error + Send + Sync + 'static {
    /// What to do.
    fn kind(&self) -> Kind;
}

/// One message of the log, as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// Where it stands.
    pub offset: Offset,
    /// When the log took it; the same in every read.
    pub received_at: EventTime,
    /// Header `content-type`; empty if there is none.
    pub content_type: String,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// Messages of one partition, ascending by offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawBatch {
    /// The partition.
    pub partition: Partition,
    /// What the batch covers; wider than its messages where the log has holes (compaction, transaction markers).
    pub range: OffsetRange,
    /// The messages.
    pub messages: Vec<RawMessage>,
}

/// What a source has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// Messages to fold.
    Batch(RawBatch),
    /// These partitions are ours from now on; tell the source where to begin with [`Source::seek`].
    Assigned(Vec<Partition>),
    /// These are no longer ours; nothing of them may be committed any more once this call is answered by the next pull.
    Revoked(Vec<Partition>),
    /// Nothing new for a while; a good moment to commit.
    Idle,
    /// The log has ended: only finite sources say so.
    End,
}

/// Where messages come from: Kafka, the embedded log, or a simulation.
pub trait Source: Send {
    /// What goes wrong.
    type Error: Fault;

    /// The next thing. Cancel-safe: a call dropped before it answers loses nothing.
    fn pull(&mut self) -> impl Future<Output = Result<Pulled, Self::Error>> + Send;

    /// Starts reading `partition` at `offset`; called after each [`Pulled::Assigned`], and again to read something anew.
    fn seek(&mut self, partition: Partition, offset: Offset) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Tells the log how far everything is durable. Advisory: the sinks' positions are the truth.
    fn acknowledge(&mut self, positions: &Positions) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Where commits go: each sink keeps its own positions, in the same step as the data.
pub trait Sink: Send {
    /// What goes wrong.
    type Error: Fault;

    /// A name for logs and metrics.
    fn name(&self) -> &'static str;

    /// For each of `partitions`, the first offset this sink does not hold (0 if it holds nothing).
    fn positions(&mut self, partitions: &[Partition]) -> impl Future<Output = Result<Positions, Self::Error>> + Send;

    /// Makes the commit durable, all of it or nothing, leaving out rows whose offset lies below the sink's position.
    fn commit(&mut self, commit: &Commit) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Where states are kept between runs: by the sink that commits last, in the same step as its positions.
pub trait Snapshots: Send {
    /// What goes wrong.
    type Error: Fault;

    /// The kept states of `partition` at or before `at`, newest first: more than one, in case the newest does not read.
    fn load(
        &mut self,
        partition: Partition,
        at: Offset,
    ) -> impl Future<Output = Result<Vec<(Offset, Vec<u8>)>, Self::Error>> + Send;
}

/// Which price book rates which part of a partition. Durable before its first use, so that a replay after a price import
/// rates old offsets as before.
pub trait Activations: Send {
    /// What goes wrong.
    type Error: Fault;

    /// From which offset on which book rates the partition, ascending; the last one is open-ended.
    fn activations(
        &mut self,
        partition: Partition,
    ) -> impl Future<Output = Result<Vec<(Offset, BookId)>, Self::Error>> + Send;

    /// Makes it durable that `book` rates the partition from `from` on. At an offset that has one already, the new one takes
    /// its place: nothing was written with the other.
    fn activate(
        &mut self,
        partition: Partition,
        from: Offset,
        book: BookId,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A message on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The cache domain: it chooses the partition, so that one partition sees a domain in order.
    pub key: String,
    /// Header `content-type`.
    pub content_type: String,
    /// When it arrived here.
    pub received_at: EventTime,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// Where events are put: Kafka or the embedded log.
pub trait Outlet: Send + Sync {
    /// What goes wrong.
    type Error: Fault;

    /// Appends the messages; answers when all of them are durable.
    fn append(&self, messages: Vec<Outgoing>) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
