//! What a tenant used in a period: the input of its invoice, as the ledger's totals and externalities give it. Holds nothing that
//! lies across a local midnight or outside of the period; reckons nothing.

use aliquot_core::blame::Culprit;
use aliquot_core::capacity::LineKind;
use aliquot_core::cause::{Cause, Evidence};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::prices::BookId;
use chrono::NaiveDate;

use crate::period::{Day, Period};
use crate::refusal::Refusal;
use crate::select::Subject;
use crate::slot::Slot;
use crate::terms::CachePolicy;

/// An amount of a class and what it cost the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// In units of the class.
    pub quantity: u128,
    /// In picodollars; of usage without a rate, nothing, which is not a cost of nothing but an unknown one.
    pub cost: Usd,
}

/// What usage is a sum of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageKey {
    /// When.
    pub slot: Slot,
    /// Of what.
    pub subject: Subject,
    /// At what provider's price; `None` = unpriced.
    pub rate: Option<Rate>,
    /// By which price book.
    pub book: BookId,
}

/// One sum of usage, twice: as it was, and as it would have been had the tenant been alone. The two differ in class: a prompt
/// that a neighbour pushed out of the cache is `uncached` as it was and `cache_read` alone, which makes two rows, each with
/// nothing on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// What of.
    pub key: UsageKey,
    /// As it was.
    pub incurred: Amount,
    /// Had the tenant been alone; `None` = not known.
    pub standalone: Option<Amount>,
}

/// On which side of a harm the tenant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// It was done to the tenant.
    Suffered,
    /// The tenant did it.
    Caused,
}

/// What a harm between two tenants is a sum of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ThrashKey {
    /// When, by the victim's requests.
    pub slot: Slot,
    /// Who did it to whom.
    pub side: Side,
    /// The other one.
    pub neighbour: Culprit<String>,
    /// The other one's policy at that time; of what is no tenant of ours, any.
    pub neighbour_policy: CachePolicy,
    /// The cache domain.
    pub domain: String,
    /// Why.
    pub cause: Cause,
    /// How sure.
    pub evidence: Evidence,
}

/// One sum of harm, by the game that the contracts name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrashRow {
    /// What of.
    pub key: ThrashKey,
    /// What it cost the victim.
    pub charges: Usd,
    /// What it saved the victim; not negative.
    pub credits: Usd,
}

/// What a share of a node's time is a sum of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdleKey {
    /// When.
    pub slot: Slot,
    /// `ReservedIdle` or `Idle`.
    pub kind: LineKind,
    /// The type of the GPUs.
    pub gpu_type: String,
}

/// One share of idle time, by the policy that the operator chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleRow {
    /// What of.
    pub key: IdleKey,
    /// Its cost.
    pub cost: Usd,
}

/// All usage of one tenant in one period. Rows of one key are summed, and their order makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    tenant: String,
    period: Period,
    rows: Vec<(NaiveDate, UsageRow)>,
    thrash: Vec<(NaiveDate, ThrashRow)>,
    idle: Vec<(NaiveDate, IdleRow)>,
}

impl Usage {
    /// The usage of `tenant` in `period`.
    ///
    /// # Errors
    /// [`Refusal::Outside`] and [`Refusal::Straddles`]: the type holds no row that some day of the period does not hold whole.
    /// [`Refusal::OutOfRange`] when a sum leaves 128 bits.
    pub fn new(
        tenant: impl Into<String>,
        period: Period,
        rows: Vec<UsageRow>,
        thrash: Vec<ThrashRow>,
        idle: Vec<IdleRow>,
    ) -> Result<Self, Refusal> {
        let days = period.days();
        let dated = |slot, name: &dyn Fn() -> String| date_of(slot, &period, &days, name);
        let rows = sums(rows, |row| (row.key, (row.incurred, row.standalone)), add_usage)?;
        let rows = rows.into_iter().map(|(key, (incurred, standalone))| UsageRow { key, incurred, standalone });
        let rows = rows.map(|row| Ok((dated(row.key.slot, &|| row.key.subject.to_string())?, row)));
        let rows = rows.collect::<Result<_, _>>()?;
        let thrash = sums(thrash, |row| (row.key, (row.charges, row.credits)), add_pair)?;
        let thrash = thrash.into_iter().map(|(key, (charges, credits))| ThrashRow { key, charges, credits });
        let thrash = thrash.map(|row| Ok((dated(row.key.slot, &|| format!("thrash in {:?}", row.key.domain))?, row)));
        let thrash = thrash.collect::<Result<_, _>>()?;
        let idle = sums(idle, |row| (row.key, row.cost), Usd::checked_add)?;
        let idle = idle.into_iter().map(|(key, cost)| IdleRow { key, cost });
        let idle = idle.map(|row| Ok((dated(row.key.slot, &|| format!("idle {}", row.key.gpu_type))?, row)));
        let idle = idle.collect::<Result<_, _>>()?;
        Ok(Self { tenant: tenant.into(), period, rows, thrash, idle })
    }

    /// Whose.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// When.
    pub const fn period(&self) -> &Period {
        &self.period
    }

    /// Usage with its local date, in the order of time.
    pub fn rows(&self) -> &[(NaiveDate, UsageRow)] {
        &self.rows
    }

    /// Harm with its local date, in the order of time.
    pub fn thrash(&self) -> &[(NaiveDate, ThrashRow)] {
        &self.thrash
    }

    /// Idle time with its local date, in the order of time.
    pub fn idle(&self) -> &[(NaiveDate, IdleRow)] {
        &self.idle
    }
}

/// Sums rows by key, in the order of the keys. Stores give them nearly in order, and sorting such rows costs little.
fn sums<R, K: Ord, V: Copy>(
    rows: Vec<R>,
    apart: fn(R) -> (K, V),
    add: fn(V, V) -> Option<V>,
) -> Result<Vec<(K, V)>, Refusal> {
    let mut rows: Vec<_> = rows.into_iter().map(apart).collect();
    rows.sort_by(|(left, _), (right, _)| left.cmp(right));
    let mut sums = Vec::<(K, V)>::with_capacity(rows.len());
    for (key, value) in rows {
        match sums.last_mut() {
            Some((last, sum)) if *last == key => {
                *sum = add(*sum, value).ok_or_else(|| Refusal::OutOfRange("a sum of usage".to_owned()))?;
            }
            _ => sums.push((key, value)),
        }
    }
    Ok(sums)
}

type Sides = (Amount, Option<Amount>);

fn add_usage((incurred, standalone): Sides, (more, more_alone): Sides) -> Option<Sides> {
    let standalone = match standalone.zip(more_alone) {
        Some((standalone, more)) => Some(standalone.checked_add(more)?),
        // A part that is not known makes the whole unknown.
        None => None,
    };
    Some((incurred.checked_add(more)?, standalone))
}

fn add_pair((left, right): (Usd, Usd), (more_left, more_right): (Usd, Usd)) -> Option<(Usd, Usd)> {
    left.checked_add(more_left).zip(right.checked_add(more_right))
}

impl Amount {
    /// The sum, or `None` past the range of either part.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let quantity = self.quantity.checked_add(other.quantity)?;
        Some(Self { quantity, cost: self.cost.checked_add(other.cost)? })
    }

    /// Whether there is nothing of it.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

fn date_of(slot: Slot, period: &Period, days: &[Day], row: &dyn Fn() -> String) -> Result<NaiveDate, Refusal> {
    let Period { start, end, .. } = *period;
    let after = days.partition_point(|day| day.start <= slot.start());
    let day = after.checked_sub(1).and_then(|place| days.get(place)).filter(|_| slot.start() < end);
    match day {
        Some(day) if slot.end() <= day.end => Ok(day.date),
        Some(day) => Err(Refusal::Straddles { row: row(), slot, midnight: day.end }),
        None if slot.start() < start && start < slot.end() => {
            Err(Refusal::Straddles { row: row(), slot, midnight: start })
        }
        None => Err(Refusal::Outside { row: row(), slot, start, end }),
    }
}
