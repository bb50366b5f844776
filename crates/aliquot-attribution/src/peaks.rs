//! Whose demand made a pool of GPUs as large as it is: each tenant's share of the demand in the intervals that asked most (Fair-CO2's
//! reasoning, attribution 3.3). Says nothing about money.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use aliquot_core::bytes::{Reader, Writer};

/// One interval in so many is a peak.
const ONE_IN: u64 = 10;

/// The busiest intervals that are kept: all peaks of 2,560 intervals, that is of nine days of five minutes; of more, the highest.
/// With [`TENANTS_MAX`] 200 KiB.
const KEPT_MAX: usize = 256;

/// Tenants of one interval that are kept, those with the most demand first: the peak is theirs.
const TENANTS_MAX: usize = 64;

/// The busiest intervals seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    seen: u64,
    /// The busiest first; of equals, the earlier.
    kept: Vec<Interval>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Interval {
    demand: u64,
    /// By number.
    tenants: Vec<(u32, u64)>,
}

impl Peaks {
    /// Takes an interval: GPU microseconds by tenant.
    pub fn observe(&mut self, used: &BTreeMap<u32, u64>) {
        self.seen = self.seen.saturating_add(1);
        let demand = used.values().fold(0_u64, |sum, micros| sum.saturating_add(*micros));
        let place = self.kept.partition_point(|other| other.demand >= demand);
        if place >= KEPT_MAX || demand == 0 {
            return;
        }
        let mut tenants: Vec<(u32, u64)> =
            used.iter().map(|(tenant, micros)| (*tenant, *micros)).filter(|(_, micros)| *micros > 0).collect();
        tenants.sort_by_key(|(tenant, micros)| (Reverse(*micros), *tenant));
        tenants.truncate(TENANTS_MAX);
        tenants.sort_unstable();
        self.kept.insert(place, Interval { demand, tenants });
        self.kept.truncate(KEPT_MAX);
    }

    /// GPU microseconds by tenant, summed over the busiest tenth of the intervals seen, at least one.
    pub fn demand(&self) -> BTreeMap<u32, u128> {
        let peaks = usize::try_from(self.seen.div_ceil(ONE_IN)).unwrap_or(usize::MAX);
        let mut sums = BTreeMap::<u32, u128>::new();
        for (tenant, micros) in self.kept.iter().take(peaks).flat_map(|interval| &interval.tenants) {
            let sum = sums.entry(*tenant).or_default();
            *sum = sum.saturating_add(u128::from(*micros));
        }
        sums
    }

    /// Writes the state.
    pub fn save(&self, out: &mut Writer) {
        out.u64(self.seen);
        out.length(self.kept.len());
        for interval in &self.kept {
            out.u64(interval.demand);
            out.length(interval.tenants.len());
            for (tenant, micros) in &interval.tenants {
                out.u32(*tenant);
                out.u64(*micros);
            }
        }
    }

    /// Reads what [`Self::save`] wrote; `None` if it is anything else.
    pub fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let seen = from.u64()?;
        let kept = from.length().filter(|length| *length <= KEPT_MAX)?;
        let interval = |from: &mut Reader<'_>| {
            let demand = from.u64()?;
            let tenants = from.length().filter(|length| *length <= TENANTS_MAX)?;
            let tenants = (0..tenants).map(|_| Some((from.u32()?, from.u64()?))).collect::<Option<Vec<_>>>()?;
            Some(Interval { demand, tenants })
        };
        let kept = (0..kept).map(|_| interval(from)).collect::<Option<Vec<_>>>()?;
        kept.iter().is_sorted_by_key(|interval| Reverse(interval.demand)).then_some(Self { seen, kept })
    }
}
