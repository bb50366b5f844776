//! What attribution says about one request: its cost by cause, and who did it. Rows on their way to the stores; decides nothing.

use alloc::vec::Vec;

use crate::cause::{Cause, Evidence, Game, Harm};
use crate::money::Usd;

/// A part of a request with one cause. The parts of a request cover its whole prompt and its whole cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CausePart {
    /// Why.
    pub cause: Cause,
    /// The cause it would have had, had the rule of `cause` not held.
    pub runner_up: Option<Cause>,
    /// How sure.
    pub evidence: Evidence,
    /// Prompt tokens.
    pub tokens: u64,
    /// What these tokens cost beyond a cache read; of [`Cause::Hit`], all the rest of the request's cost.
    pub cost: Usd,
}

/// Whose doing a harm was. `T` is how a tenant is named: by its text, or by a symbol of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Culprit<T> {
    /// A tenant of ours.
    Tenant(T),
    /// Traffic without a tenant.
    NoTenant,
    /// Traffic that we cannot see: other organisations at the provider.
    Background,
}

impl<T> Culprit<T> {
    /// What stands in the column `culprit_kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tenant(_) => "tenant",
            Self::NoTenant => "no_tenant",
            Self::Background => "background",
        }
    }

    /// The same by reference.
    pub const fn as_ref(&self) -> Culprit<&T> {
        match self {
            Self::Tenant(tenant) => Culprit::Tenant(tenant),
            Self::NoTenant => Culprit::NoTenant,
            Self::Background => Culprit::Background,
        }
    }

    /// The tenant, if it is one.
    pub fn tenant(self) -> Option<T> {
        match self {
            Self::Tenant(tenant) => Some(tenant),
            Self::NoTenant | Self::Background => None,
        }
    }

    /// The same with the tenant named in another way.
    pub fn map<U>(self, name: impl FnOnce(T) -> U) -> Culprit<U> {
        match self {
            Self::Tenant(tenant) => Culprit::Tenant(name(tenant)),
            Self::NoTenant => Culprit::NoTenant,
            Self::Background => Culprit::Background,
        }
    }
}

/// One culprit's share of what was done to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blame<T> {
    /// Which question the share answers.
    pub game: Game,
    /// What was done.
    pub harm: Harm,
    /// Of a miss, why; of other harms, which have no cause of their own, [`Cause::EvictedNeighbour`].
    pub cause: Cause,
    /// Who did it.
    pub culprit: Culprit<T>,
    /// How sure.
    pub evidence: Evidence,
    /// In the unit of the harm; negative if the neighbour helped.
    pub quantity: i64,
    /// The share of the cost; negative is a credit.
    pub cost: Usd,
    /// What would not have been lost had this culprit alone been absent. Does not add up over culprits and is never billed.
    pub avoidable: Usd,
}

impl<T: Copy> Blame<T> {
    /// The same with the culprit named in another way.
    pub fn named<U>(&self, name: impl FnOnce(T) -> U) -> Blame<U> {
        self.by(self.culprit.map(name))
    }

    /// The same share of somebody else, or of the same by another name.
    pub const fn by<U>(&self, culprit: Culprit<U>) -> Blame<U> {
        let Self { game, harm, cause, evidence, quantity, cost, avoidable, .. } = *self;
        Blame { game, harm, cause, culprit, evidence, quantity, cost, avoidable }
    }
}

/// What attribution says about one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution<'a> {
    /// Its cost by cause.
    pub parts: Vec<CausePart>,
    /// Who did it.
    pub blames: Vec<Blame<&'a str>>,
    /// What it would have cost had its tenant been alone in the domain; `None` = not known.
    pub standalone: Option<Usd>,
}
