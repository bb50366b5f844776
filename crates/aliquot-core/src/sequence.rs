//! Which events of a node's count are in: exact deduplication for ever in memory that grows with holes, not with events.

use alloc::collections::BTreeMap;

/// Holes tracked per stream. A healthy node has none; thousands mean that it does not count consecutively.
pub const GAPS_MAX: usize = 4_096;

/// The greatest number that is recorded: the last of all has none after it, so no run could end behind it. No node counts that
/// far; whoever sends it means something else.
pub const SEQ_MAX: u64 = u64::MAX - 1;

/// The sequence numbers of one stream that have arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Maximal disjoint runs, start → end (exclusive).
    runs: BTreeMap<u64, u64>,
}

/// What became of a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Not seen before.
    New,
    /// Already here.
    Duplicate,
    /// Already here, but brought by an event later than all that brought a number before: the node began its count anew.
    Reused,
    /// Would open more than [`GAPS_MAX`] holes, or lies beyond [`SEQ_MAX`]; not recorded.
    TooSparse,
}

impl Arrived {
    /// What `seq` would be, recording nothing.
    pub fn look(&self, seq: u64) -> Arrival {
        let Some(after) = seq.checked_add(1) else { return Arrival::TooSparse };
        // Before the first run, everything up to 0 counts as here.
        let before = self.runs.range(..=seq).next_back().map_or(0, |(_, end)| *end);
        if seq < before {
            return Arrival::Duplicate;
        }
        let touches = before == seq || self.runs.contains_key(&after);
        if !touches && self.gap_count() >= GAPS_MAX {
            return Arrival::TooSparse;
        }
        Arrival::New
    }

    /// Records `seq`; only an [`Arrival::New`] changes anything.
    pub fn insert(&mut self, seq: u64) -> Arrival {
        let arrival = self.look(seq);
        if arrival == Arrival::New {
            let end = seq.saturating_add(1);
            let end = self.runs.remove(&end).unwrap_or(end);
            match self.runs.range_mut(..seq).next_back() {
                Some((_, previous_end)) if *previous_end == seq => *previous_end = end,
                _ => {
                    self.runs.insert(seq, end);
                }
            }
        }
        arrival
    }

    /// The runs that arrived, `(from, to)` half-open, ascending.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + '_ {
        self.runs.iter().map(|(from, to)| (*from, *to))
    }

    /// The missing runs below the highest number seen, `(from, to)` half-open, ascending.
    pub fn gaps(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let starts = self.runs.keys().copied();
        let ends = core::iter::once(0).chain(self.runs.values().copied());
        ends.zip(starts).filter(|(from, to)| from < to)
    }

    fn gap_count(&self) -> usize {
        self.runs.len().saturating_sub(usize::from(self.runs.contains_key(&0)))
    }

    /// One past the highest number seen.
    pub fn end(&self) -> u64 {
        self.runs.values().next_back().copied().unwrap_or_default()
    }

    /// How many numbers arrived.
    pub fn count(&self) -> u64 {
        self.runs().fold(0, |sum, (from, to)| sum.saturating_add(to.saturating_sub(from)))
    }

    /// The stream whose runs are `runs`; `None` unless they are ascending, disjoint, apart and not empty.
    pub fn restore(runs: impl IntoIterator<Item = (u64, u64)>) -> Option<Self> {
        let mut restored = BTreeMap::new();
        let mut floor = None;
        for (from, to) in runs {
            if from >= to || floor.is_some_and(|end| from <= end) {
                return None;
            }
            floor = Some(to);
            restored.insert(from, to);
        }
        Some(Self { runs: restored })
    }
}
