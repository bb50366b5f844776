//! A bill's change in parts: they sum to it whatever happened, and what only one factor did is that factor's alone.

use std::collections::BTreeMap;

use aliquot_core::bill_change::{Amount, BillChange, Periods, Reported, bill_change};
use aliquot_core::cause::Cause;
use aliquot_core::money::Usd;
use proptest::prelude::*;

fn usd(pico: i128) -> Usd {
    Usd::from_pico(pico)
}

/// Plain numbers of one model in one period: requests, read tokens × price, missed tokens × extra by cause, output × price, other.
#[derive(Clone, Debug)]
struct Plain {
    requests: u64,
    prompt_tokens: u64,
    read_price: i128,
    missed: Vec<(Option<Cause>, u64, i128)>,
    output_tokens: u64,
    output_price: i128,
    other: i128,
}

impl Plain {
    fn reported(&self) -> Reported {
        let mut causes = BTreeMap::<Option<Cause>, Amount>::new();
        for (cause, tokens, extra) in &self.missed {
            let amount = causes.entry(*cause).or_default();
            amount.quantity += tokens;
            amount.cost = usd(amount.cost.pico() + i128::from(*tokens) * extra);
        }
        let extras: i128 = causes.values().map(|amount| amount.cost.pico()).sum();
        let prompt = i128::from(self.prompt_tokens) * self.read_price + extras;
        let output = i128::from(self.output_tokens) * self.output_price;
        let amount = |quantity, pico| Amount { quantity, cost: usd(pico) };
        Reported {
            requests: amount(self.requests, prompt + output + self.other),
            prompt: amount(self.prompt_tokens, prompt),
            output: amount(self.output_tokens, output),
            causes,
        }
    }

    fn times(&self, factor: u64) -> Self {
        let missed = self.missed.iter().map(|(cause, tokens, extra)| (*cause, tokens * factor, *extra)).collect();
        Self {
            requests: self.requests * factor,
            prompt_tokens: self.prompt_tokens * factor,
            missed,
            output_tokens: self.output_tokens * factor,
            other: self.other * i128::from(factor),
            ..self.clone()
        }
    }
}

fn cause() -> impl Strategy<Value = Option<Cause>> {
    // Not `hit`, whose cost is what the others leave.
    (0..Cause::COUNT).prop_map(|place| Cause::ALL.get(place).copied().filter(|cause| *cause != Cause::Hit))
}

fn plain() -> impl Strategy<Value = Plain> {
    let missed = prop::collection::vec((cause(), 0..10_000_u64, 0..40_000_000_i128), 0..5);
    let tokens = || prop_oneof![Just(0_u64), 1..50_u64, 1..10_000_000_u64];
    (1..5_000_u64, tokens(), 0..4_000_000_i128, missed, tokens(), 0..80_000_000_i128, 0..10_000_000_000_i128).prop_map(
        |(requests, prompt_tokens, read_price, missed, output_tokens, output_price, other)| Plain {
            requests,
            prompt_tokens,
            read_price,
            missed,
            output_tokens,
            output_price,
            other,
        },
    )
}

/// Anything that could be reported, whether it makes sense or not: costs without quantities, negative ones, nodes paid by time.
fn anything() -> impl Strategy<Value = Reported> {
    let amount = || (prop_oneof![Just(0_u64), any::<u32>().prop_map(u64::from)], -(1_i128 << 70)..(1_i128 << 70));
    let causes = prop::collection::btree_map(cause(), amount(), 0..6);
    (amount(), amount(), amount(), causes).prop_map(|(requests, prompt, output, causes)| {
        let amount = |(quantity, pico)| Amount { quantity, cost: usd(pico) };
        let causes = causes.into_iter().map(|(cause, pair)| (cause, amount(pair))).collect();
        Reported { requests: amount(requests), prompt: amount(prompt), output: amount(output), causes }
    })
}

fn periods(before: impl Into<Option<Plain>>, after: impl Into<Option<Plain>>) -> Periods {
    let reported = |plain: Option<Plain>| plain.map(|plain| plain.reported()).unwrap_or_default();
    Periods { before: reported(before.into()), after: reported(after.into()) }
}

fn whole(models: &BTreeMap<u32, Periods>, side: fn(&Periods) -> &Reported) -> Usd {
    models.values().map(|model| side(model).requests.cost).sum()
}

/// The change with one effect alone.
fn only(models: &BTreeMap<u32, Periods>, set: impl FnOnce(&mut BillChange, Usd)) -> BillChange {
    let (before, after) = (whole(models, |m| &m.before), whole(models, |m| &m.after));
    let mut expected = BillChange { before, after, ..BillChange::default() };
    set(&mut expected, after.checked_sub(before).expect("bills of tests are small"));
    expected
}

/// Without causes that did nothing, which say nothing.
fn told(mut change: BillChange) -> BillChange {
    change.hit_rate.retain(|_, effect| *effect != Usd::ZERO);
    change
}

proptest! {
    #[test]
    fn effects_sum_to_the_change_whatever_is_reported(
        models in prop::collection::btree_map(any::<u32>(), (anything(), anything()), 0..6)
    ) {
        let models: BTreeMap<u32, Periods> =
            models.into_iter().map(|(name, (before, after))| (name, Periods { before, after })).collect();
        // Ratios of absurd quantities can leave the range, which is said and not hidden.
        if let Some(change) = bill_change(&models) {
            prop_assert_eq!(change.before, whole(&models, |m| &m.before));
            prop_assert_eq!(change.after, whole(&models, |m| &m.after));
            prop_assert_eq!(change.sum(), change.after.checked_sub(change.before));
        }
    }

    #[test]
    fn real_bills_never_leave_the_range(
        models in prop::collection::btree_map(any::<u32>(), (plain(), plain()), 1..6)
    ) {
        let models: BTreeMap<u32, Periods> =
            models.into_iter().map(|(name, (before, after))| (name, periods(before, after))).collect();
        let change = bill_change(&models).unwrap();
        prop_assert_eq!(change.sum(), change.after.checked_sub(change.before));
    }

    #[test]
    fn the_same_bill_has_no_effects(model in plain()) {
        let models = BTreeMap::from([(0, periods(model.clone(), model))]);
        prop_assert_eq!(told(bill_change(&models).unwrap()), only(&models, |_, _| {}));
    }

    #[test]
    fn prices_alone_are_price(model in plain(), factor in 2..9_i128) {
        let model = Plain { other: 0, ..model };
        let before = model.clone();
        let missed = model.missed.iter().map(|(cause, tokens, extra)| (*cause, *tokens, extra * factor)).collect();
        let (read_price, output_price) = (model.read_price * factor, model.output_price * factor);
        let after = Plain { read_price, output_price, missed, ..model };
        let models = BTreeMap::from([(0, periods(before, after))]);
        prop_assert_eq!(told(bill_change(&models).unwrap()), only(&models, |e, change| e.price = change));
    }

    #[test]
    fn more_of_the_same_is_volume(one in plain(), two in plain(), factor in 2..9_u64) {
        let models =
            BTreeMap::from([(0, periods(one.clone(), one.times(factor))), (1, periods(two.clone(), two.times(factor)))]);
        prop_assert_eq!(told(bill_change(&models).unwrap()), only(&models, |e, change| e.volume = change));
    }

    #[test]
    fn a_bill_that_begins_or_ends_is_volume(one in plain(), two in plain()) {
        for models in [
            BTreeMap::from([(0, periods(one.clone(), None)), (1, periods(two.clone(), None))]),
            BTreeMap::from([(0, periods(None, one)), (1, periods(None, two))]),
        ] {
            prop_assert_eq!(told(bill_change(&models).unwrap()), only(&models, |e, change| e.volume = change));
        }
    }

    #[test]
    fn a_model_instead_of_another_is_mix(one in plain(), two in plain()) {
        let two = Plain { requests: one.requests, ..two };
        let models = BTreeMap::from([(0, periods(one, None)), (1, periods(None, two))]);
        prop_assert_eq!(told(bill_change(&models).unwrap()), only(&models, |e, change| e.mix = change));
    }

    #[test]
    fn longer_prompts_alone_are_prompt_length(model in plain(), factor in 2..9_u64) {
        prop_assume!(model.prompt_tokens > 0);
        let (before, longer) = (model.clone(), model.times(factor));
        let after = Plain { prompt_tokens: longer.prompt_tokens, missed: longer.missed, ..model };
        let models = BTreeMap::from([(0, periods(before, after))]);
        prop_assert_eq!(told(bill_change(&models).unwrap()), only(&models, |e, change| e.prompt_length = change));
    }

    #[test]
    fn a_cause_alone_is_the_hit_rate_by_that_cause(model in plain(), cause in cause(), tokens in 1..9_999_u64) {
        // One that nothing else is missed for: half of it before, all of it after.
        let model = Plain { missed: model.missed.into_iter().filter(|missed| missed.0 != cause).collect(), ..model };
        let with = |tokens| {
            let missed = model.missed.iter().copied().chain([(cause, tokens, 2_700_000)]).collect();
            Plain { missed, prompt_tokens: model.prompt_tokens.max(1), ..model.clone() }
        };
        for (before, after) in [(0, tokens), (tokens, 2 * tokens), (2 * tokens, 0)] {
            let models = BTreeMap::from([(0, periods(with(before), with(after)))]);
            let expected = only(&models, |e, change| assert!(e.hit_rate.insert(cause, change).is_none()));
            prop_assert_eq!(told(bill_change(&models).unwrap()), expected);
        }
    }

    #[test]
    fn longer_outputs_are_output_and_fees_are_residual(model in plain(), factor in 2..9_u64, fee in 1..9_999_i128) {
        let output_tokens = model.output_tokens * factor;
        let longer = Plain { output_tokens, ..model.clone() };
        let models = BTreeMap::from([(0, periods(model.clone(), longer))]);
        prop_assert_eq!(told(bill_change(&models).unwrap()), only(&models, |e, change| e.output = change));
        let dearer = Plain { other: model.other + fee, ..model.clone() };
        let models = BTreeMap::from([(0, periods(model, dearer))]);
        prop_assert_eq!(told(bill_change(&models).unwrap()), only(&models, |e, change| e.residual = change));
    }
}

#[test]
fn a_launch_that_thrashes_a_cache_is_told_from_growth() {
    // 100 requests of 1,000 tokens at $0.30 a million read and $2.70 beyond: 29 % missed, later 82 % of them and twice the requests.
    let month = |requests: u64, missed: u64| Plain {
        requests,
        prompt_tokens: requests * 1_000,
        read_price: 300_000,
        missed: vec![(Some(Cause::EvictedNeighbour), requests * missed, 2_700_000)],
        output_tokens: requests * 100,
        output_price: 15_000_000,
        other: 0,
    };
    let models = BTreeMap::from([(0, periods(month(100, 290), month(200, 820)))]);
    let change = bill_change(&models).unwrap();
    // Before: 100 × (1,000 × 0.3 + 290 × 2.7 + 100 × 15) microdollars.
    assert_eq!(change.before, usd(258_300_000_000));
    assert_eq!(change.volume, change.before, "twice the requests cost twice as much");
    // 200 × 530 × 2.7 microdollars.
    assert_eq!(change.hit_rate, BTreeMap::from([(Some(Cause::EvictedNeighbour), usd(286_200_000_000))]));
    assert_eq!(change.after, usd(802_800_000_000));
    assert_eq!(change.sum(), Some(usd(544_500_000_000)));
}

#[test]
fn time_of_nodes_is_shared_by_causes_and_the_rest_is_residual() {
    // A node of ours: tokens have no price, a third of the time was computing anew what had been evicted.
    let hour = |evicted: i128, rest: i128| Reported {
        requests: Amount { quantity: 10, cost: usd(evicted + rest) },
        prompt: Amount { quantity: 1_000, cost: Usd::ZERO },
        output: Amount { quantity: 50, cost: Usd::ZERO },
        causes: BTreeMap::from([(
            Some(Cause::EvictedNeighbour),
            Amount { quantity: u64::try_from(evicted).unwrap(), cost: usd(evicted) },
        )]),
    };
    let models = BTreeMap::from([(0, Periods { before: hour(100, 200), after: hour(400, 250) })]);
    let change = told(bill_change(&models).unwrap());
    assert_eq!(change.hit_rate, BTreeMap::from([(Some(Cause::EvictedNeighbour), usd(300))]));
    assert_eq!((change.residual, change.sum()), (usd(50), Some(usd(350))));
}

#[test]
fn past_the_range_of_money_there_is_no_answer() {
    let huge = Reported { requests: Amount { quantity: 1, cost: usd(i128::MAX) }, ..Reported::default() };
    let model = || Periods { before: huge.clone(), after: huge.clone() };
    assert_eq!(bill_change(&BTreeMap::from([(0, model()), (1, model())])), None);
}
