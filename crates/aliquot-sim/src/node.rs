//! One inference node: a prefix cache, and the requests that run on it and pin its blocks. First come, first served; it knows
//! no tokens, prices or names.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;

use aliquot_core::time::Micros;

use crate::cache::{Lru, OnEvict, Outcome, Owner, Run, Vllm};

/// How a node keeps its blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Least recently used, touched at once, nothing pinned.
    #[default]
    Lru,
    /// Reference counts and a free queue, touched when freed.
    Vllm,
}

/// What a request asks of a node.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'b> {
    /// Blocks of the prompt, root first.
    pub blocks: &'b [u64],
    /// Tokens per block.
    pub block_tokens: u32,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Whose request it is.
    pub owner: Owner,
}

impl Demand<'_> {
    /// Tokens that `hits` blocks save. The last prompt token is always computed: its answer is the first output token.
    pub fn cached_tokens(&self, hits: usize) -> u64 {
        let tokens = u64::from(self.block_tokens).saturating_mul(u64::try_from(hits).unwrap_or(u64::MAX));
        tokens.min(self.prompt_tokens.saturating_sub(1))
    }

    fn full_blocks(&self, tokens: u64) -> usize {
        let blocks = tokens.checked_div(u64::from(self.block_tokens)).unwrap_or_default();
        usize::try_from(blocks).unwrap_or(usize::MAX)
    }
}

/// A request that a node has begun; [`Node::run_until`] takes it back.
#[derive(Debug)]
pub struct Admitted {
    /// When it began: at its arrival, or when enough blocks were free.
    pub start: Micros,
    /// What the cache did about it.
    pub outcome: Outcome,
    run: Option<Run>,
}

/// The node.
#[derive(Debug)]
pub struct Node {
    cache: Cache,
    running: BinaryHeap<Running>,
    /// Nothing begins before this: a request that waits holds up those behind it.
    clock: Micros,
    admitted: u64,
}

#[derive(Debug)]
enum Cache {
    Lru(Lru),
    Vllm(Vllm),
}

#[derive(Debug)]
struct Running {
    end: Micros,
    number: u64,
    run: Run,
}

impl Node {
    /// An empty node of so many blocks; `None` = unbounded.
    pub fn new(engine: Engine, capacity_blocks: Option<NonZeroU32>) -> Self {
        let cache = match engine {
            Engine::Lru => Cache::Lru(Lru::new(capacity_blocks)),
            Engine::Vllm => Cache::Vllm(Vllm::new(capacity_blocks)),
        };
        Self { cache, running: BinaryHeap::new(), clock: Micros(i64::MIN), admitted: 0 }
    }

    /// Begins a request that arrives `at`. Arrivals come in order of time.
    pub fn admit(&mut self, at: Micros, demand: &Demand<'_>, on_evict: OnEvict<'_>) -> Admitted {
        let cache = match &mut self.cache {
            Cache::Lru(cache) => {
                let outcome = cache.request(demand.blocks, demand.owner, on_evict);
                return Admitted { start: at, outcome, run: None };
            }
            Cache::Vllm(cache) => cache,
        };
        self.clock = self.clock.max(at);
        while let Some(ended) = pop_ended(&mut self.running, self.clock) {
            cache.finish(ended.run);
        }
        let full = demand.full_blocks(demand.prompt_tokens).min(demand.blocks.len());
        let hits_max = demand.full_blocks(demand.prompt_tokens.saturating_sub(1));
        let whole = demand.prompt_tokens.saturating_add(demand.output_tokens);
        let other = demand.full_blocks(whole).saturating_add(1).saturating_sub(full);
        loop {
            if let Some((outcome, run)) = cache.begin(&demand.blocks[..full], hits_max, other, demand.owner, on_evict) {
                return Admitted { start: self.clock, outcome, run: Some(run) };
            }
            // With nothing running every block is free, and the cache takes any request.
            let Some(ended) = self.running.pop() else {
                return Admitted { start: self.clock, outcome: Outcome::default(), run: None };
            };
            self.clock = self.clock.max(ended.end);
            cache.finish(ended.run);
        }
    }

    /// Says when a request that was admitted ends; it holds its blocks until then.
    pub fn run_until(&mut self, end: Micros, admitted: Admitted) {
        if let Some(run) = admitted.run {
            self.running.push(Running { end, number: self.admitted, run });
            self.admitted += 1;
        }
    }
}

/// Takes out the request that ends first, if it has ended by `now`.
fn pop_ended(running: &mut BinaryHeap<Running>, now: Micros) -> Option<Running> {
    if running.peek()?.end > now {
        return None;
    }
    running.pop()
}

/// The first to end is the greatest; of those that end together, the first admitted.
impl Ord for Running {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.end, other.number).cmp(&(self.end, self.number))
    }
}

impl PartialOrd for Running {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Running {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Running {}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(blocks: &[u64], prompt_tokens: u64) -> Demand<'_> {
        Demand { blocks, block_tokens: 10, prompt_tokens, output_tokens: 5, owner: 0 }
    }

    fn admit(node: &mut Node, at: i64, blocks: &[u64], prompt_tokens: u64, lasts: i64) -> (i64, usize) {
        let admitted = node.admit(Micros(at), &demand(blocks, prompt_tokens), &mut |_, _| {});
        let seen = (admitted.start.0, admitted.outcome.hits);
        node.run_until(Micros(admitted.start.0 + lasts), admitted);
        seen
    }

    #[test]
    fn a_request_waits_until_blocks_are_free_and_holds_up_the_next() {
        // Seven usable blocks. Each request takes its full blocks, and two more for the partial one and the answer.
        let mut node = Node::new(Engine::Vllm, NonZeroU32::new(8));
        assert_eq!(admit(&mut node, 0, &[1, 2, 3], 38, 100), (0, 0), "three full, one other, one more for the answer");
        assert_eq!(admit(&mut node, 1, &[4, 5], 21, 50), (100, 0), "needs three of the two that are left");
        assert_eq!(admit(&mut node, 2, &[6], 11, 50), (100, 0), "would have fitted, but came later");
        assert_eq!(admit(&mut node, 500, &[4, 5], 21, 50), (500, 2), "nothing pushed it out");
    }

    #[test]
    fn the_last_token_is_computed_and_a_partial_block_is_no_hit() {
        let mut node = Node::new(Engine::Vllm, None);
        admit(&mut node, 0, &[1, 2], 20, 1);
        assert_eq!(
            admit(&mut node, 5, &[1, 2], 20, 1),
            (5, 1),
            "all of it is cached, but the last block is computed again"
        );
        assert_eq!(admit(&mut node, 9, &[1, 2], 21, 1), (9, 2));
        admit(&mut node, 20, &[1, 2, 3], 25, 1);
        assert_eq!(admit(&mut node, 30, &[1, 2, 3], 25, 1), (30, 2), "block 3 is not full");
        assert_eq!((demand(&[], 20).cached_tokens(2), demand(&[], 21).cached_tokens(2)), (19, 20));
        assert_eq!(demand(&[], 0).cached_tokens(2), 0);
    }

    #[test]
    fn what_is_larger_than_the_cache_still_runs() {
        let mut node = Node::new(Engine::Vllm, NonZeroU32::new(3));
        let blocks: Vec<u64> = (1..=9).collect();
        assert_eq!(admit(&mut node, 0, &blocks, 95, 10), (0, 0));
        assert_eq!(admit(&mut node, 5, &blocks, 95, 10), (5, 2), "reads what the first one pins");
        assert_eq!(admit(&mut node, 6, &[20], 15, 10), (15, 0), "waits for both");
    }

    #[test]
    fn lru_neither_waits_nor_pins() {
        let mut node = Node::new(Engine::Lru, NonZeroU32::new(2));
        assert_eq!(admit(&mut node, 0, &[1, 2], 20, 100), (0, 0));
        assert_eq!(admit(&mut node, 1, &[3], 10, 100), (1, 0));
        assert_eq!(admit(&mut node, 2, &[1, 2], 20, 100), (2, 1), "the root outlives the leaf");
    }
}
