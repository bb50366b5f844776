//! One finished request, as its node reported it, and beside it whatever else nodes report. Borrowed from the message it came in;
//! nothing here is ever prompt text.

use alloc::borrow::Cow;
use alloc::vec::Vec;

pub use cache::CacheReport;
pub use limit::Limit;
pub use node::NodeReport;
pub use report::{Head, Report};

use crate::reject::Reason;
use crate::time::{EventTime, Micros};
use crate::usage::{ByClass, Class};

mod cache;
pub mod limit;
pub mod node;
mod report;

/// `aliquot.request.v1`: one attempt at one request, billed at its end. Identity is (`source`, `id`, `attempt`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event<'a> {
    /// Stable per logical request; a resend repeats it.
    pub id: Cow<'a, str>,
    /// The node or proxy that reports.
    pub source: Cow<'a, str>,
    /// 0 for the first try; every billed attempt counts once.
    pub attempt: u32,
    /// End of the request = billing time, identical in every resend.
    pub time: EventTime,
    /// Who is billed; `None` = the node could not say, which is a value of its own.
    pub tenant: Option<Cow<'a, str>>,
    /// Where the node's event stands in its sequence; `None` for third parties.
    pub sequence: Option<Sequence>,
    /// The set of requests that can reuse one another's prefixes.
    pub domain: Cow<'a, str>,
    /// Who served it: `anthropic`, `openai`, …, or `self` for a GPU node of ours.
    pub provider: Cow<'a, str>,
    /// The model that was asked for.
    pub request_model: Cow<'a, str>,
    /// The model that answered; prices go by this one.
    pub response_model: Option<Cow<'a, str>>,
    /// `chat`, `completion`, `embedding`, …
    pub operation: Option<Cow<'a, str>>,
    /// `standard`, `batch`, `flex`, `priority`, …
    pub service_tier: Option<Cow<'a, str>>,
    /// Where it was served, if the price depends on it.
    pub region: Option<Cow<'a, str>>,
    /// The customer's feature the request belongs to.
    pub feature: Option<Cow<'a, str>>,
    /// The tenant's project.
    pub project: Option<Cow<'a, str>>,
    /// `prod`, `eval`, `canary`, `warmup`, `keepalive`, `probe`.
    pub traffic_class: Option<Cow<'a, str>>,
    /// HTTP status of the answer.
    pub http_status: Option<u16>,
    /// What was used, in disjoint parts.
    pub usage: Usage,
    /// The prompt as keyed block hashes, if the node reports them.
    pub prefix: Option<PrefixChain>,
    /// Time in the node's queue.
    pub queue: Option<Micros>,
    /// Time to the first token.
    pub ttft: Option<Micros>,
    /// Time from start to end.
    pub duration: Option<Micros>,
    /// What the cache was asked and did.
    pub cache: CacheUse<'a>,
    /// The shared limits, as the provider's headers gave them.
    pub limits: Vec<Limit<'a>>,
}

/// What the reporter knows about the cache beyond the tokens; all of it optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheUse<'a> {
    /// The conversation or template the request continues: an opaque key of the reporter's, never a text of the caller.
    pub session: Option<Cow<'a, str>>,
    /// Which of the domain's engines served it, if the domain has several, each with a cache of its own.
    pub replica: Option<Cow<'a, str>>,
    /// Why the router chose the replica: `affinity`, `affinity_lost`, `load_spill`, `drain`, `random`.
    pub router_reason: Option<Cow<'a, str>>,
    /// How long the cache keeps what was not used, as it was asked to.
    pub lifetime: Option<Micros>,
    /// Whether the cache was switched off for the request.
    pub bypass: bool,
    /// Prompt tokens up to the last breakpoint: behind it nothing is cached. `None` = no breakpoints.
    pub cacheable_tokens: Option<u64>,
    /// The provider's own word for why the prefix was not found.
    pub miss_reason: Option<Cow<'a, str>>,
    /// Prompt tokens that were computed again after the request was preempted.
    pub recomputed_tokens: u64,
    /// The version of model weights or adapter; what was cached under another one is of no use.
    pub weights: Option<Cow<'a, str>>,
}

/// A place in a node's own count of events of all types: consecutive from 0 for each (source, epoch, cache domain).
///
/// The count is per domain and not per node alone, because a domain is one partition's and a node may serve several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Changes when the node's count starts again.
    pub epoch: u64,
    /// Consecutive from 0.
    pub seq: u64,
}

/// Disjoint quantities, and the totals the reporter claims they make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The parts.
    pub parts: ByClass<u64>,
    /// Prompt tokens including all cache parts, as reported.
    pub input_total: Option<u64>,
    /// Output tokens including reasoning, as reported.
    pub output_total: Option<u64>,
    /// Whether the reporter says anything about cache reads; if not, a zero there means "unknown".
    pub cache_reported: bool,
}

/// No single request carries more of anything than this; above it the number is an overflow or a unit mistake.
pub const QUANTITY_MAX: u64 = 1 << 40;

impl Event<'_> {
    /// Holds the quantities against their bounds, and the parts against the reported totals.
    ///
    /// # Errors
    /// As [`Usage::check`]; [`Reason::Overflow`] also for impossible quantities of the cache.
    pub fn check(&self) -> Result<(), Reason> {
        let CacheUse { cacheable_tokens, recomputed_tokens, .. } = self.cache;
        if cacheable_tokens.is_some_and(|tokens| tokens > QUANTITY_MAX) || recomputed_tokens > QUANTITY_MAX {
            return Err(Reason::Overflow);
        }
        self.usage.check()
    }
}

impl Usage {
    /// The prompt's length with all cache parts, which chooses the price band.
    ///
    /// # Errors
    /// [`Reason::Overflow`] past 2⁶⁴.
    pub fn prompt_tokens(&self) -> Result<u64, Reason> {
        self.parts.sum_of(&Class::PROMPT).ok_or(Reason::Overflow)
    }

    /// The output's length with reasoning.
    ///
    /// # Errors
    /// [`Reason::Overflow`] past 2⁶⁴.
    pub fn output_tokens(&self) -> Result<u64, Reason> {
        self.parts.sum_of(&Class::OUTPUT).ok_or(Reason::Overflow)
    }

    /// Holds the parts against the reported totals.
    ///
    /// # Errors
    /// [`Reason::Overflow`] for an impossible quantity, [`Reason::PartsDoNotAddUp`] when a total differs from its parts.
    pub fn check(&self) -> Result<(), Reason> {
        if self.parts.iter().any(|(_, quantity)| quantity > QUANTITY_MAX) {
            return Err(Reason::Overflow);
        }
        let input_differs = self.input_total.is_some_and(|total| Ok(total) != self.prompt_tokens());
        let output_differs = self.output_total.is_some_and(|total| Ok(total) != self.output_tokens());
        if input_differs || output_differs {
            return Err(Reason::PartsDoNotAddUp);
        }
        Ok(())
    }
}

/// A prompt as a chain of keyed hashes: each names the whole prefix up to and including its block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrefixChain {
    /// Tokens per block.
    pub block_tokens: u32,
    /// One of `sampled_of` blocks is listed, chosen by hash; 1 = all of them.
    pub sampled_of: u32,
    /// The listed blocks, root first.
    pub blocks: Vec<u64>,
}
