//! Who attempted how much over a sliding time, in slices of it, and which logical requests were counted already.

use alloc::collections::{BTreeMap, VecDeque};

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::time::{EventTime, Micros};

/// Slices of one window: its edge is sharp to a 64th.
const SLICES: i64 = 64;

/// Slices that are kept when the length of the window changes, oldest forgotten first.
const SLICES_MAX: usize = 256;

/// Tenants that are told apart in one slice; what further ones attempt is summed without a name. With every one of them in every
/// slice a bucket takes 1 MiB; with thirty, 100 KiB.
const TENANTS_MAX: usize = 256;

/// Logical requests whose further attempts are recognised, oldest forgotten first. 300 KiB; retries come within seconds.
const REQUESTS_MAX: usize = 4_096;

/// What one tenant attempted within the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consumption {
    /// Each logical request once.
    pub attempted: u64,
    /// What further attempts at the same requests asked for again: retry amplification (F11.6).
    pub retried: u64,
}

impl Consumption {
    fn add(&mut self, more: Self) {
        self.attempted = self.attempted.saturating_add(more.attempted);
        self.retried = self.retried.saturating_add(more.retried);
    }
}

/// `None` = tenants beyond those that are told apart.
pub(super) type Sums = BTreeMap<Option<u32>, Consumption>;

/// What is known of a logical request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) at: EventTime,
    /// The most any of its attempts asked for.
    pub(super) amount: u64,
    /// Whether its tenant's own bucket let it pass, in which case there is no further attempt in that bucket's world.
    pub(super) passed_alone: bool,
    /// The same for the worlds of coalitions.
    pub(super) passed: u128,
}

/// The slices of a window of that length.
pub(super) fn slice(length: Micros) -> Micros {
    Micros(length.0.checked_div(SLICES).unwrap_or_default().max(1))
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// By their start.
    slices: BTreeMap<EventTime, Sums>,
    requests: BTreeMap<(u32, u64), Known>,
    /// In order of arrival.
    order: VecDeque<(u32, u64)>,
}

impl Window {
    /// Adds to what a tenant attempted at a time, in a window of that length.
    pub(super) fn add(&mut self, at: EventTime, length: Micros, tenant: u32, more: Consumption) {
        let Micros(width) = slice(length);
        let start = EventTime(at.0.saturating_sub(at.0.checked_rem_euclid(width).unwrap_or_default()));
        let slice = self.slices.entry(start).or_default();
        let known = slice.len() < TENANTS_MAX || slice.contains_key(&Some(tenant));
        slice.entry(known.then_some(tenant)).or_default().add(more);
        if self.slices.len() > SLICES_MAX {
            self.slices.pop_first();
        }
    }

    /// Forgets what came before.
    pub(super) fn forget_before(&mut self, time: EventTime) {
        while self.slices.first_key_value().is_some_and(|(start, _)| *start < time) {
            self.slices.pop_first();
        }
        while let Some(oldest) = self.order.front().copied()
            && self.requests.get(&oldest).is_none_or(|known| known.at < time)
        {
            self.requests.remove(&oldest);
            self.order.pop_front();
        }
    }

    /// Who attempted how much from then on.
    pub(super) fn sums_since(&self, time: EventTime) -> Sums {
        self.sums_between(time, EventTime(i64::MAX))
    }

    pub(super) fn sums_between(&self, from: EventTime, to: EventTime) -> Sums {
        let mut sums = Sums::new();
        for (tenant, more) in self.slices.range(from.min(to)..to).flat_map(|(_, slice)| slice) {
            sums.entry(*tenant).or_default().add(*more);
        }
        sums
    }

    pub(super) fn known(&self, tenant: u32, id: u64) -> Option<Known> {
        self.requests.get(&(tenant, id)).copied()
    }

    pub(super) fn remember(&mut self, tenant: u32, id: u64, known: Known) {
        if self.requests.insert((tenant, id), known).is_none() {
            self.order.push_back((tenant, id));
        }
        if self.order.len() > REQUESTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.requests.remove(&oldest);
        }
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.length(self.slices.len());
        for (start, sums) in &self.slices {
            out.i64(start.0);
            out.length(sums.len());
            for (tenant, sum) in sums {
                out.u8(u8::from(tenant.is_some()));
                out.u32(tenant.unwrap_or_default());
                out.u64(sum.attempted);
                out.u64(sum.retried);
            }
        }
        out.length(self.order.len());
        for key in &self.order {
            let known = self.requests.get(key);
            out.u32(key.0);
            out.u64(key.1);
            out.i64(known.map_or(0, |known| known.at.0));
            out.u64(known.map_or(0, |known| known.amount));
            out.u8(known.map_or(0, |known| u8::from(known.passed_alone)));
            out.u128(known.map_or(0, |known| known.passed));
        }
    }

    pub(super) fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let mut window = Self::default();
        let slices = from.length().filter(|length| *length <= SLICES_MAX)?;
        for _ in 0..slices {
            let start = EventTime(from.i64()?);
            let tenants = from.length().filter(|length| *length <= TENANTS_MAX.saturating_add(1))?;
            let mut sums = Sums::new();
            for _ in 0..tenants {
                let (named, tenant) = (from.u8()?, from.u32()?);
                let sum = Consumption { attempted: from.u64()?, retried: from.u64()? };
                sums.insert((named == 1).then_some(tenant), sum);
            }
            window.slices.insert(start, sums);
        }
        let requests = from.length().filter(|length| *length <= REQUESTS_MAX)?;
        for _ in 0..requests {
            let (tenant, id) = (from.u32()?, from.u64()?);
            let (at, amount) = (EventTime(from.i64()?), from.u64()?);
            let known = Known { at, amount, passed_alone: from.u8()? == 1, passed: from.u128()? };
            window.remember(tenant, id, known);
        }
        (window.slices.len() == slices && window.order.len() == requests).then_some(window)
    }
}
