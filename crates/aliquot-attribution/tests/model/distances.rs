//! Distances: exact ones are those of the list of uses, epochs are as near as they say, and pinned blocks are more recent than all.

use std::collections::BTreeMap;

use aliquot_attribution::recency::{Resolution, Stamp};
use aliquot_attribution::replica::{Replica, Use};
use aliquot_attribution::tenants::Tenant;
use aliquot_attribution::tick::Tick;
use proptest::collection::vec;
use proptest::prelude::*;

/// Everything that happened, in order.
#[derive(Default)]
struct Uses(Vec<(u64, Tenant)>);

impl Uses {
    /// Distinct blocks used since the last use of `block`, by whoever used each last.
    fn since(&self, block: u64, tenants: usize) -> Option<Vec<u64>> {
        let from = self.0.iter().rposition(|(used, _)| *used == block)? + 1;
        let last: BTreeMap<u64, Tenant> = self.0[from..].iter().copied().collect();
        let mut counts = vec![0; tenants];
        last.values().for_each(|tenant| counts[tenant.place()] += 1);
        Some(counts)
    }
}

pub(crate) fn by(tenant: u16) -> Use {
    Use { tenant: Tenant(tenant), at: Tick(0), computed: None }
}

/// Blocks of tenant `t` are `100 t ..`, so that some are shared with a neighbour: of 150 numbers, 50 are the next one's, too.
fn uses() -> impl Strategy<Value = Vec<(u64, u16)>> {
    vec((0_u16..4, 0_u64..150), 1..6_000)
        .prop_map(|uses| uses.into_iter().map(|(tenant, block)| (u64::from(tenant) * 100 + block, tenant)).collect())
}

fn stamp_of(replica: &Replica, block: u64) -> Option<Stamp> {
    replica.seen(block).and_then(|seen| seen.stamp)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn exact_distances_are_those_of_the_list_of_uses(uses in uses()) {
        let mut replica = Replica::new(Resolution::Exact);
        let mut list = Uses::default();
        for (place, (block, tenant)) in uses.into_iter().enumerate() {
            if place % 97 == 0 && let Some(stamp) = stamp_of(&replica, block) {
                let mut counts = [0; 4];
                replica.since(stamp, &mut counts);
                prop_assert_eq!(Some(counts.to_vec()), list.since(block, 4));
                prop_assert_eq!(replica.total_since(stamp), counts.iter().sum::<u64>());
            }
            replica.touch(block, by(tenant));
            list.0.push((block, Tenant(tenant)));
        }
    }

    #[test]
    fn distances_by_epoch_are_off_by_less_than_an_epoch(uses in uses(), capacity in 64_u64..2_000) {
        let mut replica = Replica::new(Resolution::Epochs);
        replica.set_capacity(capacity);
        let mut list = Uses::default();
        for (place, (block, tenant)) in uses.into_iter().enumerate() {
            if place % 97 == 0 && let Some(stamp) = stamp_of(&replica, block) {
                let mut counts = [0; 4];
                replica.since(stamp, &mut counts);
                let total = counts.iter().sum::<u64>();
                let truth = list.since(block, 4).unwrap().iter().sum::<u64>();
                // Each tenant's half of the block's own epoch is rounded down.
                prop_assert!(total.abs_diff(truth) <= replica.uncertainty() + 4, "{total}, not {truth}");
                prop_assert!(replica.total_since(stamp).abs_diff(total) <= 4);
            }
            replica.touch(block, by(tenant));
            list.0.push((block, Tenant(tenant)));
        }
    }
}

#[test]
fn blocks_in_use_are_more_recent_than_all_and_count_for_who_holds_them() {
    let mut replica = Replica::new(Resolution::Exact);
    for block in 0..10 {
        replica.touch(block, by(0));
    }
    let before = stamp_of(&replica, 9).unwrap();
    replica.pin(3, by(1));
    replica.pin(100, by(1));
    replica.pin(100, by(2));
    assert_eq!(stamp_of(&replica, 3), None);
    let counts = |replica: &Replica| {
        let mut counts = [0; 3];
        replica.since(before, &mut counts);
        counts
    };
    assert_eq!(counts(&replica), [0, 2, 0], "3 and 100, both held by tenant 1 first");
    replica.unpin(100, by(1));
    assert_eq!(counts(&replica), [0, 1, 1], "100 is still held, by tenant 2");
    replica.unpin(100, by(2));
    replica.unpin(3, by(1));
    assert_eq!(counts(&replica), [0, 1, 1]);
    assert!(stamp_of(&replica, 3) > stamp_of(&replica, 100), "freed last, evicted last");
    replica.unpin(3, by(1));
    assert_eq!(counts(&replica), [0, 1, 1], "one unpin too many changes nothing");
}

#[test]
fn what_is_too_old_is_forgotten_and_what_is_used_over_and_over_ages_nothing() {
    let mut replica = Replica::new(Resolution::Epochs);
    replica.set_capacity(640);
    replica.touch(7, by(0));
    for round in 0..3_000 {
        (1_000..1_100).for_each(|block| replica.touch(block, by(round % 2)));
    }
    let seen = replica.seen(7).and_then(|seen| seen.stamp).expect("only a hundred other blocks were used since");
    assert!(replica.total_since(seen) <= 100 + replica.uncertainty());
    (10_000..20_000).for_each(|block| replica.touch(block, by(1)));
    assert_eq!(replica.seen(7), None, "fifteen times the cache was used since");
    assert!(replica.len() <= 8 * 640 + 64, "{}", replica.len());
}
