//! Hourly totals, against adding up one class of one row at a time.

use aliquot_core::charge::Charges;
use aliquot_core::event::{CacheUse, Event, PrefixChain};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::position::{Offset, Partition, Place};
use aliquot_core::prices::BookId;
use aliquot_core::rating::Rated;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::totals::{TotalKey, Totals, WindowTotal, totals};
use aliquot_core::usage::{ByClass, Class};
use proptest::prelude::*;

use crate::laws::added;
use crate::usage::parts;

/// Totals do not ask where an event stood.
const PLACE: Place = Place { partition: Partition(0), offset: Offset(0), index: 0 };

/// An event and what it cost, decided by nobody: totals must not care.
type Row = (Event<'static>, Rated);

prop_compose! {
    fn row()(
        time in prop_oneof![-3 * Micros::HOUR.0..3 * Micros::HOUR.0, (-3_i64..3).prop_map(|hour| hour * Micros::HOUR.0 - 1)],
        (tenant, provider, model, answered) in (prop::option::of(0_u8..2), 0_u8..2, 0_u8..2, prop::option::of(0_u8..2)),
        (book, rate, read_rate) in (0_u64..2, prop::option::of(0_u64..2), prop::option::of(0_u64..2)),
        parts in parts(),
    ) -> Row {
        let mut event = Event {
            time: EventTime(time),
            tenant: tenant.map(|tenant| format!("tenant-{tenant}").into()),
            provider: format!("provider-{provider}").into(),
            request_model: format!("model-{model}").into(),
            response_model: answered.map(|model| format!("model-{model}").into()),
            ..Event::default()
        };
        event.usage.parts = parts;
        let rate_of = |pico: Option<u64>| pico.map(Rate::from_pico);
        let mut rated = Rated { book: BookId(book), rates: ByClass::all(rate_of(rate)), read_rate: rate_of(read_rate), ..Rated::default() };
        for (class, quantity) in parts.iter() {
            rated.costs.set(class, rate.and_then(|rate| Rate::from_pico(rate).times(quantity)).unwrap_or_default());
        }
        (event, rated)
    }
}

fn charges<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Charges {
    let mut charges = Charges::default();
    for (event, rated) in rows {
        charges.push(PLACE, EventTime(0), event, *rated);
    }
    charges
}

fn summed<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Totals {
    let charges = charges(rows);
    totals(&charges, charges.rows())
}

/// The total of `key`, from the rows alone.
fn slow(rows: &[Row], key: &TotalKey) -> WindowTotal {
    let is_ours = |(event, rated): &&Row| {
        (key.hour.0..key.hour.0 + Micros::HOUR.0).contains(&event.time.0)
            && event.tenant.as_deref() == key.tenant.as_deref()
            && event.provider == key.provider
            && event.response_model.as_ref().unwrap_or(&event.request_model).as_ref() == key.model
            && (rated.rates.get(key.class), rated.book) == (key.rate, key.book)
    };
    let ours = || rows.iter().filter(is_ours);
    WindowTotal {
        quantity: ours().map(|(event, _)| u128::from(event.usage.parts.get(key.class))).sum(),
        cost: ours().map(|(_, rated)| rated.costs.get(key.class)).sum(),
    }
}

proptest! {
    // A case adds up many rows twice.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn c1_every_total_is_the_sum_of_its_rows_and_all_totals_are_all_rows(rows in prop::collection::vec(row(), 0..30)) {
        let totals = summed(&rows);
        for (key, total) in &totals {
            prop_assert_eq!(total, &slow(&rows, key));
            prop_assert!(total.quantity > 0, "what was not used has no total");
        }
        let quantity = |class| rows.iter().map(|(event, _)| u128::from(event.usage.parts.get(class))).sum::<u128>();
        for class in Class::ALL {
            let kept: u128 = totals.iter().filter(|(key, _)| key.class == class).map(|(_, total)| total.quantity).sum();
            prop_assert_eq!(kept, quantity(class));
        }
        let charges = charges(&rows);
        let cost: Usd = charges.rows().iter().map(|charge| charges.cost(charge)).sum();
        prop_assert_eq!(totals.values().map(|total| total.cost).sum::<Usd>(), cost);
    }

    #[test]
    fn c4_commits_add_up_however_the_rows_were_cut_and_ordered(
        (rows, shuffled) in prop::collection::vec(row(), 0..30).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        cut in any::<prop::sample::Index>(),
    ) {
        let (before, after) = shuffled.split_at(cut.index(shuffled.len() + 1));
        prop_assert_eq!(added(summed(before), summed(after)), summed(&rows));
    }

    #[test]
    fn quantities_and_money_come_back_as_they_were_put(rows in prop::collection::vec(row(), 0..5)) {
        let charges = charges(&rows);
        for (charge, (event, rated)) in charges.rows().iter().zip(&rows) {
            prop_assert_eq!(charges.parts(charge), event.usage.parts);
            prop_assert_eq!(charges.rated(charge), *rated);
            prop_assert_eq!((charge.book, charge.unpriced), (rated.book, rated.unpriced));
            prop_assert_eq!(charges.cost(charge), rated.costs.iter().map(|(_, cost)| cost).sum());
            let classes: Vec<_> = charges.uses(charge).iter().map(|used| used.class).collect();
            let is_idle = |class| (event.usage.parts.get(class), rated.rates.get(class)) == (0, None);
            let left_out: Vec<_> = Class::ALL.into_iter().filter(|class| !classes.contains(class)).collect();
            prop_assert!(classes.is_sorted());
            prop_assert!(left_out.into_iter().all(is_idle));
        }
    }

    #[test]
    fn strings_and_blocks_come_back_as_they_were_put(
        texts in prop::collection::vec(("[a-c]{0,2}", "\\PC{0,3}", prop::collection::vec(any::<u64>(), 0..4)), 0..20)
    ) {
        let mut charges = Charges::default();
        for (name, id, blocks) in &texts {
            let prefix = (!blocks.is_empty()).then(|| PrefixChain { block_tokens: 16, sampled_of: 2, blocks: blocks.clone() });
            let cache = CacheUse { session: Some(id.as_str().into()), replica: Some(name.as_str().into()), ..CacheUse::default() };
            let event = Event { id: id.as_str().into(), source: name.as_str().into(), tenant: Some(name.as_str().into()), prefix, cache, ..Event::default() };
            charges.push(PLACE, EventTime(0), &event, Rated::default());
        }
        for (charge, (name, id, blocks)) in charges.rows().iter().zip(&texts) {
            prop_assert_eq!((charges.id(charge), charges.blocks(charge)), (id.as_str(), blocks.as_slice()));
            prop_assert_eq!(charges.names.text(charge.source), name);
            prop_assert_eq!(charge.tenant, Some(charge.source), "one string, one symbol");
            prop_assert_eq!(charge.replica, Some(charge.source));
            prop_assert_eq!(charge.session.map(|session| charges.names.text(session)), Some(id.as_str()));
            prop_assert_eq!(charge.block_tokens, if blocks.is_empty() { 0 } else { 16 });
        }
        let mut names: Vec<_> = charges.names.all().collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        prop_assert_eq!(names.len(), all, "no string is kept twice");
    }
}

#[test]
fn an_hour_begins_with_its_first_microsecond_on_both_sides_of_1970() {
    let at = |micros| {
        let mut event = Event { time: EventTime(micros), ..Event::default() };
        event.usage.parts.set(Class::Output, 1);
        (event, Rated::default())
    };
    let hour = Micros::HOUR.0;
    let rows = [-hour - 1, -hour, -1, 0, hour - 1, hour].map(at);
    let hours: Vec<_> = summed(&rows).into_iter().map(|(key, total)| (key.hour.0 / hour, total.quantity)).collect();
    assert_eq!(hours, [(-2, 1), (-1, 2), (0, 2), (1, 1)]);
}
