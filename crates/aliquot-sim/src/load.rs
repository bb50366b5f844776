//! Messages in any number for load and kill tests, with totals that follow from the settings alone. Every event is a function of
//! its number, so a run can be begun anew, and its truth needs no run. It is no model of traffic: no cache, no users.
//!
//! | message | share | must become |
//! |---|---|---|
//! | an event | `events` of them | a charge, once |
//! | a resend under the same sequence number, up to 256 events later | half of `duplicates_per_mille` | a duplicate, by sequence |
//! | a resend under a number of its own | the other half | a duplicate, by identity |
//! | a broken message | `malformed_per_mille` of the events | one reject |

mod broken;
mod made;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::num::NonZeroU32;

use aliquot_core::ports::Outgoing;
use aliquot_core::time::EventTime;
use aliquot_core::usage::ByClass;

use crate::payload::Encoding;
use crate::random::{hash, pair, scaled};
use crate::truth::{Line, Reported, Truth, add};
use made::{MODELS, Maker};

/// Events between an event and its resend, at most: far less than any window of identities.
const RESEND_WITHIN: u64 = 256;

/// From an event's time to its arrival.
const DELAY_US: i64 = 5_000;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Chooses everything that is not said here.
    pub seed: u64,
    /// Different events.
    pub events: u64,
    /// Tenants; the first are the busiest.
    pub tenants: NonZeroU32,
    /// Nodes that report.
    pub nodes: NonZeroU32,
    /// Cache domains; a node reports on several, or several on one, whichever there are more of.
    pub domains: NonZeroU32,
    /// Blocks of each event's prefix chain.
    pub blocks_per_event: u32,
    /// Of 1,000 events so many are sent twice.
    pub duplicates_per_mille: u32,
    /// For 1,000 events there are so many broken messages.
    pub malformed_per_mille: u32,
    /// How messages are encoded.
    pub encoding: Encoding,
    /// Events of one message, where the encoding holds several.
    pub events_per_message: usize,
    /// Time of the first event.
    pub start: EventTime,
    /// Events of one second of event time.
    pub events_per_second: NonZeroU32,
    /// The nodes' epoch.
    pub epoch: u64,
}

impl Default for Load {
    /// A million JSON events of eight blocks, 2 % of them twice, one in a thousand broken, within 17 minutes.
    fn default() -> Self {
        let number = |number: u32| NonZeroU32::MIN.saturating_add(number - 1);
        Self {
            seed: 1,
            events: 1_000_000,
            tenants: number(100),
            nodes: number(16),
            domains: number(16),
            blocks_per_event: 8,
            duplicates_per_mille: 20,
            malformed_per_mille: 1,
            encoding: Encoding::Json,
            events_per_message: 100,
            start: EventTime(1_794_908_520_000_000),
            events_per_second: number(1_000),
            epoch: 1,
        }
    }
}

impl Load {
    /// The messages, those of one domain in order.
    pub fn messages(&self) -> Messages {
        let streams = usize::try_from(self.nodes.max(self.domains).get()).unwrap_or_default();
        Messages {
            maker: Maker::new(*self),
            load: *self,
            next: 0,
            next_seq: vec![0; streams],
            resends: BinaryHeap::new(),
            open: BTreeMap::new(),
            ready: VecDeque::new(),
        }
    }

    /// What must become of the messages.
    pub fn truth(&self) -> Truth {
        let maker = Maker::new(*self);
        let mut sums = BTreeMap::<(Option<u32>, usize), ByClass<u64>>::new();
        let mut truth = Truth { requests: self.events, ..Truth::default() };
        for number in 0..self.events {
            let draft = maker.draft(number);
            add(sums.entry((draft.tenant, draft.model_idx)).or_insert(ByClass::all(0)), &draft.parts);
            truth.block_refs += u64::from(self.blocks_per_event);
            truth.events += 1 + u64::from(self.is_resent(number));
            truth.malformed += u64::from(self.is_beside_broken(number));
        }
        for ((tenant, model_idx), parts) in sums {
            let tenant = tenant.map(|tenant| maker.tenant(tenant).to_owned().into());
            let reported = truth.reported.entry(tenant.clone()).or_default();
            *reported = reported.and(Reported::of(&parts));
            let (provider, model) = MODELS[model_idx];
            truth.sums.insert(Line { tenant, provider: provider.into(), model: model.into() }, parts);
        }
        truth
    }

    fn is_resent(&self, number: u64) -> bool {
        self.is_drawn(number, "resent", self.duplicates_per_mille)
    }

    fn is_beside_broken(&self, number: u64) -> bool {
        self.is_drawn(number, "broken", self.malformed_per_mille)
    }

    fn is_drawn(&self, number: u64, what: &str, per_mille: u32) -> bool {
        self.draw(number, what, 1_000) < u64::from(per_mille)
    }

    fn draw(&self, number: u64, what: &str, bound: u64) -> u64 {
        scaled(pair(hash(self.seed, what), number), bound)
    }

    fn time(&self, number: u64) -> EventTime {
        let micros = u128::from(number) * 1_000_000 / u128::from(self.events_per_second.get());
        EventTime(self.start.0.saturating_add(i64::try_from(micros).unwrap_or(i64::MAX)))
    }

    fn arrival(&self, number: u64) -> EventTime {
        EventTime(self.time(number).0.saturating_add(DELAY_US))
    }
}

/// The messages of a [`Load`]. Holds one unfinished message per domain.
#[derive(Debug)]
pub struct Messages {
    load: Load,
    maker: Maker,
    next: u64,
    /// Of each stream.
    next_seq: Vec<u64>,
    /// Resends to come: before which event, of which, and under which number if under the old one.
    resends: BinaryHeap<Reverse<(u64, u64, Option<u64>)>>,
    /// By domain: number and sequence number of each event.
    open: BTreeMap<u32, Vec<(u64, u64)>>,
    ready: VecDeque<Outgoing>,
}

impl Messages {
    fn step(&mut self) {
        let number = self.next;
        while let Some(Reverse((before, resent, seq))) = self.resends.peek().copied()
            && (before <= number || number >= self.load.events)
        {
            self.resends.pop();
            self.send(resent, seq);
        }
        if number >= self.load.events {
            for (domain, sent) in std::mem::take(&mut self.open) {
                self.pack(domain, &sent);
            }
            return;
        }
        self.next += 1;
        let seq = self.send(number, None);
        if self.load.is_resent(number) {
            let before = number + 1 + self.load.draw(number, "resend after", RESEND_WITHIN);
            let under_old_number = self.load.draw(number, "resend under", 2) == 0;
            self.resends.push(Reverse((before, number, under_old_number.then_some(seq))));
        }
        if self.load.is_beside_broken(number) {
            self.ready.push_back(Outgoing {
                key: self.maker.domain(self.maker.domain_idx(number)).to_owned(),
                content_type: Encoding::Json.content_type().to_owned(),
                received_at: self.load.arrival(number),
                payload: broken::payload(number, self.load.draw(number, "how broken", broken::KINDS)),
            });
        }
    }

    /// Puts an event into its domain's message; answers with its sequence number.
    fn send(&mut self, number: u64, seq: Option<u64>) -> u64 {
        let next_seq = &mut self.next_seq[self.maker.stream(number)];
        let seq = seq.unwrap_or_else(|| {
            *next_seq += 1;
            *next_seq - 1
        });
        let domain = self.maker.domain_idx(number);
        let open = self.open.entry(domain).or_default();
        open.push((number, seq));
        let events_max = if self.load.encoding == Encoding::Json { 1 } else { self.load.events_per_message };
        if open.len() >= events_max
            && let Some(sent) = self.open.remove(&domain)
        {
            self.pack(domain, &sent);
        }
        seq
    }

    fn pack(&mut self, domain: u32, sent: &[(u64, u64)]) {
        let events: Vec<_> = sent.iter().map(|(number, seq)| self.maker.event(*number, *seq)).collect();
        self.ready.push_back(Outgoing {
            key: self.maker.domain(domain).to_owned(),
            content_type: self.load.encoding.content_type().to_owned(),
            received_at: self.load.arrival(self.next.saturating_sub(1)),
            payload: self.load.encoding.encode(&events),
        });
    }
}

impl Iterator for Messages {
    type Item = Outgoing;

    fn next(&mut self) -> Option<Outgoing> {
        while self.ready.is_empty()
            && (self.next < self.load.events || !self.resends.is_empty() || !self.open.is_empty())
        {
            self.step();
        }
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests;
