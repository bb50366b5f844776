//! A paged engine's cache as vLLM keeps it: blocks are pinned while a request runs and touched when it frees them, leaf first.
//! It knows no time: the caller says when a request begins and ends.
//!
//! | block | while it runs | when it is freed |
//! |---|---|---|
//! | full, of the prompt | pinned, found by other requests | end of the queue, root last, so that the root is the most recent |
//! | partial, or generated | pinned, found by nobody | head of the queue: the first to be used again, displaces nothing |

use std::num::NonZeroU32;

use super::blocks::Places;
use super::slab::{ENDS, NOBODY, Slab};
use super::{Evicted, OnEvict, OnEvicted, Outcome, Owner};

/// The place of a block that was evicted; see the LRU cache.
const EVICTED: u32 = ENDS;

/// The cache. Slots are made when they are first needed.
#[derive(Debug)]
pub struct Vllm {
    capacity: usize,
    places: Places,
    slab: Slab,
    /// Slots in the queue.
    free: usize,
}

/// What a running request holds. It must come back by [`Vllm::finish`], or its blocks stay pinned.
#[must_use = "its blocks stay pinned until it is finished"]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Slots of full prompt blocks, root first.
    prompt: Vec<u32>,
    /// Slots of other blocks.
    other: Vec<u32>,
}

impl Vllm {
    /// An empty cache on `blocks` GPU blocks, one of which the engine keeps for itself; `None` = unbounded.
    pub fn new(blocks: Option<NonZeroU32>) -> Self {
        let capacity = blocks.and_then(|blocks| usize::try_from(blocks.get() - 1).ok()).unwrap_or(usize::MAX);
        Self { capacity, places: Places::default(), slab: Slab::new(), free: 0 }
    }

    /// Begins a request with these full prompt blocks, of which at most `hits_max` may be read, and `other` blocks for the
    /// rest of the prompt and the answer. `None` = not enough blocks are free: try again when a running request has ended.
    ///
    /// What is longer than the whole cache runs with its first blocks: what lies beyond is computed, kept nowhere, and
    /// takes no block.
    pub fn begin(
        &mut self,
        blocks: &[u64],
        hits_max: usize,
        other: usize,
        owner: Owner,
        on_evict: OnEvict<'_>,
    ) -> Option<(Outcome, Run)> {
        self.begin_watched(blocks, hits_max, other, owner, &mut |evicted| on_evict(evicted.by, evicted.of))
    }

    /// As [`Vllm::begin`], for who has to know which block went.
    pub fn begin_watched(
        &mut self,
        blocks: &[u64],
        hits_max: usize,
        other: usize,
        owner: Owner,
        on_evicted: OnEvicted<'_>,
    ) -> Option<(Outcome, Run)> {
        let blocks = &blocks[..blocks.len().min(self.capacity)];
        let other = other.min(self.capacity - blocks.len());
        let hits = self.leading_hits(&blocks[..blocks.len().min(hits_max)]);
        let mut run = Run { prompt: hits, other: Vec::with_capacity(other) };
        let idle_hits = run.prompt.iter().filter(|slot| self.slab.get(**slot).pins == 0).count();
        let needed = blocks.len() - run.prompt.len() + other;
        if needed > self.free - idle_hits + (self.capacity - self.slab.len()) {
            return None;
        }
        let mut outcome = Outcome { hits: run.prompt.len(), reinserted: 0 };
        for slot in &run.prompt {
            self.pin(*slot, owner);
        }
        for block in &blocks[outcome.hits..] {
            let slot = self.allocate(*block, owner, owner, on_evicted);
            outcome.reinserted += usize::from(self.places.insert(*block, slot) == Some(EVICTED));
            run.prompt.push(slot);
        }
        for _ in 0..other {
            run.other.push(self.allocate(0, NOBODY, owner, on_evicted));
        }
        Some((outcome, run))
    }

    /// Ends a request: its blocks are free, and touched now.
    pub fn finish(&mut self, run: Run) {
        for slot in run.other {
            self.slab.get_mut(slot).pins = 0;
            self.slab.link_oldest(slot);
            self.free += 1;
        }
        for slot in run.prompt.into_iter().rev() {
            let freed = self.slab.get_mut(slot);
            freed.pins -= 1;
            if freed.pins == 0 {
                self.slab.link_newest(slot);
                self.free += 1;
            }
        }
    }

    /// The leading blocks that are present, pinned or not; touches nothing.
    pub fn peek(&self, blocks: &[u64]) -> usize {
        blocks.iter().take_while(|block| self.places.get(block).is_some_and(|slot| *slot != EVICTED)).count()
    }

    fn leading_hits(&self, blocks: &[u64]) -> Vec<u32> {
        blocks.iter().map_while(|block| self.places.get(block).copied().filter(|slot| *slot != EVICTED)).collect()
    }

    fn pin(&mut self, slot: u32, owner: Owner) {
        if self.slab.get(slot).pins == 0 {
            self.slab.unlink(slot);
            self.free -= 1;
        }
        let pinned = self.slab.get_mut(slot);
        pinned.pins += 1;
        pinned.owner = owner;
    }

    /// A pinned slot for `block`: one that holds nothing, else a new one, else the one that goes first.
    fn allocate(&mut self, block: u64, owner: Owner, on_behalf_of: Owner, on_evicted: OnEvicted<'_>) -> u32 {
        let first = self.slab.oldest();
        let holds_nothing = first != ENDS && self.slab.get(first).owner == NOBODY;
        if !holds_nothing
            && self.slab.len() < self.capacity
            && let Some(slot) = self.slab.grow(block, owner)
        {
            self.slab.get_mut(slot).pins = 1;
            return slot;
        }
        self.slab.unlink(first);
        self.free -= 1;
        let slot = self.slab.get_mut(first);
        let (old_block, old_owner) = (slot.block, slot.owner);
        (slot.block, slot.owner, slot.pins) = (block, owner, 1);
        // Another copy of the block may have taken its name meanwhile; then nothing is lost with this one.
        if old_owner != NOBODY
            && let Some(place) = self.places.get_mut(&old_block).filter(|place| **place == first)
        {
            *place = EVICTED;
            on_evicted(Evicted { block: old_block, by: on_behalf_of, of: old_owner });
        }
        first
    }
}

#[cfg(test)]
mod tests;
