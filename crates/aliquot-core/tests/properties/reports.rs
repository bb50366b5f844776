//! What nodes report beside requests: which intervals can be, and what of a provider's limits can be true.

use aliquot_core::event::limit::RESET_MAX;
use aliquot_core::event::node::{GPUS_MAX, INTERVAL_MAX, KV_BLOCKS_MAX};
use aliquot_core::event::{Limit, NodeReport, QUANTITY_MAX};
use aliquot_core::reject::Reason;
use aliquot_core::time::Micros;
use proptest::prelude::*;

fn node(interval: i64, gpu_count: u32, busy: Option<i64>) -> NodeReport<'static> {
    NodeReport { interval: Micros(interval), gpu_count, busy: busy.map(Micros), ..NodeReport::default() }
}

#[test]
fn intervals_that_can_be() {
    assert_eq!(node(0, 0, None).check(), Ok(()));
    assert_eq!(node(0, 8, Some(0)).check(), Ok(()));
    assert_eq!(node(60, 8, Some(480)).check(), Ok(()));
    assert_eq!(node(60, 8, Some(481)).check(), Err(Reason::Overflow));
    assert_eq!(node(60, 8, Some(-1)).check(), Err(Reason::Negative));
    assert_eq!(node(-1, 8, None).check(), Err(Reason::Negative));
    assert_eq!(node(INTERVAL_MAX.0, GPUS_MAX, None).check(), Ok(()));
    assert_eq!(node(INTERVAL_MAX.0 + 1, 1, None).check(), Err(Reason::Overflow));
    assert_eq!(node(1, GPUS_MAX + 1, None).check(), Err(Reason::Overflow));
    assert_eq!(node(i64::MAX, u32::MAX, None).check(), Err(Reason::Overflow));
    let blocks = |blocks| NodeReport { kv_blocks: Some(blocks), ..node(1, 1, None) }.check();
    assert_eq!((blocks(KV_BLOCKS_MAX), blocks(KV_BLOCKS_MAX + 1)), (Ok(()), Err(Reason::Overflow)));
}

/// Limit, rest and microseconds as headers gave them, and what of it can be true.
fn plausible(
    limit: Option<u64>,
    remaining: Option<u64>,
    reset: Option<i64>,
) -> (Option<u64>, Option<u64>, Option<i64>) {
    let Limit { limit, remaining, reset, .. } =
        Limit { limit, remaining, reset: reset.map(Micros), ..Limit::default() }.plausible();
    (limit, remaining, reset.map(|reset| reset.0))
}

#[test]
fn nonsense_of_headers_becomes_unknown_and_never_a_number() {
    let same = [
        (Some(100), Some(40), Some(30)),
        (Some(100), Some(100), Some(0)),
        (Some(100), None, Some(0)),
        (None, Some(0), Some(5)),
        (None, None, Some(5)),
        (None, Some(7), None),
        (Some(QUANTITY_MAX), Some(QUANTITY_MAX), Some(RESET_MAX.0)),
    ];
    for (limit, remaining, reset) in same {
        assert_eq!(plausible(limit, remaining, reset), (limit, remaining, reset));
    }
    assert_eq!(plausible(None, None, Some(0)), (None, None, None), "-1, -1 and 0, as a provider was seen to send");
    assert_eq!(plausible(Some(100), Some(101), Some(9)), (None, None, Some(9)), "more left than there is");
    assert_eq!(plausible(Some(0), Some(0), Some(0)), (None, None, None));
    assert_eq!(plausible(Some(0), None, Some(9)), (None, None, Some(9)));
    assert_eq!(plausible(Some(u64::MAX), Some(5), None), (None, Some(5), None), "no limit is not a large one");
    assert_eq!(plausible(Some(100), Some(QUANTITY_MAX + 1), Some(-1)), (Some(100), None, None));
    assert_eq!(plausible(Some(100), Some(1), Some(RESET_MAX.0 + 1)), (Some(100), Some(1), None));
}

proptest! {
    #[test]
    fn what_can_be_true_stays_as_it_is(
        limit: Option<u64>, remaining in prop::option::of(0..=QUANTITY_MAX), reset: Option<i64>, refused: bool,
    ) {
        let limit = Limit { limit, remaining, reset: reset.map(Micros), refused, ..Limit::default() };
        let once = limit.plausible();
        prop_assert_eq!(once.refused, refused);
        prop_assert!(once.limit != Some(0) && once.remaining.zip(once.limit).is_none_or(|(left, all)| left <= all));
        prop_assert_eq!(once.clone().plausible(), once);
    }
}
