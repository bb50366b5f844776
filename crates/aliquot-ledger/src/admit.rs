//! What of a commit is new, given how far the ledger is. A pure decision; reads and writes nothing.

use aliquot_core::commit::Commit;
use aliquot_core::position::{Offset, OffsetRange, Partition, Place, Positions};

use crate::error::Error;

/// For each partition the commit moves, the first offset that is new. Partitions whose range is held already are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Admitted(Positions);

impl Admitted {
    /// Whether nothing is new.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the partition moves.
    pub(crate) fn moves(&self, partition: Partition) -> bool {
        self.0.contains_key(&partition)
    }

    /// Whether a row at `place` is new.
    pub(crate) fn has(&self, place: Place) -> bool {
        self.0.get(&place.partition).is_some_and(|from| place.offset >= *from)
    }
}

/// Decides partition by partition.
///
/// | the stored position | answer | why |
/// |---|---|---|
/// | at or after the range's end | left out | a replay, or another process was first with the same data |
/// | at the range's start | taken whole | the ordinary case |
/// | inside, nothing counted | rows from the position on | rows have offsets; state and streams are those after the range |
/// | inside, as the caller was told | [`Error::Uncut`] | counts cannot be divided; the caller must cut there |
/// | inside, beyond what the caller was told | [`Error::Fenced`] | another process owns the partition |
/// | before the range's start | [`Error::Hole`] | something would be missing for ever |
pub(crate) fn admit(commit: &Commit, held: &Positions, believed: &Positions) -> Result<Admitted, Error> {
    let mut admitted = Admitted::default();
    for (partition, range) in commit.ranges.iter().filter(|(_, range)| !range.is_empty()) {
        let counted = commit.tallies.get(partition).is_some_and(|tally| *tally != Default::default());
        let held = held.get(partition).copied().unwrap_or_default();
        let believed = believed.get(partition).copied().unwrap_or(held);
        if let Some(from) = first_new(*partition, *range, held, believed, counted)? {
            admitted.0.insert(*partition, from);
        }
    }
    Ok(admitted)
}

fn first_new(
    partition: Partition,
    range: OffsetRange,
    held: Offset,
    believed: Offset,
    counted: bool,
) -> Result<Option<Offset>, Error> {
    if held >= range.to {
        return Ok(None);
    }
    if held < range.from {
        return Err(Error::Hole { partition, held, from: range.from });
    }
    if held == range.from || !counted {
        return Ok(Some(held));
    }
    if held > believed {
        return Err(Error::Fenced { partition, held, range });
    }
    Err(Error::Uncut { partition, held, range })
}

/// Refuses a commit with anything that its ranges do not cover.
pub(crate) fn check_ranges(commit: &Commit) -> Result<(), Error> {
    let read = |partition: &Partition| commit.ranges.contains_key(partition);
    let covers = |place: &Place| {
        commit.ranges.get(&place.partition).is_some_and(|range| range.from <= place.offset && place.offset < range.to)
    };
    let charges = commit.charges.rows().iter().map(|row| row.place).find(|place| !covers(place));
    let outside = [
        ("charge", charges.map(|place| place.partition)),
        ("stream", commit.streams.iter().map(|report| report.partition).find(|partition| !read(partition))),
        ("fit", commit.fits.iter().map(|fit| fit.partition).find(|partition| !read(partition))),
        ("tally", commit.tallies.keys().copied().find(|partition| !read(partition))),
        ("snapshot", commit.snapshots.keys().copied().find(|partition| !read(partition))),
    ];
    match outside.into_iter().find_map(|(what, partition)| Some((what, partition?))) {
        Some((what, partition)) => Err(Error::OutsideRanges { what, partition }),
        None => Ok(()),
    }
}
