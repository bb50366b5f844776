//! Where a partition begins: at the minimum of the sinks' positions, with the state of that place and the books that rate from
//! there. Folds nothing; what lies between an older state and that place is folded again by whoever reads on.

use aliquot_attribution::attributor::Attributor;
use aliquot_core::bytes::Reader;
use aliquot_core::ports::{Activations, Sink, Snapshots, Source};
use aliquot_core::position::{Offset, Partition, Positions};
use aliquot_core::prices::BookId;
use aliquot_wire::snapshot::{self, SnapshotError};

use crate::books::Schedule;
use crate::commit::Stores;
use crate::error::{Error, Failure};
use crate::partition::{Memory, Open};
use crate::retry::Patience;

/// The name of the source in errors and in [`crate::Progress::stalled`].
pub(crate) const LOG: &str = "log";

/// Where both sinks are.
#[derive(Debug)]
pub(crate) struct Held {
    lake: Positions,
    ledger: Positions,
}

/// Asks both sinks where they are.
pub(crate) async fn held<A: Sink, L: Sink>(
    stores: &mut Stores<A, L>,
    partitions: &[Partition],
    patience: &Patience,
) -> Result<Held, Failure> {
    let lake = positions(&mut stores.lake, partitions, patience).await?;
    let ledger = positions(&mut stores.ledger, partitions, patience).await?;
    Ok(Held { lake, ledger })
}

async fn positions<K: Sink>(sink: &mut K, partitions: &[Partition], patience: &Patience) -> Result<Positions, Failure> {
    let mut attempts = patience.attempts(sink.name(), "read positions from");
    loop {
        match sink.positions(partitions).await {
            Ok(positions) => return Ok(positions),
            Err(error) => attempts.failed(error).await?,
        }
    }
}

/// Opens one partition: its state, its books, and the log at the place of the state. `None` if the log says that it is no
/// longer ours.
pub(crate) async fn open<S: Source, L: Sink + Snapshots + Activations>(
    source: &mut S,
    ledger: &mut L,
    held: &Held,
    partition: Partition,
    current: BookId,
    patience: &Patience,
) -> Result<Option<Open>, Failure> {
    let of = |positions: &Positions| positions.get(&partition).copied().unwrap_or_default();
    let (lake_at, ledger_at) = (of(&held.lake), of(&held.ledger));
    let memory = memory(ledger, partition, lake_at.min(ledger_at), patience).await?;
    let state = &memory.state;
    let schedule = schedule(ledger, partition, lake_at.max(ledger_at), current, patience).await?;
    match seek(source, partition, state.next, patience).await {
        Err(Failure::Fenced) => return Ok(None),
        sought => sought?,
    }
    tracing::info!(
        partition = partition.0,
        offset.lake = lake_at.0,
        offset.ledger = ledger_at.0,
        offset.state = state.next.0,
        "partition opened"
    );
    Ok(Some(Open::new(memory, schedule, lake_at, ledger_at)))
}

/// The newest state at or before `at` that can be read; the empty one if there is none.
async fn memory<L: Sink + Snapshots>(
    ledger: &mut L,
    partition: Partition,
    at: Offset,
    patience: &Patience,
) -> Result<Memory, Failure> {
    let mut attempts = patience.attempts(ledger.name(), "read states from");
    let kept = loop {
        match ledger.load(partition, at).await {
            Ok(kept) => break kept,
            Err(error) => attempts.failed(error).await?,
        }
    };
    for (offset, bytes) in kept.into_iter().filter(|(offset, _)| *offset <= at) {
        match read(&bytes) {
            Ok(memory) if memory.state.next == offset => return Ok(memory),
            Err(source @ SnapshotError::UnknownVersion { .. }) => {
                return Err(Error::Snapshot { partition, offset, source }.into());
            }
            Ok(_) => warn_unreadable(partition, offset, &SnapshotError::Corrupt),
            Err(error) => warn_unreadable(partition, offset, &error),
        }
    }
    Ok(Memory::default())
}

fn read(bytes: &[u8]) -> Result<Memory, SnapshotError> {
    let (state, attribution) = snapshot::decode(bytes)?;
    let mut reader = Reader::new(attribution);
    let attributor = Attributor::restore(&mut reader).filter(|_| reader.is_at_end());
    Ok(Memory { state, attributor: attributor.ok_or(SnapshotError::Corrupt)? })
}

fn warn_unreadable(partition: Partition, offset: Offset, error: &SnapshotError) {
    tracing::warn!(partition = partition.0, offset = offset.0, %error, "state cannot be read, going back further");
}

/// Which book rates which offset, after making sure that `current` rates what no sink has yet.
///
/// It begins where the foremost sink is, and not where the hindmost is: what lies between is in one sink already, with the
/// prices of then, and must come out the same for the other. Nor does it begin before a book that was activated earlier.
async fn schedule<L: Sink + Activations>(
    ledger: &mut L,
    partition: Partition,
    foremost: Offset,
    current: BookId,
    patience: &Patience,
) -> Result<Schedule, Failure> {
    let mut attempts = patience.attempts(ledger.name(), "read price book activations from");
    let mut activations = loop {
        match ledger.activations(partition).await {
            Ok(activations) => break activations,
            Err(error) => attempts.failed(error).await?,
        }
    };
    attempts.succeeded();
    let last = activations.last().copied();
    if last.is_none_or(|(_, book)| book != current) {
        let from = last.map_or(foremost, |(last, _)| foremost.max(last));
        activate(ledger, partition, from, current, patience).await?;
        activations.retain(|(at, _)| *at != from);
        activations.push((from, current));
    }
    Ok(Schedule::new(activations).expect("the current book was activated if none was"))
}

async fn activate<L: Sink + Activations>(
    ledger: &mut L,
    partition: Partition,
    from: Offset,
    book: BookId,
    patience: &Patience,
) -> Result<(), Failure> {
    let mut attempts = patience.attempts(ledger.name(), "activate a price book in");
    while let Err(error) = ledger.activate(partition, from, book).await {
        attempts.failed(error).await?;
    }
    tracing::info!(
        partition = partition.0,
        offset = from.0,
        price_book = format_args!("{:016x}", book.0),
        "price book activated"
    );
    Ok(())
}

async fn seek<S: Source>(
    source: &mut S,
    partition: Partition,
    offset: Offset,
    patience: &Patience,
) -> Result<(), Failure> {
    let mut attempts = patience.attempts(LOG, "seek in");
    while let Err(error) = source.seek(partition, offset).await {
        attempts.failed(error).await?;
    }
    Ok(())
}
