//! Single situations: what the operator sees, and when a commit is cut.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aliquot_core::commit::Commit;
use aliquot_core::ports::{Kind, Pulled, RawBatch, Sink, Source};
use aliquot_core::position::{Offset, OffsetRange, Partition, Positions};
use aliquot_core::prices::BookId;
use aliquot_core::reject::Reason;
use aliquot_pipeline::{Backoff, Books, Error, Progress, Settings, run};
use tokio::sync::{Notify, watch};

use crate::faults::SimError;
use crate::prices::{LISTS, books};
use crate::sinks::{Door, LakeSink, LedgerSink, World};
use crate::workload::{LIMITS, Workload};

const P: Partition = Partition(0);

/// Longer than anything here takes; reached only where something would otherwise hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A source that says what it is told to, and then nothing, or that the log has ended.
#[derive(Debug)]
struct Script {
    news: VecDeque<Pulled>,
    ends: bool,
    /// Rung at each pull.
    pulled: Arc<Notify>,
}

impl Script {
    /// Partition 0 with the messages of a small fleet, a batch each.
    fn new(workload: &Workload) -> Self {
        let batch = |(range, entry): (OffsetRange, &crate::workload::Entry)| {
            Pulled::Batch(RawBatch { partition: P, range, messages: vec![entry.message.clone()] })
        };
        let mut from = Offset(0);
        let batches = workload.entries(P).iter().map(|entry| {
            let range = OffsetRange { from, to: entry.end };
            from = entry.end;
            batch((range, entry))
        });
        let news = std::iter::once(Pulled::Assigned(vec![P])).chain(batches).collect();
        Self { news, ends: true, pulled: Arc::default() }
    }
}

impl Source for Script {
    type Error = SimError;

    async fn pull(&mut self) -> Result<Pulled, SimError> {
        self.pulled.notify_one();
        match self.news.pop_front() {
            Some(news) => Ok(news),
            None if self.ends => Ok(Pulled::End),
            None => pending().await,
        }
    }

    async fn seek(&mut self, _: Partition, _: Offset) -> Result<(), SimError> {
        Ok(())
    }

    async fn acknowledge(&mut self, _: &Positions) -> Result<(), SimError> {
        Ok(())
    }
}

/// A sink that waits for `gate` before each commit, fails it if told to, and rings `done` after it.
#[derive(Debug)]
struct Gated {
    lake: LakeSink,
    gate: Option<Arc<Notify>>,
    fails: Option<SimError>,
    done: Arc<Notify>,
}

impl Sink for Gated {
    type Error = SimError;

    fn name(&self) -> &'static str {
        "lake"
    }

    async fn positions(&mut self, partitions: &[Partition]) -> Result<Positions, SimError> {
        self.lake.positions(partitions).await
    }

    async fn commit(&mut self, commit: &Commit) -> Result<(), SimError> {
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        if let Some(error) = self.fails {
            return Err(error);
        }
        self.lake.commit(commit).await?;
        self.done.notify_one();
        Ok(())
    }
}

/// One process over fresh stores.
struct Case {
    workload: Workload,
    source: Script,
    lake: Gated,
    world: Arc<Mutex<World>>,
    settings: Settings,
    books: Books,
    progress: watch::Sender<Progress>,
}

impl Case {
    fn new() -> Self {
        let world = Arc::new(Mutex::new(World::calm()));
        let workload = Workload::new(1);
        let door = Door { world: Arc::clone(&world), death: Arc::default() };
        Self {
            source: Script::new(&workload),
            workload,
            lake: Gated { lake: LakeSink(door), gate: None, fails: None, done: Arc::default() },
            world,
            settings: Settings {
                limits: LIMITS,
                commit_interval: Duration::MAX,
                backoff: Backoff { first: Duration::ZERO, ..Backoff::default() },
                ..Settings::default()
            },
            books: books(LISTS[0]),
            progress: watch::Sender::new(Progress::default()),
        }
    }

    /// Runs it until it ends or `stop` answers.
    async fn run(self, stop: impl Future<Output = ()>) -> Result<Progress, Error> {
        let Self { source, lake, world, settings, books, progress, .. } = self;
        let ledger = LedgerSink(Door { world, death: Arc::default() });
        let run = run(source, lake, ledger, &books, settings, progress, stop);
        tokio::time::timeout(PATIENCE, run).await.expect("the run hangs")
    }

    async fn fails(self) -> String {
        self.run(pending()).await.unwrap_err().to_string()
    }
}

#[tokio::test]
async fn progress_is_what_the_ledger_counted() {
    let case = Case::new();
    let (world, entries) = (Arc::clone(&case.world), case.workload.entries(P));
    let messages = u64::try_from(entries.len()).unwrap();
    let bytes = entries.iter().map(|entry| u64::try_from(entry.message.payload.len()).unwrap()).sum();
    let mut watched = case.progress.subscribe();
    let end = case.workload.end(P);
    let progress = case.run(pending()).await.unwrap();
    assert_eq!(*watched.borrow_and_update(), progress);
    let world = world.lock().unwrap();
    let tally = world.ledger.tallies[&P];
    assert_eq!((progress.charged, progress.duplicates), (tally.charged, tally.duplicates));
    assert_eq!(progress.reports, tally.reports);
    assert_eq!(progress.rejected.values().sum::<u64>(), tally.rejected);
    assert_eq!(progress.rejected[&Reason::AbsurdTime], count_rejects(&world, Reason::AbsurdTime));
    assert_eq!(progress.events, tally.charged + tally.reports + tally.duplicates + tally.rejected);
    assert_eq!((progress.messages, progress.bytes), (messages, bytes));
    assert_eq!(progress.positions, [(P, end)].into());
    assert_eq!(progress.latest, world.lake.rows.iter().map(|row| row.time).max());
    let unpriced = world.lake.rows.iter().filter(|row| row.unpriced.is_some()).count();
    assert_eq!(progress.unpriced, u64::try_from(unpriced).unwrap());
    assert_eq!((progress.commits, progress.retries, progress.stalled.len()), (1, 0, 0));
    let intervals = u64::try_from(world.lake.intervals.len()).unwrap();
    assert_eq!(progress.rows_of_last_commit, tally.charged + tally.rejected + intervals);
}

fn count_rejects(world: &World, reason: Reason) -> u64 {
    u64::try_from(world.lake.rejects.iter().filter(|reject| reject.reason == reason).count()).unwrap()
}

#[tokio::test]
async fn what_waits_is_committed_after_the_interval_though_nothing_more_comes() {
    let mut case = Case::new();
    case.source.ends = false;
    case.settings.commit_interval = Duration::from_millis(1);
    let done = Arc::clone(&case.lake.done);
    let progress = case.run(async move { done.notified().await }).await.unwrap();
    assert!(progress.commits > 0);
}

#[tokio::test]
async fn the_next_commit_is_folded_while_one_is_written() {
    let mut case = Case::new();
    case.settings.commit_bytes_max = 4_000;
    let gate = Arc::new(Notify::new());
    case.lake.gate = Some(Arc::clone(&gate));
    let pulled = Arc::clone(&case.source.pulled);
    // The first commit is let through only after the log was read again; a pipeline that waits for it would hang.
    let reader = async move {
        loop {
            pulled.notified().await;
            gate.notify_one();
        }
    };
    let end = case.workload.end(P);
    let progress = tokio::select! {
        progress = case.run(pending()) => progress.unwrap(),
        () = reader => unreachable!("it never ends"),
    };
    assert!(progress.commits > 3);
    assert_eq!(progress.positions[&P], end);
}

#[tokio::test]
async fn a_stalled_sink_is_visible_and_a_stop_gives_up_on_it() {
    let mut case = Case::new();
    case.lake.fails = Some(SimError { kind: Kind::Retry, what: "an outage" });
    let (mut watched, world) = (case.progress.subscribe(), Arc::clone(&case.world));
    let stop = async move {
        watched.wait_for(|progress| progress.stalled.contains("lake") && progress.retries > 3).await.unwrap();
    };
    let error = case.run(stop).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot commit to lake, and a stop was asked for: simulated: an outage; what was not committed is read again by the \
         next start, once lake answers"
    );
    assert_eq!(world.lock().unwrap().ledger.at, Positions::new());
}

#[tokio::test]
async fn an_operator_is_told_which_store_halts() {
    let mut case = Case::new();
    case.lake.fails = Some(SimError { kind: Kind::Halt, what: "the disk is full; free some space" });
    assert_eq!(case.fails().await, "cannot commit to lake: simulated: the disk is full; free some space");
}

#[tokio::test]
async fn a_state_of_another_version_halts() {
    let case = Case::new();
    let mut bytes = aliquot_wire::snapshot::encode(&Default::default(), &crate::stores::nothing_attributed());
    bytes[8] = 9;
    case.world.lock().unwrap().ledger.states.insert(P, vec![(Offset(0), bytes)]);
    let text = case.fails().await;
    assert!(
        text.starts_with("cannot read the state of partition 0 at offset 0: state snapshot has version 9"),
        "{text}"
    );
}

#[tokio::test]
async fn a_price_book_that_is_needed_must_be_there() {
    let mut case = Case::new();
    case.books.current = BookId(0xff);
    assert!(case.fails().await.starts_with("price book 00000000000000ff is set as the current one"));

    let case = Case::new();
    case.world.lock().unwrap().ledger.activations.insert(P, [(Offset(0), BookId(0xee)), (Offset(7), LISTS[0])].into());
    let text = case.fails().await;
    assert!(
        text.starts_with("price book 00000000000000ee rates partition 0 from offset 0 on, but was not given"),
        "{text}"
    );
}

#[tokio::test]
async fn a_log_that_leaves_something_out_is_not_believed() {
    let mut case = Case::new();
    case.source.news.remove(2);
    let text = case.fails().await;
    assert!(text.contains("the log has left out messages"), "{text}");
}
