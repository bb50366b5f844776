//! Hourly totals: what the ledger keeps of the charges. Adding rows and adding totals is the same thing.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use crate::charge::{Charge, Names};
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

/// Sums charges by hour, tenant, provider, model, class and price. Classes that were not used have no total.
pub fn totals<'a>(names: &Names, charges: impl IntoIterator<Item = &'a Charge>) -> Totals {
    let mut totals = Totals::new();
    for charge in charges {
        for (class, quantity) in charge.parts.iter().filter(|(_, quantity)| *quantity > 0) {
            let key = TotalKey {
                hour: charge.time.hour(),
                tenant: charge.tenant.map(|symbol| names.text(symbol).to_string()),
                provider: names.text(charge.provider).to_string(),
                model: names.text(charge.model).to_string(),
                class,
                rate: charge.rated.rates.get(class),
                book: charge.rated.book,
            };
            let total = totals.entry(key).or_default();
            total.quantity = total.quantity.saturating_add(u128::from(quantity));
            total.cost = [total.cost, charge.rated.costs.get(class)].into_iter().sum();
        }
    }
    totals
}
