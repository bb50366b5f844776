//! The loop itself: what is pulled is folded, what has accrued is cut and committed, what was lost is begun anew. Decides when,
//! never what.
//!
//! One commit is written while the next accrues. A commit is cut when it is full, when something has waited for the commit
//! interval, before partitions come or go, and at the end.

use std::future::Future;
use std::pin::pin;

use aliquot_core::ports::{Activations, Fault, Kind, Pulled, RawBatch, Sink, Snapshots, Source};
use aliquot_core::position::{Partition, Positions};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::commit::{Writer, Written};
use crate::error::{Error, Failure};
use crate::fold::{Fold, Folded, Rest};
use crate::resume::{self, LOG};
use crate::retry::{Attempts, Patience};
use crate::{Books, Progress, Settings};

/// Runs the pipeline until the source ends, `stop` answers, or something needs an operator.
///
/// At the end, and after `stop`, everything that was read is committed and acknowledged before this returns. Dropping the
/// future instead is always safe: what was not committed is read again by the next run.
///
/// # Errors
/// See [`Error`]: every one says what to do, and none loses anything.
pub async fn run<S, A, L>(
    source: S,
    lake: A,
    ledger: L,
    books: &Books,
    settings: Settings,
    progress: watch::Sender<Progress>,
    stop: impl Future<Output = ()>,
) -> Result<Progress, Error>
where
    S: Source,
    A: Sink + 'static,
    L: Sink + Snapshots + Activations + 'static,
{
    if !books.all.contains_key(&books.current) {
        return Err(Error::MissingCurrentBook(books.current));
    }
    let (ask, stopping) = watch::channel(false);
    let patience = Patience { backoff: settings.backoff, progress, stopping };
    let run = Run {
        source,
        pulling: patience.attempts(LOG, "read"),
        interval: settings.commit_interval,
        fold: Fold::new(settings, books),
        due: None,
        writer: Writer::new(lake, ledger),
        fencing: patience.attempts("ledger", "own partitions in"),
        books,
        patience,
    };
    let mut run = Box::pin(run.drive());
    let mut stop = pin!(stop);
    tokio::select! {
        biased;
        () = &mut stop => {}
        ended = &mut run => return ended,
    }
    ask.send_replace(true);
    run.await
}

struct Run<'b, S, A, L> {
    source: S,
    pulling: Attempts,
    fold: Fold<'b>,
    interval: std::time::Duration,
    /// When what has accrued must be committed.
    due: Option<Instant>,
    writer: Writer<A, L>,
    fencing: Attempts,
    books: &'b Books,
    patience: Patience,
}

/// What the loop does next.
enum Next {
    Take(Pulled),
    Commit,
    Stop,
}

/// Whether what was folded is still what was committed plus what accrued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Footing {
    Kept,
    /// The partitions were begun anew; what had accrued is forgotten and will be read again.
    Rewound,
}

impl<S, A, L> Run<'_, S, A, L>
where
    S: Source,
    A: Sink + 'static,
    L: Sink + Snapshots + Activations + 'static,
{
    async fn drive(mut self) -> Result<Progress, Error> {
        loop {
            match self.next().await? {
                Next::Take(Pulled::Batch(batch)) => self.fold(batch).await?,
                Next::Take(Pulled::Assigned(partitions)) => {
                    self.flush().await?;
                    self.resume(partitions).await?;
                }
                Next::Take(Pulled::Revoked(partitions)) => {
                    self.flush().await?;
                    partitions.into_iter().for_each(|partition| self.fold.close(partition));
                }
                // The commit interval alone says when: a source is idle after every lull.
                Next::Take(Pulled::Idle) => {}
                Next::Commit => {
                    self.cut().await?;
                }
                Next::Take(Pulled::End) => {
                    if self.flush().await? == Footing::Kept {
                        break;
                    }
                }
                Next::Stop => {
                    self.flush().await?;
                    break;
                }
            }
        }
        Ok(self.patience.progress.borrow().clone())
    }

    async fn next(&mut self) -> Result<Next, Error> {
        loop {
            let is_writing = self.writer.is_writing();
            let due = self.due.filter(|_| !is_writing);
            let written = tokio::select! {
                biased;
                () = self.patience.stopped() => return Ok(Next::Stop),
                written = self.writer.written(), if is_writing => written?,
                () = until(due), if due.is_some() => return Ok(Next::Commit),
                pulled = pull(&mut self.source, &mut self.pulling) => return pulled.map(Next::Take),
            };
            self.finish(written).await?;
        }
    }

    async fn fold(&mut self, batch: RawBatch) -> Result<(), Error> {
        let mut rest = Rest::from(batch);
        while self.fold.fold(&mut rest)? == Folded::UntilCut {
            if self.cut().await? == Footing::Rewound {
                // The rest of the batch is read again.
                return Ok(());
            }
        }
        if self.due.is_none() && self.fold.has_accrued() {
            self.due = Instant::now().checked_add(self.interval);
        }
        // Folding never waits by itself; others on this thread must get their turn, the commit in flight first of all.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Commits everything that was folded, and waits until it is durable.
    async fn flush(&mut self) -> Result<Footing, Error> {
        match self.cut().await? {
            Footing::Kept => self.settle().await,
            Footing::Rewound => Ok(Footing::Rewound),
        }
    }

    /// Begins to commit what has accrued, as soon as the commit in flight is through.
    async fn cut(&mut self) -> Result<Footing, Error> {
        if self.settle().await? == Footing::Rewound {
            return Ok(Footing::Rewound);
        }
        self.due = None;
        if let Some(accrued) = self.fold.cut() {
            self.writer.start(accrued, self.patience.clone());
        }
        Ok(Footing::Kept)
    }

    /// Waits for the commit in flight, if there is one.
    async fn settle(&mut self) -> Result<Footing, Error> {
        if !self.writer.is_writing() {
            return Ok(Footing::Kept);
        }
        let written = self.writer.written().await?;
        self.finish(written).await
    }

    async fn finish(&mut self, written: Written) -> Result<Footing, Error> {
        self.fold.reuse(written.spare);
        match written.result {
            Ok(()) => {
                self.fencing.succeeded();
                let positions = written.progress.positions.clone();
                self.patience.progress.send_modify(|progress| progress.add(written.progress));
                self.acknowledge(&positions).await?;
                Ok(Footing::Kept)
            }
            Err(Failure::Fenced) => {
                self.rewind().await?;
                Ok(Footing::Rewound)
            }
            Err(Failure::Final(error)) => Err(error),
        }
    }

    /// Tells the log. It is advice, so that only what needs an operator is an error.
    async fn acknowledge(&mut self, positions: &Positions) -> Result<(), Error> {
        match self.source.acknowledge(positions).await {
            Err(error) if error.kind() == Kind::Halt => {
                Err(Error::Halt { name: LOG, doing: "acknowledge to the", source: Box::new(error) })
            }
            Err(error) => {
                tracing::warn!(%error, "the log did not take the positions; the next commit tells them again");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Somebody else moved a partition: forgets everything that is not committed, and begins anew where the sinks are. A
    /// partition that is no longer ours is left by the next pull.
    async fn rewind(&mut self) -> Result<(), Error> {
        self.patience.progress.send_modify(|progress| progress.fenced = progress.fenced.saturating_add(1));
        let partitions = self.fold.close_all();
        self.due = None;
        tracing::warn!(partitions = ?partitions, "another owner moved a partition; reading again what is not committed");
        self.fencing.pause().await;
        self.resume(partitions).await
    }

    /// Opens the partitions. One that another owner moves meanwhile is opened again, from where it then is.
    async fn resume(&mut self, mut partitions: Vec<Partition>) -> Result<(), Error> {
        while !partitions.is_empty() {
            partitions = self.open(partitions).await?;
            if !partitions.is_empty() {
                tracing::warn!(partitions = ?partitions, "another owner moved partitions while they were being opened");
                self.fencing.pause().await;
                if self.patience.is_stopping() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Opens the partitions; answers those which another owner moved meanwhile.
    async fn open(&mut self, partitions: Vec<Partition>) -> Result<Vec<Partition>, Error> {
        let Self { source, writer, patience, fold, books, .. } = self;
        let stores = writer.stores().expect("the commit in flight was waited for");
        let held = match resume::held(stores, &partitions, patience).await {
            Ok(held) => held,
            Err(Failure::Fenced) => return Ok(partitions),
            Err(Failure::Final(error)) => return Err(error),
        };
        let mut moved = Vec::new();
        for partition in partitions {
            match resume::open(source, &mut stores.ledger, &held, partition, books.current, patience).await {
                Ok(Some(open)) => fold.open(partition, open)?,
                Ok(None) => tracing::warn!(partition = partition.0, "partition was taken away before it was opened"),
                Err(Failure::Fenced) => moved.push(partition),
                Err(Failure::Final(error)) => return Err(error),
            }
        }
        Ok(moved)
    }
}

/// The next thing the source has to say. Cancel-safe, as the source's own call is.
async fn pull<S: Source>(source: &mut S, attempts: &mut Attempts) -> Result<Pulled, Error> {
    loop {
        match source.pull().await {
            Ok(pulled) => {
                attempts.succeeded();
                return Ok(pulled);
            }
            Err(error) => match attempts.failed(error).await {
                Ok(()) => {}
                // Which partitions are gone, the next pull says.
                Err(Failure::Fenced) => attempts.pause().await,
                Err(Failure::Final(error)) => return Err(error),
            },
        }
    }
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due).await;
    }
}
