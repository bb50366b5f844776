//! The price lists of the simulation: plain tables, from which the pipeline gets price books and the auditor its own prices.

use std::collections::BTreeMap;

use aliquot_core::money::Rate;
use aliquot_core::prices::{Band, BandRule, BookId, Matcher, Model, Price, PriceBook, Provider};
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};
use aliquot_pipeline::Books;

/// A price in picodollars for each class that has one. Prompts of more than `LONG` tokens cost three times as much.
pub(crate) type Line = &'static [(Class, u64)];

pub(crate) const LONG: u64 = 1_000;
pub(crate) const LONG_FACTOR: u64 = 3;

/// Provider, model, prices of the first list. `m-dear` has no price for reasoning; nothing has a price for `m-unlisted`.
pub(crate) const LIST: [(&str, &str, Line); 3] = [
    ("self", "m-small", &[(Class::Uncached, 75_000), (Class::CacheRead, 7_500), (Class::Output, 300_001)]),
    (
        "self",
        "m-large",
        &[(Class::Uncached, 3_000_000), (Class::CacheRead, 0), (Class::Output, 15_000_000), (Class::Reasoning, 9)],
    ),
    (
        "acme",
        "m-dear",
        &[
            (Class::Uncached, 11_000_003),
            (Class::CacheRead, 1_100_007),
            (Class::Output, 99_000_001),
            (Class::Requests, 5),
        ],
    ),
];

/// The lists that exist; list `n` charges `n + 1` times the first one.
pub(crate) const LISTS: [BookId; 3] = [BookId(0xb0), BookId(0xb1), BookId(0xb2)];

/// What list `book` charges for one unit.
pub(crate) fn factor(book: BookId) -> u64 {
    book.0 - LISTS[0].0 + 1
}

/// All lists as books, the newest of them in force.
pub(crate) fn books(current: BookId) -> Books {
    Books { current, all: LISTS.map(|id| (id, book(id))).into() }
}

fn book(id: BookId) -> PriceBook {
    let mut providers = BTreeMap::<String, Provider>::new();
    for (provider, name, line) in LIST {
        let band = |above_tokens, factor| {
            let mut rates = ByClass::all(None);
            line.iter().for_each(|(class, pico)| rates.set(*class, Some(Rate::from_pico(pico * factor))));
            Band { above_tokens, rates }
        };
        let price = Price {
            effective_from: EventTime(0),
            effective_to: None,
            calendar: None,
            tier: None,
            region: None,
            bands: vec![band(0, factor(id)), band(LONG, factor(id) * LONG_FACTOR)],
            band_rule: BandRule::WholeRequest,
        };
        providers.entry(provider.to_owned()).or_default().models.push(Model {
            id: name.to_owned(),
            matcher: Matcher::Equals(name.to_owned()),
            prices: vec![price],
            multipliers: Vec::new(),
        });
    }
    PriceBook { id, providers, ..PriceBook::default() }
}
