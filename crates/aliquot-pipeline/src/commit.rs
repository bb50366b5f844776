//! Writes one commit at a time, to the lake and then to the ledger, in a task of its own, so that the next one is folded
//! meanwhile. The same commit is tried until it is through: nothing that accrued is thrown away because a store was slow.

use std::collections::BTreeMap;
use std::fmt;

use aliquot_core::commit::Commit;
use aliquot_core::ports::Sink;
use aliquot_core::position::{OffsetRange, Partition};
use tokio::task::JoinSet;

use crate::Progress;
use crate::accrue::Accrued;
use crate::error::{Error, Failure};
use crate::retry::Patience;

/// The sinks. The order is part of the protocol: the ledger is last, because its state snapshots must never be ahead of the
/// lake's rows.
#[derive(Debug)]
pub(crate) struct Stores<A, L> {
    pub(crate) lake: A,
    pub(crate) ledger: L,
}

/// Has the sinks, or has lent them to the task that writes.
#[derive(Debug)]
pub(crate) struct Writer<A, L> {
    stores: Option<Stores<A, L>>,
    // At most one task. Dropping the set ends it wherever it is, which is no worse than a crash there.
    tasks: JoinSet<(Stores<A, L>, Written)>,
}

/// What became of a commit.
#[derive(Debug)]
pub(crate) struct Written {
    /// What it adds, if it became durable in both sinks.
    pub(crate) progress: Progress,
    /// The room it took, emptied.
    pub(crate) spare: Accrued,
    pub(crate) result: Result<(), Failure>,
}

impl<A: Sink + 'static, L: Sink + 'static> Writer<A, L> {
    pub(crate) fn new(lake: A, ledger: L) -> Self {
        Self { stores: Some(Stores { lake, ledger }), tasks: JoinSet::new() }
    }

    /// Whether a commit is being written.
    pub(crate) fn is_writing(&self) -> bool {
        self.stores.is_none()
    }

    /// The sinks, unless a commit is being written.
    pub(crate) fn stores(&mut self) -> Option<&mut Stores<A, L>> {
        self.stores.as_mut()
    }

    /// Begins to write; nothing else must be being written.
    pub(crate) fn start(&mut self, accrued: Accrued, patience: Patience) {
        let mut stores =
            self.stores.take().expect("the caller waits for the commit in flight before it starts the next");
        self.tasks.spawn(async move {
            let rows = accrued.rows();
            let Accrued { commit, mut progress, .. } = accrued;
            progress.commits = 1;
            progress.rows_of_last_commit = u64::try_from(rows).unwrap_or(u64::MAX);
            let result = write(&mut stores, &commit, &patience).await;
            if result.is_ok() {
                let ranges = Ranges(&commit.ranges);
                tracing::info!(commit.ranges = %ranges, commit.rows = rows, commit.rejects = commit.rejects.len(), "committed");
            }
            (stores, Written { progress, spare: Accrued::in_room_of(commit), result })
        });
    }

    /// Waits for the commit that is being written. Cancel-safe.
    pub(crate) async fn written(&mut self) -> Result<Written, Error> {
        let joined = self.tasks.join_next().await.expect("asked only while a commit is being written");
        let (stores, written) = joined.map_err(Error::Committer)?;
        self.stores = Some(stores);
        Ok(written)
    }
}

async fn write<A: Sink, L: Sink>(
    stores: &mut Stores<A, L>,
    commit: &Commit,
    patience: &Patience,
) -> Result<(), Failure> {
    put(&mut stores.lake, commit, patience).await?;
    put(&mut stores.ledger, commit, patience).await
}

async fn put<K: Sink>(sink: &mut K, commit: &Commit, patience: &Patience) -> Result<(), Failure> {
    let mut attempts = patience.attempts(sink.name(), "commit to");
    loop {
        match sink.commit(commit).await {
            Ok(()) => {
                attempts.succeeded();
                return Ok(());
            }
            Err(error) => attempts.failed(error).await?,
        }
    }
}

/// Offset ranges for a reader: `0:[17,42) 3:[0,9)`.
struct Ranges<'a>(&'a BTreeMap<Partition, OffsetRange>);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for (partition, range) in self.0 {
            write!(out, "{gap}{}:[{},{})", partition.0, range.from.0, range.to.0)?;
            gap = " ";
        }
        Ok(())
    }
}
