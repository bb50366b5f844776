//! What a partition remembers between events: which have arrived, and which price book is in force. `apply` and its siblings for
//! the other types decide everything about an event; same state, same book, same event: same answer and same state after.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::commit::StreamReport;
use crate::event::{CacheReport, Event, Head, NodeReport, Report};
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
    pub fn check(&self, report: Report<'_>, received_at: EventTime) -> Result<(), Reason> {
        if !self.is_plausible(report.head().time, received_at) {
            return Err(Reason::AbsurdTime);
        }
        match report {
            Report::Request(event) => {
                if let (Some(register), Some(tenant)) = (&self.tenants, &event.tenant)
                    && !register.contains(tenant.as_ref())
                {
                    return Err(Reason::UnknownTenant);
                }
                event.check()
            }
            Report::Node(node) => node.check(),
            Report::Cache(_) => Ok(()),
        }
    }

    /// Whether an event of this time may arrive then.
    fn is_plausible(&self, time: EventTime, received_at: EventTime) -> bool {
        let age = received_at.since(time);
        age <= self.times.past && age >= Micros(self.times.future.0.saturating_neg())
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Applied<T> {
    /// It is new: here is what it makes, of a request its price.
    Accepted(T),
    /// It was here already.
    Duplicate,
    /// It was not accepted.
    Rejected(Reason),
}

impl<T> Applied<T> {
    /// The same answer, with what `make` makes of what was accepted.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Applied<U> {
        match self {
            Self::Accepted(accepted) => Applied::Accepted(make(accepted)),
            Self::Duplicate => Applied::Duplicate,
            Self::Rejected(reason) => Applied::Rejected(reason),
        }
    }
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
    /// Decides about one finished request: duplicate, rejected, or accepted with its price.
    ///
    /// | sequence | identity | content | answer | sequence after | identity after |
    /// |---|---|---|---|---|---|
    /// | known | – | – | duplicate | – | – |
    /// | known, but this event is later than its stream | known | – | duplicate | – | – |
    /// | known, but this event is later than its stream | new | – | rejected | – | – |
    /// | not recordable | – | – | rejected | – | – |
    /// | new or none | known | – | duplicate | recorded | – |
    /// | new or none | new | bad | rejected | recorded | – |
    /// | new or none | new | good | accepted | recorded | recorded |
    ///
    /// A rejected event's number counts as arrived: it lies in `rejects`, so it is not missing. Its identity stays free, so
    /// that the mended event can be sent again.
    ///
    /// The table holds for events of every type. They share one count and one set of identities: a node counts what it sends,
    /// not what it is about.
    pub fn apply(
        &mut self,
        rater: &mut Rater<'_>,
        rules: &Rules,
        received_at: EventTime,
        event: &Event<'_>,
    ) -> Applied<Rated> {
        self.admit(rules, received_at, Report::Request(event), || rater.rate(event))
    }

    /// As [`Self::apply`], about a node's interval.
    pub fn apply_node(&mut self, rules: &Rules, received_at: EventTime, node: &NodeReport<'_>) -> Applied<()> {
        self.admit(rules, received_at, Report::Node(node), || Ok(()))
    }

    /// As [`Self::apply`], about changes of a cache.
    pub fn apply_cache(&mut self, rules: &Rules, received_at: EventTime, cache: &CacheReport<'_>) -> Applied<()> {
        self.admit(rules, received_at, Report::Cache(cache), || Ok(()))
    }

    /// The one road into the memory, for events of every type; `make` is asked only for what may come in.
    fn admit<T>(
        &mut self,
        rules: &Rules,
        received_at: EventTime,
        report: Report<'_>,
        make: impl FnOnce() -> Result<T, Reason>,
    ) -> Applied<T> {
        let head = report.head();
        let arrival = match self.arrive(&head, rules.is_plausible(head.time, received_at)) {
            Ok(Arrival::Duplicate) => return Applied::Duplicate,
            Ok(Arrival::TooSparse) => return Applied::Rejected(Reason::SequenceTooSparse),
            Ok(arrival) => arrival,
            Err(reason) => return Applied::Rejected(reason),
        };
        let identity = Fingerprint::of(head.source, head.id, head.attempt);
        if self.recent.contains(identity) {
            return Applied::Duplicate;
        }
        if arrival == Arrival::Reused {
            return Applied::Rejected(Reason::SequenceReused);
        }
        let made = match rules.check(report, received_at).and_then(|()| make()) {
            Ok(made) => made,
            Err(reason) => return Applied::Rejected(reason),
        };
        self.recent.insert(identity);
        self.latest = self.latest.max(head.time);
        Applied::Accepted(made)
    }

    fn arrive(&mut self, head: &Head<'_>, is_plausible: bool) -> Result<Arrival, Reason> {
        let time = if is_plausible { head.time } else { EventTime::MIN };
        match head.sequence {
            Some(sequence) => self.streams.arrive(head.source, head.domain, sequence, time),
            None => Ok(Arrival::New),
        }
    }

    /// How many events of the same node and domain, with lower numbers, have not arrived.
    pub fn missing_before(&self, event: &Event<'_>) -> u64 {
        event.sequence.map_or(0, |sequence| self.streams.missing(&event.source, &event.domain, sequence.epoch))
    }

    /// Reports the streams that moved since the last call.
    pub fn take_moved(&mut self, partition: Partition) -> Vec<StreamReport> {
        self.streams.take_moved(partition)
    }
}
