//! The cache held against the slowest obvious one: a list that is searched from end to end.

use super::*;
use crate::random::Random;

/// Blocks by recency, the most recent first, with whoever touched them last.
#[derive(Default)]
struct Obvious {
    blocks: Vec<(u64, Owner)>,
    evicted_ever: Vec<u64>,
}

impl Obvious {
    fn request(&mut self, capacity: usize, blocks: &[u64], owner: Owner, evicted: &mut Vec<(Owner, Owner)>) -> Outcome {
        let is_present = |block: &&u64| self.blocks.iter().any(|(present, _)| present == *block);
        let mut outcome = Outcome { hits: blocks.iter().take_while(is_present).count(), reinserted: 0 };
        for block in blocks[..blocks.len().min(capacity)].iter().rev() {
            match self.blocks.iter().position(|(present, _)| present == block) {
                Some(place) => drop(self.blocks.remove(place)),
                None => {
                    if self.blocks.len() == capacity {
                        let (block, old_owner) = self.blocks.pop().unwrap();
                        self.evicted_ever.push(block);
                        evicted.push((owner, old_owner));
                    }
                    outcome.reinserted += usize::from(self.evicted_ever.contains(block));
                }
            }
            self.blocks.insert(0, (*block, owner));
        }
        outcome
    }
}

/// A prompt of a small world: one of a few roots, then blocks that depend on where they stand, so that prefixes are shared.
fn prompt(random: &mut Random) -> Vec<u64> {
    let root = random.below(3) * 1_000;
    let branch = random.below(4) * 100;
    (0..random.below(14)).map(|depth| root + if depth < 3 { depth } else { branch + depth }).collect()
}

#[test]
fn it_is_the_obvious_cache() {
    for capacity in 1..=24_u32 {
        let mut random = Random::new(u64::from(capacity), "lru");
        let mut cache = Lru::new(NonZeroU32::new(capacity));
        let mut obvious = Obvious::default();
        for turn in 0..600 {
            let mut blocks = prompt(&mut random);
            if random.below(10) == 0 {
                // No trace names a block twice in one prompt, but nothing forbids it.
                blocks.extend_from_within(..);
            }
            let owner = u32::try_from(random.below(3)).unwrap();
            let (mut evicted, mut expected_evicted) = (Vec::new(), Vec::new());
            let expected = obvious.request(usize::try_from(capacity).unwrap(), &blocks, owner, &mut expected_evicted);
            let outcome = cache.request(&blocks, owner, &mut |by, of| evicted.push((by, of)));
            assert_eq!(
                (outcome, evicted),
                (expected, expected_evicted),
                "capacity {capacity}, turn {turn}, {blocks:?}"
            );
        }
    }
}

#[test]
fn without_a_capacity_only_the_first_sight_is_a_miss() {
    let mut cache = Lru::new(None);
    let mut random = Random::new(1, "unbounded");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2_000 {
        let blocks = prompt(&mut random);
        let expected = blocks.iter().take_while(|block| seen.contains(*block)).count();
        let outcome = cache.request(&blocks, 0, &mut |_, _| unreachable!("nothing is evicted"));
        assert_eq!(outcome, Outcome { hits: expected, reinserted: 0 });
        seen.extend(blocks);
    }
}

#[test]
fn of_a_long_prompt_the_first_blocks_stay() {
    let mut cache = Lru::new(NonZeroU32::new(3));
    cache.request(&[1, 2, 3, 4, 5], 0, &mut |_, _| {});
    assert_eq!(cache.request(&[1, 2, 3, 4, 5], 0, &mut |_, _| {}).hits, 3);
    cache.request(&[9], 0, &mut |_, _| {});
    assert_eq!(cache.request(&[1, 2, 3], 0, &mut |_, _| {}).hits, 2, "the leaf went first");
}
