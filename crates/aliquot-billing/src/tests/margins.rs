//! Margins add up to what they are made of.
#![expect(clippy::arithmetic_side_effects, reason = "numbers of tests are small")]

use std::collections::BTreeMap;

use aliquot_core::bill_change::{Amount, Reported};
use aliquot_core::cause::Cause;
use aliquot_core::money::Usd;
use aliquot_core::usage::Class;
use proptest::prelude::*;

use super::cases::{component, contract, draft, exact, harm, march, used};
use crate::draft::{Standing, bill};
use crate::exact::Exact;
use crate::exchange::Rates;
use crate::margin::{Leg, margin_change, margins, what_if};
use crate::refusal::Refusal;
use crate::terms::CachePolicy;
use crate::usage::{Side, Usage};

/// 10 and 30 tokens at 2 euros, less 10 %, at 0.8 and 0.5 euros for a dollar: 18 / 0.8 = 22.5 and 54 / 0.5 = 108. What is missing to 100
/// euros, 28, is of no model and on the last day: 56. Costs: 10 and 30 dollars; suffered 4, caused 1.
#[test]
fn margins_are_by_model_and_day() {
    let rows = "currency = \"EUR\"\nexchange = { on = \"usage_day\" }\nminimum = { amount = \"100\" }\n".to_owned()
        + &component("{ per_unit = { price = \"2\" } }")
        + "[[discount]]\nname = \"ten\"\ntake = { percent = \"10\" }\n";
    let contract = contract(&rows);
    let (first, last) = ("2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z");
    let dollar = 1_000_000_000_000;
    let usage = vec![used(first, Class::Output, 10, dollar), used(last, Class::Output, 30, dollar)];
    let of_dollars = |side, dollars| harm(first, side, "rival", CachePolicy::PassThrough, dollars * i128::from(dollar));
    let harms = vec![of_dollars(Side::Suffered, 4), of_dollars(Side::Caused, 1)];
    let usage = Usage::new("acme", march(&contract), usage, harms, vec![]).unwrap();
    let mut rates = Rates::default();
    for (date, rate) in [("2026-03-01", "0.8"), ("2026-03-31", "0.5")] {
        rates.insert("EUR".parse().unwrap(), date.parse().unwrap(), exact(rate)).unwrap();
    }
    let draft = bill(&contract, &usage, &Standing::default(), &rates).unwrap();
    let margins = margins(&draft, &usage, &rates, 0).unwrap();
    let seen: Vec<_> = margins
        .iter()
        .map(|(key, margin)| {
            let model = key.model.as_deref().unwrap_or("-").to_owned();
            (model, key.date.to_string(), margin.revenue.to_string(), margin.margin().unwrap().to_string())
        })
        .collect();
    let expected = [
        ("-", "2026-03-01", "0", "3"),
        ("-", "2026-03-31", "56", "56"),
        ("opus", "2026-03-01", "22.5", "12.5"),
        ("opus", "2026-03-31", "108", "78"),
    ];
    let expected = expected.map(|(model, date, revenue, margin)| {
        (model.to_owned(), date.to_owned(), revenue.to_owned(), margin.to_owned())
    });
    assert_eq!(seen, expected);
    assert!(matches!(crate::margin::margins(&draft, &usage, &Rates::default(), 9), Err(Refusal::NoRate { .. })));
}

fn amount(quantity: u64, cost: u64) -> Amount {
    Amount { quantity, cost: Usd::from_pico(cost.into()) }
}

fn leg() -> impl Strategy<Value = Leg> {
    let parts = (0_u64..50, 0_u64..500, 0_u64..500, 0_u64..500, 0_u64..500, 0_u64..200, 0_u64..999);
    parts.prop_map(|(requests, prompt, output, fees, extra, retries, revenue)| {
        let reported = |requests_cost, prompt_cost, output_cost, causes| Reported {
            requests: amount(requests, requests_cost),
            prompt: amount(prompt, prompt_cost),
            output: amount(output, output_cost),
            causes,
        };
        let causes = BTreeMap::from([(Some(Cause::EvictedNeighbour), amount(prompt / 2, extra))]);
        let cost = reported(prompt * 3 + extra + output * 9 + fees, prompt * 3 + extra, output * 9, causes);
        let revenue = reported(revenue * 7 + prompt + output, prompt, output, BTreeMap::new());
        Leg { revenue, cost, retries: Usd::from_pico(retries.into()) }
    })
}

proptest! {
    #[test]
    fn the_parts_of_a_change_sum_to_it(models in proptest::collection::btree_map(0_u8..5, (leg(), leg()), 0..4)) {
        let change = margin_change(&models).unwrap();
        let margin = |leg: &Leg| leg.revenue.requests.cost.pico() - leg.cost.requests.cost.pico() - leg.retries.pico();
        let before: i128 = models.values().map(|(before, _)| margin(before)).sum();
        let after: i128 = models.values().map(|(_, after)| margin(after)).sum();
        prop_assert_eq!((change.before.pico(), change.after.pico()), (before, after));
        prop_assert_eq!(change.sum().unwrap().pico(), after - before);
    }
}

/// A hit rate that fell costs margin and moves nothing else; a price of the contract that rose is price.
#[test]
fn what_moved_a_margin_has_its_name() {
    let leg = |missed: u64, price: u64, retries: i128| {
        let extra = missed * 9;
        let causes = BTreeMap::from([(Some(Cause::EvictedNeighbour), amount(missed, extra))]);
        let prompt = amount(100, 100 + extra);
        let cost = Reported { requests: amount(10, 100 + extra), prompt, output: amount(0, 0), causes };
        let prompt = amount(100, price * 100);
        let revenue = Reported { requests: amount(10, price * 100), prompt, ..Reported::default() };
        Leg { revenue, cost, retries: Usd::from_pico(retries) }
    };
    let change = |after| {
        let change = margin_change(&BTreeMap::from([("opus", (leg(10, 20, 5), after))])).unwrap();
        [change.price, change.volume, change.mix, change.cache, change.retries, change.residual].map(Usd::pico)
    };
    assert_eq!(change(leg(60, 20, 5)), [0, 0, 0, -450, 0, 0]);
    assert_eq!(change(leg(10, 21, 5)), [100, 0, 0, 0, 0, 0]);
    assert_eq!(change(leg(10, 20, 9)), [0, 0, 0, 0, -4, 0]);
}

/// 1000 tokens at 2 were 2000; at 1.5 they would have been 1500.
#[test]
fn a_closed_period_is_rated_again_and_nothing_is_overwritten() {
    let (actual, other) = (
        contract(&component("{ per_unit = { price = \"2\" } }")),
        contract(&component("{ per_unit = { price = \"1.5\" } }")),
    );
    let rows = vec![used("2026-03-01T00:00:00Z", Class::Output, 1000, 1)];
    let drafted = draft(&actual, rows.clone());
    let kept = drafted.clone();
    let usage = super::cases::usage(&other, rows);
    let what_if = |contract| what_if(&drafted, contract, &usage, &Standing::default(), &Rates::default());
    assert_eq!(what_if(&other).unwrap().difference, Exact::whole(-500));
    assert_eq!(drafted, kept);
    let euros = contract(&format!("currency = \"EUR\"\n{}", component("{ per_unit = { price = \"1\" } }")));
    assert!(matches!(what_if(&euros), Err(Refusal::Mismatch { .. })));
}
