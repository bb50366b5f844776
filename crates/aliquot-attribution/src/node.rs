//! One replica with what is known of its capacity: the node's word, held against the hits and misses that were seen.

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::cause::Evidence;
use aliquot_core::event::CacheReport;

use crate::calibration::{Calibration, Report, Tier};
use crate::quota::Quota;
use crate::recency::Resolution;
use crate::replica::Replica;

/// See the module.
#[derive(Clone, Debug)]
pub struct Node {
    /// The blocks.
    pub replica: Replica,
    /// Hits and misses by distance.
    pub fit: Calibration,
    /// Blocks that fit the cache, by the node's word or the operator's.
    pub reported: Option<u64>,
    /// Whether the engine tells what it stores and removes.
    pub tells_blocks: bool,
}

/// What is known of a cache's capacity, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Blocks.
    pub blocks: u64,
    /// As a quota for games.
    pub quota: Quota,
    /// From whom.
    pub evidence: Evidence,
    /// A distance that is smaller by no more than this may still be too far.
    pub tolerance: u64,
    /// Whether hits and misses follow from distances at all.
    pub is_lru: bool,
}

impl Node {
    /// Nothing known.
    pub fn new(resolution: Resolution) -> Self {
        Self { replica: Replica::new(resolution), fit: Calibration::default(), reported: None, tells_blocks: false }
    }

    /// The node, or the operator, says how many blocks fit.
    pub fn set_reported(&mut self, blocks: u64) {
        if self.reported != Some(blocks) {
            self.reported = Some(blocks);
            self.replica.set_capacity(blocks);
        }
    }

    /// The engine says what it did, in this order: cleared, removed, stored.
    pub fn changed(&mut self, report: &CacheReport<'_>) {
        self.tells_blocks = true;
        if report.lost {
            self.replica.doubt();
        }
        if report.cleared {
            self.replica.reset();
        }
        report.removed.iter().for_each(|hash| self.replica.removed(*hash));
        report.stored.iter().for_each(|hash| self.replica.stored(*hash));
    }

    /// What is known of the capacity; `None` = nothing.
    pub fn capacity(&self) -> Option<Capacity> {
        let fit = self.fit.estimate();
        let tier = fit.map_or(Tier::Unknown, |fit| fit.tier());
        let is_believed = |reported: &u64| !matches!(self.fit.check(*reported), Report::Contradicted { .. });
        let trusted = fit.filter(|_| matches!(tier, Tier::Hard | Tier::Soft));
        let (blocks, evidence) = match (self.reported.filter(is_believed), trusted, self.reported) {
            (Some(reported), _, _) => (reported, Evidence::Modelled),
            (None, Some(fit), _) => (fit.capacity, Evidence::Inferred),
            (None, None, Some(reported)) => (reported, Evidence::Modelled),
            (None, None, None) => return None,
        };
        let sigma = fit.map_or(0, |fit| fit.sigma);
        let quota = match tier {
            Tier::Soft => Quota::soft(blocks, sigma),
            Tier::Hard | Tier::Unknown | Tier::NotLru => Quota::hard(blocks),
        };
        let tolerance = sigma.saturating_mul(2).max(self.replica.uncertainty());
        Some(Capacity { blocks, quota, evidence, tolerance, is_lru: tier != Tier::NotLru })
    }

    /// Whether a block whose distance is `distance` should be in the cache.
    pub fn holds(&self, distance: u64) -> bool {
        self.capacity().is_some_and(|capacity| distance < capacity.blocks)
    }

    /// Appends the node to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        self.replica.save(out);
        self.fit.save(out);
        out.u64(self.reported.unwrap_or(u64::MAX));
        out.u8(u8::from(self.tells_blocks));
    }

    /// Reads what [`Node::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            replica: Replica::restore(reader)?,
            fit: Calibration::restore(reader)?,
            reported: Some(reader.u64()?).filter(|blocks| *blocks != u64::MAX),
            tells_blocks: reader.u8()? == 1,
        })
    }
}
