//! Hourly totals: what the ledger keeps of the charges. Adding rows and adding totals is the same thing.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::charge::{Charge, Names, Symbol};
use crate::money::{Rate, Usd};
use crate::prices::BookId;
use crate::time::EventTime;
use crate::usage::Class;

/// What a total is a total of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotalKey {
    /// Start of the UTC hour of the billing time.
    pub hour: EventTime,
    /// Who is billed; `None` = no tenant known.
    pub tenant: Option<String>,
    /// The provider.
    pub provider: String,
    /// The model it was priced as.
    pub model: String,
    /// The class of usage.
    pub class: Class,
    /// The price it was charged at; `None` = unpriced.
    pub rate: Option<Rate>,
    /// The price book that said so.
    pub book: BookId,
}

/// An amount of usage and its cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowTotal {
    /// Tokens, searches, requests, GPU microseconds or token-hours, by the class of the key.
    pub quantity: u128,
    /// What they cost.
    pub cost: Usd,
}

/// Totals by key, in the order of the keys.
pub type Totals = BTreeMap<TotalKey, WindowTotal>;

/// A key whose strings are still symbols of the commit. Most charges fall into few keys, so strings are made once per key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct SymbolKey {
    hour: EventTime,
    tenant: Option<Symbol>,
    provider: Symbol,
    model: Symbol,
    class: Class,
    rate: Option<Rate>,
    book: BookId,
}

impl SymbolKey {
    fn spelled(self, names: &Names) -> TotalKey {
        let Self { hour, tenant, provider, model, class, rate, book } = self;
        let text = |symbol| names.text(symbol).to_string();
        TotalKey { hour, tenant: tenant.map(text), provider: text(provider), model: text(model), class, rate, book }
    }
}

/// Sums charges by hour, tenant, provider, model, class and price. Classes that were not used have no total.
pub fn totals<'a>(names: &Names, charges: impl IntoIterator<Item = &'a Charge>) -> Totals {
    // Taken apart into a map in the order of its keys, so that its own order reaches nothing.
    let mut sums = HashMap::<SymbolKey, WindowTotal, Xxh3DefaultBuilder>::default();
    for charge in charges {
        for (class, quantity) in charge.parts.iter().filter(|(_, quantity)| *quantity > 0) {
            let key = SymbolKey {
                hour: charge.time.hour(),
                tenant: charge.tenant,
                provider: charge.provider,
                model: charge.model,
                class,
                rate: charge.rated.rates.get(class),
                book: charge.rated.book,
            };
            let total = sums.entry(key).or_default();
            total.quantity = total.quantity.saturating_add(u128::from(quantity));
            total.cost = [total.cost, charge.rated.costs.get(class)].into_iter().sum();
        }
    }
    sums.into_iter().map(|(key, total)| (key.spelled(names), total)).collect()
}
