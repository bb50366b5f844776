//! All domains of one partition, and what is the partition's as a whole: what the pipeline drives. Same events in the same order,
//! same answers and same bytes.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use aliquot_core::blame::{Attribution, Blame, Culprit};
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::capacity::CapacityRow;
use aliquot_core::event::{CacheReport, Event, NodeReport};
use aliquot_core::externality::Fit;
use aliquot_core::money::Usd;
use aliquot_core::position::{Partition, Place};
use aliquot_core::rating::{NodeRated, Rated};
use aliquot_core::time::EventTime;

use crate::domain::Domain;
use crate::gpu_nodes::GpuNodes;
use crate::judgement::Judgement;
use crate::refusals::Refusals;
use crate::settings::Settings;
use crate::solver::Solver;
use crate::tenants::{Tenant, Tenants};

/// Domains per partition; past it, the one that was idle longest is forgotten.
const DOMAINS_MAX: usize = 16_384;

/// Events of a node during which a number may be missing before it counts as lost: so much disorder is normal.
const DISORDER: u32 = 64;

/// See the module.
#[derive(Debug, Default)]
pub struct Attributor {
    domains: BTreeMap<String, Kept>,
    /// Those who are told apart beyond one domain.
    tenants: Tenants,
    refusals: Refusals,
    gpu_nodes: GpuNodes,
    solver: Solver,
}

#[derive(Clone, Debug)]
struct Kept {
    domain: Domain,
    latest: EventTime,
    /// By node, for how many of its events a number has been missing.
    missing: BTreeMap<String, u32>,
}

impl Attributor {
    /// Says why a finished request cost what it did. `missing`: how many of its node's earlier events have not arrived.
    pub fn request(&mut self, settings: &Settings, event: &Event<'_>, rated: &Rated, missing: u64) -> Attribution<'_> {
        let Self { domains, tenants, refusals, gpu_nodes, solver } = self;
        gpu_nodes.finished(tenants, event);
        let Some(kept) = kept(domains, settings, &event.domain, event.time) else { return Attribution::default() };
        let is_doubtful = kept.is_doubtful(&event.source, missing);
        kept.latest = kept.latest.max(event.time);
        let judgement = kept.domain.finished(event, rated, settings.of(&event.domain), solver, is_doubtful);
        let mut attribution = attribution(&kept.domain, judgement, rated);
        let refused = refusals.finished(tenants, event, &attribution.blames);
        attribution.blames.extend(refused.iter().map(|blame| named(tenants, blame)));
        attribution
    }

    /// Takes in what a node says of itself, and says whose its interval was, if it had GPUs.
    pub fn node(
        &mut self,
        settings: &Settings,
        place: Place,
        report: &NodeReport<'_>,
        rated: &NodeRated,
    ) -> Option<CapacityRow> {
        self.set_capacity(settings, report);
        self.gpu_nodes.interval(&mut self.tenants, place, report, rated)
    }

    fn set_capacity(&mut self, settings: &Settings, report: &NodeReport<'_>) {
        let Some(kept) = kept(&mut self.domains, settings, &report.domain, report.time) else { return };
        let node = kept.domain.node(report.replica.as_deref().unwrap_or_default());
        let Some(node) = node else { return };
        if let Some(eviction) = &report.eviction {
            node.set_eviction(eviction);
        }
        let is_overruled = settings.of(&report.domain).is_some_and(|known| known.capacity.is_some());
        if let (Some(blocks), false) = (report.kv_blocks, is_overruled) {
            node.set_reported(blocks.max(1));
        }
    }

    /// Takes in what an engine did to its cache.
    pub fn cache(&mut self, settings: &Settings, report: &CacheReport<'_>) {
        let Some(kept) = kept(&mut self.domains, settings, &report.domain, report.time) else { return };
        if let Some(node) = kept.domain.node(report.replica.as_deref().unwrap_or_default()) {
            node.changed(report);
        }
    }

    /// How well the models of all replicas fit, as far as that has changed since it was last asked.
    pub fn take_news(&mut self, partition: Partition, into: &mut Vec<Fit>) {
        self.domains.iter_mut().for_each(|(name, kept)| kept.domain.take_news(partition, name, into));
    }

    /// Blocks that are remembered: what the size of the state follows.
    pub fn blocks(&self) -> u64 {
        self.domains.values().fold(0, |sum, kept| sum.saturating_add(kept.domain.blocks()))
    }

    /// Appends the state's bytes.
    pub fn save(&self, out: &mut Writer) {
        out.length(self.domains.len());
        for (name, kept) in &self.domains {
            out.text(name);
            out.i64(kept.latest.0);
            out.length(kept.missing.len());
            for (source, count) in &kept.missing {
                out.text(source);
                out.u32(*count);
            }
            kept.domain.save(out);
        }
        self.tenants.save(out);
        self.refusals.save(out);
        self.gpu_nodes.save(out);
    }

    /// Reads what [`Attributor::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let mut domains = BTreeMap::new();
        for _ in 0..reader.length()? {
            let name = reader.text()?.to_string();
            let latest = EventTime(reader.i64()?);
            let mut missing = BTreeMap::new();
            for _ in 0..reader.length()? {
                missing.insert(reader.text()?.to_string(), reader.u32()?);
            }
            let domain = Domain::restore(reader)?;
            domains.insert(name, Kept { domain, latest, missing });
        }
        let (tenants, refusals) = (Tenants::restore(reader)?, Refusals::restore(reader)?);
        let gpu_nodes = GpuNodes::restore(reader)?;
        Some(Self { domains, tenants, refusals, gpu_nodes, solver: Solver::default() })
    }
}

impl Kept {
    fn new(settings: &Settings, time: EventTime) -> Self {
        Self { domain: Domain::new(settings.resolution, time), latest: time, missing: BTreeMap::new() }
    }

    /// Whether events of the node are missing and have been for too long to be under way. When that is first so, what was used
    /// before is no longer known of any block.
    fn is_doubtful(&mut self, source: &str, missing: u64) -> bool {
        if missing == 0 {
            self.missing.remove(source);
            return false;
        }
        if !self.missing.contains_key(source) {
            self.missing.insert(source.to_string(), 0);
        }
        let Some(count) = self.missing.get_mut(source) else { return false };
        *count = count.saturating_add(1);
        if *count == DISORDER {
            self.domain.doubt();
        }
        false
    }
}

/// The domain of that name, which is made if it is new.
fn kept<'d>(
    domains: &'d mut BTreeMap<String, Kept>,
    settings: &Settings,
    name: &str,
    time: EventTime,
) -> Option<&'d mut Kept> {
    if !domains.contains_key(name) {
        make_room(domains);
        domains.insert(name.to_string(), Kept::new(settings, time));
    }
    domains.get_mut(name)
}

fn make_room(domains: &mut BTreeMap<String, Kept>) {
    if domains.len() < DOMAINS_MAX {
        return;
    }
    let idle = domains.iter().min_by_key(|(_, kept)| kept.latest).map(|(name, _)| name.clone());
    if let Some(idle) = idle {
        domains.remove(&idle);
    }
}

/// The judgement with the tenants' names.
fn attribution<'d>(domain: &'d Domain, judgement: Judgement, rated: &Rated) -> Attribution<'d> {
    let Judgement { parts, blames, alone } = judgement;
    let cost: Usd = rated.costs.iter().map(|(_, cost)| cost).sum();
    let blames = blames.iter().map(|blame| named(domain.tenants(), blame)).collect();
    Attribution { parts, blames, standalone: alone.and_then(|more| cost.checked_add(more)) }
}

fn named<'d>(tenants: &'d Tenants, blame: &Blame<Tenant>) -> Blame<&'d str> {
    let culprit = blame.culprit.tenant().map(|tenant| tenants.culprit(tenant));
    blame.by(culprit.unwrap_or(Culprit::Background))
}
