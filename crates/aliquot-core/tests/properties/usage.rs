//! Classes of usage and the check of a request's parts. Counts no classes: a new one joins these tests by being in `ALL`.

use std::collections::BTreeSet;

use aliquot_core::event::{QUANTITY_MAX, Usage};
use aliquot_core::reject::Reason;
use aliquot_core::usage::{ByClass, Class};
use proptest::prelude::*;

/// Quantities for every class, a few of them impossible.
pub(crate) fn parts() -> impl Strategy<Value = ByClass<u64>> {
    let quantity = prop_oneof![20 => 0_u64..1_000, 10 => Just(0), 2 => Just(QUANTITY_MAX), 1 => Just(QUANTITY_MAX + 1)];
    prop::collection::vec(quantity, Class::ALL.len()).prop_map(|quantities| {
        let mut parts = ByClass::all(0);
        Class::ALL.into_iter().zip(quantities).for_each(|(class, quantity)| parts.set(class, quantity));
        parts
    })
}

fn sum(parts: &ByClass<u64>, classes: &[Class]) -> u128 {
    classes.iter().map(|class| u128::from(parts.get(*class))).sum()
}

proptest! {
    #[test]
    fn parts_are_accepted_only_if_possible_and_equal_to_the_totals(
        parts in parts(),
        (input_off, output_off) in (prop::option::of(-1_i64..=1), prop::option::of(-1_i64..=1)),
    ) {
        let total = |classes, off: Option<i64>| off.and_then(|off| u64::try_from(sum(&parts, classes)).ok()?.checked_add_signed(off));
        let (input_total, output_total) = (total(&Class::PROMPT, input_off), total(&Class::OUTPUT, output_off));
        let usage = Usage { parts, input_total, output_total, cache_reported: false };
        let possible = parts.iter().all(|(_, quantity)| quantity <= QUANTITY_MAX);
        let differs = |total: Option<u64>, classes| total.is_some_and(|total| u128::from(total) != sum(&parts, classes));
        let expected = match possible {
            false => Err(Reason::Overflow),
            true if differs(input_total, &Class::PROMPT) || differs(output_total, &Class::OUTPUT) => Err(Reason::PartsDoNotAddUp),
            true => Ok(()),
        };
        prop_assert_eq!(usage.check(), expected);
    }

    #[test]
    fn each_class_has_a_place_of_its_own(parts in parts(), class in prop::sample::select(Class::ALL.to_vec()), quantity in any::<u64>()) {
        let mut changed = parts;
        changed.set(class, quantity);
        for (other, before) in parts.iter() {
            prop_assert_eq!(changed.get(other), if other == class { quantity } else { before });
        }
        prop_assert_eq!(changed.iter().map(|(class, _)| class).collect::<Vec<_>>(), Class::ALL.to_vec());
    }
}

#[test]
fn every_class_is_listed_once_under_a_name_of_its_own() {
    let names: BTreeSet<_> = Class::ALL.into_iter().map(Class::name).collect();
    assert_eq!(names.len(), Class::ALL.len());
    for class in Class::ALL {
        assert_eq!(Class::from_name(class.name()), Some(class));
        assert!(class.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
    }
    for unknown in ["", "Uncached", "uncached ", "tokens"] {
        assert_eq!(Class::from_name(unknown), None);
    }
    let mut sorted = Class::ALL;
    sorted.sort_unstable();
    assert_eq!(sorted, Class::ALL, "totals are listed in the order of the columns");
}

#[test]
fn prompt_and_output_share_no_class_and_repeat_none() {
    let both: Vec<_> = Class::PROMPT.into_iter().chain(Class::OUTPUT).collect();
    assert_eq!(both.iter().collect::<BTreeSet<_>>().len(), both.len());
    for no_token in [Class::WebSearches, Class::Requests, Class::GpuMicros] {
        assert!(!both.contains(&no_token), "{no_token:?}");
    }
}

#[test]
fn a_sum_past_the_scale_is_an_overflow() {
    let usage = Usage { parts: ByClass::all(u64::MAX), ..Usage::default() };
    assert_eq!(usage.prompt_tokens(), Err(Reason::Overflow));
    assert_eq!(usage.output_tokens(), Err(Reason::Overflow));
    assert_eq!(ByClass::all(u64::MAX).sum_of(&[Class::Output]), Some(u64::MAX));
    assert_eq!(ByClass::all(u64::MAX).sum_of(&[]), Some(0));
}

#[test]
fn every_reason_has_a_name_of_its_own() {
    let names: BTreeSet<_> = Reason::ALL.into_iter().map(Reason::name).collect();
    assert_eq!(names.len(), Reason::ALL.len());
    assert!(Reason::ALL.into_iter().all(|reason| reason.to_string() == reason.name()));
}
