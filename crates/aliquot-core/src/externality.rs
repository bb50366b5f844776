//! Hourly sums of attribution: what the ledger keeps of causes and blame. Adding rows and adding sums is the same thing.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use crate::blame::Culprit;
use crate::cause::{Cause, Evidence, Game, Harm};
use crate::charge::{Charge, Charges};
use crate::money::Usd;
use crate::time::EventTime;

/// What a sum of blame is a sum of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalityKey {
    /// Start of the UTC hour of the billing time.
    pub hour: EventTime,
    /// The cache domain.
    pub domain: String,
    /// Which question the shares answer.
    pub game: Game,
    /// What was done.
    pub harm: Harm,
    /// Why.
    pub cause: Cause,
    /// How sure.
    pub evidence: Evidence,
    /// Whose requests suffered; `None` = no tenant known.
    pub victim: Option<String>,
    /// Who did it.
    pub culprit: Culprit<String>,
}

/// A sum of blame. Charges and credits are kept apart: one never hides the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Externality {
    /// In the unit of the harm, charges only.
    pub quantity: u128,
    /// In the unit of the harm, credits only.
    pub credit_quantity: u128,
    /// What the culprit cost the victim.
    pub charges: Usd,
    /// What it saved the victim; not negative.
    pub credits: Usd,
    /// What would not have been lost had the culprit alone been absent. Never billed.
    pub avoidable: Usd,
}

/// Sums of blame by key, in the order of the keys.
pub type Externalities = BTreeMap<ExternalityKey, Externality>;

/// What a sum of causes is a sum of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CauseKey {
    /// Start of the UTC hour of the billing time.
    pub hour: EventTime,
    /// The cache domain.
    pub domain: String,
    /// Who is billed; `None` = no tenant known.
    pub tenant: Option<String>,
    /// The model it was priced as.
    pub model: String,
    /// Why.
    pub cause: Cause,
    /// How sure.
    pub evidence: Evidence,
}

/// A sum of tokens and their cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CauseTotal {
    /// Prompt tokens.
    pub tokens: u128,
    /// As in [`crate::blame::CausePart::cost`].
    pub cost: Usd,
}

/// Sums by cause, in the order of the keys. Over all causes they are the cost of the requests.
pub type CauseTotals = BTreeMap<CauseKey, CauseTotal>;

impl Externality {
    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            quantity: self.quantity.saturating_add(other.quantity),
            credit_quantity: self.credit_quantity.saturating_add(other.credit_quantity),
            charges: [self.charges, other.charges].into_iter().sum(),
            credits: [self.credits, other.credits].into_iter().sum(),
            avoidable: [self.avoidable, other.avoidable].into_iter().sum(),
        }
    }
}

/// Sums the blame of the charges by hour, domain, game, harm, cause, evidence, victim and culprit.
pub fn externalities<'a>(charges: &Charges, rows: impl IntoIterator<Item = &'a Charge>) -> Externalities {
    let text = |symbol| charges.names.text(symbol).to_string();
    let mut sums = Externalities::new();
    for row in rows {
        for blame in charges.blames(row) {
            let key = ExternalityKey {
                hour: row.time.hour(),
                domain: text(row.domain),
                game: blame.game,
                harm: blame.harm,
                cause: blame.cause,
                evidence: blame.evidence,
                victim: row.tenant.map(text),
                culprit: blame.culprit.map(text),
            };
            let magnitude = u128::from(blame.quantity.unsigned_abs());
            let (quantity, credit_quantity) = if blame.quantity < 0 { (0, magnitude) } else { (magnitude, 0) };
            let zero = Usd::ZERO;
            let (charges, credits) = match zero.checked_sub(blame.cost) {
                Some(credit) if blame.cost < zero => (zero, credit),
                _ => (blame.cost, zero),
            };
            let more = Externality { quantity, credit_quantity, charges, credits, avoidable: blame.avoidable };
            let sum = sums.entry(key).or_default();
            *sum = sum.plus(more);
        }
    }
    sums
}

/// Sums the charges by hour, domain, tenant, model, cause and evidence.
pub fn cause_totals<'a>(charges: &Charges, rows: impl IntoIterator<Item = &'a Charge>) -> CauseTotals {
    let text = |symbol| charges.names.text(symbol).to_string();
    let mut sums = CauseTotals::new();
    for row in rows {
        for part in charges.causes(row) {
            let key = CauseKey {
                hour: row.time.hour(),
                domain: text(row.domain),
                tenant: row.tenant.map(text),
                model: text(row.model),
                cause: part.cause,
                evidence: part.evidence,
            };
            let sum = sums.entry(key).or_default();
            sum.tokens = sum.tokens.saturating_add(u128::from(part.tokens));
            sum.cost = [sum.cost, part.cost].into_iter().sum();
        }
    }
    sums
}
