//! A block that has aged, on the scale: was its tenant's own traffic enough to push it out, or was it the neighbours', and whose?

use alloc::vec;
use alloc::vec::Vec;

use aliquot_core::cause::{Cause, Evidence, Game};

use crate::fate::Aged;
use crate::game::{Distances, Entitlements, Verdict, pose};
use crate::node::{Capacity, Node};
use crate::recency::Resolution;
use crate::solver::Solver;
use crate::tenants::Tenant;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weighed {
    /// Why it was gone.
    pub cause: Cause,
    /// How sure.
    pub evidence: Evidence,
}

impl Weighed {
    /// Whether it was found by weighing, and not that nothing can be said.
    pub const fn is_weighed(self) -> bool {
        self.is_eviction() || matches!(self.cause, Cause::ColdFirst)
    }

    /// Whether the block was pushed out.
    pub const fn is_eviction(self) -> bool {
        matches!(self.cause, Cause::EvictedSelf | Cause::EvictedNeighbour)
    }
}

/// One aged block, or several of the same age.
#[derive(Debug)]
pub struct Scale<'s> {
    aged: &'s Aged,
    node: &'s Node,
    tenant: Tenant,
    capacity: Option<&'s Capacity>,
    resolution: Resolution,
    /// Distinct blocks used since, by tenant.
    counts: Vec<u64>,
    total: u64,
    /// What those used whom we do not see.
    foreign: u64,
    /// Distinct blocks that are remembered.
    ever: u64,
}

impl<'s> Scale<'s> {
    /// Puts it on.
    pub fn new(node: &'s Node, tenant: Tenant, tenants: usize, aged: &'s Aged) -> Self {
        let mut counts = vec![0; tenants];
        node.replica.since(aged.stamp, &mut counts);
        let total = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let foreign = node.foreign(aged.idle);
        let (resolution, ever) = (node.replica.resolution(), node.replica.total_since(0));
        Self { aged, node, tenant, capacity: node.capacity(), resolution, counts, total, foreign, ever }
    }

    /// Distinct blocks of all tenants of ours that were used since.
    pub const fn distance(&self) -> u64 {
        self.total
    }

    /// What is known of the capacity.
    pub const fn capacity(&self) -> Option<&'s Capacity> {
        self.capacity
    }

    /// Whether the tenant ever used the block.
    pub const fn is_known_to_tenant(&self) -> bool {
        self.aged.own.is_some()
    }

    fn all(&self) -> u64 {
        self.total.saturating_add(self.foreign)
    }

    fn own(&self) -> u64 {
        self.counts.get(self.tenant.place()).copied().unwrap_or_default()
    }

    /// The distance that the block must have had, since it was gone: no more than what was used.
    fn reach(&self, capacity: u64) -> u64 {
        capacity.min(self.all())
    }

    /// Rules 12 to 14. `is_promised`: the provider promises that an unused block stays for a while, and that has not passed.
    pub fn weigh(&self, is_promised: bool) -> Weighed {
        let found = |cause, evidence| Weighed { cause, evidence };
        let is_first = self.aged.own.is_none();
        let Some(capacity) = self.capacity else {
            if is_first {
                // Alone its tenant would not have had it either.
                return found(Cause::ColdFirst, Evidence::Exact);
            }
            let cause = if is_promised { Cause::ModelConflict } else { Cause::NoEvidence };
            return found(cause, Evidence::Unattributable);
        };
        let evidence = if self.aged.was_removed { Evidence::Exact } else { capacity.evidence };
        // A cache that does not go by last uses may give up any block, but none before it is full.
        let used = if capacity.is_lru { self.all() } else { self.ever };
        let should_be_there = used.saturating_add(capacity.tolerance) < capacity.blocks;
        if should_be_there && !self.aged.was_removed {
            return found(Cause::ModelConflict, Evidence::Unattributable);
        }
        if is_first {
            return found(Cause::ColdFirst, Evidence::Exact);
        }
        let is_own = self.own() >= self.reach(capacity.blocks);
        found(if is_own { Cause::EvictedSelf } else { Cause::EvictedNeighbour }, evidence)
    }

    /// Of a cache in which distances do not decide, every tenant's part in what was lost, its own for what it would have lost alone:
    /// as the simulation says, or else in proportion to what each used since, as if the capacity could be anything up to that.
    /// Nothing of others.
    pub fn division(&self) -> Option<Vec<u64>> {
        self.capacity.filter(|capacity| !capacity.is_lru)?;
        Some(self.node.division(self.tenant, &self.counts).unwrap_or_else(|| self.counts.clone()))
    }

    /// The neighbours' shares by one question, one for each tenant of the domain: none if nobody had a part.
    pub fn shares(&self, question: Game, entitlements: &[u64], solver: &mut Solver) -> Vec<u64> {
        let mut shares = Vec::new();
        let Some(capacity) = self.capacity else { return shares };
        if question == Game::NeighboursAbsent
            && let Some(mut division) = self.division()
        {
            division.get_mut(self.tenant.place()).map(core::mem::take);
            return division;
        }
        // Its own place among the neighbours stays empty, so that places are tenants.
        let mut neighbours = self.counts.clone();
        let own = neighbours.get_mut(self.tenant.place()).map(core::mem::take).unwrap_or_default();
        if self.foreign > 0 {
            neighbours.push(self.foreign);
        }
        let entitled = entitlements.get(self.tenant.place()).copied().unwrap_or_default();
        let distances = Distances { own, neighbours: &neighbours };
        let entitlements = Entitlements { own: entitled, neighbours: entitlements };
        let Verdict::Neighbours(game) = pose(question, distances, entitlements, &capacity.quota) else { return shares };
        if capacity.is_lru {
            match self.resolution {
                Resolution::Exact => solver.shares(&game.weights, &game.quota, &mut shares),
                Resolution::Epochs => solver.quick_shares(&game.weights, &game.quota, &mut shares),
            }
        } else {
            // Distances do not decide in such a cache: in proportion to what each used beyond its entitlement.
            shares.extend_from_slice(&game.weights);
        }
        shares
    }

    /// Whether the block would have been there without this tenant alone.
    pub fn is_avoidable(&self, tenant: Tenant) -> bool {
        let Some(capacity) = self.capacity else { return false };
        let count = self.counts.get(tenant.place()).copied().unwrap_or_default();
        tenant != self.tenant && count > 0 && self.all().saturating_sub(count) < self.reach(capacity.blocks)
    }
}
