//! What a node was during an interval: which GPUs it had, how busy they were, and how much its cache holds. It is what a node's
//! cost and the model of its cache are computed from; no request is in it.

use alloc::borrow::Cow;

use super::Sequence;
use crate::reject::Reason;
use crate::time::{EventTime, Micros};

/// The longest interval of one report. Nodes report each minute; a day is a node that was asleep, more is a unit mistake.
pub const INTERVAL_MAX: Micros = Micros::DAY;

/// GPUs of one node at most: more than any rack has.
pub const GPUS_MAX: u32 = 65_536;

/// Blocks of one cache at most: at 16 tokens a block, a thousand times the largest known.
pub const KV_BLOCKS_MAX: u64 = 1 << 32;

/// `aliquot.node.v1`: one interval of one node. Identity is (`source`, `id`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeReport<'a> {
    /// Unique among all that the node reports; a resend repeats it.
    pub id: Cow<'a, str>,
    /// The node that reports.
    pub source: Cow<'a, str>,
    /// End of the interval, identical in every resend.
    pub time: EventTime,
    /// Where it stands in the node's count, which is one for all that the node reports.
    pub sequence: Option<Sequence>,
    /// The cache domain that the node serves.
    pub domain: Cow<'a, str>,
    /// Which of the domain's engines this is, if the domain has several.
    pub replica: Option<Cow<'a, str>>,
    /// Length of the interval; 0 = the node only says what it is.
    pub interval: Micros,
    /// GPUs it had.
    pub gpu_count: u32,
    /// `h100-sxm`, `a10g`, …
    pub gpu_type: Cow<'a, str>,
    /// Time its GPUs worked, summed over them.
    pub busy: Option<Micros>,
    /// Blocks its prefix cache holds.
    pub kv_blocks: Option<u64>,
    /// Tokens per block.
    pub block_tokens: Option<u32>,
    /// `vllm`, `sglang`, …
    pub engine: Option<Cow<'a, str>>,
    /// Its version: a known fault of an engine is not blamed on a tenant.
    pub engine_version: Option<Cow<'a, str>>,
    /// By which rule the cache gives blocks up: `lru`, `lfu`, …
    pub eviction: Option<Cow<'a, str>>,
    /// The only tenant the node is there for.
    pub reserved_for: Option<Cow<'a, str>>,
}

impl NodeReport<'_> {
    /// The time its GPUs had in the interval, summed over them.
    ///
    /// # Errors
    /// [`Reason::Overflow`] beyond 64 bits.
    pub fn gpu_time(&self) -> Result<Micros, Reason> {
        self.interval.0.checked_mul(i64::from(self.gpu_count)).map(Micros).ok_or(Reason::Overflow)
    }

    /// Holds the fields against one another.
    ///
    /// # Errors
    /// [`Reason::Negative`] for a time below zero; [`Reason::Overflow`] for an impossible quantity, and for GPUs that worked longer
    /// than they were there: both are to be measured by the same clock.
    pub fn check(&self) -> Result<(), Reason> {
        if self.interval < Micros(0) || self.busy.is_some_and(|busy| busy < Micros(0)) {
            return Err(Reason::Negative);
        }
        let is_absurd = self.interval > INTERVAL_MAX
            || self.gpu_count > GPUS_MAX
            || self.kv_blocks.is_some_and(|blocks| blocks > KV_BLOCKS_MAX);
        let gpu_time = self.gpu_time()?;
        if is_absurd || self.busy.is_some_and(|busy| busy > gpu_time) {
            return Err(Reason::Overflow);
        }
        Ok(())
    }
}
