//! The cost of prefill: what is learnt from the simulated fleet's events, and that ranges add up.

use aliquot_attribution::prefill::PrefillModel;
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::usage::Class;
use aliquot_sim::fleet::{Fleet, FleetSettings};
use aliquot_sim::pace;
use proptest::prelude::*;

use crate::random::Random;

#[test]
fn the_fleets_formula_is_found_in_its_events() {
    let mut model = PrefillModel::default();
    let fleet = Fleet::new(FleetSettings::default());
    let requests = fleet.filter_map(|emitted| emitted.event.into_request());
    let served = requests.map(|event| event.usage.parts).filter(|parts| parts.get(Class::GpuMicros) > 0);
    for (parts, number) in served.take(2_000).zip(1..) {
        let [computed, cached, output] =
            [Class::Uncached, Class::CacheRead, Class::Output].map(|class| parts.get(class));
        model.observe(computed, cached, output, parts.get(Class::GpuMicros));
        assert_eq!(model.curve().is_some(), number >= 64, "after {number}");
        if number < 64 {
            continue;
        }
        for (from, to) in [(0, 1), (0, 1_000), (3_000, 3_064), (100_000, 131_072)] {
            let (found, truth) = (model.prefill_micros(from, to).unwrap(), pace::gpu_us(to - from, 0));
            assert!(found.abs_diff(truth) * 1_000 <= truth.max(1_000), "{from}..{to}: {found}, not {truth}");
        }
    }
}

/// 2 ms a request, 20 µs a token, 1 µs for a thousand pairs, 300 µs an output token, and one part in ten of noise.
#[test]
fn attention_is_told_from_tokens() {
    let mut random = Random(3);
    let mut model = PrefillModel::default();
    for _ in 0..4_000 {
        let (computed, cached, output) = (1 + random.below(20_000), random.below(30_000), random.below(500));
        let exact = 2_000 + 20 * computed + computed * (computed + 2 * cached) / 2_000 + 300 * output;
        model.observe(computed, cached, output, exact * (95 + random.below(11)) / 100);
    }
    let found = model.coefficients().unwrap();
    assert!((found.alpha - 20.0).abs() < 2.0 && (found.beta - 0.001).abs() < 0.000_1, "{found:?}");
    let curve = model.curve().unwrap();
    assert!(curve.micros(30_000, 31_000) > curve.micros(0, 1_000) * 5 / 4, "later tokens attend to more");
}

#[test]
fn prompts_of_one_length_say_nothing() {
    let mut model = PrefillModel::default();
    (0..200).for_each(|_| model.observe(1_000, 0, 10, 5_000));
    assert_eq!(model.curve(), None);
}

fn any_model() -> impl Strategy<Value = PrefillModel> {
    let one = (0..200_000_u64, 0..200_000_u64, 0..10_000_u64, any::<u32>());
    prop::collection::vec(one, 64..90).prop_map(|requests| {
        let mut model = PrefillModel::default();
        for (computed, cached, output, gpu_us) in requests {
            model.observe(computed, cached, output, u64::from(gpu_us));
        }
        model
    })
}

proptest! {
    #[test]
    fn ranges_add_up_and_never_exceed_the_measured_time(
        model in any_model(),
        mut at in prop::collection::vec(0..500_000_u64, 3..8),
        gpu_us in 0..10_000_000_u64,
    ) {
        let curve = model.curve().unwrap();
        at.sort_unstable();
        let (first, last) = (at[0], at[at.len() - 1]);
        let sum: u64 = at.windows(2).map(|range| curve.micros(range[0], range[1])).sum();
        prop_assert_eq!(sum, curve.micros(first, last));
        let within = |from, to| curve.micros_within(from, to, (first, last), gpu_us);
        let sum: u64 = at.windows(2).map(|range| within(range[0], range[1])).sum();
        prop_assert_eq!(sum, within(first, last));
        prop_assert_eq!(within(first, last), curve.micros(first, last).min(gpu_us));
        prop_assert_eq!(within(0, u64::MAX), within(first, last), "no token outside is priced");
        prop_assert_eq!(within(last, first), 0);
    }

    #[test]
    fn a_restored_model_is_the_same(model in any_model()) {
        let saved = |model: &PrefillModel| {
            let mut out = Writer::default();
            model.save(&mut out);
            out.into_bytes()
        };
        let bytes = saved(&model);
        let restored = PrefillModel::restore(&mut Reader::new(&bytes)).unwrap();
        prop_assert_eq!(saved(&restored), bytes);
        prop_assert_eq!(restored.curve(), model.curve());
    }
}
