//! What the requests of one GPU node used, by the time they ended, until the node's report of that time comes. Adds up; knows no
//! money.

use alloc::collections::BTreeMap;

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::time::{EventTime, Micros};

use crate::residency::Held;

/// Ends of requests that are told apart. Of more, those of one tenant within a second are taken together, then within two, and so
/// on; an interval's edge is that much less sharp. 300 KiB.
const ENDS_MAX: usize = 4_096;

/// What requests used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Microseconds of one GPU.
    pub gpu: u64,
    /// What they held of the cache, and their tokens.
    pub held: Held,
}

impl Use {
    fn add(&mut self, more: Self) {
        self.gpu = self.gpu.saturating_add(more.gpu);
        self.held.add(more.held);
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uses {
    /// By the time of their end, or the start of the stretch that is taken together, and the tenant.
    ends: BTreeMap<(EventTime, u32), Use>,
    /// How long stretches are.
    width: Micros,
    /// Up to when reports have come.
    closed: EventTime,
    /// GPU time that was told too late.
    late: u64,
}

impl Default for Uses {
    fn default() -> Self {
        Self { ends: BTreeMap::new(), width: Micros(1), closed: EventTime::MIN, late: 0 }
    }
}

impl Uses {
    /// Takes a request that ended.
    pub fn add(&mut self, end: EventTime, tenant: u32, used: Use) {
        if end < self.closed {
            self.late = self.late.saturating_add(used.gpu);
            return;
        }
        let start = self.stretch(end);
        self.ends.entry((start, tenant)).or_default().add(used);
        while self.ends.len() > ENDS_MAX {
            self.coarsen();
        }
    }

    /// Where the stretch begins that the time lies in. It never reaches into an interval that is closed.
    fn stretch(&self, time: EventTime) -> EventTime {
        let beyond = time.0.checked_rem_euclid(self.width.0).unwrap_or_default();
        EventTime(time.0.saturating_sub(beyond)).max(self.closed)
    }

    fn coarsen(&mut self) {
        if self.width >= Micros::DAY {
            // More tenants than ends: nothing can be taken together.
            let oldest = self.ends.pop_first().map(|(_, used)| used.gpu);
            self.late = self.late.saturating_add(oldest.unwrap_or_default());
            return;
        }
        self.width = Micros(self.width.0.saturating_mul(2).max(Micros::SECOND.0));
        for ((time, tenant), used) in core::mem::take(&mut self.ends) {
            let start = self.stretch(time);
            self.ends.entry((start, tenant)).or_default().add(used);
        }
    }

    /// Takes out what was used from `from` up to before `to`, by tenant, and what was told too late since the last time: nobody
    /// reported the interval that it belongs to, or it is over.
    pub fn close(&mut self, from: EventTime, to: EventTime) -> (BTreeMap<u32, Use>, u64) {
        let mut used = BTreeMap::<u32, Use>::new();
        let after = self.ends.split_off(&(to, 0));
        for ((time, tenant), ended) in core::mem::replace(&mut self.ends, after) {
            if time < from {
                self.late = self.late.saturating_add(ended.gpu);
            } else {
                used.entry(tenant).or_default().add(ended);
            }
        }
        self.closed = self.closed.max(to);
        self.width = Micros(1);
        (used, core::mem::take(&mut self.late))
    }

    /// Appends the uses to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        out.i64(self.width.0);
        out.i64(self.closed.0);
        out.u64(self.late);
        out.length(self.ends.len());
        for ((time, tenant), used) in &self.ends {
            out.i64(time.0);
            out.u32(*tenant);
            out.u64(used.gpu);
            out.u128(used.held.block_micros);
            out.u64(used.held.tokens);
        }
    }

    /// Reads what [`Uses::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let (width, closed, late) = (Micros(reader.i64()?), EventTime(reader.i64()?), reader.u64()?);
        let length = reader.length().filter(|length| *length <= ENDS_MAX && width > Micros(0))?;
        let mut ends = BTreeMap::new();
        for _ in 0..length {
            let key = (EventTime(reader.i64()?), reader.u32()?);
            let gpu = reader.u64()?;
            let held = Held { block_micros: reader.u128()?, tokens: reader.u64()? };
            ends.insert(key, Use { gpu, held });
        }
        (ends.len() == length).then_some(Self { ends, width, closed, late })
    }
}
