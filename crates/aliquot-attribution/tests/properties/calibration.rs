//! Capacities found from hits and misses alone, for caches that evict by last use, nearly so, and not at all so.

use aliquot_attribution::calibration::{Calibration, OBSERVATIONS_MIN, Report, Tier};
use aliquot_core::bytes::{Reader, Writer};
use proptest::collection::vec;
use proptest::prelude::*;

use super::reference::Numbers;

/// Distances between 10 and 100,000, each doubling as likely, judged by `is_hit`.
fn observed(count: u64, mut is_hit: impl FnMut(u64, &mut Numbers) -> bool) -> Calibration {
    let mut calibration = Calibration::default();
    observe(&mut calibration, count, &mut is_hit);
    calibration
}

fn observe(calibration: &mut Calibration, count: u64, is_hit: &mut impl FnMut(u64, &mut Numbers) -> bool) {
    let mut numbers = Numbers(5);
    for _ in 0..count {
        let distance = (10.0 * 10_000_f64.powf(numbers.part())) as u64;
        let is_hit = is_hit(distance, &mut numbers);
        calibration.observe(distance, is_hit);
    }
}

fn saved(calibration: &Calibration) -> Vec<u8> {
    let mut out = Writer::default();
    calibration.save(&mut out);
    out.into_bytes()
}

#[test]
fn a_cache_that_evicts_by_last_use_tells_its_capacity() {
    for capacity in [100, 3_000, 3_001, 4_096, 70_000] {
        let calibration = observed(50_000, |distance, _| distance < capacity);
        let fit = calibration.estimate().expect("enough of both kinds");
        assert!(fit.capacity.abs_diff(capacity) * 200 <= capacity, "{fit:?} instead of {capacity}");
        assert_eq!((fit.error_ppm, fit.tier()), (0, Tier::Hard));
        assert!(fit.sigma * 100 <= capacity, "{fit:?}");
        assert_eq!(calibration.check(capacity), Report::Confirmed);
        assert_eq!(calibration.check(capacity + capacity / 100), Report::Confirmed);
    }
}

#[test]
fn a_wrong_report_is_contradicted_by_as_much_as_it_is_wrong() {
    let calibration = observed(50_000, |distance, _| distance < 3_000);
    for (reported, part) in [(3_300, 100_000), (2_000, -333_333), (30_000, 9_000_000)] {
        let Report::Contradicted { off_ppm } = calibration.check(reported) else { panic!("{reported} was believed") };
        assert!((off_ppm - part).abs() < 10_000 + part.abs() / 100, "{reported}: {off_ppm}");
    }
}

#[test]
fn a_capacity_that_varies_is_known_to_within_its_spread() {
    let calibration = observed(50_000, |distance, numbers| distance < 2_500 + numbers.below(1_000));
    let fit = calibration.estimate().expect("enough of both kinds");
    assert_eq!(fit.tier(), Tier::Soft);
    assert!(fit.capacity.abs_diff(3_000) < 100 && (100..300).contains(&fit.sigma), "{fit:?}");
    assert_eq!(calibration.check(3_000 + fit.sigma), Report::Confirmed);
}

#[test]
fn a_cache_that_evicts_at_random_is_recognised() {
    let calibration = observed(50_000, |distance, numbers| numbers.part() < (-(distance as f64) / 3_000.0).exp());
    assert_eq!(calibration.tier(), Tier::NotLru);
    assert_eq!(calibration.check(3_000), Report::Unchecked);
}

#[test]
fn where_nothing_was_seen_nothing_is_known() {
    let mut calibration = Calibration::default();
    for _ in 0..OBSERVATIONS_MIN {
        assert_eq!(calibration.tier(), Tier::Unknown);
        calibration.observe(100, true);
    }
    for _ in 0..OBSERVATIONS_MIN {
        assert_eq!(calibration.tier(), Tier::Unknown);
        calibration.observe(10_000, false);
    }
    // No errors at all, and yet anything between 100 and 10,000 is possible.
    let fit = calibration.estimate().expect("enough of both kinds");
    assert_eq!((fit.error_ppm, fit.tier()), (0, Tier::Soft));
    assert!(fit.capacity - fit.sigma <= 102 && fit.capacity + fit.sigma >= 9_900, "{fit:?}");
}

#[test]
fn an_estimate_follows_a_cache_that_changed() {
    let mut calibration = observed(200_000, |distance, _| distance < 3_000);
    observe(&mut calibration, 700_000, &mut |distance, _| distance < 9_000);
    let fit = calibration.estimate().expect("enough of both kinds");
    assert!(fit.capacity.abs_diff(9_000) < 90, "{fit:?}");
    assert_eq!(fit.tier(), Tier::Hard);
}

#[test]
fn any_distance_is_taken() {
    let mut calibration = Calibration::default();
    for distance in [0, 1, u64::MAX] {
        for is_hit in [true, false] {
            for _ in 0..OBSERVATIONS_MIN {
                calibration.observe(distance, is_hit);
            }
        }
    }
    assert_eq!(calibration.tier(), Tier::NotLru);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_estimate_lies_between_hits_and_misses(
        capacity in 1..5_000_u64, distances in vec(0..10_000_u64, 1_000..3_000),
    ) {
        let mut calibration = Calibration::default();
        for distance in &distances {
            calibration.observe(*distance, *distance < capacity);
        }
        if let Some(fit) = calibration.estimate() {
            prop_assert_eq!(fit.error_ppm, 0);
            prop_assert!(fit.capacity.abs_diff(capacity) <= fit.sigma.max(1) * 2, "{:?} of {}", fit, capacity);
        }
    }

    #[test]
    fn a_state_is_read_as_it_was_written(observations in vec((any::<u64>(), 0..64_u32, any::<bool>()), 0..200)) {
        let mut calibration = Calibration::default();
        for (distance, shift, is_hit) in observations {
            calibration.observe(distance >> shift, is_hit);
        }
        let bytes = saved(&calibration);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(Calibration::restore(&mut reader), Some(calibration));
        prop_assert!(reader.is_at_end());
        for end in 0..bytes.len() {
            prop_assert_eq!(Calibration::restore(&mut Reader::new(&bytes[..end])), None);
        }
    }

    #[test]
    fn bytes_that_are_no_state_do_no_harm(bytes in vec(any::<u8>(), 0..64)) {
        if let Some(calibration) = Calibration::restore(&mut Reader::new(&bytes)) {
            let used = saved(&calibration);
            prop_assert_eq!(Calibration::restore(&mut Reader::new(&used)), Some(calibration));
        }
    }
}
