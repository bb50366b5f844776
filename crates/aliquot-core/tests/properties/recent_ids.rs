//! The identity window, against a plain list.

use std::collections::BTreeMap;

use aliquot_core::recent_ids::{Fingerprint, RecentIds};
use proptest::prelude::*;

proptest! {
    #[test]
    fn it_holds_the_newest_in_order_of_first_arrival(capacity in 0_usize..6, arrivals in prop::collection::vec(0_u128..10, 0..40)) {
        let mut window = RecentIds::new(capacity);
        let mut list: Vec<Fingerprint> = Vec::new();
        for fingerprint in arrivals.into_iter().map(|number| Fingerprint(number << 64 | number)) {
            prop_assert_eq!(window.contains(fingerprint), list.contains(&fingerprint));
            if !list.contains(&fingerprint) {
                list.push(fingerprint);
                list.drain(..list.len().saturating_sub(capacity));
            }
            window.insert(fingerprint);
            prop_assert_eq!(window.iter().collect::<Vec<_>>(), list.clone());
        }
        let restored = RecentIds::restore(capacity, list);
        prop_assert_eq!(restored.capacity(), capacity);
        prop_assert_eq!(restored, window);
    }

    #[test]
    fn identities_are_the_same_only_if_every_part_is(
        identities in prop::collection::vec(("[ab\u{ff}]{0,3}", "[ab\u{ff}]{0,3}", 0_u32..3), 0..40)
    ) {
        let mut seen = BTreeMap::new();
        for (source, id, attempt) in identities {
            let fingerprint = Fingerprint::of(&source, &id, attempt);
            let identity = (source, id, attempt);
            prop_assert_eq!(seen.entry(fingerprint).or_insert_with(|| identity.clone()), &identity);
        }
    }
}

#[test]
fn where_one_part_ends_and_the_next_begins_is_part_of_the_identity() {
    let together =
        [("a", "bc", 0), ("ab", "c", 0), ("abc", "", 0), ("", "abc", 0), ("a", "bc\0\0\0\0", 0), ("a", "bc", 1)];
    let fingerprints: Vec<_> =
        together.into_iter().map(|(source, id, try_)| Fingerprint::of(source, id, try_)).collect();
    for (place, fingerprint) in fingerprints.iter().enumerate() {
        assert!(!fingerprints[..place].contains(fingerprint), "{:?}", together[place]);
    }
}

/// Snapshots hold fingerprints, so what this version computes must be what every version computes.
#[test]
fn a_fingerprint_is_the_same_in_every_build() {
    assert_eq!(format!("{:032x}", Fingerprint::of("node-a", "request-1", 0).0), "95a598374f1d8459184d54f460920ed6");
}
