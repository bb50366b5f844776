//! What attribution says of a whole trace, added up request by request, and whether anything was lost or made on the way.

use std::collections::BTreeMap;

use aliquot_core::blame::{Attribution, Culprit};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::money::Usd;
use aliquot_core::rating::Rated;

/// Sums, in picodollars and prompt tokens.
#[derive(Debug, Default)]
pub(super) struct Told {
    incurred: i128,
    tokens: u64,
    causes: BTreeMap<Cause, (u64, i128)>,
    evidence: BTreeMap<Evidence, (u64, i128)>,
    charges: i128,
    credits: i128,
    /// What each tenant's traffic cost everybody.
    caused: BTreeMap<Culprit<String>, i128>,
    /// By how much the causes of single requests miss their cost.
    off: u128,
}

impl Told {
    /// Adds what was said of one request.
    pub(super) fn add(&mut self, victim: Option<&str>, rated: &Rated, said: &Attribution<'_>) {
        let cost = rated.costs.iter().map(|(_, cost)| cost.pico()).sum::<i128>();
        let parts = said.parts.iter().map(|part| part.cost.pico()).sum::<i128>();
        self.incurred += cost;
        self.off += cost.abs_diff(parts);
        for part in &said.parts {
            self.tokens += part.tokens;
            let sums = [self.causes.entry(part.cause).or_default(), self.evidence.entry(part.evidence).or_default()];
            for (tokens, cost) in sums {
                *tokens += part.tokens;
                *cost += part.cost.pico();
            }
        }
        // What its tenant did to itself: all but what neighbours are said to have done, whoever they are.
        let victim = victim.map_or(Culprit::NoTenant, |tenant| Culprit::Tenant(tenant.to_owned()));
        let by_neighbours = said.parts.iter().filter(|part| part.cause == Cause::EvictedNeighbour);
        let own = cost - by_neighbours.map(|part| part.cost.pico()).sum::<i128>();
        *self.caused.entry(victim).or_default() += own;
        for blame in said.blames.iter().filter(|blame| blame.game == Game::NeighboursAbsent && blame.harm == Harm::Miss)
        {
            let cost = blame.cost.pico();
            let side = if cost < 0 { &mut self.credits } else { &mut self.charges };
            *side += cost.abs();
            // Of blocks that were read nothing was lost: its thanks are of what might have been.
            if blame.cause != Cause::Hit {
                *self.caused.entry(blame.culprit.map(str::to_owned)).or_default() += cost;
            }
        }
    }

    pub(super) const fn cost(&self) -> Usd {
        Usd::from_pico(self.incurred)
    }

    pub(super) const fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Tokens and picodollars with that cause.
    pub(super) fn by_cause(&self, cause: Cause) -> (u64, i128) {
        self.causes.get(&cause).copied().unwrap_or_default()
    }

    /// Tokens and picodollars that are so sure.
    pub(super) fn by_evidence(&self, evidence: Evidence) -> (u64, i128) {
        self.evidence.get(&evidence).copied().unwrap_or_default()
    }

    /// What neighbours cost one another.
    pub(super) const fn charged(&self) -> Usd {
        Usd::from_pico(self.charges)
    }

    /// What they saved one another.
    pub(super) const fn credited(&self) -> Usd {
        Usd::from_pico(self.credits)
    }

    /// By how much anything does not add up: the causes of a request to its cost, what all caused to what all incurred.
    pub(super) fn off(&self) -> u128 {
        self.off + self.incurred.abs_diff(self.caused.values().sum())
    }
}
