//! The truth about the fleet, before the launch and after it.

use std::collections::BTreeMap;

use aliquot_core::event::Event;

use super::plant::Blocks;
use super::roster::TENANTS;
use crate::cache::Owner;
use crate::truth::Truth;

/// What happened on either side of the launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetTruth {
    /// Requests billed before the launch.
    pub before: Phase,
    /// Requests billed at the launch or later.
    pub after: Phase,
    /// Messages that must be rejected.
    pub malformed: u64,
}

/// One side of the launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phase {
    /// Events, usage, blocks.
    pub truth: Truth,
    /// Blocks that went when a request arrived: (whose request, whose block) → how many.
    pub evictions: BTreeMap<(&'static str, &'static str), u64>,
}

impl FleetTruth {
    /// Both sides together.
    pub fn total(&self) -> Truth {
        let mut total = self.before.truth.clone();
        total.absorb(&self.after.truth);
        total.malformed = self.malformed;
        total
    }

    pub(super) const fn phase_mut(&mut self, is_after: bool) -> &mut Phase {
        if is_after { &mut self.after } else { &mut self.before }
    }
}

impl Phase {
    pub(super) fn count(&mut self, event: &Event<'static>, blocks: Blocks) {
        self.truth.count(event);
        let number = |count: usize| u64::try_from(count).unwrap_or_default();
        self.truth.block_refs += number(blocks.refs);
        self.truth.block_hits += number(blocks.hits);
        self.truth.blocks_reinserted += number(blocks.reinserted);
    }

    pub(super) fn count_eviction(&mut self, evictor: Owner, owner: Owner) {
        *self.evictions.entry((name(evictor), name(owner))).or_default() += 1;
    }
}

fn name(tenant: Owner) -> &'static str {
    usize::try_from(tenant).ok().and_then(|tenant| TENANTS.get(tenant)).map_or("", |tenant| tenant.name)
}
