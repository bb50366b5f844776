//! Where the cost of a period goes: to tenants, each under its cache policy, and to the pool, which is the operator's own account.
//! Prices are no part of it.

use std::collections::BTreeMap;

use aliquot_core::money::Usd;

use crate::basis::{Basis, Transfer, bears_idle};
use crate::refusal::Refusal;
use crate::terms::CachePolicy;
use crate::usage::{Side, Usage};

/// Where the cost of a period went: to tenants, and to the operator's own account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// What all usage and idle time of these tenants cost.
    pub incurred: Usd,
    /// What each tenant bears of it.
    pub borne: BTreeMap<String, Usd>,
    /// What the operator bears, by tenant and reason; negative where the operator gains. With `borne` it sums to `incurred`.
    pub pool: BTreeMap<(String, PoolReason), Usd>,
}

/// Why the operator bears a part of the cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolReason {
    /// The tenant pays as if it were alone: what it cost beyond that.
    Insulated,
    /// The same of idle time.
    InsulatedIdle,
    /// The tenant is not charged for what neighbours did to it.
    Relieved,
    /// The tenant was charged for what it did to neighbours.
    Recovered,
    /// What the tenant would have cost alone is not known, so it is not charged yet.
    NotKnown,
}

impl PoolReason {
    /// The one spelling used in columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insulated => "insulated",
            Self::InsulatedIdle => "insulated_idle",
            Self::Relieved => "relieved",
            Self::Recovered => "recovered",
            Self::NotKnown => "not_known",
        }
    }
}

/// Where the cost of these tenants' usage goes, each under its policy. The pool is reckoned row by row and not as what is left
/// over, so that [`Books::balance`] says something.
///
/// # Errors
/// [`Refusal::OutOfRange`] when a sum leaves 128 bits.
pub fn books<'u>(usages: impl IntoIterator<Item = (CachePolicy, &'u Usage)>) -> Result<Books, Refusal> {
    let mut books = Books::default();
    let out_of_range = || Refusal::OutOfRange("a sum of the books".to_owned());
    for (policy, usage) in usages {
        let basis = Basis::of(policy, usage)?;
        let tenant = usage.tenant();
        let borne = books.borne.entry(tenant.to_owned()).or_default();
        *borne = basis.cost().and_then(|cost| cost.checked_add(*borne)).ok_or_else(out_of_range)?;
        let incurred = usage.rows().iter().map(|(_, row)| row.incurred.cost);
        let idle = usage.idle().iter().map(|(_, row)| row.cost);
        books.incurred = incurred.chain(idle).try_fold(books.incurred, Usd::checked_add).ok_or_else(out_of_range)?;
        let entries = pool_of_usage(policy, usage).chain(pool_of_idle(policy, usage).map(Some));
        for entry in entries.chain(basis.transfers.iter().map(pool_of_transfer)) {
            let (reason, amount) = entry.ok_or_else(out_of_range)?;
            let sum = books.pool.entry((tenant.to_owned(), reason)).or_default();
            *sum = sum.checked_add(amount).ok_or_else(out_of_range)?;
        }
    }
    books.pool.retain(|_, amount| *amount != Usd::ZERO);
    Ok(books)
}

type Entry = (PoolReason, Usd);

fn pool_of_usage(policy: CachePolicy, usage: &Usage) -> impl Iterator<Item = Option<Entry>> {
    let rows = usage.rows().iter().filter(move |_| policy == CachePolicy::Standalone);
    rows.map(|(_, row)| match row.standalone {
        Some(alone) => Some((PoolReason::Insulated, row.incurred.cost.checked_sub(alone.cost)?)),
        None => Some((PoolReason::NotKnown, row.incurred.cost)),
    })
}

fn pool_of_idle(policy: CachePolicy, usage: &Usage) -> impl Iterator<Item = Entry> {
    let rows = usage.idle().iter().filter(move |(_, row)| !bears_idle(policy, row.key.kind));
    rows.map(|(_, row)| (PoolReason::InsulatedIdle, row.cost))
}

fn pool_of_transfer(transfer: &Transfer) -> Option<Entry> {
    let reason = match transfer.row.key.side {
        Side::Suffered => PoolReason::Relieved,
        Side::Caused => PoolReason::Recovered,
    };
    Some((reason, Usd::ZERO.checked_sub(transfer.cost)?))
}

impl Books {
    /// What is borne and pooled beyond what was incurred: nothing, if the books balance. `None` past the range of money.
    pub fn balance(&self) -> Option<Usd> {
        let mut parts = self.borne.values().chain(self.pool.values()).copied();
        parts.try_fold(Usd::ZERO, Usd::checked_add)?.checked_sub(self.incurred)
    }
}
