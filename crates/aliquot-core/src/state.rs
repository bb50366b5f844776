//! What a partition remembers between events: which have arrived, and which price book is in force. `apply` decides everything
//! about an event; same state, same book, same event: same answer and same state after.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::commit::StreamReport;
use crate::event::Event;
use crate::position::{Offset, Partition};
use crate::rating::{Rated, Rater};
use crate::recent_ids::{Fingerprint, RecentIds};
use crate::reject::Reason;
use crate::sequence::Arrival;
use crate::streams::Streams;
use crate::time::{EventTime, Micros};

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

/// What is asked of an event that could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// How far its time may lie from its arrival.
    pub times: TimeLimits,
    /// The register of tenants; `None` = any tenant. An event that names no tenant passes in either case: nobody is billed
    /// for it by mistake, and it is listed as such.
    pub tenants: Option<BTreeSet<String>>,
}

impl Rules {
    /// What can be said about an event by itself, before any price or memory. The gateway asks this, too, so that a sender
    /// learns at the door what the pipeline would find.
    ///
    /// # Errors
    /// Why the event is rejected.
    pub fn check(&self, event: &Event<'_>, received_at: EventTime) -> Result<(), Reason> {
        if !self.is_plausible(event.time, received_at) {
            return Err(Reason::AbsurdTime);
        }
        if let (Some(register), Some(tenant)) = (&self.tenants, &event.tenant)
            && !register.contains(tenant.as_ref())
        {
            return Err(Reason::UnknownTenant);
        }
        event.usage.check()
    }

    /// Whether an event of this time may arrive then.
    fn is_plausible(&self, time: EventTime, received_at: EventTime) -> bool {
        let age = received_at.since(time);
        age <= self.times.past && age >= Micros(self.times.future.0.saturating_neg())
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
    /// What arrived of each node's count.
    pub streams: Streams,
    /// The identities seen lately.
    pub recent: RecentIds,
}

impl Default for PartitionState {
    fn default() -> Self {
        Self {
            next: Offset(0),
            latest: EventTime::default(),
            streams: Streams::default(),
            recent: RecentIds::new(RECENT_IDS),
        }
    }
}

impl PartitionState {
    /// Decides about one event: duplicate, rejected, or charged.
    ///
    /// | sequence | identity | content | answer | sequence after | identity after |
    /// |---|---|---|---|---|---|
    /// | known | – | – | duplicate | – | – |
    /// | known, but this event is later than its stream | known | – | duplicate | – | – |
    /// | known, but this event is later than its stream | new | – | rejected | – | – |
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
        rules: &Rules,
        received_at: EventTime,
        event: &Event<'_>,
    ) -> Applied {
        let arrival = match self.arrive(event, rules.is_plausible(event.time, received_at)) {
            Ok(Arrival::Duplicate) => return Applied::Duplicate,
            Ok(Arrival::TooSparse) => return Applied::Rejected(Reason::SequenceTooSparse),
            Ok(arrival) => arrival,
            Err(reason) => return Applied::Rejected(reason),
        };
        let identity = Fingerprint::of(&event.source, &event.id, event.attempt);
        if self.recent.contains(identity) {
            return Applied::Duplicate;
        }
        if arrival == Arrival::Reused {
            return Applied::Rejected(Reason::SequenceReused);
        }
        let rated = match rules.check(event, received_at).and_then(|()| rater.rate(event)) {
            Ok(rated) => rated,
            Err(reason) => return Applied::Rejected(reason),
        };
        self.recent.insert(identity);
        self.latest = self.latest.max(event.time);
        Applied::Charged(rated)
    }

    fn arrive(&mut self, event: &Event<'_>, is_plausible: bool) -> Result<Arrival, Reason> {
        let time = if is_plausible { event.time } else { EventTime::MIN };
        match event.sequence {
            Some(sequence) => self.streams.arrive(&event.source, &event.domain, sequence, time),
            None => Ok(Arrival::New),
        }
    }

    /// Reports the streams that moved since the last call.
    pub fn take_moved(&mut self, partition: Partition) -> Vec<StreamReport> {
        self.streams.take_moved(partition)
    }
}
