//! The queue of one tenant as it would be without neighbours: its own requests, first come first served, on as many slots as the
//! engine has. With one slot it is Lindley's recursion `W = max(0, W_prev + S_prev − dt)`. Whole microseconds.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::time::{EventTime, Micros};

/// Requests are told when they end and queue when they arrive. So many of a tenant's latest are kept in order of arrival, for one
/// that ends later than others that came after it; older ones are settled. 1.5 KiB.
const REORDERED_MAX: usize = 96;

/// More slots than that are not told apart: a queue of one tenant that fills them all is its own in any case.
const SLOTS_MAX: usize = 64;

/// The shadow queue of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shadow {
    last_end: EventTime,
    /// When the slots that settled requests hold get free, ascending.
    settled: Vec<EventTime>,
    /// By arrival.
    recent: VecDeque<Own>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own {
    arrival: EventTime,
    service: Micros,
}

impl Default for Shadow {
    fn default() -> Self {
        Self { last_end: EventTime::MIN, settled: Vec::new(), recent: VecDeque::new() }
    }
}

impl Shadow {
    /// Takes a request that ended. If `asked`, says how long it would have waited.
    pub(super) fn finish(
        &mut self,
        arrival: EventTime,
        service: Micros,
        end: EventTime,
        slots: usize,
        asked: bool,
    ) -> Micros {
        self.last_end = self.last_end.max(end);
        let slots = slots.clamp(1, SLOTS_MAX);
        let place = self.recent.partition_point(|other| other.arrival <= arrival);
        self.recent.insert(place, Own { arrival, service });
        let mut wait = Micros::default();
        if asked {
            let mut busy = self.settled.clone();
            for own in self.recent.iter().take(place.saturating_add(1)) {
                wait = own.enter(&mut busy, slots);
            }
        }
        if self.recent.len() > REORDERED_MAX
            && let Some(oldest) = self.recent.pop_front()
        {
            oldest.enter(&mut self.settled, slots);
        }
        wait
    }

    pub(super) const fn last_end(&self) -> EventTime {
        self.last_end
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.i64(self.last_end.0);
        out.length(self.settled.len());
        self.settled.iter().for_each(|free| out.i64(free.0));
        out.length(self.recent.len());
        for own in &self.recent {
            out.i64(own.arrival.0);
            out.i64(own.service.0);
        }
    }

    pub(super) fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let last_end = EventTime(from.i64()?);
        let settled = from.length().filter(|length| *length <= SLOTS_MAX)?;
        let settled = (0..settled).map(|_| from.i64().map(EventTime)).collect::<Option<Vec<_>>>()?;
        let recent = from.length().filter(|length| *length <= REORDERED_MAX)?;
        let own = |from: &mut Reader<'_>| {
            let (arrival, service) = (EventTime(from.i64()?), Micros(from.i64()?));
            (service.0 >= 0).then_some(Own { arrival, service })
        };
        let recent = (0..recent).map(|_| own(from)).collect::<Option<VecDeque<_>>>()?;
        let ordered = settled.is_sorted() && recent.iter().is_sorted_by_key(|own| own.arrival);
        ordered.then_some(Self { last_end, settled, recent })
    }
}

impl Own {
    /// Enters a queue whose slots are `busy` until these times, ascending, behind all that entered before. How long it waits.
    fn enter(self, busy: &mut Vec<EventTime>, slots: usize) -> Micros {
        busy.retain(|free| *free > self.arrival);
        // With as many busy as there are slots, the first to get free is the one; with more, so many more have to.
        let ahead = busy.len().checked_sub(slots).and_then(|place| busy.get(place).copied());
        let start = ahead.unwrap_or(self.arrival);
        busy.retain(|free| *free > start);
        let end = EventTime(start.0.saturating_add(self.service.0));
        let place = busy.partition_point(|free| *free <= end);
        busy.insert(place, end);
        start.since(self.arrival)
    }
}
