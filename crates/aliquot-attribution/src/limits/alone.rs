//! For each tenant a bucket of the shared one's size that only it takes from: whether it would have been refused without neighbours.

use alloc::collections::BTreeMap;

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::time::EventTime;

use super::bucket::Size;

/// Tenants with a bucket of their own at a time. The one that was silent longest is forgotten first; its bucket is full by then.
/// 48 KiB.
const TENANTS_MAX: usize = 1_024;

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Alone {
    buckets: BTreeMap<u32, Own>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own {
    /// In parts of a unit.
    level: u128,
    at: EventTime,
    /// What its accepted requests take, smoothed: a refused one seldom says what it would have taken.
    typical: u64,
}

impl Alone {
    /// What a tenant's requests usually take, in units; 0 if none was seen.
    pub(super) fn typical(&self, tenant: u32) -> u64 {
        self.buckets.get(&tenant).map_or(0, |own| own.typical)
    }

    /// Learns what an accepted request took.
    pub(super) fn learn(&mut self, tenant: u32, amount: u64) {
        if let Some(own) = self.buckets.get_mut(&tenant) {
            let less = own.typical.saturating_sub(own.typical >> 3);
            own.typical = if own.typical == 0 { amount } else { less.saturating_add(amount >> 3) };
        }
    }

    /// Fills a tenant's bucket up to that time. What it lacks then, in parts.
    pub(super) fn missing(&mut self, tenant: u32, at: EventTime, size: Size) -> u128 {
        if self.buckets.len() >= TENANTS_MAX && !self.buckets.contains_key(&tenant) {
            let silent = self.buckets.iter().min_by_key(|(_, own)| own.at).map(|(tenant, _)| *tenant);
            silent.and_then(|tenant| self.buckets.remove(&tenant));
        }
        let own = self.buckets.entry(tenant).or_insert(Own { level: size.full, at, typical: 0 });
        own.level = own.level.saturating_add(size.gain(at.since(own.at))).min(size.full);
        own.at = own.at.max(at);
        size.full.saturating_sub(own.level)
    }

    /// Takes so many parts from a tenant's bucket if it holds them. Whether it does.
    pub(super) fn take(&mut self, tenant: u32, parts: u128) -> bool {
        let Some((own, left)) = self.buckets.get_mut(&tenant).and_then(|own| {
            let left = own.level.checked_sub(parts)?;
            Some((own, left))
        }) else {
            return false;
        };
        own.level = left;
        true
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.length(self.buckets.len());
        for (tenant, own) in &self.buckets {
            out.u32(*tenant);
            out.u128(own.level);
            out.i64(own.at.0);
            out.u64(own.typical);
        }
    }

    pub(super) fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let length = from.length().filter(|length| *length <= TENANTS_MAX)?;
        let mut buckets = BTreeMap::new();
        for _ in 0..length {
            let tenant = from.u32()?;
            let (level, at, typical) = (from.u128()?, EventTime(from.i64()?), from.u64()?);
            buckets.insert(tenant, Own { level, at, typical });
        }
        (buckets.len() == length).then_some(Self { buckets })
    }
}
