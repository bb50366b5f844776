//! Hourly sums of attribution, and how well its model fits: what the ledger keeps of causes and blame. Adding rows and adding sums
//! is the same thing.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::blame::Culprit;
use crate::cause::{Cause, Evidence, Game, Harm};
use crate::charge::{Charge, Charges, Symbol};
use crate::money::Usd;
use crate::position::Partition;
use crate::time::EventTime;

/// What a sum of blame is a sum of. `T` is how names are given: as texts, or as symbols of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalityKey<T = String> {
    /// Start of the UTC hour of the billing time.
    pub hour: EventTime,
    /// The cache domain.
    pub domain: T,
    /// Which question the shares answer.
    pub game: Game,
    /// What was done.
    pub harm: Harm,
    /// Why.
    pub cause: Cause,
    /// How sure.
    pub evidence: Evidence,
    /// Whose requests suffered; `None` = no tenant known.
    pub victim: Option<T>,
    /// Who did it.
    pub culprit: Culprit<T>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CauseKey<T = String> {
    /// Start of the UTC hour of the billing time.
    pub hour: EventTime,
    /// The cache domain.
    pub domain: T,
    /// Who is billed; `None` = no tenant known.
    pub tenant: Option<T>,
    /// The model it was priced as.
    pub model: T,
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

/// By which method a domain's misses are blamed. The first that what is known of the domain allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The capacity is known, and the model fits: a miss has a sharp limit.
    HardQuota,
    /// The capacity is known within limits: a miss is weighed over them.
    SoftQuota,
    /// Others that we cannot see use the cache too, and are a culprit of their own.
    Background,
    /// The cache does not work as the model does: by small caches of its kind, one for each coalition of tenants.
    Simulated,
    /// It does not, and such caches have seen nothing yet: by share of use.
    Proportional,
    /// Nobody is blamed.
    Unattributable,
}

impl Tier {
    /// Every tier, the sharpest first.
    pub const ALL: [Self; 6] =
        [Self::HardQuota, Self::SoftQuota, Self::Background, Self::Simulated, Self::Proportional, Self::Unattributable];

    /// The one spelling used in columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HardQuota => "hard_quota",
            Self::SoftQuota => "soft_quota",
            Self::Background => "background",
            Self::Simulated => "simulated",
            Self::Proportional => "proportional",
            Self::Unattributable => "unattributable",
        }
    }

    /// The tier of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

/// How well the model of one cache fits what was observed of it. Each says all there is to say, and replaces the one before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    /// The partition the domain is on.
    pub partition: Partition,
    /// The cache domain.
    pub domain: String,
    /// Which of the domain's engines; `None` = the domain is one cache, or the events do not say.
    pub replica: Option<String>,
    /// The capacity that is reckoned with, in blocks; `None` = not known.
    pub capacity_blocks: Option<u64>,
    /// How the capacity is known.
    pub evidence: Evidence,
    /// Re-uses of a block that the model takes for hits or misses wrongly, in millionths; `None` = too few were seen.
    pub error_ppm: Option<u32>,
    /// By which method misses are blamed.
    pub tier: Tier,
}

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

impl CauseTotal {
    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(other.tokens), cost: [self.cost, other.cost].into_iter().sum() }
    }
}

impl<T> ExternalityKey<T> {
    fn spelled<U>(self, text: impl Fn(T) -> U) -> ExternalityKey<U> {
        let Self { hour, domain, game, harm, cause, evidence, victim, culprit } = self;
        let (victim, culprit) = (victim.map(&text), culprit.map(&text));
        ExternalityKey { hour, domain: text(domain), game, harm, cause, evidence, victim, culprit }
    }
}

impl<T> CauseKey<T> {
    fn spelled<U>(self, text: impl Fn(T) -> U) -> CauseKey<U> {
        let Self { hour, domain, tenant, model, cause, evidence } = self;
        CauseKey { hour, domain: text(domain), tenant: tenant.map(&text), model: text(model), cause, evidence }
    }
}

/// Sums the blame of the charges by hour, domain, game, harm, cause, evidence, victim and culprit.
pub fn externalities<'a>(charges: &Charges, rows: impl IntoIterator<Item = &'a Charge>) -> Externalities {
    // Taken apart into a map in the order of its keys, so that its own order reaches nothing.
    let mut sums = HashMap::<ExternalityKey<Symbol>, Externality, Xxh3DefaultBuilder>::default();
    for row in rows {
        for blame in charges.blames(row) {
            let key = ExternalityKey {
                hour: row.time.hour(),
                domain: row.domain,
                game: blame.game,
                harm: blame.harm,
                cause: blame.cause,
                evidence: blame.evidence,
                victim: row.tenant,
                culprit: blame.culprit,
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
    let text = |symbol| charges.names.text(symbol).to_string();
    sums.into_iter().map(|(key, sum)| (key.spelled(text), sum)).collect()
}

/// Sums the charges by hour, domain, tenant, model, cause and evidence.
pub fn cause_totals<'a>(charges: &Charges, rows: impl IntoIterator<Item = &'a Charge>) -> CauseTotals {
    let mut sums = HashMap::<CauseKey<Symbol>, CauseTotal, Xxh3DefaultBuilder>::default();
    for row in rows {
        for part in charges.causes(row) {
            let key = CauseKey {
                hour: row.time.hour(),
                domain: row.domain,
                tenant: row.tenant,
                model: row.model,
                cause: part.cause,
                evidence: part.evidence,
            };
            let sum = sums.entry(key).or_default();
            *sum = sum.plus(CauseTotal { tokens: u128::from(part.tokens), cost: part.cost });
        }
    }
    let text = |symbol| charges.names.text(symbol).to_string();
    sums.into_iter().map(|(key, sum)| (key.spelled(text), sum)).collect()
}
