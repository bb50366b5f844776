//! The GPU nodes of one partition: gathers what their requests use, and makes each interval that a node reports into a row of what
//! it cost and to whom. How idle time is split is decided in [`crate::idle`], what an hour costs in the price book.
//!
//! A node is a source and a replica. It counts what its requests on this partition use; those of domains on other partitions look
//! like idle time. A pool is the nodes of a cache domain: its peaks are those of all its nodes' intervals together.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use aliquot_core::blame::Culprit;
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::capacity::{Bearer, CapacityLine, CapacityRow, IdlePolicy, Resident};
use aliquot_core::event::{Event, NodeReport};
use aliquot_core::position::Place;
use aliquot_core::rating::NodeRated;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;

use crate::idle::{NodeInterval, split};
use crate::peaks::Peaks;
use crate::residency::{Held, Residency};
use crate::tenants::{Tenant, Tenants};
use crate::uses::{Use, Uses};

/// Nodes that are followed; past it, the one that was silent longest is forgotten. Sources that use GPU time and never report an
/// interval count too. 150 MiB, if each is as busy as can be.
const NODES_MAX: usize = 512;

/// Pools whose peaks are kept; past it, further ones are judged by the interval alone. 50 MiB, if each is as large as can be.
const POOLS_MAX: usize = 256;

/// Tokens per block, if the request does not say it: vLLM's.
const BLOCK_TOKENS: u64 = 16;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GpuNodes {
    /// By source and replica.
    nodes: BTreeMap<(String, String), GpuNode>,
    /// By domain.
    pools: BTreeMap<String, Peaks>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct GpuNode {
    uses: Uses,
    heard: EventTime,
}

impl GpuNodes {
    /// Takes a request that ended. `tenants` are the partition's.
    pub fn finished(&mut self, tenants: &mut Tenants, event: &Event<'_>) {
        let gpu = event.usage.parts.get(Class::GpuMicros);
        if gpu == 0 {
            return;
        }
        // Past the tenants that have numbers, it is known that somebody used it, but not who.
        let tenant = tenants.number(event.tenant.as_deref()).or_else(|| tenants.number(None));
        let Some(tenant) = tenant else { return };
        let node = self.node(&event.source, event.cache.replica.as_deref(), event.time);
        node.uses.add(event.time, u32::from(tenant.0), Use { gpu, held: held(event) });
    }

    /// Takes a node's interval and what it costs. `None`: it had no GPUs, or no length, so that there is nothing to pay for.
    pub fn interval(
        &mut self,
        tenants: &mut Tenants,
        place: Place,
        report: &NodeReport<'_>,
        rated: &NodeRated,
    ) -> Option<CapacityRow> {
        let available = report.gpu_time().ok().and_then(|time| u64::try_from(time.0).ok()).filter(|time| *time > 0)?;
        let from = EventTime(report.time.0.saturating_sub(report.interval.0));
        let owner = report.reserved_for.as_deref().and_then(|owner| tenants.number(Some(owner)));
        let node = self.node(&report.source, report.replica.as_deref(), report.time);
        let (uses, late) = node.uses.close(from, report.time);
        let used: BTreeMap<u32, u64> = uses.iter().map(|(tenant, used)| (*tenant, used.gpu)).collect();
        let reserved = owner.map(|owner| (u32::from(owner.0), available)).into_iter().collect();
        let cost = rated.cost.unwrap_or_default();
        let interval = NodeInterval { cost, capacity: available, used: &used, reserved: &reserved };
        let lines = lines(tenants, &interval, &self.peaks(&report.domain, &used));
        Some(CapacityRow {
            place,
            from,
            time: report.time,
            source: report.source.to_string(),
            domain: report.domain.to_string(),
            replica: report.replica.as_deref().map(ToString::to_string),
            gpu_type: report.gpu_type.to_string(),
            gpu_count: report.gpu_count,
            reserved_for: report.reserved_for.as_deref().map(ToString::to_string),
            available,
            used: used.values().fold(0, |sum, micros| sum.saturating_add(*micros)),
            late,
            busy: report.busy.and_then(|busy| u64::try_from(busy.0).ok()),
            book: rated.book,
            cost: rated.cost,
            lines,
            residents: residents(tenants, &uses),
        })
    }

    fn node(&mut self, source: &str, replica: Option<&str>, time: EventTime) -> &mut GpuNode {
        let key = (source.to_string(), replica.unwrap_or_default().to_string());
        if self.nodes.len() >= NODES_MAX && !self.nodes.contains_key(&key) {
            let silent = self.nodes.iter().min_by_key(|(_, node)| node.heard).map(|(key, _)| key.clone());
            silent.and_then(|key| self.nodes.remove(&key));
        }
        let node = self.nodes.entry(key).or_insert_with(|| GpuNode { uses: Uses::default(), heard: time });
        node.heard = node.heard.max(time);
        node
    }

    /// The peaks of the domain's pool, this interval among them.
    fn peaks(&mut self, domain: &str, used: &BTreeMap<u32, u64>) -> Peaks {
        if self.pools.len() >= POOLS_MAX && !self.pools.contains_key(domain) {
            let mut alone = Peaks::default();
            alone.observe(used);
            return alone;
        }
        let peaks = self.pools.entry(domain.to_string()).or_default();
        peaks.observe(used);
        peaks.clone()
    }

    /// Appends the nodes to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        out.length(self.nodes.len());
        for ((source, replica), node) in &self.nodes {
            out.text(source);
            out.text(replica);
            out.i64(node.heard.0);
            node.uses.save(out);
        }
        out.length(self.pools.len());
        for (domain, peaks) in &self.pools {
            out.text(domain);
            peaks.save(out);
        }
    }

    /// Reads what [`GpuNodes::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let mut found = Self::default();
        let count = reader.length().filter(|length| *length <= NODES_MAX)?;
        for _ in 0..count {
            let key = (reader.text()?.to_string(), reader.text()?.to_string());
            let heard = EventTime(reader.i64()?);
            found.nodes.insert(key, GpuNode { uses: Uses::restore(reader)?, heard });
        }
        let pools = reader.length().filter(|length| *length <= POOLS_MAX)?;
        for _ in 0..pools {
            let domain = reader.text()?.to_string();
            found.pools.insert(domain, Peaks::restore(reader)?);
        }
        (found.nodes.len() == count && found.pools.len() == pools).then_some(found)
    }
}

/// What the request held of the cache, from when it began to run: its prompt and its output.
fn held(event: &Event<'_>) -> Held {
    let (whole, waited) = (event.duration.unwrap_or_default(), event.queue.unwrap_or_default());
    let running = Micros(whole.0.saturating_sub(waited.0.max(0)).max(0));
    let block = event.prefix.as_ref().map(|chain| u64::from(chain.block_tokens)).filter(|tokens| *tokens > 0);
    let (prompt, output) = (event.usage.prompt_tokens(), event.usage.output_tokens());
    let tokens = prompt.unwrap_or(u64::MAX).saturating_add(output.unwrap_or(u64::MAX));
    Held::new(tokens.div_ceil(block.unwrap_or(BLOCK_TOKENS)), running, tokens)
}

/// The lines under every policy.
fn lines(tenants: &Tenants, interval: &NodeInterval<'_>, peaks: &Peaks) -> Vec<CapacityLine> {
    let under = |policy| {
        split(interval, policy, peaks).lines.into_iter().map(move |line| CapacityLine {
            policy,
            kind: line.kind,
            bearer: line.tenant.map_or(Bearer::Platform, |tenant| bearer(tenants, tenant)),
            micros: line.micros,
            cost: line.cost,
        })
    };
    IdlePolicy::ALL.into_iter().flat_map(under).collect()
}

fn residents(tenants: &Tenants, uses: &BTreeMap<u32, Use>) -> Vec<Resident> {
    let mut residency = Residency::default();
    uses.iter().for_each(|(tenant, used)| residency.add(*tenant, used.held));
    let resident = |(tenant, held): (&Option<u32>, &Held)| Resident {
        bearer: tenant.map_or(Bearer::NoTenant, |tenant| bearer(tenants, tenant)),
        block_micros: held.block_micros,
        tokens: held.tokens,
    };
    residency.held().iter().map(resident).collect()
}

fn bearer(tenants: &Tenants, tenant: u32) -> Bearer {
    match u16::try_from(tenant).map(|number| tenants.culprit(Tenant(number))) {
        Ok(Culprit::Tenant(name)) => Bearer::Tenant(name.to_string()),
        Ok(Culprit::NoTenant | Culprit::Background) | Err(_) => Bearer::NoTenant,
    }
}
