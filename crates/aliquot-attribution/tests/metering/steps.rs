//! Engine steps: the parts are the model's, and always the whole.

use aliquot_attribution::steps::{InStep, StepModel};
use aliquot_core::bytes::{Reader, Writer};
use proptest::prelude::*;

use crate::random::Random;

/// 4 ms a step, 50 µs a prompt token, 1 µs for eight tokens of context.
fn micros(requests: &[InStep]) -> u64 {
    4_000 + requests.iter().map(|request| 50 * request.prefill + request.context / 8).sum::<u64>()
}

fn learnt() -> StepModel {
    let mut random = Random(7);
    let mut model = StepModel::default();
    for _ in 0..200 {
        let one = |random: &mut Random| InStep { prefill: random.below(512), context: 8 * random.below(4_000) };
        let requests: Vec<InStep> = (0..=random.below(12)).map(|_| one(&mut random)).collect();
        model.observe(&requests, micros(&requests));
    }
    model
}

#[test]
fn the_fixed_leg_is_shared_equally_and_the_rest_by_work() {
    let requests = [
        InStep { prefill: 100, context: 0 },
        InStep { prefill: 0, context: 16_000 },
        InStep { prefill: 0, context: 0 },
        InStep { prefill: 10, context: 800 },
    ];
    let expected = [6_000, 3_000, 1_000, 1_600];
    let found = learnt().split(&requests, micros(&requests)).unwrap();
    assert_eq!(found.iter().sum::<u64>(), micros(&requests));
    assert!(found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 2), "{found:?}");
    // A step of twice the time: what the model did not foresee is shared in the same proportion.
    let found = learnt().split(&requests, 2 * micros(&requests)).unwrap();
    assert!(found.iter().zip(expected).all(|(found, expected)| found.abs_diff(2 * expected) <= 4), "{found:?}");
}

#[test]
fn nothing_is_said_too_early_or_about_nobody() {
    let request = InStep { prefill: 10, context: 10 };
    let mut model = StepModel::default();
    for _ in 0..63 {
        model.observe(&[request], 100);
        model.observe(&[], 1_000_000);
    }
    assert_eq!(model.split(&[request], 100), None);
    model.observe(&[request], 100);
    assert_eq!(model.split(&[request, request], 101), Some(vec![51, 50]));
    assert_eq!(model.split(&[], 100), None);
}

proptest! {
    #[test]
    fn parts_sum_to_the_step_and_equals_get_equal_parts(
        requests in prop::collection::vec((any::<u64>(), any::<u64>()), 1..20),
        micros in any::<u64>(),
    ) {
        let mut present: Vec<InStep> =
            requests.into_iter().map(|(prefill, context)| InStep { prefill: prefill >> 30, context: context >> 30 }).collect();
        present.push(present[0]);
        let parts = learnt().split(&present, micros).unwrap();
        prop_assert_eq!(parts.iter().map(|part| u128::from(*part)).sum::<u128>(), u128::from(micros));
        prop_assert!(parts[0].abs_diff(parts[present.len() - 1]) <= 1);
        let mut turned = present.clone();
        turned.reverse();
        let mut other = learnt().split(&turned, micros).unwrap();
        other.reverse();
        prop_assert!(parts.iter().zip(&other).all(|(part, other)| part.abs_diff(*other) <= 1), "{:?} {:?}", parts, other);
    }

    #[test]
    fn any_observations_make_a_model_that_is_restored_as_it_was(
        steps in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 64..80),
    ) {
        let mut model = StepModel::default();
        for (prefill, context, micros) in &steps {
            model.observe(&[InStep { prefill: *prefill, context: *context }], *micros);
        }
        let saved = |model: &StepModel| {
            let mut out = Writer::default();
            model.save(&mut out);
            out.into_bytes()
        };
        let bytes = saved(&model);
        let restored = StepModel::restore(&mut Reader::new(&bytes)).unwrap();
        prop_assert_eq!(saved(&restored), bytes);
        let present = [InStep { prefill: 5, context: 7 }, InStep { prefill: 0, context: 9 }];
        let parts = restored.split(&present, 1_001).unwrap();
        prop_assert_eq!(parts.iter().sum::<u64>(), 1_001);
        prop_assert_eq!(model.split(&present, 1_001), Some(parts));
    }
}
