//! Hourly totals: what the ledger keeps of the charges. Adding rows and adding totals is the same thing.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::charge::{Charge, Charges, Names, Symbol, Use};
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

/// What a total is about, whatever the class of usage and its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account<'n> {
    /// Start of the UTC hour of the billing time.
    pub hour: EventTime,
    /// Who is billed; `None` = no tenant known.
    pub tenant: Option<&'n str>,
    /// The provider.
    pub provider: &'n str,
    /// The model it was priced as.
    pub model: &'n str,
    /// The price book that said so.
    pub book: BookId,
}

impl Account<'_> {
    /// The key of the account's total of `class` at `rate`.
    pub fn key(&self, class: Class, rate: Option<Rate>) -> TotalKey {
        let Self { hour, tenant, provider, model, book } = *self;
        let (tenant, provider, model) = (tenant.map(ToString::to_string), provider.to_string(), model.to_string());
        TotalKey { hour, tenant, provider, model, class, rate, book }
    }
}

/// The total of one class at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The class of usage.
    pub class: Class,
    /// The price it was charged at; `None` = unpriced.
    pub rate: Option<Rate>,
    /// How much it is.
    pub total: WindowTotal,
}

/// An account whose strings are still symbols of the commit: most charges fall into few accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct SymbolAccount {
    hour: EventTime,
    tenant: Option<Symbol>,
    provider: Symbol,
    model: Symbol,
    book: BookId,
}

impl SymbolAccount {
    fn spelled(self, names: &Names) -> Account<'_> {
        let Self { hour, tenant, provider, model, book } = self;
        let text = |symbol| names.text(symbol);
        Account { hour, tenant: tenant.map(text), provider: text(provider), model: text(model), book }
    }
}

/// Sums `rows` of `charges` by account, and in each by class and price; accounts in order, lines by first use. Classes that were
/// not used have no line, and an account without lines is not there.
pub fn by_account<'c, 'r>(
    charges: &'c Charges,
    rows: impl IntoIterator<Item = &'r Charge>,
) -> Vec<(Account<'c>, Vec<Line>)> {
    // Sorted below, so that the map's own order reaches nothing.
    let mut sums = HashMap::<SymbolAccount, Vec<Line>, Xxh3DefaultBuilder>::default();
    for row in rows {
        let Charge { tenant, provider, model, book, .. } = *row;
        let account = SymbolAccount { hour: row.time.hour(), tenant, provider, model, book };
        let uses = charges.uses(row);
        if uses.iter().any(|used| used.quantity > 0) {
            let lines = sums.entry(account).or_default();
            uses.iter().filter(|used| used.quantity > 0).for_each(|used| add(lines, used));
        }
    }
    let spelled = |(account, lines): (SymbolAccount, _)| (account.spelled(&charges.names), lines);
    let mut accounts: Vec<_> = sums.into_iter().map(spelled).collect();
    accounts.sort_unstable_by_key(|(account, _)| *account);
    accounts
}

/// An account has few lines, so that looking through them is faster than any map.
fn add(lines: &mut Vec<Line>, used: &Use) {
    let Use { class, quantity, rate, cost } = *used;
    let quantity = u128::from(quantity);
    match lines.iter_mut().find(|line| (line.class, line.rate) == (class, rate)) {
        Some(Line { total, .. }) => {
            total.quantity = total.quantity.saturating_add(quantity);
            total.cost = [total.cost, cost].into_iter().sum();
        }
        None => lines.push(Line { class, rate, total: WindowTotal { quantity, cost } }),
    }
}

/// Sums `rows` of `charges` by hour, tenant, provider, model, class and price. Classes that were not used have no total.
pub fn totals<'r>(charges: &Charges, rows: impl IntoIterator<Item = &'r Charge>) -> Totals {
    let total = |account: Account<'_>, line: Line| (account.key(line.class, line.rate), line.total);
    let accounts = by_account(charges, rows).into_iter();
    accounts.flat_map(|(account, lines)| lines.into_iter().map(move |line| total(account, line))).collect()
}
