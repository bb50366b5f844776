//! The lake as a sink: rejects first, then blame, then requests, each with its own positions. It neither rates nor answers questions.
//!
//! # Why are there three positions, and which of them counts?
//! A commit becomes up to three Delta commits, and a process can die between any two. Each table therefore drops the rows *it*
//! holds, by *its* position: `rejects` and `blame` move only when they get rows, and use their positions for nothing else. What
//! the lake as a whole holds is the position of `requests`: it is written after the rejects and the blame of the same ranges are
//! durable, so everything below it, of all kinds, is there.
//!
//! | died after | held of the ranges | the replay, however it is cut |
//! |---|---|---|
//! | nothing | nothing | writes all |
//! | rejects | rejects | drops them up to their position, writes blame and requests |
//! | blame | rejects, blame | drops both up to their positions, writes requests |
//! | requests | all | drops all |
//!
//! A reader in between sees blame of requests that are not there yet, never requests whose blame is still to come.
//!
//! # Why is a commit without a single charge written to `requests`?
//! Because the pipeline resumes from the minimum over its sinks and needs a state snapshot at or before it. If the position stood
//! still through an hour of duplicates or rejects, that hour would be read again after each restart, and the snapshots of an hour
//! would have to be kept. Such a commit is one small log entry without a data file; it is written only if the log moved, so an
//! idle system writes nothing, and checkpoints fold it away.
//!
//! # What if two processes believe they own a partition?
//! The one that commits second is refused by Delta, reads the log anew, drops the rows that are there and goes on with the rest.
//! That is right for whichever comes first, because the rows of an offset are the same whoever folds them. A position never goes
//! back: a range that ends at or before the position is held already.

use std::collections::BTreeMap;
use std::path::Path;

use aliquot_core::charge::Charges;
use aliquot_core::commit::Commit;
use aliquot_core::ports::Sink;
use aliquot_core::position::{Offset, OffsetRange, Partition, Place, Positions};
use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use deltalake::kernel::Add;

use crate::error::Error;
use crate::table::{Appended, Table, TableName};
use crate::{blame, data_file, rejects, requests};

/// The tables of the lake, open for writing. Any number of processes may hold the same lake open.
#[derive(Debug)]
pub struct Lake {
    requests: Table,
    blame: Table,
    rejects: Table,
}

/// The rows of one file and the day it is of.
type DayBatch = (i32, RecordBatch);

/// How often an append that others overtook is tried again: each time means another process moved one of our partitions, which
/// takes a rebalance, so that more than a few in a row is a fault of the configuration.
const ATTEMPTS_MAX: u32 = 8;

/// The ranges that were read and the positions held before: which rows are new.
struct News<'a> {
    ranges: &'a BTreeMap<Partition, OffsetRange>,
    held: Positions,
}

impl News<'_> {
    /// Whether a row at `place` is still to be written.
    fn has(&self, place: Place) -> bool {
        self.held.get(&place.partition).is_some_and(|held| place.offset >= *held)
    }

    /// Where the partitions will be that move at all.
    fn moved(&self) -> Positions {
        let ends = self.ranges.iter().map(|(partition, range)| (*partition, range.to));
        ends.filter(|(partition, to)| self.held.get(partition).is_some_and(|held| held < to)).collect()
    }

    /// A partition of which the range begins behind what is held, and what is held of it.
    fn hole(&self) -> Option<(Partition, Offset, Offset)> {
        let mut starts = self.ranges.iter().map(|(partition, range)| (*partition, range.from));
        starts.find_map(|(partition, from)| {
            self.held.get(&partition).filter(|held| **held < from).map(|held| (partition, *held, from))
        })
    }

    /// A name for files of this commit: the first partition that moves and its new offsets.
    fn stem(&self, version: u64) -> String {
        let first = self.moved().pop_first().map(|(partition, to)| {
            let Offset(from) = self.held.get(&partition).copied().unwrap_or_default();
            format!("p{}-{from}-{}", partition.0, to.0)
        });
        format!("{}-v{version}", first.unwrap_or_default())
    }
}

impl Lake {
    /// Opens the lake in `dir`, creating the directory and the tables that are missing.
    ///
    /// # Errors
    /// [`Error::Columns`] when a table of another shape lies there; otherwise what the store says.
    pub async fn open(dir: &Path) -> Result<Self, Error> {
        let arrow = |table| move |source| Error::Arrow { table, source };
        let columns = requests::to_batch(&Charges::default(), &[]).map_err(arrow(TableName::Requests))?.schema();
        let requests = Box::pin(Table::open(dir, TableName::Requests, &columns)).await?;
        let columns = blame::to_batch(&Charges::default(), &[]).map_err(arrow(TableName::Blame))?.schema();
        let blame = Box::pin(Table::open(dir, TableName::Blame, &columns)).await?;
        let columns = rejects::to_batch(&[], &[]).map_err(arrow(TableName::Rejects))?.schema();
        let rejects = Box::pin(Table::open(dir, TableName::Rejects, &columns)).await?;
        Ok(Self { requests, blame, rejects })
    }

    /// Only the position of `requests` counts: those of the others stand still while they get no rows.
    async fn check_holes(&mut self, commit: &Commit) -> Result<(), Error> {
        if news(&mut self.requests, commit).await?.hole().is_none() {
            return Ok(());
        }
        // Perhaps others have filled it since the log was read.
        self.requests.refresh().await?;
        match news(&mut self.requests, commit).await?.hole() {
            Some((partition, held, from)) => Err(Error::Hole { partition, held, from }),
            None => Ok(()),
        }
    }

    async fn commit_rejects(&mut self, commit: &Commit) -> Result<(), Error> {
        let batches_of = |news: &News<'_>| {
            let days = rejects::by_day(&commit.rejects, |row| news.has(row.place)).into_iter();
            days.map(|(day, picked)| Ok((day, rejects::to_batch(&commit.rejects, &picked)?))).collect()
        };
        commit_rows(&mut self.rejects, commit, Moves::WithRows, batches_of).await
    }

    async fn commit_blame(&mut self, commit: &Commit) -> Result<(), Error> {
        let batches_of = |news: &News<'_>| {
            let days = blame::by_day(&commit.charges, |row| news.has(row.place)).into_iter();
            days.map(|(day, picked)| Ok((day, blame::to_batch(&commit.charges, &picked)?))).collect()
        };
        commit_rows(&mut self.blame, commit, Moves::WithRows, batches_of).await
    }

    async fn commit_requests(&mut self, commit: &Commit) -> Result<(), Error> {
        let batches_of = |news: &News<'_>| {
            let days = requests::by_day(&commit.charges, |row| news.has(row.place)).into_iter();
            days.map(|(day, picked)| Ok((day, requests::to_batch(&commit.charges, &picked)?))).collect()
        };
        commit_rows(&mut self.requests, commit, Moves::Always, batches_of).await
    }

    #[cfg(test)]
    pub(crate) async fn commit_rejects_only(&mut self, commit: &Commit) -> Result<(), Error> {
        self.commit_rejects(commit).await
    }

    #[cfg(test)]
    pub(crate) async fn commit_all_but_requests(&mut self, commit: &Commit) -> Result<(), Error> {
        self.commit_rejects(commit).await?;
        self.commit_blame(commit).await
    }
}

impl Sink for Lake {
    type Error = Error;

    fn name(&self) -> &'static str {
        "lake"
    }

    async fn positions(&mut self, partitions: &[Partition]) -> Result<Positions, Error> {
        // Whoever asks has just been given these partitions: another process may have moved them a moment ago.
        self.requests.refresh().await?;
        self.requests.positions(partitions.iter().copied()).await
    }

    async fn commit(&mut self, commit: &Commit) -> Result<(), Error> {
        check_ranges(commit)?;
        self.check_holes(commit).await?;
        Box::pin(self.commit_rejects(commit)).await?;
        Box::pin(self.commit_blame(commit)).await?;
        Box::pin(self.commit_requests(commit)).await
    }
}

/// When the position of a table moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moves {
    /// With rows only: it serves to write each row once.
    WithRows,
    /// With the log, rows or none: it says how far the lake is.
    Always,
}

/// Writes the rows that the table does not hold yet, anew after each time that another writer was first.
async fn commit_rows(
    table: &mut Table,
    commit: &Commit,
    moves: Moves,
    batches_of: impl Fn(&News<'_>) -> Result<Vec<DayBatch>, ArrowError>,
) -> Result<(), Error> {
    for _ in 0..ATTEMPTS_MAX {
        let news = news(table, commit).await?;
        let batches = batches_of(&news).map_err(|source| Error::Arrow { table: table.name(), source })?;
        let nothing = match moves {
            Moves::WithRows => batches.is_empty(),
            Moves::Always => news.moved().is_empty(),
        };
        if nothing || append(table, &news, batches).await? == Appended::Done {
            return Ok(());
        }
    }
    Err(Error::Contended { table: table.name(), attempts: ATTEMPTS_MAX })
}

/// What of `commit` the table does not hold yet.
async fn news<'a>(table: &mut Table, commit: &'a Commit) -> Result<News<'a>, Error> {
    let held = table.positions(commit.ranges.keys().copied()).await?;
    Ok(News { ranges: &commit.ranges, held })
}

/// Writes one file per batch and commits them with the new positions. The files of an overtaken append stay behind, named by
/// nothing; the upkeep removes them.
async fn append(table: &mut Table, news: &News<'_>, batches: Vec<DayBatch>) -> Result<Appended, Error> {
    let stem = news.stem(table.version());
    let mut files = Vec::with_capacity(batches.len());
    for (day, batch) in batches {
        files.push(write(table, day, &stem, batch).await?);
    }
    let rows = files.len();
    let appended = Box::pin(table.append(files, &news.moved())).await?;
    tracing::debug!(table = %table.name(), files = rows, outcome = ?appended, "lake commit");
    Ok(appended)
}

async fn write(table: &Table, day: i32, stem: &str, batch: RecordBatch) -> Result<Add, Error> {
    let name = table.name();
    // Encoding is the costly part; on its own thread it does not hold up whoever else shares this one.
    let encoded = tokio::task::spawn_blocking(move || Ok((data_file::encode(&batch)?, data_file::stats(&batch))));
    let (bytes, stats) = encoded.await?.map_err(|source| Error::Parquet { table: name, source })?;
    let store = table.store();
    data_file::put(store.as_ref(), day, stem, bytes, stats)
        .await
        .map_err(|source| Error::delta("write a data file of", name)(source.into()))
}

fn check_ranges(commit: &Commit) -> Result<(), Error> {
    let inside = |place: &Place| {
        let range = commit.ranges.get(&place.partition);
        range.is_some_and(|range| (range.from..range.to).contains(&place.offset))
    };
    let charged = commit.charges.rows().iter().map(|row| row.place);
    let rejected = commit.rejects.iter().map(|row| row.place);
    match charged.chain(rejected).find(|place| !inside(place)) {
        Some(place) => Err(Error::OutsideRanges { place }),
        None => Ok(()),
    }
}
