//! Least recently used, block by block, touched at once: the cache by which the traces' published hit rates are defined.
//! It pins nothing and knows nothing of running requests.

use std::num::NonZeroU32;

use super::blocks::Places;
use super::slab::{ENDS, Slab};
use super::{Evicted, OnEvict, OnEvicted, Outcome, Owner};

/// The place of a block that was evicted. Slot 0 is no block's, so it can say so; the entry stays to know a block that
/// comes back.
const EVICTED: u32 = ENDS;

/// An LRU cache. Memory grows with the distinct blocks ever seen (about 17 bytes each) and with those present (24 bytes).
#[derive(Debug)]
pub struct Lru {
    capacity: Option<NonZeroU32>,
    places: Places,
    slab: Slab,
    /// Where the blocks of the request at hand were found; kept to be filled again.
    found: Vec<u32>,
}

impl Lru {
    /// An empty cache of `capacity` blocks; `None` = nothing is ever evicted.
    pub fn new(capacity: Option<NonZeroU32>) -> Self {
        Self { capacity, places: Places::default(), slab: Slab::new(), found: Vec::new() }
    }

    /// One request: counts the leading blocks that are present, then touches all blocks, from last to first, so that the
    /// root is the most recent. Of more blocks than the cache holds, the first are touched.
    pub fn request(&mut self, blocks: &[u64], owner: Owner, on_evict: OnEvict<'_>) -> Outcome {
        self.request_watched(blocks, owner, &mut |evicted| on_evict(evicted.by, evicted.of))
    }

    /// As [`Lru::request`], for who has to know which block went.
    pub fn request_watched(&mut self, blocks: &[u64], owner: Owner, on_evicted: OnEvicted<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        self.find(blocks, &mut outcome);
        let capacity = self.capacity.and_then(|capacity| usize::try_from(capacity.get()).ok()).unwrap_or(usize::MAX);
        for place in (0..blocks.len().min(capacity)).rev() {
            self.touch(blocks[place], self.found[place], owner, &mut outcome, on_evicted);
        }
        outcome
    }

    /// The leading blocks that are present; touches nothing.
    pub fn peek(&self, blocks: &[u64]) -> usize {
        blocks.iter().take_while(|block| self.places.get(block).is_some_and(|slot| *slot != EVICTED)).count()
    }

    fn find(&mut self, blocks: &[u64], outcome: &mut Outcome) {
        self.found.clear();
        let mut is_unbroken = true;
        for block in blocks {
            let slot = self.places.get(block).copied().unwrap_or(EVICTED);
            is_unbroken &= slot != EVICTED;
            outcome.hits += usize::from(is_unbroken);
            self.found.push(slot);
        }
    }

    fn touch(&mut self, block: u64, found: u32, owner: Owner, outcome: &mut Outcome, on_evicted: OnEvicted<'_>) {
        // The request's own insertions may have evicted what was found, and given its slot to another block; and a prompt
        // that names a block twice has put it in by now.
        let found = if found != EVICTED && self.slab.get(found).block == block {
            Some(found)
        } else {
            self.places.get(&block).copied()
        };
        let slot = match found {
            Some(slot) if slot != EVICTED => {
                self.slab.unlink(slot);
                self.slab.get_mut(slot).owner = owner;
                slot
            }
            gone_or_new => {
                outcome.reinserted += usize::from(gone_or_new.is_some());
                let slot = self.make_room(block, owner, on_evicted);
                self.places.insert(block, slot);
                slot
            }
        };
        self.slab.link_newest(slot);
    }

    /// A slot that holds `block` and is in no queue.
    fn make_room(&mut self, block: u64, owner: Owner, on_evicted: OnEvicted<'_>) -> u32 {
        let is_full = self
            .capacity
            .is_some_and(|capacity| usize::try_from(capacity.get()).is_ok_and(|capacity| self.slab.len() >= capacity));
        if !is_full && let Some(slot) = self.slab.grow(block, owner) {
            return slot;
        }
        let slot = self.slab.oldest();
        self.slab.unlink(slot);
        let evicted = self.slab.get_mut(slot);
        let (old_block, old_owner) = (evicted.block, evicted.owner);
        evicted.block = block;
        evicted.owner = owner;
        self.places.insert(old_block, EVICTED);
        on_evicted(Evicted { block: old_block, by: owner, of: old_owner });
        slot
    }
}

#[cfg(test)]
mod tests;
