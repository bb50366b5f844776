//! Which tenant a session belongs to: a declared rule of ours, because no trace says. The k-th tenant has weight 1/k.

use std::borrow::Cow;
use std::num::NonZeroU32;

use crate::cache::Owner;
use crate::random::{hash, pair, scaled};

/// The weight of the first tenant. Divisible by the small numbers, so that the weights are 1/k nearly exactly.
const FIRST_WEIGHT: u64 = 720_720;

/// The tenants and the rule.
#[derive(Clone, Debug)]
pub struct Tenants {
    key: u64,
    /// Sums of the weights up to and including each tenant.
    weights: Vec<u64>,
    names: Vec<String>,
}

impl Tenants {
    /// So many tenants, assigned by `seed`.
    pub fn new(count: NonZeroU32, seed: u64) -> Self {
        let mut sum = 0;
        let weights = (1..=u64::from(count.get())).map(|rank| {
            // At least 1, so that no tenant is a mere name.
            sum += (FIRST_WEIGHT / rank).max(1);
            sum
        });
        let width = count.get().to_string().len().max(2);
        Self {
            key: hash(seed, "tenants"),
            weights: weights.collect(),
            names: (1..=count.get()).map(|rank| format!("tenant-{rank:0width$}")).collect(),
        }
    }

    /// The tenant of a session.
    pub fn of(&self, session: u64) -> Owner {
        let total = self.weights.last().copied().unwrap_or_default();
        let drawn = scaled(pair(self.key, session), total);
        Owner::try_from(self.weights.partition_point(|sum| *sum <= drawn)).unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self, tenant: Owner) -> Cow<'static, str> {
        let name = usize::try_from(tenant).ok().and_then(|tenant| self.names.get(tenant));
        name.cloned().unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_zipf_and_the_seed_decides() {
        let tenants = Tenants::new(NonZeroU32::new(4).unwrap(), 1);
        let mut counts = [0_u32; 4];
        for session in 0..25_000 {
            counts[usize::try_from(tenants.of(session)).unwrap()] += 1;
        }
        // 1 : 1/2 : 1/3 : 1/4 of 25,000.
        for (count, expected) in counts.into_iter().zip([12_000_u32, 6_000, 4_000, 3_000]) {
            assert!(count.abs_diff(expected) < expected / 20, "{counts:?}");
        }
        assert_eq!((tenants.name(0), tenants.name(3)), ("tenant-01".into(), "tenant-04".into()));
        let others = Tenants::new(NonZeroU32::new(4).unwrap(), 2);
        assert!((0..100).any(|session| tenants.of(session) != others.of(session)));
    }
}
