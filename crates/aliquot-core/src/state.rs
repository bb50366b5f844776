//! What a partition remembers between events: which have arrived, and which price book is in force. `apply` decides everything
//! about an event; same state, same book, same event: same answer and same state after.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::commit::StreamReport;
use crate::event::Event;
use crate::position::{Offset, Partition};
use crate::rating::{Rated, Rater};
use crate::recent_ids::{Fingerprint, RecentIds};
use crate::reject::Reason;
use crate::sequence::{Arrival, Arrived};
use crate::time::{EventTime, Micros};

/// Epochs remembered per node and domain; a node that restarts more often within its replay horizon has other troubles.
pub const EPOCHS_MAX: usize = 16;

/// Identities remembered per partition. At 100 requests a second on a partition this is eleven minutes.
pub const RECENT_IDS: usize = 65_536;

/// How far an event's time may lie from its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// Behind the arrival.
    pub past: Micros,
    /// Ahead of the arrival: clocks differ, but not by more than this.
    pub future: Micros,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self { past: Micros(400 * Micros::DAY.0), future: Micros::HOUR }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "most events are charged, and the value lives for one call")]
pub enum Applied {
    /// It is new: here is its price.
    Charged(Rated),
    /// It was here already.
    Duplicate,
    /// It was not accepted.
    Rejected(Reason),
}

/// The memory of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// The first message not yet applied.
    pub next: Offset,
    /// The latest event time seen.
    pub latest: EventTime,
    /// (source, domain) → epoch → what arrived.
    pub streams: BTreeMap<(String, String), BTreeMap<u64, Arrived>>,
    /// The identities seen lately.
    pub recent: RecentIds,
    moved: BTreeSet<(String, String, u64)>,
}

impl Default for PartitionState {
    fn default() -> Self {
        Self::restore(Offset(0), EventTime::default(), BTreeMap::new(), RecentIds::new(RECENT_IDS))
    }
}

impl PartitionState {
    /// The state with these parts, nothing of it reported yet.
    pub fn restore(
        next: Offset,
        latest: EventTime,
        streams: BTreeMap<(String, String), BTreeMap<u64, Arrived>>,
        recent: RecentIds,
    ) -> Self {
        Self { next, latest, streams, recent, moved: BTreeSet::new() }
    }

    /// Decides about one event: duplicate, rejected, or charged.
    ///
    /// | sequence | identity | content | answer | sequence after | identity after |
    /// |---|---|---|---|---|---|
    /// | known | – | – | duplicate | – | – |
    /// | not recordable | – | – | rejected | – | – |
    /// | new or none | known | – | duplicate | recorded | – |
    /// | new or none | new | bad | rejected | recorded | – |
    /// | new or none | new | good | charged | recorded | recorded |
    ///
    /// A rejected event's number counts as arrived: it lies in `rejects`, so it is not missing. Its identity stays free, so
    /// that the mended event can be sent again.
    pub fn apply(
        &mut self,
        rater: &mut Rater<'_>,
        limits: TimeLimits,
        received_at: EventTime,
        event: &Event<'_>,
    ) -> Applied {
        match self.arrive(event) {
            Ok(Arrival::New) => {}
            Ok(Arrival::Duplicate) => return Applied::Duplicate,
            Ok(Arrival::TooSparse) => return Applied::Rejected(Reason::SequenceTooSparse),
            Err(reason) => return Applied::Rejected(reason),
        }
        let identity = Fingerprint::of(&event.source, &event.id, event.attempt);
        if self.recent.contains(identity) {
            return Applied::Duplicate;
        }
        let rated = match check(event, limits, received_at).and_then(|()| rater.rate(event)) {
            Ok(rated) => rated,
            Err(reason) => return Applied::Rejected(reason),
        };
        self.recent.insert(identity);
        self.latest = self.latest.max(event.time);
        Applied::Charged(rated)
    }

    fn arrive(&mut self, event: &Event<'_>) -> Result<Arrival, Reason> {
        let Some(sequence) = event.sequence else { return Ok(Arrival::New) };
        let key = (event.source.as_ref().to_owned(), event.domain.as_ref().to_owned());
        let epochs = self.streams.entry(key.clone()).or_default();
        if !epochs.contains_key(&sequence.epoch) && epochs.len() >= EPOCHS_MAX {
            match epochs.first_key_value() {
                Some((oldest, _)) if *oldest < sequence.epoch => epochs.pop_first(),
                _ => return Err(Reason::EpochRetired),
            };
        }
        let arrival = epochs.entry(sequence.epoch).or_default().insert(sequence.seq);
        if arrival == Arrival::New {
            self.moved.insert((key.0, key.1, sequence.epoch));
        }
        Ok(arrival)
    }

    /// Reports the streams that moved since the last call.
    pub fn take_moved(&mut self, partition: Partition) -> Vec<StreamReport> {
        core::mem::take(&mut self.moved)
            .into_iter()
            .filter_map(|(source, domain, epoch)| {
                let key = (source, domain);
                let arrived = self.streams.get(&key)?.get(&epoch)?;
                let (end, received, gaps) = (arrived.end(), arrived.count(), arrived.gaps().collect());
                let (source, domain) = key;
                Some(StreamReport { partition, source, epoch, domain, end, received, gaps })
            })
            .collect()
    }
}

fn check(event: &Event<'_>, limits: TimeLimits, received_at: EventTime) -> Result<(), Reason> {
    let age = received_at.since(event.time);
    if age > limits.past || age < Micros(limits.future.0.saturating_neg()) {
        return Err(Reason::AbsurdTime);
    }
    event.usage.check()
}
