//! Least frequently used, block by block, touched at once: uses are counted from a block's coming in, so that one that comes
//! back begins anew; among equals the one touched longest ago goes first. It pins nothing.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use super::blocks::Mixer;
use super::{Evicted, OnEvicted, Owner};

/// An LFU cache.
#[derive(Debug)]
pub struct Lfu {
    capacity: usize,
    entries: HashMap<u64, Entry, BuildHasherDefault<Mixer>>,
    /// Uses, time of the last touch, block: the first goes first.
    order: BTreeSet<(u64, u64, u64)>,
    touches: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    uses: u64,
    touched: u64,
    owner: Owner,
}

impl Lfu {
    /// An empty cache of `capacity` blocks.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, entries: HashMap::default(), order: BTreeSet::new(), touches: 0 }
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
        let uses = match self.entries.get(&block) {
            Some(entry) => {
                self.order.remove(&(entry.uses, entry.touched, block));
                entry.uses + 1
            }
            None => {
                if self.entries.len() >= self.capacity {
                    self.evict(owner, on_evicted);
                }
                1
            }
        };
        self.entries.insert(block, Entry { uses, touched: self.touches, owner });
        self.order.insert((uses, self.touches, block));
    }

    fn evict(&mut self, by: Owner, on_evicted: OnEvicted<'_>) {
        if let Some((_, _, block)) = self.order.pop_first()
            && let Some(entry) = self.entries.remove(&block)
        {
            on_evicted(Evicted { block, by, of: entry.owner });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_used_goes_first_and_comes_back_as_a_stranger() {
        let mut cache = Lfu::new(3);
        let mut gone = Vec::new();
        let request = |cache: &mut Lfu, blocks: &[u64], gone: &mut Vec<u64>| {
            cache.request(blocks, 7, &mut |evicted| gone.push(evicted.block))
        };
        assert_eq!(request(&mut cache, &[1, 2], &mut gone), 0);
        assert_eq!(request(&mut cache, &[1, 2], &mut gone), 2);
        assert_eq!(request(&mut cache, &[9], &mut gone), 0);
        assert_eq!(request(&mut cache, &[8], &mut gone), 0);
        assert_eq!(gone, [9], "used once, though more recent than 1 and 2");
        request(&mut cache, &[8], &mut gone);
        request(&mut cache, &[8], &mut gone);
        assert_eq!(request(&mut cache, &[7], &mut gone), 0);
        assert_eq!(gone, [9, 2], "among equals the leaf, touched before its root");
        assert_eq!(request(&mut cache, &[1, 2], &mut gone), 1);
        assert_eq!(gone, [9, 2, 7]);
        request(&mut cache, &[6], &mut gone);
        assert_eq!(gone, [9, 2, 7, 2], "two uses before it went count no more");
    }

    #[test]
    fn of_a_long_prompt_the_first_blocks_come_in() {
        let mut cache = Lfu::new(2);
        cache.request(&[1, 2, 3], 0, &mut |_| unreachable!("nothing has to go"));
        assert_eq!(cache.peek(&[1, 2, 3]), 2);
    }
}
