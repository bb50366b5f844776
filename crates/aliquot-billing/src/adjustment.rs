//! Late and corrected usage of a period that was invoiced: what it changes, as a line on the next invoice that names it. The invoice itself
//! never changes.

use std::collections::{BTreeMap, BTreeSet};

use aliquot_core::money::Usd;

use crate::basis::Basis;
use crate::contract::Contract;
use crate::draft::{Standing, bill};
use crate::exact::Exact;
use crate::exchange::Rates;
use crate::line::{Covers, Kind, Line};
use crate::refusal::Refusal;
use crate::slot::Slot;
use crate::terms::CachePolicy;
use crate::usage::{Side, Usage};

/// One thing that is not what it was when the period was invoiced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// When.
    pub slot: Slot,
    /// What of.
    pub what: String,
    /// The quantity and cost at that time.
    pub before: (u128, Usd),
    /// The same now.
    pub after: (u128, Usd),
}

/// A correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// The line for [`Standing::adjustments`] of the next bill. Its amount may be nothing; then it still says what came late.
    pub line: Line,
    /// Everything that changed, in the order of time.
    pub changes: Vec<Changed>,
}

/// What a period is worth by its `current` usage, less what it was worth by the usage that was `accounted` for: by its invoice, and by
/// corrections since. `None` if nothing changed that the tenant bears. `number` is the invoice's, and `events` are the ids of
/// the events that came late or were corrected, as far as they are known.
///
/// Discounts, tiers and the minimum count as if the usage had been there in time. Taxes and credits are those of the invoice that the
/// line comes to stand on. `standing` is what the invoice was reckoned with.
///
/// # Errors
/// As of [`bill`].
pub fn adjustment(
    contract: &Contract,
    (accounted, current): (&Usage, &Usage),
    standing: &Standing,
    rates: &Rates,
    number: u64,
    events: BTreeSet<String>,
) -> Result<Option<Adjustment>, Refusal> {
    let policy = contract.terms().cache_policy;
    let changes = changes(policy, accounted, current)?;
    if changes.is_empty() {
        return Ok(None);
    }
    let net = |usage| Ok::<Exact, Refusal>(bill(contract, usage, standing, rates)?.net());
    let amount = net(current)?.minus(&net(accounted)?);
    let mut covers = Covers { events, ..Covers::default() };
    changes.iter().for_each(|changed| covers.slot(changed.slot));
    let line = Line { covers, ..Line::flat(Kind::Adjustment, format!("invoice {number}"), amount) };
    Ok(Some(Adjustment { line, changes }))
}

fn changes(policy: CachePolicy, accounted: &Usage, current: &Usage) -> Result<Vec<Changed>, Refusal> {
    let (before, after) = (amounts(&Basis::of(policy, accounted)?)?, amounts(&Basis::of(policy, current)?)?);
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = keys.into_iter().map(|key| {
        let of = |amounts: &BTreeMap<Key, (u128, Usd)>| amounts.get(key).copied().unwrap_or_default();
        Changed { slot: key.0, what: key.1.clone(), before: of(&before), after: of(&after) }
    });
    Ok(changed.filter(|changed| changed.before != changed.after).collect())
}

type Key = (Slot, String);

fn amounts(basis: &Basis) -> Result<BTreeMap<Key, (u128, Usd)>, Refusal> {
    let rows = basis.rows.iter().map(|row| {
        let (key, unknown) = (&row.key, if row.cost.is_err() { ", cost not known" } else { "" });
        ((key.slot, format!("{}{unknown}", key.subject)), (row.quantity, row.cost.unwrap_or_default()))
    });
    let transfers = basis.transfers.iter().map(|transfer| {
        let key = &transfer.row.key;
        let what = if key.side == Side::Suffered { "suffered" } else { "caused" };
        ((key.slot, format!("{what} in {}", key.domain)), (0, transfer.harm))
    });
    let idle = basis
        .idle
        .iter()
        .map(|(_, row)| ((row.key.slot, format!("{} {}", row.key.kind.name(), row.key.gpu_type)), (0, row.cost)));
    let mut amounts = BTreeMap::<Key, (u128, Usd)>::new();
    for (key, (quantity, cost)) in rows.chain(transfers).chain(idle) {
        let out_of_range = || Refusal::OutOfRange(key.1.clone());
        let (quantities, costs) = amounts.get(&key).copied().unwrap_or_default();
        let quantity = quantities.checked_add(quantity).ok_or_else(out_of_range)?;
        let cost = costs.checked_add(cost).ok_or_else(out_of_range)?;
        amounts.insert(key, (quantity, cost));
    }
    Ok(amounts)
}
