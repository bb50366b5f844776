//! Prefix caches of blocks, as engines and providers keep them. They know blocks and who touched them, not tokens or money.

mod blocks;
mod lru;
mod slab;
mod ttl;
mod vllm;

pub use lru::Lru;
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
