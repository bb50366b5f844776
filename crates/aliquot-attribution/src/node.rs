//! One replica with what is known of its capacity: the node's word, held against the hits and misses that were seen.

use alloc::string::ToString;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::cause::Evidence;
use aliquot_core::event::{CacheReport, Event};
use aliquot_core::externality;
use aliquot_core::position::Partition;
use aliquot_core::time::Micros;

use crate::background::{Background, Limit, Reuse, foreign};
use crate::calibration::{Calibration, Fit, Report, Tier};
use crate::layout::{Layout, Listed};
use crate::miniature::{Eviction, Miniature, Prompt};
use crate::quota::Quota;
use crate::recency::Resolution;
use crate::replica::Replica;
use crate::tenants::Tenant;
use crate::tick::Tick;

/// Observations after which the capacity is estimated anew: an estimate walks all bins, and one observation moves it little.
const OBSERVATIONS_PER_ESTIMATE: u32 = 64;

/// An engine that gives up several blocks at once may give up so small a part of its cache too early: SGLang drops whole nodes of
/// its tree, and stays within 2 %.
const OVER_EVICTED: u64 = 50;

/// See the module.
#[derive(Clone, Debug)]
pub struct Node {
    /// The blocks.
    pub replica: Replica,
    /// Whether the engine tells what it stores and removes.
    pub tells_blocks: bool,
    /// Blocks that fit the cache, by the node's word or the operator's.
    reported: Option<u64>,
    /// One of so many blocks is listed in chains; all other numbers here are of listed blocks.
    sampled_of: u32,
    /// Hits and misses by distance.
    observed: Calibration,
    /// What they said when they were last asked.
    fit: Option<Fit>,
    /// Whether they contradicted what was reported then.
    is_contradicted: bool,
    /// Observations since.
    unasked: u32,
    /// What follows from all of it.
    capacity: Option<Capacity>,
    /// Whether that has changed since it was last told.
    is_news: bool,
    /// By which rule it gives up blocks, by the node's word, if that is none of last uses.
    evicts_by: Option<Eviction>,
    /// Of a cache that does not go by last uses, what every coalition of tenants would have found.
    miniature: Option<Miniature>,
    /// Of a provider's cache, what is known of those who fill it, too.
    background: Option<Background>,
}

/// What is known of a cache's capacity, and how. In blocks that chains list: of a sampled one, fewer than there are.
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
        Self {
            replica: Replica::new(resolution),
            tells_blocks: false,
            reported: None,
            sampled_of: 1,
            observed: Calibration::default(),
            fit: None,
            is_contradicted: false,
            unasked: 0,
            capacity: None,
            is_news: false,
            evicts_by: None,
            miniature: None,
            background: None,
        }
    }

    /// The node, or the operator, says how many blocks fit.
    pub fn set_reported(&mut self, blocks: u64) {
        if self.reported != Some(blocks) {
            self.reported = Some(blocks);
            self.refit();
        }
    }

    /// Chains list one of so many blocks.
    pub fn set_sampling(&mut self, sampled_of: u32) {
        if self.sampled_of != sampled_of.max(1) {
            self.sampled_of = sampled_of.max(1);
            self.refit();
        }
    }

    fn refit(&mut self) {
        if let Some(blocks) = self.reported_listed() {
            self.replica.set_capacity(blocks);
        }
        self.ask();
    }

    /// What was reported, in listed blocks.
    fn reported_listed(&self) -> Option<u64> {
        let sampled_of = u64::from(self.sampled_of);
        self.reported
            .and_then(|blocks| blocks.checked_add(sampled_of / 2)?.checked_div(sampled_of))
            .map(|blocks| blocks.max(1))
    }

    /// The engine says what it did, in this order: cleared, removed, stored.
    pub fn changed(&mut self, report: &CacheReport<'_>) {
        self.tells_blocks = true;
        if report.lost {
            self.doubt();
        }
        if report.cleared {
            self.reset();
        }
        report.removed.iter().for_each(|hash| self.replica.removed(*hash));
        report.stored.iter().for_each(|hash| self.replica.stored(*hash));
    }

    /// The cache was emptied.
    pub fn reset(&mut self) {
        self.replica.reset();
        self.miniature.iter_mut().for_each(Miniature::clear);
    }

    /// Events were lost: who used what is not known any more.
    pub fn doubt(&mut self) {
        self.replica.doubt();
        self.miniature = None;
    }

    /// The node says by which rule it gives up blocks.
    pub fn set_eviction(&mut self, name: &str) {
        let eviction = Eviction::from_name(name);
        if self.evicts_by != eviction {
            self.evicts_by = eviction;
            self.keep_miniature();
        }
    }

    /// It is a provider's, and others may fill it whom we do not see.
    pub fn set_opaque(&mut self) {
        self.background.get_or_insert_default();
    }

    /// Whether others may fill it whom we do not see, and nobody says how much fits.
    pub const fn is_opaque(&self) -> bool {
        self.background.is_some() && self.reported.is_none()
    }

    fn limit(&self) -> Option<Limit> {
        self.background.as_ref().filter(|_| self.is_opaque())?.limit()
    }

    /// How long an unused block is kept, if that is what makes it go by all that was seen.
    pub fn lifetime(&self) -> Option<Micros> {
        let Limit::Lifetime { ticks } = self.limit()? else { return None };
        Some(Tick(u32::try_from(ticks).unwrap_or(u32::MAX)).since(Tick(1)))
    }

    /// Blocks of those whom we do not see in so many ticks.
    pub fn foreign(&self, idle: u32) -> u64 {
        match self.limit() {
            Some(Limit::Capacity { rate, .. }) => foreign(idle, rate),
            _ => 0,
        }
    }

    /// A block was used again.
    pub fn observe(&mut self, reuse: Reuse) {
        let Reuse { distance, was_read, .. } = reuse;
        if self.is_opaque() && self.background.as_mut().is_some_and(|background| background.observe(reuse)) {
            self.ask();
        }
        self.observed.observe(distance, was_read);
        self.unasked = self.unasked.saturating_add(1);
        if self.unasked >= OBSERVATIONS_PER_ESTIMATE {
            self.ask();
            if let (None, Some(capacity)) = (self.reported, &self.capacity) {
                self.replica.set_capacity(capacity.blocks);
            }
        }
    }

    fn ask(&mut self) {
        self.unasked = 0;
        self.fit = self.observed.estimate();
        let check = self.reported_listed().map(|reported| self.observed.check(reported));
        self.is_contradicted = matches!(check, Some(Report::Contradicted { .. }));
        let now = self.conclude();
        self.is_news |= now != self.capacity;
        self.capacity = now;
        self.keep_miniature();
    }

    /// Simulates the cache from when it is said, or found, not to go by last uses, and does not stop before it is certain that it
    /// does.
    fn keep_miniature(&mut self) {
        let is_certain = self.fit.is_some_and(|fit| fit.tier() == Tier::Hard);
        let Some(capacity) = self.capacity.as_ref().filter(|_| !is_certain) else {
            self.miniature = None;
            return;
        };
        let (blocks, explained) = (capacity.blocks, self.miniature.as_ref().and_then(Miniature::explained_by));
        let known = self.miniature.as_ref().map(Miniature::eviction);
        let eviction = self.evicts_by.or(explained).or(known).unwrap_or(Eviction::Frequency);
        let is_good = |miniature: &Miniature| {
            let is_outgrown = || miniature.is_outgrown(&self.replica.used());
            miniature.stands_for(blocks) && miniature.eviction() == eviction && !is_outgrown()
        };
        let is_needed = !capacity.is_lru || self.evicts_by.is_some() || self.miniature.is_some();
        if is_needed && !self.miniature.as_ref().is_some_and(is_good) {
            self.miniature = Some(Miniature::new(blocks, eviction, &self.replica.used(), &self.replica.remembered()));
        }
    }

    /// Takes a prompt through the simulation, if there is one, before it is judged and its uses are recorded.
    pub fn simulate(&mut self, event: &Event<'_>, tenant: Tenant) {
        if self.miniature.is_none() {
            return;
        }
        let layout = self.layout(event, None);
        let Some(miniature) = &mut self.miniature else { return };
        let blocks = layout.blocks();
        let known = blocks.iter().take_while(|hash| self.replica.was_used_by(**hash, tenant)).count();
        miniature.request(&Prompt { tenant, blocks, known, read: layout.read_blocks() });
    }

    /// How the losses of a tenant are to be divided, as [`Miniature::division`], of a cache that does not go by last uses.
    pub fn division(&self, tenant: Tenant, used: &[u64]) -> Option<Vec<u64>> {
        let is_lru = self.capacity.as_ref().is_none_or(|capacity| capacity.is_lru);
        self.miniature.as_ref().filter(|_| !is_lru)?.division(tenant, used)
    }

    /// What is known of the capacity; `None` = nothing.
    pub const fn capacity(&self) -> Option<&Capacity> {
        self.capacity.as_ref()
    }

    /// How well the model fits, if that has changed since it was last asked.
    pub fn take_news(&mut self, partition: Partition, domain: &str, replica: &str) -> Option<externality::Fit> {
        if !core::mem::take(&mut self.is_news) {
            return None;
        }
        Some(externality::Fit {
            partition,
            domain: domain.to_string(),
            replica: Some(replica).filter(|replica| !replica.is_empty()).map(ToString::to_string),
            capacity_blocks: self
                .capacity
                .as_ref()
                .map(|known| known.blocks.saturating_mul(u64::from(self.sampled_of))),
            evidence: self.capacity.as_ref().map_or(Evidence::Unattributable, |capacity| capacity.evidence),
            error_ppm: self.fit.map(|fit| fit.error_ppm),
            tier: match &self.capacity {
                Some(_) if self.is_opaque() => externality::Tier::Background,
                None => externality::Tier::Unattributable,
                Some(capacity) if !capacity.is_lru && self.miniature.is_some() => externality::Tier::Simulated,
                Some(capacity) if !capacity.is_lru => externality::Tier::Proportional,
                Some(capacity) if capacity.quota.is_hard() => externality::Tier::HardQuota,
                Some(_) => externality::Tier::SoftQuota,
            },
        })
    }

    fn conclude(&self) -> Option<Capacity> {
        if self.is_opaque() {
            let Limit::Capacity { blocks, sigma, .. } = self.limit()? else { return None };
            let (quota, tolerance) = (Quota::soft(blocks, sigma), sigma.saturating_mul(2));
            return Some(Capacity { blocks, quota, evidence: Evidence::Inferred, tolerance, is_lru: true });
        }
        let tier = self.fit.map_or(Tier::Unknown, |fit| fit.tier());
        let trusted = self.fit.filter(|_| matches!(tier, Tier::Hard | Tier::Soft));
        let reported = self.reported_listed();
        let (blocks, evidence) = match (reported.filter(|_| !self.is_contradicted), trusted, reported) {
            (Some(reported), _, _) => (reported, Evidence::Modelled),
            (None, Some(fit), _) => (fit.capacity, Evidence::Inferred),
            (None, None, Some(reported)) => (reported, Evidence::Modelled),
            (None, None, None) => return None,
        };
        let sigma = self.fit.map_or(0, |fit| fit.sigma);
        // A word that is believed needs no estimate, and so none of its sigma, as long as distances explain what was seen.
        let is_certain = evidence == Evidence::Modelled && self.fit.is_none_or(|fit| fit.is_explained());
        let quota = match tier {
            Tier::Soft if !is_certain => Quota::soft(blocks, sigma),
            Tier::Soft | Tier::Hard | Tier::Unknown | Tier::NotLru => Quota::hard(blocks),
        };
        let tolerance = sigma.saturating_mul(2).max(self.replica.uncertainty()).max(blocks / OVER_EVICTED);
        Some(Capacity { blocks, quota, evidence, tolerance, is_lru: tier != Tier::NotLru })
    }

    /// Whether a block should be in the cache; `None` = it was used, and what fits is not known.
    pub fn has(&self, hash: u64) -> Option<bool> {
        let Some(seen) = self.replica.seen(hash) else { return Some(false) };
        match seen.stamp {
            None => Some(seen.in_use),
            Some(stamp) => self.capacity.as_ref().map(|known| self.replica.total_since(stamp) < known.blocks),
        }
    }

    /// Where the blocks of a prompt lie that was sent here; `previous` as for [`Layout::new`].
    pub fn layout<'e>(&self, event: &'e Event<'_>, previous: Option<u64>) -> Layout<'e> {
        Layout::new(event, previous, |hash| match self.has(hash) {
            Some(true) | None => Listed::Held,
            Some(false) if self.replica.seen(hash).is_some() => Listed::Used,
            Some(false) => Listed::New,
        })
    }

    /// Appends the node to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        self.replica.save(out);
        out.u8(u8::from(self.tells_blocks));
        out.u64(self.reported.unwrap_or(u64::MAX));
        out.u32(self.sampled_of);
        self.observed.save(out);
        out.u8(u8::from(self.fit.is_some()));
        let fit = self.fit.unwrap_or(Fit { capacity: 0, error_ppm: 0, sigma: 0 });
        out.u64(fit.capacity);
        out.u32(fit.error_ppm);
        out.u64(fit.sigma);
        out.u8(u8::from(self.is_contradicted));
        out.u32(self.unasked);
        out.u8(self.evicts_by.map_or(u8::MAX, Eviction::code));
        out.u8(u8::from(self.miniature.is_some()));
        self.miniature.iter().for_each(|miniature| miniature.save(out));
        out.u8(u8::from(self.background.is_some()));
        self.background.iter().for_each(|background| background.save(out));
    }

    /// Reads what [`Node::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let replica = Replica::restore(reader)?;
        let tells_blocks = reader.u8()? == 1;
        let reported = Some(reader.u64()?).filter(|blocks| *blocks != u64::MAX);
        let sampled_of = reader.u32()?.max(1);
        let observed = Calibration::restore(reader)?;
        let has_fit = reader.u8()? == 1;
        let fit = Fit { capacity: reader.u64()?, error_ppm: reader.u32()?, sigma: reader.u64()? };
        let fit = has_fit.then_some(fit);
        let (is_contradicted, unasked) = (reader.u8()? == 1, reader.u32()?);
        let evicts_by = Eviction::from_code(reader.u8()?);
        let miniature = if reader.u8()? == 1 { Some(Miniature::restore(reader)?) } else { None };
        let background = if reader.u8()? == 1 { Some(Background::restore(reader)?) } else { None };
        let mut node = Self {
            replica,
            tells_blocks,
            reported,
            sampled_of,
            observed,
            fit,
            is_contradicted,
            unasked,
            capacity: None,
            is_news: false,
            evicts_by,
            miniature,
            background,
        };
        node.capacity = node.conclude();
        Some(node)
    }
}
