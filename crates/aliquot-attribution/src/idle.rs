//! What a GPU node's interval cost, line by line: the tenants' compute, and idle time as lines of their own under a stated policy
//! (attribution 3.3, F9.1, F9.6). The lines sum to the node's cost exactly. What a node costs is the caller's; so is when an
//! interval ends.
//!
//! | line | to whom |
//! |---|---|
//! | compute | each tenant, by its GPU time |
//! | reserved idle | the owner of a reservation, for what of it the owner did not use; under every policy |
//! | other idle | nobody (`none`), each tenant by its GPU time (`pro_rata`), or by its part in the peaks ([`crate::peaks`]) |
//!
//! More GPU time than the interval has is a wrong measurement: it is scaled down to fit, and the excess is shown.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use aliquot_core::money::Usd;

use crate::apportion::{apportion, weights};
use crate::peaks::Peaks;

/// Who bears idle time that nobody reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdlePolicy {
    /// It stays with the platform.
    None,
    /// Tenants, by their use in the interval.
    ProRata,
    /// Tenants, by their demand in the peaks that sized the pool.
    Peak,
}

impl IdlePolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::None, Self::ProRata, Self::Peak];

    /// The one spelling used in columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ProRata => "pro_rata",
            Self::Peak => "peak",
        }
    }

    /// The policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineKind {
    /// Work done.
    Compute,
    /// Reserved, and not used by its owner.
    ReservedIdle,
    /// Idle and not reserved.
    Idle,
}

/// One line of a node's interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// What for.
    pub kind: LineKind,
    /// To whom; `None` = the platform.
    pub tenant: Option<u32>,
    /// Microseconds of one GPU.
    pub micros: u64,
    /// Its part of the node's cost.
    pub cost: Usd,
}

/// One interval of one node.
#[derive(Clone, Copy, Debug)]
pub struct NodeInterval<'a> {
    /// Node-hours × rate.
    pub cost: Usd,
    /// Length × GPUs, in microseconds of one GPU.
    pub capacity: u64,
    /// GPU microseconds by tenant, as measured.
    pub used: &'a BTreeMap<u32, u64>,
    /// GPU microseconds that are kept for a tenant.
    pub reserved: &'a BTreeMap<u32, u64>,
}

/// The lines of an interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSplit {
    /// By kind and tenant. Their costs sum to the node's; their microseconds to its capacity.
    pub lines: Vec<Line>,
    /// Measured GPU microseconds beyond the capacity.
    pub excess: u64,
}

/// Splits an interval. `peaks` matters under [`IdlePolicy::Peak`] only.
pub fn split(interval: &NodeInterval<'_>, policy: IdlePolicy, peaks: &Peaks) -> NodeSplit {
    let capacity = interval.capacity;
    let (compute, excess) = compute(interval);
    let busy = compute.iter().fold(0_u64, |sum, (_, micros)| sum.saturating_add(*micros));
    let idle = capacity.saturating_sub(busy);
    let reserved = reserved_idle(interval, &compute, idle);
    let held = reserved.iter().fold(0_u64, |sum, (_, micros)| sum.saturating_add(*micros));
    let free = idle.saturating_sub(held);
    let line = |kind, tenant, micros| Line { kind, tenant, micros, cost: Usd::ZERO };
    let computed = compute.iter().map(|(tenant, micros)| line(LineKind::Compute, Some(*tenant), *micros));
    let kept = reserved.iter().map(|(tenant, micros)| line(LineKind::ReservedIdle, Some(*tenant), *micros));
    let mut lines: Vec<Line> = computed.chain(kept).chain([line(LineKind::Idle, None, free)]).collect();
    let micros: Vec<u64> = lines.iter().map(|line| line.micros).collect();
    match interval.cost.split(&micros) {
        Some(costs) => lines.iter_mut().zip(costs).for_each(|(line, cost)| line.cost = cost),
        // An interval of no length that costs something: nobody used it.
        None => lines.iter_mut().rev().take(1).for_each(|line| line.cost = interval.cost),
    }
    if let Some(idle) = lines.pop() {
        lines.extend(idle_lines(idle, &bearers(interval, policy, peaks)));
    }
    lines.retain(|line| line.micros > 0 || line.cost != Usd::ZERO);
    NodeSplit { lines, excess }
}

/// What each tenant used, scaled down if it is more than there was, and how much more it was.
fn compute(interval: &NodeInterval<'_>) -> (Vec<(u32, u64)>, u64) {
    let measured: u128 = interval.used.values().map(|micros| u128::from(*micros)).sum();
    let Some(excess) = measured.checked_sub(u128::from(interval.capacity)).filter(|excess| *excess > 0) else {
        return (interval.used.iter().map(|(tenant, micros)| (*tenant, *micros)).collect(), 0);
    };
    let weights: Vec<u64> = interval.used.values().copied().collect();
    let parts = apportion(interval.capacity, &weights).unwrap_or_default();
    (interval.used.keys().copied().zip(parts).collect(), u64::try_from(excess).unwrap_or(u64::MAX))
}

/// What each owner of a reservation left of it; in proportion less, if more was reserved than was idle.
fn reserved_idle(interval: &NodeInterval<'_>, compute: &[(u32, u64)], idle: u64) -> Vec<(u32, u64)> {
    let used = |owner: u32| compute.iter().find(|(tenant, _)| *tenant == owner).map_or(0, |(_, micros)| *micros);
    let left = interval.reserved.iter().map(|(owner, micros)| (*owner, micros.saturating_sub(used(*owner))));
    let left: Vec<(u32, u64)> = left.collect();
    let whole: u128 = left.iter().map(|(_, micros)| u128::from(*micros)).sum();
    if whole <= u128::from(idle) {
        return left;
    }
    let weights: Vec<u64> = left.iter().map(|(_, micros)| *micros).collect();
    left.iter().map(|(owner, _)| *owner).zip(apportion(idle, &weights).unwrap_or_default()).collect()
}

/// Who bears other idle time, in what proportion; nobody = the platform.
fn bearers(interval: &NodeInterval<'_>, policy: IdlePolicy, peaks: &Peaks) -> Vec<(u32, u128)> {
    match policy {
        IdlePolicy::None => Vec::new(),
        IdlePolicy::ProRata => interval.used.iter().map(|(tenant, micros)| (*tenant, u128::from(*micros))).collect(),
        IdlePolicy::Peak => peaks.demand().into_iter().collect(),
    }
}

/// The idle line, shared out.
fn idle_lines(idle: Line, bearers: &[(u32, u128)]) -> Vec<Line> {
    let amounts: Vec<u128> = bearers.iter().map(|(_, amount)| *amount).collect();
    let weights = weights(&amounts);
    let (Some(costs), Some(micros)) = (idle.cost.split(&weights), apportion(idle.micros, &weights)) else {
        return alloc::vec![idle];
    };
    let parts = bearers.iter().zip(costs).zip(micros);
    parts.map(|(((tenant, _), cost), micros)| Line { tenant: Some(*tenant), micros, cost, ..idle }).collect()
}
