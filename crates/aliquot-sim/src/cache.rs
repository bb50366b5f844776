//! Prefix caches of blocks, as engines and providers keep them. They know blocks and who touched them, not tokens or money.

mod at_random;
mod blocks;
mod kind;
mod lfu;
mod lru;
mod quotas;
mod sglang;
mod slab;
mod tiers;
mod ttl;
mod vllm;

pub use at_random::AtRandom;
pub use kind::{Cache, Call, Found, Hold, Kind};
pub use lfu::Lfu;
pub use lru::Lru;
pub use quotas::{QUOTAS_MAX, Quotas};
pub use sglang::{Path, Sglang};
pub use tiers::Tiers;
pub use ttl::Lifetimes;
pub use vllm::{Run, Vllm};

/// Whose traffic touches a block; a number of the caller's.
pub type Owner = u32;

/// What a cache did about one request's blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The longest run of leading blocks that were all present.
    pub hits: usize,
    /// Blocks that came back after they had been evicted.
    pub reinserted: usize,
}

/// Who hears of evictions: whose request it was for, and whose block had to go (whoever touched it last).
pub type OnEvict<'f> = &'f mut dyn FnMut(Owner, Owner);

/// A block that had to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// The block.
    pub block: u64,
    /// Whose request it made way for.
    pub by: Owner,
    /// Who touched it last.
    pub of: Owner,
}

/// Who hears of evictions and has to know the block.
pub type OnEvicted<'f> = &'f mut dyn FnMut(Evicted);
