//! What has arrived, against a plain set of numbers.

use std::collections::BTreeSet;

use aliquot_core::sequence::{Arrival, Arrived, GAPS_MAX};
use proptest::prelude::*;

/// Numbers close together, so that runs meet and merge, at the start and at the end of the scale.
fn numbers() -> impl Strategy<Value = Vec<u64>> {
    let number = prop_oneof![8 => 0_u64..40, 1 => (0_u64..5).prop_map(|back| u64::MAX - back), 1 => any::<u64>()];
    prop::collection::vec(number, 0..60)
}

/// The maximal runs of a set, the slow way.
fn runs_of(set: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in set {
        match runs.last_mut() {
            Some((_, end)) if *end == *number => *end += 1,
            _ => runs.push((*number, number + 1)),
        }
    }
    runs
}

fn collect(numbers: &[u64]) -> Arrived {
    let mut arrived = Arrived::default();
    for number in numbers {
        arrived.insert(*number);
    }
    arrived
}

proptest! {
    #[test]
    fn it_remembers_what_a_set_remembers(numbers in numbers()) {
        let mut arrived = Arrived::default();
        let mut set = BTreeSet::new();
        for number in numbers {
            let expected = match number {
                u64::MAX => Arrival::TooSparse,
                _ if set.contains(&number) => Arrival::Duplicate,
                _ => Arrival::New,
            };
            let before = arrived.clone();
            prop_assert_eq!(arrived.look(number), expected);
            prop_assert_eq!(&arrived, &before, "looking records nothing");
            prop_assert_eq!(arrived.insert(number), expected);
            if expected == Arrival::New {
                set.insert(number);
            } else {
                prop_assert_eq!(&arrived, &before, "only a new number changes anything");
            }
            let runs = runs_of(&set);
            prop_assert_eq!(arrived.runs().collect::<Vec<_>>(), runs.clone());
            prop_assert_eq!(arrived.count(), u64::try_from(set.len()).unwrap());
            prop_assert_eq!(arrived.end(), set.last().map_or(0, |last| last + 1));
            prop_assert_eq!(Arrived::restore(runs), Some(arrived.clone()));
        }
    }

    #[test]
    fn gaps_and_runs_together_are_everything_below_the_end(numbers in prop::collection::vec(0_u64..60, 0..60)) {
        let arrived = collect(&numbers);
        let missing: Vec<u64> = arrived.gaps().flat_map(|(from, to)| from..to).collect();
        let expected: Vec<u64> = (0..arrived.end()).filter(|number| !numbers.contains(number)).collect();
        prop_assert_eq!(missing, expected);
        prop_assert!(arrived.gaps().all(|(from, to)| from < to));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(numbers in numbers(), seed in any::<prop::sample::Index>()) {
        let mut turned = numbers.clone();
        if !turned.is_empty() {
            let middle = seed.index(turned.len());
            turned.rotate_left(middle);
            turned.reverse();
        }
        prop_assert_eq!(collect(&numbers), collect(&turned));
    }

    #[test]
    fn only_runs_that_are_ascending_apart_and_not_empty_are_restored(
        runs in prop::collection::vec((0_u64..12, 0_u64..12), 0..4)
    ) {
        let apart = runs.windows(2).all(|pair| pair[0].1 < pair[1].0);
        let filled = runs.iter().all(|(from, to)| from < to);
        let restored = Arrived::restore(runs.iter().copied());
        prop_assert_eq!(restored.is_some(), apart && filled);
        prop_assert!(restored.is_none_or(|restored| restored.runs().collect::<Vec<_>>() == runs));
    }
}

/// A stream with `holes` holes of three numbers each, `first` the start of its first run.
fn sparse(first: u64, holes: usize) -> Arrived {
    let runs = (0_u64..).map(|run| (first + 4 * run, first + 4 * run + 1));
    let runs = runs.take(holes + usize::from(first == 0));
    Arrived::restore(runs).expect("the runs lie three apart")
}

#[test]
fn no_more_holes_than_the_limit_are_ever_tracked() {
    for first in [0, 3] {
        let mut almost = sparse(first, GAPS_MAX - 1);
        assert_eq!(almost.insert(almost.end() + 10), Arrival::New, "the last hole that is tracked");
        assert_eq!(almost.gaps().count(), GAPS_MAX);

        let full = sparse(first, GAPS_MAX);
        let end = full.end();
        assert_eq!(full.gaps().count(), GAPS_MAX);
        let cases = [
            (end, Arrival::New, "goes on"),
            (end + 1, Arrival::TooSparse, "would open a hole at the end"),
            (first + 1, Arrival::New, "makes a hole smaller from below"),
            (first + 3, Arrival::New, "makes a hole smaller from above"),
            (first + 2, Arrival::TooSparse, "would make two holes of one"),
            (first, Arrival::Duplicate, "is here"),
            (u64::MAX, Arrival::TooSparse, "has no successor"),
        ];
        for (number, expected, why) in cases {
            let mut arrived = full.clone();
            assert_eq!(arrived.look(number), expected, "{number} {why}");
            assert_eq!(arrived.insert(number), expected, "{number} {why}");
            assert_eq!(arrived == full, expected != Arrival::New, "{number} {why}");
            assert!(arrived.gaps().count() <= GAPS_MAX, "{number} {why}");
        }
    }
    let mut late = sparse(3, GAPS_MAX);
    assert_eq!(
        late.insert(0),
        Arrival::New,
        "the first number of all opens no hole, it narrows the one before the rest"
    );
    assert_eq!(late.gaps().count(), GAPS_MAX);
}
