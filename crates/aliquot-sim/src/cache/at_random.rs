//! Random replacement: whichever block the seed draws makes way, touched at once. It pins nothing, and no block is safe: not
//! even one that the request at hand has just put in.

use super::blocks::Places;
use super::{Evicted, OnEvicted, Owner};
use crate::random::Random;

/// A cache with random replacement. Same seed and requests, same evictions.
#[derive(Debug)]
pub struct AtRandom {
    capacity: usize,
    /// Where each present block lies in `slots`.
    places: Places,
    slots: Vec<(u64, Owner)>,
    random: Random,
}

impl AtRandom {
    /// An empty cache of `capacity` blocks.
    pub fn new(capacity: usize, seed: u64) -> Self {
        Self { capacity, places: Places::default(), slots: Vec::new(), random: Random::new(seed, "replacement") }
    }

    /// One request: counts the leading blocks that are present, then puts in the others, from last to first. Of more blocks
    /// than the cache holds, the first are put in.
    pub fn request(&mut self, blocks: &[u64], owner: Owner, on_evicted: OnEvicted<'_>) -> usize {
        let hits = self.peek(blocks);
        for block in blocks[..blocks.len().min(self.capacity)].iter().rev() {
            self.touch(*block, owner, on_evicted);
        }
        hits
    }

    /// The leading blocks that are present; touches nothing.
    pub fn peek(&self, blocks: &[u64]) -> usize {
        blocks.iter().take_while(|block| self.places.contains_key(block)).count()
    }

    fn touch(&mut self, block: u64, owner: Owner, on_evicted: OnEvicted<'_>) {
        if let Some(place) = self.places.get(&block) {
            self.slots[*place as usize].1 = owner;
            return;
        }
        let full = self.slots.len() >= self.capacity;
        let place = if full {
            let place = self.random.below(self.slots.len() as u64) as usize;
            let (old_block, old_owner) = self.slots[place];
            self.places.remove(&old_block);
            on_evicted(Evicted { block: old_block, by: owner, of: old_owner });
            self.slots[place] = (block, owner);
            place
        } else {
            self.slots.push((block, owner));
            self.slots.len() - 1
        };
        self.places.insert(block, place as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_may_go_and_the_seed_says_which() {
        let evictions = |seed| {
            let mut cache = AtRandom::new(8, seed);
            let mut gone = Vec::new();
            for block in 0..400 {
                cache.request(&[block], 0, &mut |evicted| gone.push(evicted.block));
            }
            gone
        };
        let gone = evictions(1);
        assert_eq!(gone, evictions(1));
        assert_ne!(gone, evictions(2));
        assert_eq!(gone.len(), 392, "one goes for each that comes once the cache is full");
        let ages: Vec<u64> = (8..).zip(&gone).map(|(now, block)| now - block).collect();
        assert!(ages.contains(&1) && ages.iter().any(|age| *age > 16), "not by recency: {ages:?}");
    }

    #[test]
    fn what_is_present_is_found_and_its_owner_is_the_last() {
        let mut cache = AtRandom::new(1, 1);
        cache.request(&[5], 1, &mut |_| {});
        assert_eq!(cache.request(&[5], 2, &mut |_| unreachable!("it is there")), 1);
        let mut seen = Vec::new();
        cache.request(&[6], 3, &mut |evicted| seen.push(evicted));
        assert_eq!(seen, [Evicted { block: 5, by: 3, of: 2 }]);
    }
}
