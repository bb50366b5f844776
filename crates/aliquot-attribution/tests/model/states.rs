//! States: the same blocks give the same bytes, and a restored replica goes on as the one that was saved.

use aliquot_attribution::recency::Resolution;
use aliquot_attribution::replica::Replica;
use aliquot_core::bytes::{Reader, Writer};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::distances::by;

fn saved(replica: &Replica) -> Vec<u8> {
    let mut out = Writer::default();
    replica.save(&mut out);
    out.into_bytes()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Touch(u64, u16),
    Pin(u64, u16),
    Unpin(u64, u16),
    Reset,
    Doubt,
}

fn step() -> impl Strategy<Value = Step> {
    let block = 0_u64..300;
    prop_oneof![
        20 => (block.clone(), 0_u16..5).prop_map(|(block, tenant)| Step::Touch(block, tenant)),
        4 => (block.clone(), 0_u16..5).prop_map(|(block, tenant)| Step::Pin(block, tenant)),
        4 => (block, 0_u16..5).prop_map(|(block, tenant)| Step::Unpin(block, tenant)),
        1 => Just(Step::Reset),
        1 => Just(Step::Doubt),
    ]
}

fn take(replica: &mut Replica, step: Step) {
    match step {
        Step::Touch(block, tenant) => replica.touch(block, by(tenant)),
        Step::Pin(block, tenant) => replica.pin(block, by(tenant)),
        Step::Unpin(block, tenant) => replica.unpin(block, by(tenant)),
        Step::Reset => replica.reset(),
        Step::Doubt => replica.doubt(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_restored_replica_is_the_one_that_was_saved(
        exact in any::<bool>(),
        capacity in 1_u64..500,
        steps in vec(step(), 0..1_500),
        later in vec(step(), 0..200),
    ) {
        let mut replica = Replica::new(if exact { Resolution::Exact } else { Resolution::Epochs });
        replica.set_capacity(capacity);
        steps.into_iter().for_each(|step| take(&mut replica, step));
        let bytes = saved(&replica);
        let mut reader = Reader::new(&bytes);
        let mut back = Replica::restore(&mut reader).unwrap();
        prop_assert!(reader.is_at_end());
        prop_assert_eq!(&saved(&back), &bytes);
        for step in later {
            take(&mut replica, step);
            take(&mut back, step);
        }
        for block in 0..300 {
            prop_assert_eq!(back.seen(block), replica.seen(block));
        }
        prop_assert_eq!(back.total_since(0), replica.total_since(0));
        prop_assert_eq!(saved(&back), saved(&replica));
    }

    #[test]
    fn cut_bytes_are_refused(steps in vec(step(), 1..200), cut in 0_usize..10_000) {
        let mut replica = Replica::new(Resolution::Epochs);
        steps.into_iter().for_each(|step| take(&mut replica, step));
        let bytes = saved(&replica);
        let cut = cut % bytes.len();
        prop_assert!(Replica::restore(&mut Reader::new(&bytes[..cut])).is_none());
    }
}
