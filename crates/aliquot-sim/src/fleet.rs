//! The demo's fleet: two dozen tenants on four GPU nodes and three proxies. In the middle of the run the largest tenant launches a
//! feature whose prompts share nothing with each other, and everybody's prefixes are pushed out of the nodes' caches. Nobody is
//! blamed here; who evicted whose blocks is only counted.
//!
//! | what happens | where |
//! |---|---|
//! | ten minutes of steady traffic, the launch after five | `roster` says who sends what |
//! | 200 launch users take the place of half of the largest tenant's users | `users` |
//! | each request finds or misses its blocks, and evicts others | `plant` |
//! | the nodes say how many GPUs they have, how busy these were and how large their caches are, each minute | `intervals` |
//! | resends, a reseller that does not count, an unpriced model, events without a tenant, broken messages | `flaws` |
//!
//! The caches are warm when the first event is emitted: the minutes before are simulated and not reported.

mod flaws;
mod intervals;
mod plant;
mod roster;
mod tally;
mod users;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use aliquot_core::event::{Event, Sequence};
use aliquot_core::ports::Outgoing;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;

pub use tally::{FleetTruth, Phase};

use crate::pace::plus;
use crate::random::{hash, scaled};
use crate::{Emitted, Reported};
use flaws::Flaws;
use intervals::Intervals;
use plant::{Blocks, Plant};
use users::User;

const MINUTE: i64 = 60_000_000;

/// Simulated before the first event. Twice the longest time between two uses of a block that the caches are meant to hold.
const WARM_UP: Micros = Micros(3 * MINUTE);

/// What the fleet can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetSettings {
    /// Another seed is another fleet of the same kind.
    pub seed: u64,
    /// Events are billed from here on.
    pub start: EventTime,
    /// How long.
    pub minutes: u32,
    /// After how many minutes the launch comes; never, if not before the end.
    pub launch_minute: u32,
    /// The nodes' epoch.
    pub epoch: u64,
}

impl Default for FleetSettings {
    /// Tuesday 2026-11-17, 09:42 to 09:52 UTC; launch at 09:47.
    fn default() -> Self {
        Self { seed: 1, start: EventTime(1_794_908_520_000_000), minutes: 10, launch_minute: 5, epoch: 1 }
    }
}

impl FleetSettings {
    /// When the launch comes.
    pub fn launch(&self) -> EventTime {
        EventTime(plus(Micros(self.start.0), self.launch_after()).0)
    }

    fn launch_after(&self) -> Micros {
        Micros(i64::from(self.launch_minute) * MINUTE)
    }

    fn length(&self) -> Micros {
        Micros(i64::from(self.minutes) * MINUTE)
    }
}

/// The fleet: an iterator of events in the order in which they arrive at the log.
#[derive(Debug)]
pub struct Fleet {
    settings: FleetSettings,
    users: Vec<User>,
    /// The next request of each user.
    arrivals: BinaryHeap<Reverse<(Micros, usize)>>,
    plant: Plant,
    flaws: Flaws,
    /// Events that are due at a known time.
    due: BinaryHeap<Reverse<Due>>,
    intervals: Intervals,
    requests: u64,
    /// (source, domain) → the next number.
    next_seq: BTreeMap<(String, String), u64>,
    truth: FleetTruth,
}

/// An event on its way.
#[derive(Debug)]
struct Due {
    at: Micros,
    number: u64,
    is_resend: bool,
    blocks: Blocks,
    event: Event<'static>,
}

impl Fleet {
    /// The fleet of these settings, before its first event.
    pub fn new(settings: FleetSettings) -> Self {
        let opening = Micros(-WARM_UP.0);
        let mut users = users::all(settings.seed, opening, settings.launch_after(), settings.length());
        let first = |(idx, user): (usize, &mut User)| Reverse((user.first_arrival(), idx));
        Self {
            arrivals: users.iter_mut().enumerate().map(first).collect(),
            users,
            plant: Plant::new(),
            flaws: Flaws::new(settings.seed),
            due: BinaryHeap::new(),
            intervals: Intervals::new(settings.length()),
            requests: 0,
            next_seq: BTreeMap::new(),
            truth: FleetTruth { malformed: flaws::MALFORMED, ..FleetTruth::default() },
            settings,
        }
    }

    /// The truth about all events so far, and about the messages of [`Fleet::malformed`].
    pub const fn truth(&self) -> &FleetTruth {
        &self.truth
    }

    /// Messages that no decoder may accept, in order of arrival. They belong to the run, whoever sends its events.
    pub fn malformed(&self) -> Vec<Outgoing> {
        flaws::malformed(self.settings.start, self.settings.length())
    }

    fn serve(&mut self, at: Micros, user_idx: usize) {
        let user = &mut self.users[user_idx];
        let prompt = user.prompt();
        let next = plus(at, user.pause());
        if next < user.until() {
            self.arrivals.push(Reverse((next, user_idx)));
        }
        let is_reported = at.0 >= 0;
        let phase = self.truth.phase_mut(at >= self.settings.launch_after());
        let served = self.plant.serve(at, user, prompt, &mut |evictor, owner| {
            if is_reported {
                phase.count_eviction(evictor, owner);
            }
        });
        let mut event = served.event;
        event.id = format!("req-{:06}", self.requests).into();
        event.time = EventTime(self.settings.start.0.saturating_add(served.end.0));
        self.flaws.touch(self.requests, user, &mut event);
        let (number, blocks) = (self.requests, served.blocks);
        self.due.push(Reverse(Due { at: served.end, number, is_resend: false, blocks, event }));
        self.requests += 1;
    }

    /// Reports an event, if the request ended within the run.
    fn report(&mut self, mut due: Due) -> Option<Emitted> {
        let is_after = due.event.time >= self.settings.launch();
        if due.is_resend {
            self.truth.phase_mut(is_after).truth.count_resend();
        } else if (0..self.settings.length().0).contains(&due.at.0) {
            if self.flaws.is_counted(&due.event) {
                due.event.sequence = Some(self.next_sequence(&due.event.source, &due.event.domain));
            }
            self.intervals.worked(&due.event.source, due.event.usage.parts.get(Class::GpuMicros));
            self.truth.phase_mut(is_after).count(&due.event, due.blocks);
            if let Some(after) = self.flaws.resend_after(due.number) {
                let event = due.event.clone();
                self.due.push(Reverse(Due { at: plus(due.at, after), is_resend: true, event, ..due }));
            }
        } else {
            return None;
        }
        Some(self.emitted(due.at, Reported::Request(due.event)))
    }

    /// What a node says of itself.
    fn interval(&mut self, at: Micros) -> Emitted {
        let mut node = self.intervals.report();
        node.time = EventTime(self.settings.start.0.saturating_add(at.0));
        node.sequence = Some(self.next_sequence(&node.source, &node.domain));
        self.truth.phase_mut(at >= self.settings.launch_after()).truth.count_report();
        self.emitted(at, Reported::Node(node))
    }

    fn emitted(&self, at: Micros, event: Reported) -> Emitted {
        let arrival = plus(at, delay(event.report().head().domain));
        Emitted { received_at: EventTime(self.settings.start.0.saturating_add(arrival.0)), event }
    }

    fn next_sequence(&mut self, source: &str, domain: &str) -> Sequence {
        let stream = (source.to_owned(), domain.to_owned());
        let next = self.next_seq.entry(stream).or_default();
        let sequence = Sequence { epoch: self.settings.epoch, seq: *next };
        *next += 1;
        sequence
    }
}

impl Iterator for Fleet {
    type Item = Emitted;

    fn next(&mut self) -> Option<Emitted> {
        loop {
            let arrival = self.arrivals.peek().map(|Reverse((at, _))| *at);
            let due = self.due.peek().map(|Reverse(due)| due.at);
            let is_first = |at: &Micros| [arrival, due].into_iter().flatten().all(|other| *at <= other);
            if let Some(at) = self.intervals.next_at().filter(is_first) {
                return Some(self.interval(at));
            }
            let is_due = |due: &Reverse<Due>| arrival.is_none_or(|arrival| due.0.at <= arrival);
            if self.due.peek().is_some_and(is_due)
                && let Some(Reverse(due)) = self.due.pop()
            {
                if let Some(emitted) = self.report(due) {
                    return Some(emitted);
                }
                continue;
            }
            let Reverse((at, user_idx)) = self.arrivals.pop()?;
            self.serve(at, user_idx);
        }
    }
}

/// From the end of a request to the log's taking its event: 4 to 24 ms, the same for all of a domain, so that one does not
/// overtake the other.
fn delay(domain: &str) -> Micros {
    Micros(4_000 + i64::try_from(scaled(hash(0, domain), 20_000)).unwrap_or_default())
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number, self.is_resend).cmp(&(other.at, other.number, other.is_resend))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

#[cfg(test)]
mod tests;
