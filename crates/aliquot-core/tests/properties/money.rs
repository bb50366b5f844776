//! Money: nothing is created or lost by splitting, by spelling, or by pricing.

use aliquot_core::money::{PICO_PER_USD, Rate, Usd};
use proptest::prelude::*;

/// Amounts of every size and sign, the ends of the scale among them.
fn amount() -> impl Strategy<Value = Usd> {
    prop_oneof![
        4 => -1_000_i128..1_000,
        2 => any::<i64>().prop_map(i128::from),
        2 => any::<i128>(),
        1 => prop::sample::select(vec![i128::MIN, i128::MIN + 1, i128::MAX, 10_i128.pow(38) - 1]),
    ]
    .prop_map(Usd::from_pico)
}

/// Weights of every size, many of them equal and many zero, so that remainders tie.
fn weights() -> impl Strategy<Value = Vec<u64>> {
    let weight = prop_oneof![2 => Just(0), 6 => 0_u64..5, 2 => any::<u64>(), 1 => Just(u64::MAX)];
    prop::collection::vec(weight, 0..12)
}

/// The product as (high, low) 128 bits: with it a share is checked by multiplying, where the core divides.
fn wide_product(left: u128, right: u128) -> (u128, u128) {
    let halves = |number: u128| (number >> 64, number & u128::from(u64::MAX));
    let ((left_high, left_low), (right_high, right_low)) = (halves(left), halves(right));
    let (cross, other) = (halves(left_high * right_low), halves(left_low * right_high));
    let (carry, lowest) = halves(left_low * right_low);
    let middle = halves(carry + cross.1 + other.1);
    (left_high * right_high + cross.0 + other.0 + middle.0, middle.1 << 64 | lowest)
}

/// The distance of two such products; `None` from 2^128 on.
fn distance(one: (u128, u128), other: (u128, u128)) -> Option<u128> {
    let (more, less) = (one.max(other), one.min(other));
    let (low, borrow) = more.1.overflowing_sub(less.1);
    (more.0 - less.0 == u128::from(borrow)).then_some(low)
}

proptest! {
    #[test]
    fn c6_the_parts_sum_to_the_whole_and_each_is_less_than_one_from_its_share(whole in amount(), weights in weights()) {
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        let Some(parts) = whole.split(&weights) else {
            prop_assert_eq!(total, 0, "only an amount without any weight cannot be placed");
            return Ok(());
        };
        prop_assert_eq!(parts.len(), weights.len());
        prop_assert_eq!(parts.iter().copied().sum::<Usd>(), whole);
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!(part.pico() == 0 || part.pico().signum() == whole.pico().signum());
            let due = wide_product(whole.pico().unsigned_abs(), u128::from(*weight));
            let given = wide_product(part.pico().unsigned_abs(), total);
            prop_assert!(distance(due, given).is_some_and(|distance| distance < total), "{part} for {weight} of {total}");
        }
    }

    #[test]
    fn c6_more_weight_never_gets_less_and_ties_go_to_the_earlier(whole in amount(), weights in weights()) {
        let parts: Vec<u128> =
            whole.split(&weights).unwrap_or_default().iter().map(|part| part.pico().unsigned_abs()).collect();
        for (late, (part, weight)) in parts.iter().zip(&weights).enumerate() {
            for (earlier_part, earlier_weight) in parts.iter().zip(&weights).take(late) {
                prop_assert!(earlier_weight < weight || earlier_part >= part);
                prop_assert!(earlier_weight > weight || earlier_part <= &(part + u128::from(earlier_weight == weight)));
            }
        }
    }

    /// Callers order by id, so the order in which a map or a message listed the parts cannot move a picodollar.
    #[test]
    fn c6_sorted_by_id_the_order_of_arrival_does_not_matter(
        (listed, shuffled) in prop::collection::btree_map(0_u32..100, 0_u64..5, 1..10)
            .prop_map(|parts| parts.into_iter().collect::<Vec<_>>())
            .prop_flat_map(|parts| (Just(parts.clone()), Just(parts).prop_shuffle())),
        whole in amount(),
    ) {
        let by_id = |mut parts: Vec<(u32, u64)>| {
            parts.sort_unstable();
            whole.split(&parts.into_iter().map(|(_, weight)| weight).collect::<Vec<_>>())
        };
        prop_assert_eq!(by_id(listed), by_id(shuffled));
    }

    #[test]
    fn every_amount_reads_back_as_it_is_shown(amount in amount()) {
        let text = amount.to_string();
        prop_assert_eq!(Usd::parse(&text), Some(amount), "{}", text);
        prop_assert_eq!(text.split_once('.').map(|(_, decimals)| decimals.len()), Some(12));
    }

    #[test]
    fn reading_is_exact_or_refused(text in "-?[0-9]{0,30}(\\.[0-9]{0,14})?") {
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = !whole.is_empty() && (1..=12).contains(&decimals.len());
        let slow = format!("{}{whole}{decimals:0<12}", if text.starts_with('-') { "-" } else { "" }).parse::<i128>();
        prop_assert_eq!(Usd::parse(&text).map(Usd::pico), slow.ok().filter(|_| is_number));
    }

    #[test]
    fn a_price_times_a_quantity_is_exact(rate in any::<u64>(), quantity in any::<u64>()) {
        let exact = u128::from(rate) * u128::from(quantity);
        let cost = Rate::from_pico(rate).times(quantity);
        prop_assert_eq!(cost.map(Usd::pico), i128::try_from(exact).ok());
    }

    #[test]
    fn a_price_scales_exactly_or_not_at_all(
        rate in prop_oneof![0_u64..10_000, any::<u64>()],
        numerator in prop_oneof![0_u64..100, any::<u64>()],
        denominator in prop_oneof![0_u64..100, any::<u64>()],
    ) {
        let product = u128::from(rate) * u128::from(numerator);
        match Rate::from_pico(rate).scaled(numerator, denominator) {
            Some(scaled) => prop_assert_eq!(u128::from(scaled.pico()) * u128::from(denominator), product),
            None => prop_assert!(
                denominator == 0
                    || product % u128::from(denominator) > 0
                    || product / u128::from(denominator) > u128::from(u64::MAX)
            ),
        }
    }

    #[test]
    fn adding_and_taking_away_undo_each_other_or_overflow(left in amount(), right in amount()) {
        let sum = left.checked_add(right);
        prop_assert_eq!(sum.map(Usd::pico), left.pico().checked_add(right.pico()));
        prop_assert_eq!(left.checked_sub(right).map(Usd::pico), left.pico().checked_sub(right.pico()));
        prop_assert!(sum.is_none_or(|sum| sum.checked_sub(right) == Some(left)));
    }
}

#[test]
fn splits_worked_by_hand() {
    let cases = [
        (10, vec![1, 1, 1], vec![4, 3, 3]),
        (-10, vec![1, 1, 1], vec![-4, -3, -3]),
        (11, vec![1, 1, 1], vec![4, 4, 3]),
        (100, vec![2, 0, 1], vec![67, 0, 33]),
        (1, vec![1, 2], vec![0, 1]),
        (0, vec![3, 4], vec![0, 0]),
        (5, vec![0, 0], vec![]),
        (0, vec![], vec![]),
        (7, vec![u64::MAX, u64::MAX, u64::MAX], vec![3, 2, 2]),
        (i128::MAX, vec![u64::MAX, u64::MAX], vec![i128::MAX / 2 + 1, i128::MAX / 2]),
        (i128::MIN, vec![0, 1], vec![0, i128::MIN]),
    ];
    for (whole, weights, expected) in cases {
        let parts = Usd::from_pico(whole).split(&weights);
        let parts: Vec<i128> = parts.into_iter().flatten().map(Usd::pico).collect();
        assert_eq!(parts, expected, "{whole} by {weights:?}");
    }
}

#[test]
fn the_spelling_of_money() {
    let cases = [
        (0, "0.000000000000"),
        (75_000, "0.000000075000"),
        (-1, "-0.000000000001"),
        (PICO_PER_USD, "1.000000000000"),
        (-12 * PICO_PER_USD - 1, "-12.000000000001"),
    ];
    for (pico, text) in cases {
        assert_eq!(Usd::from_pico(pico).to_string(), text);
    }
    let malformed =
        ["", "-", ".", "1.", ".5", "+1", "--1", " 1", "1 ", "1e3", "0x1", "1_0", "1.0000000000000", "١", "1,0"];
    for text in malformed {
        assert_eq!(Usd::parse(text), None, "{text:?}");
    }
}

#[test]
#[should_panic(expected = "10^26")]
fn a_sum_past_the_scale_is_a_defect_and_stops() {
    let _ = [Usd::from_pico(i128::MAX), Usd::from_pico(1)].into_iter().sum::<Usd>();
}
