//! Two tiers with one order of recency: what the GPU's blocks push out moves to the host, what the host's push out is gone, and
//! what is found on the host moves back. Touched at once; it pins nothing.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::blocks::Mixer;
use super::slab::{ENDS, NOBODY, Slab};
use super::{Evicted, OnEvicted, Owner};

/// The two tiers.
#[derive(Debug)]
pub struct Tiers {
    gpu_blocks: usize,
    host_blocks: usize,
    places: HashMap<u64, Place, BuildHasherDefault<Mixer>>,
    gpu: Slab,
    host: Slab,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Gpu(u32),
    Host(u32),
}

impl Tiers {
    /// Empty tiers of so many blocks; the host may have none, the GPU must have one.
    pub fn new(gpu_blocks: usize, host_blocks: usize) -> Self {
        Self { gpu_blocks, host_blocks, places: HashMap::default(), gpu: Slab::new(), host: Slab::new() }
    }

    /// One request: counts the leading blocks that are on the GPU, and those that are on either, then touches all blocks, from
    /// last to first. Of more blocks than the GPU holds, the first are touched.
    pub fn request(&mut self, blocks: &[u64], owner: Owner, on_evicted: OnEvicted<'_>) -> (usize, usize) {
        let found = self.peek(blocks);
        for block in blocks[..blocks.len().min(self.gpu_blocks)].iter().rev() {
            self.touch(*block, owner, on_evicted);
        }
        found
    }

    /// The leading blocks that are on the GPU, and those that are on either; touches nothing.
    pub fn peek(&self, blocks: &[u64]) -> (usize, usize) {
        let on_gpu = |block: &&u64| matches!(self.places.get(block), Some(Place::Gpu(_)));
        let gpu = blocks.iter().take_while(on_gpu).count();
        let more = blocks[gpu..].iter().take_while(|block| self.places.contains_key(block)).count();
        (gpu, gpu + more)
    }

    fn touch(&mut self, block: u64, owner: Owner, on_evicted: OnEvicted<'_>) {
        let slot = match self.places.get(&block) {
            Some(Place::Gpu(slot)) => {
                let slot = *slot;
                self.gpu.unlink(slot);
                self.gpu.get_mut(slot).owner = owner;
                slot
            }
            elsewhere => {
                if let Some(Place::Host(slot)) = elsewhere {
                    let slot = *slot;
                    self.host.unlink(slot);
                    self.host.get_mut(slot).owner = NOBODY;
                    self.host.link_oldest(slot);
                }
                self.take_gpu_slot(block, owner, on_evicted)
            }
        };
        self.gpu.link_newest(slot);
    }

    /// A GPU slot that holds `block` and is in no queue.
    fn take_gpu_slot(&mut self, block: u64, owner: Owner, on_evicted: OnEvicted<'_>) -> u32 {
        let grown = if self.gpu.len() < self.gpu_blocks { self.gpu.grow(block, owner) } else { None };
        let slot = grown.unwrap_or_else(|| {
            let slot = self.gpu.oldest();
            self.gpu.unlink(slot);
            let taken = self.gpu.get_mut(slot);
            let (old_block, old_owner) = (taken.block, taken.owner);
            (taken.block, taken.owner) = (block, owner);
            self.demote(old_block, old_owner, owner, on_evicted);
            slot
        });
        self.places.insert(block, Place::Gpu(slot));
        slot
    }

    fn demote(&mut self, block: u64, owner: Owner, by: Owner, on_evicted: OnEvicted<'_>) {
        if self.host_blocks == 0 {
            self.places.remove(&block);
            on_evicted(Evicted { block, by, of: owner });
            return;
        }
        let first = self.host.oldest();
        let holds_nothing = first != ENDS && self.host.get(first).owner == NOBODY;
        let grown =
            if !holds_nothing && self.host.len() < self.host_blocks { self.host.grow(block, owner) } else { None };
        let slot = grown.unwrap_or_else(|| {
            self.host.unlink(first);
            let taken = self.host.get_mut(first);
            let (old_block, old_owner) = (taken.block, taken.owner);
            (taken.block, taken.owner) = (block, owner);
            if old_owner != NOBODY {
                self.places.remove(&old_block);
                on_evicted(Evicted { block: old_block, by, of: old_owner });
            }
            first
        });
        self.host.link_newest(slot);
        self.places.insert(block, Place::Host(slot));
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::cache::Lru;
    use crate::random::Random;

    #[test]
    fn what_leaves_the_gpu_is_on_the_host_until_it_is_gone() {
        let mut tiers = Tiers::new(2, 1);
        let mut gone = Vec::new();
        for block in [1, 2, 3] {
            tiers.request(&[block], 4, &mut |_| unreachable!("there is room"));
        }
        assert_eq!(tiers.peek(&[3, 2, 1]), (2, 3));
        assert_eq!(tiers.request(&[1], 5, &mut |evicted| gone.push(evicted)), (0, 1));
        assert_eq!((tiers.peek(&[1, 3, 2]), gone.len()), ((2, 3), 0), "it changed places with the oldest");
        tiers.request(&[9], 6, &mut |evicted| gone.push(evicted));
        assert_eq!(gone, [Evicted { block: 2, by: 6, of: 4 }]);
        assert_eq!(tiers.peek(&[9, 1, 3]), (2, 3));
    }

    #[test]
    fn each_tier_ends_where_an_lru_of_its_depth_would() {
        for (gpu, host) in [(6, 0), (6, 5), (10, 30)] {
            let mut random = Random::new(u64::from(gpu), "tiers");
            let mut tiers = Tiers::new(gpu as usize, host as usize);
            let mut small = Lru::new(NonZeroU32::new(gpu));
            let mut large = Lru::new(NonZeroU32::new(gpu + host));
            let mut promoted = 0;
            for _ in 0..4_000 {
                let root = random.below(9) * 100;
                let prompt: Vec<u64> = (0..=random.below(6)).map(|depth| root + depth).collect();
                let found = tiers.request(&prompt, 0, &mut |_| {});
                let expected =
                    (small.request(&prompt, 0, &mut |_, _| {}).hits, large.request(&prompt, 0, &mut |_, _| {}).hits);
                assert_eq!(found, expected);
                promoted += found.1 - found.0;
            }
            assert!(promoted > 100 || host == 0);
        }
    }
}
