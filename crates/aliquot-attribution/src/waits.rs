//! Splits the time a request waited in an engine's queue: what its own tenant's traffic would have cost it with the engine to
//! itself, and the neighbours' shares of the rest (attribution 3.1). Decides no money and no cause of a miss.
//!
//! One [`Waits`] stands for one replica of one cache domain. Requests are told when they end, which is all that an event knows;
//! several may be in service at once.
//!
//! | part | what it is |
//! |---|---|
//! | own | the wait in a shadow queue that only the tenant's own requests enter (`shadow`): exact for one slot, first come first served |
//! | neighbours | the rest, by their Shapley values in the queue that the arrivals make (`ahead`): exact for one slot and six neighbours |
//! | the same, if the arrivals explain no wait | the rest, by the time each was in service during the wait |
//! | unexplained | the rest, if no neighbour was; all of it, if the times contradict one another |
//!
//! With several slots, what is still in service when a request ends is not known yet and gets no share.

mod ahead;
mod recent;
mod shadow;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::time::{EventTime, Micros};

use crate::apportion::{apportion, weights};
use recent::{Recent, Served};
use shadow::Shadow;

/// Tenants with a shadow queue at a time; the one that was silent longest is forgotten first, and begins again with an empty
/// queue. At most 2 KiB each.
const TENANTS_MAX: usize = 1_024;

/// A longer wait is a clock gone wrong: clients give up long before.
const WAIT_MAX: Micros = Micros::DAY;

/// How many requests that waited say together how many slots the engine has. The most that were in service at once counts, over
/// this many and the same number before them, so that a change is noticed and a lull is not one.
const SLOTS_WINDOW: u64 = 64;

/// A request that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Whose it was: a number of the caller's.
    pub tenant: u32,
    /// When it came.
    pub arrival: EventTime,
    /// When the engine began it: arrival + `Event.queue`.
    pub start: EventTime,
    /// When it ended. Requests are told in this order; those that are not are taken as they come.
    pub end: EventTime,
}

/// The wait of one request in microseconds. The parts sum to it exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitSplit {
    /// Its tenant's own doing.
    pub own: u64,
    /// By neighbour, in the order of their numbers; none is 0.
    pub neighbours: Vec<(u32, u64)>,
    /// Nobody's that is known.
    pub unexplained: u64,
}

/// What is known of the queue of one replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    recent: Recent,
    shadows: BTreeMap<u32, Shadow>,
    slots: Slots,
}

/// How many requests the engine serves at once, as far as it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slots {
    before: u64,
    now: u64,
    seen: u64,
}

impl Slots {
    /// At the arrival of a request that had to wait, so many were in service: all there are.
    fn observe(&mut self, in_service: u64) {
        if self.seen >= SLOTS_WINDOW {
            *self = Self { before: self.now, now: 0, seen: 0 };
        }
        self.now = self.now.max(in_service);
        self.seen = self.seen.saturating_add(1);
    }

    fn count(self) -> usize {
        usize::try_from(self.before.max(self.now).max(1)).unwrap_or(usize::MAX)
    }
}

impl Waits {
    /// Takes a request that ended, and says whose its wait was.
    pub fn finish(&mut self, request: Finished) -> WaitSplit {
        let Finished { tenant, arrival, start, end } = request;
        let wait = start.since(arrival);
        let observed = u64::try_from(wait.0).unwrap_or_default();
        if wait > WAIT_MAX || wait.0 < 0 || end < start {
            return WaitSplit { unexplained: observed, ..WaitSplit::default() };
        }
        if observed > 0 {
            self.slots.observe(self.recent.at(arrival));
        }
        let slots = self.slots.count();
        if !self.shadows.contains_key(&tenant) {
            self.make_room();
        }
        let shadow = self.shadows.entry(tenant).or_default();
        let alone = shadow.finish(arrival, end.since(start), end, slots, observed > 0);
        let own = u64::try_from(alone.0).unwrap_or_default().min(observed);
        let split = self.among_neighbours(&request, slots, own, observed.saturating_sub(own));
        self.recent.add(Served { tenant, arrival, start, end });
        split
    }

    fn among_neighbours(&self, request: &Finished, slots: usize, own: u64, rest: u64) -> WaitSplit {
        let unexplained = WaitSplit { own, neighbours: Vec::new(), unexplained: rest };
        if rest == 0 {
            return unexplained;
        }
        let mut shares = ahead::shares(&self.recent, request.tenant, request.arrival, slots);
        if shares.is_empty() {
            shares = self.recent.during(request.tenant, request.arrival, request.start);
        }
        let amounts: Vec<u128> = shares.values().copied().collect();
        let Some(parts) = apportion(rest, &weights(&amounts)) else {
            return unexplained;
        };
        let neighbours = shares.into_keys().zip(parts).filter(|(_, micros)| *micros > 0).collect();
        WaitSplit { own, neighbours, unexplained: 0 }
    }

    fn make_room(&mut self) {
        if self.shadows.len() < TENANTS_MAX {
            return;
        }
        let silent = self.shadows.iter().min_by_key(|(_, shadow)| shadow.last_end()).map(|(tenant, _)| *tenant);
        silent.and_then(|tenant| self.shadows.remove(&tenant));
    }

    /// Writes the state.
    pub fn save(&self, out: &mut Writer) {
        let Slots { before, now, seen } = self.slots;
        [before, now, seen].into_iter().for_each(|number| out.u64(number));
        self.recent.save(out);
        out.length(self.shadows.len());
        for (tenant, shadow) in &self.shadows {
            out.u32(*tenant);
            shadow.save(out);
        }
    }

    /// Reads what [`Self::save`] wrote; `None` if it is anything else.
    pub fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let slots = Slots { before: from.u64()?, now: from.u64()?, seen: from.u64()? };
        let recent = Recent::restore(from)?;
        let length = from.length().filter(|length| *length <= TENANTS_MAX)?;
        let mut shadows = BTreeMap::new();
        for _ in 0..length {
            let tenant = from.u32()?;
            shadows.insert(tenant, Shadow::restore(from)?);
        }
        (shadows.len() == length).then_some(Self { recent, shadows, slots })
    }
}
