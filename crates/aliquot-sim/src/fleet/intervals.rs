//! What the GPU nodes say of themselves: at the start of the run, and then each minute. Knows no request but for the GPU time it
//! took.

use aliquot_core::event::NodeReport;
use aliquot_core::time::Micros;

use super::roster::{BLOCK_TOKENS, NODE_BLOCKS, NODE_GPUS, NODES};
use crate::pace::plus;

/// From one report to the next.
const INTERVAL: Micros = Micros(60_000_000);

/// The reports to come.
#[derive(Debug)]
pub(super) struct Intervals {
    /// When the next one is due, and whose it is: all nodes report at one time, one after the other.
    next: Micros,
    node_idx: usize,
    end: Micros,
    /// GPU time that each node's requests took since its last report.
    busy: [u64; NODES],
}

impl Intervals {
    /// From 0 to `end`, which is the last report's time if it is a whole minute.
    pub(super) const fn new(end: Micros) -> Self {
        Self { next: Micros(0), node_idx: 0, end, busy: [0; NODES] }
    }

    /// When the next report is due; none at all of an empty run.
    pub(super) fn next_at(&self) -> Option<Micros> {
        (self.end > Micros(0) && self.next <= self.end).then_some(self.next)
    }

    /// Counts the GPU time of a request that has ended on a node.
    pub(super) fn worked(&mut self, source: &str, gpu_us: u64) {
        let node_idx = source.strip_prefix("gpu-").and_then(|number| number.parse::<usize>().ok());
        if let Some(busy) = node_idx.and_then(|node_idx| self.busy.get_mut(node_idx)) {
            *busy += gpu_us;
        }
    }

    /// The next report, but for its time and its number.
    pub(super) fn report(&mut self) -> NodeReport<'static> {
        let node_idx = self.node_idx;
        let interval = if self.next == Micros(0) { Micros(0) } else { INTERVAL };
        let name = format!("gpu-{node_idx}");
        let minute = self.next.0 / INTERVAL.0;
        // A request counts where it ends, so a long one may bring more than the interval has.
        let gpu_time = interval.0 * i64::from(NODE_GPUS);
        let busy = i64::try_from(std::mem::take(&mut self.busy[node_idx])).unwrap_or(i64::MAX).min(gpu_time);
        (self.next, self.node_idx) =
            if node_idx + 1 < NODES { (self.next, node_idx + 1) } else { (plus(self.next, INTERVAL), 0) };
        NodeReport {
            id: format!("interval-{minute}").into(),
            source: name.clone().into(),
            domain: name.into(),
            interval,
            gpu_count: NODE_GPUS,
            gpu_type: "h100-sxm".into(),
            busy: Some(Micros(busy)),
            // The engine keeps one block for itself.
            kv_blocks: Some(u64::from(NODE_BLOCKS - 1)),
            block_tokens: Some(BLOCK_TOKENS),
            engine: Some("vllm".into()),
            engine_version: Some("0.26.0".into()),
            eviction: Some("lru".into()),
            ..NodeReport::default()
        }
    }
}
