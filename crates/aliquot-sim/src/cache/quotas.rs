//! Least recently used, with a quota for each owner: an owner at its quota pushes out its own oldest block, and when the cache
//! is full the oldest block of all goes, so that what one owner leaves free another may use. Touched at once; it pins nothing.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

use super::blocks::Mixer;
use super::{Evicted, OnEvicted, Owner};

/// Owners that can have a quota; those numbered higher share the last one's queue and quota.
pub const QUOTAS_MAX: usize = 8;

/// The cache. A block belongs to whoever touched it last.
#[derive(Debug)]
pub struct Quotas {
    capacity: usize,
    quotas: [u32; QUOTAS_MAX],
    entries: HashMap<u64, Entry, BuildHasherDefault<Mixer>>,
    queues: [Queue; QUOTAS_MAX],
    touches: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    owner: Owner,
    touched: u64,
}

/// One owner's touches, oldest first. Touches that later ones made void are dropped when they come to the front.
#[derive(Debug, Default)]
struct Queue {
    touches: VecDeque<(u64, u64)>,
    present: u32,
}

impl Quotas {
    /// An empty cache of `capacity` blocks with each owner's quota in blocks; `u32::MAX` = as much as there is.
    pub fn new(capacity: usize, quotas: [u32; QUOTAS_MAX]) -> Self {
        Self { capacity, quotas, entries: HashMap::default(), queues: Default::default(), touches: 0 }
    }

    /// One request: counts the leading blocks that are present, then touches all blocks, from last to first. Of more blocks
    /// than the cache holds, the first are touched.
    pub fn request(&mut self, blocks: &[u64], owner: Owner, on_evicted: OnEvicted<'_>) -> usize {
        let hits = self.peek(blocks);
        for block in blocks[..blocks.len().min(self.capacity)].iter().rev() {
            self.touch(*block, owner, on_evicted);
        }
        hits
    }

    /// The leading blocks that are present; touches nothing.
    pub fn peek(&self, blocks: &[u64]) -> usize {
        blocks.iter().take_while(|block| self.entries.contains_key(block)).count()
    }

    fn touch(&mut self, block: u64, owner: Owner, on_evicted: OnEvicted<'_>) {
        self.touches += 1;
        let own = queue_of(owner);
        if let Some(entry) = self.entries.remove(&block) {
            self.queues[queue_of(entry.owner)].present -= 1;
        }
        if self.quotas[own] == 0 {
            return;
        }
        if self.queues[own].present >= self.quotas[own] {
            self.evict(own, owner, on_evicted);
        } else if self.entries.len() >= self.capacity {
            let oldest =
                (0..QUOTAS_MAX).filter_map(|queue| self.oldest(queue).map(|(touched, _)| (touched, queue))).min();
            if let Some((_, queue)) = oldest {
                self.evict(queue, owner, on_evicted);
            }
        }
        self.entries.insert(block, Entry { owner, touched: self.touches });
        self.queues[own].touches.push_back((self.touches, block));
        self.queues[own].present += 1;
    }

    /// When the queue's oldest present block was touched, and the block.
    fn oldest(&mut self, queue: usize) -> Option<(u64, u64)> {
        loop {
            let (touched, block) = *self.queues[queue].touches.front()?;
            if self.entries.get(&block).is_some_and(|entry| entry.touched == touched) {
                return Some((touched, block));
            }
            self.queues[queue].touches.pop_front();
        }
    }

    fn evict(&mut self, queue: usize, by: Owner, on_evicted: OnEvicted<'_>) {
        if let Some((_, block)) = self.oldest(queue)
            && let Some(entry) = self.entries.remove(&block)
        {
            self.queues[queue].touches.pop_front();
            self.queues[queue].present -= 1;
            on_evicted(Evicted { block, by, of: entry.owner });
        }
    }
}

fn queue_of(owner: Owner) -> usize {
    (owner as usize).min(QUOTAS_MAX - 1)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::cache::Lru;
    use crate::random::Random;

    const FREE: u32 = u32::MAX;

    #[test]
    fn whoever_is_at_the_quota_pushes_out_its_own() {
        let mut cache = Quotas::new(4, [FREE, 2, FREE, FREE, FREE, FREE, FREE, FREE]);
        let mut gone = Vec::new();
        cache.request(&[10], 0, &mut |_| {});
        for block in [20, 21, 22] {
            cache.request(&[block], 1, &mut |evicted| gone.push(evicted));
        }
        assert_eq!(gone, [Evicted { block: 20, by: 1, of: 1 }], "there was room, but not for this owner");
        cache.request(&[11, 12], 2, &mut |evicted| gone.push(evicted));
        assert_eq!(gone[1..], [Evicted { block: 10, by: 2, of: 0 }], "the oldest of all");
        cache.request(&[21], 2, &mut |_| unreachable!("it is there, and changes hands"));
        cache.request(&[23], 1, &mut |evicted| gone.push(evicted));
        assert_eq!(gone[2..], [Evicted { block: 22, by: 1, of: 1 }], "full, and the oldest is its own");
    }

    #[test]
    fn without_quotas_it_is_lru() {
        let mut random = Random::new(1, "quotas");
        let mut cache = Quotas::new(20, [FREE; QUOTAS_MAX]);
        let mut lru = Lru::new(NonZeroU32::new(20));
        for _ in 0..4_000 {
            let (root, owner) = (random.below(9) * 100, random.below(10) as u32);
            let prompt: Vec<u64> = (0..=random.below(6)).map(|depth| root + depth).collect();
            let (mut gone, mut expected) = (Vec::new(), Vec::new());
            let hits = cache.request(&prompt, owner, &mut |evicted| gone.push(evicted));
            assert_eq!(hits, lru.request_watched(&prompt, owner, &mut |evicted| expected.push(evicted)).hits);
            assert_eq!(gone, expected);
        }
    }
}
