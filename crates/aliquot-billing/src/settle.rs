//! Settling: exact amounts become payable ones. The only place where money is rounded, and it is rounded once.
//!
//! The sum of all lines, taxes and what was carried in included, is rounded to the currency's minor unit, half to even. What that leaves
//! over, at most half a minor unit, is carried out: the next invoice has it as a line. Printed lines are settled to minor units by
//! largest remainder, so that they sum to what is payable; ties go to the earlier line.

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::draft::Draft;
use crate::exact::Exact;
use crate::refusal::Refusal;

/// A bill in minor units of its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// What is to be paid; negative where the operator owes.
    pub payable_minor: i64,
    /// The same line by line.
    pub lines_minor: Vec<i64>,
    /// What rounding left over, in units of the currency: the lines' sum less what is payable.
    pub carried_out: Exact,
}

/// Settles a draft.
///
/// # Errors
/// [`Refusal::OutOfRange`] past 9.2·10¹⁸ minor units.
pub fn settle(draft: &Draft) -> Result<Settlement, Refusal> {
    let amounts: Vec<_> = draft.lines.iter().map(|line| line.amount.clone()).collect();
    settle_amounts(&amounts, draft.currency)
}

fn settle_amounts(amounts: &[Exact], currency: Currency) -> Result<Settlement, Refusal> {
    let scale = Exact::whole(currency.minor_per_unit());
    let scaled: Vec<_> = amounts.iter().map(|amount| amount.times(&scale)).collect();
    let total = Exact::sum(&scaled);
    let payable = total.rounded();
    let mut floors: Vec<BigInt> = scaled.iter().map(Exact::floor).collect();
    let placed: BigInt = floors.iter().sum();
    let mut by_remainder: Vec<_> = (0_usize..).zip(scaled.iter().zip(&floors)).map(remainder).collect();
    by_remainder.sort_by(|(left, left_at), (right, right_at)| right.cmp(left).then(left_at.cmp(right_at)));
    // Each remainder is below 1, so fewer are left over than there are lines.
    let left_over = Exact::whole(payable.clone()).minus(&Exact::whole(placed));
    for ((_, place), nth) in by_remainder.into_iter().zip(0_u64..) {
        if let Some(floor) = floors.get_mut(place).filter(|_| Exact::whole(nth) < left_over) {
            *floor = Exact::whole(floor.clone()).plus(&Exact::whole(1)).floor();
        }
    }
    let minor = |number: BigInt| i64::try_from(number).map_err(|_| Refusal::OutOfRange("an amount payable".to_owned()));
    let carried_out = total.minus(&Exact::whole(payable.clone())).over(&scale).unwrap_or_default();
    let lines_minor = floors.into_iter().map(minor).collect::<Result<_, _>>()?;
    Ok(Settlement { payable_minor: minor(payable)?, lines_minor, carried_out })
}

fn remainder((place, (amount, floor)): (usize, (&Exact, &BigInt))) -> (Exact, usize) {
    (amount.minus(&Exact::whole(floor.clone())), place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settled(amounts: &[&str], currency: &str) -> (i64, Vec<i64>, String) {
        let amounts: Vec<Exact> = amounts.iter().map(|amount| amount.parse().unwrap()).collect();
        let Settlement { payable_minor, lines_minor, carried_out } =
            settle_amounts(&amounts, currency.parse().unwrap()).unwrap();
        assert_eq!(lines_minor.iter().sum::<i64>(), payable_minor, "printed lines sum to what is payable");
        (payable_minor, lines_minor, carried_out.to_string())
    }

    /// 0.333 + 0.333 + 0.333 = 0.999 is 99.9 cents: payable 100, carried −0.1 cents. Floors are 33 each, one is left over and goes to the
    /// first. Halves: 0.125 is 12.5 cents, to the even 12, and 0.135 to the even 14. 1/3 of a dinar is 333.33… fils. −0.1 and
    /// 0.4 cents have floors −1 and 0 and remainders 0.9 and 0.4; the sum rounds to 0, so one goes to the first.
    #[test]
    fn a_sum_is_rounded_once_and_the_rest_is_carried() {
        assert_eq!(settled(&["0.333", "0.333", "0.333"], "EUR"), (100, vec![34, 33, 33], "-0.001".to_owned()));
        assert_eq!(settled(&["0.125"], "EUR"), (12, vec![12], "0.005".to_owned()));
        assert_eq!(settled(&["0.135"], "EUR"), (14, vec![14], "-0.005".to_owned()));
        assert_eq!(settled(&["1/3"], "KWD"), (333, vec![333], "1/3000".to_owned()));
        assert_eq!(settled(&["1.5", "1"], "JPY"), (2, vec![1, 1], "0.5".to_owned()));
        assert_eq!(settled(&["-0.001", "0.004"], "USD"), (0, vec![0, 0], "0.003".to_owned()));
        assert_eq!(settled(&[], "USD"), (0, vec![], "0".to_owned()));
    }

    proptest! {
        /// Whatever the amounts: printed lines sum to what is payable, each is within a minor unit of its amount, and at most half a
        /// minor unit is carried.
        #[test]
        fn nothing_is_lost_in_settling(parts in proptest::collection::vec((-1_000_000_i64..1_000_000, 1_i64..1000), 0..12)) {
            let amounts: Vec<_> = parts.into_iter().filter_map(|(above, below)| Exact::ratio(above, below)).collect();
            let Settlement { payable_minor, lines_minor, carried_out } = settle_amounts(&amounts, crate::currency::USD).unwrap();
            prop_assert_eq!(lines_minor.iter().sum::<i64>(), payable_minor);
            let cents = |minor: i64| Exact::ratio(minor, 100).unwrap();
            prop_assert_eq!(Exact::sum(&amounts), cents(payable_minor).plus(&carried_out));
            let within = |difference: Exact, limit: Exact| difference <= limit && difference >= limit.negated();
            prop_assert!(within(carried_out, Exact::ratio(1, 200).unwrap()));
            for (amount, minor) in amounts.iter().zip(lines_minor) {
                prop_assert!(within(cents(minor).minus(amount), cents(1)));
            }
        }

        /// Numbers are read back from their text, whether they have an end as decimals or not.
        #[test]
        fn a_number_is_read_back(above: i128, below in 1_u64..5000) {
            let number = Exact::ratio(above, below).unwrap();
            prop_assert_eq!(number.to_string().parse::<Exact>().unwrap(), number);
        }
    }
}
