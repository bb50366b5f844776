//! A provider's cache: a block lives for a promised time after it was last used, and no neighbour can push it out. It has no
//! capacity; dead blocks are swept out when their number could have doubled.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use aliquot_core::time::Micros;

use super::blocks::Mixer;

/// Below this many blocks a sweep is not worth its time.
const SWEEP_FROM: usize = 65_536;

/// One provider workspace's blocks and when each was last used.
#[derive(Debug)]
pub struct Lifetimes {
    lifetime: Micros,
    // Iterated only to drop what is dead, in whatever order.
    uses: HashMap<u64, Use, BuildHasherDefault<Mixer>>,
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Use {
    at: Micros,
    readable_from: Micros,
}

impl Lifetimes {
    /// An empty cache whose blocks live for `lifetime` after each use.
    pub fn new(lifetime: Micros) -> Self {
        Self { lifetime, uses: HashMap::default(), sweep_at: SWEEP_FROM }
    }

    /// One request at `now`: counts the leading blocks that live, then uses all of them. Calls must come in order of time.
    pub fn request(&mut self, now: Micros, blocks: &[u64]) -> usize {
        self.request_ready(now, now, blocks)
    }

    /// As [`Lifetimes::request`], of a request whose first answer begins at `ready`: before that nobody can read what it has
    /// to compute.
    pub fn request_ready(&mut self, now: Micros, ready: Micros, blocks: &[u64]) -> usize {
        let hits = self.peek(now, blocks);
        for block in blocks {
            let lives = self.uses.get(block).filter(|used| self.lives(now, used));
            let readable_from = lives.map_or(ready, |used| used.readable_from.min(ready));
            self.uses.insert(*block, Use { at: now, readable_from });
        }
        if self.uses.len() >= self.sweep_at {
            let lifetime = self.lifetime;
            self.uses.retain(|_, used| is_within(lifetime, now, used));
            self.sweep_at = SWEEP_FROM.max(self.uses.len() * 2);
        }
        hits
    }

    /// The leading blocks that can be read at `now`; uses none of them.
    pub fn peek(&self, now: Micros, blocks: &[u64]) -> usize {
        let can_be_read = |used: &Use| self.lives(now, used) && used.readable_from <= now;
        blocks.iter().take_while(|block| self.uses.get(block).is_some_and(can_be_read)).count()
    }

    /// Whether a request is computing the block at `now`, so that it lives but cannot be read yet.
    pub fn is_in_flight(&self, now: Micros, block: u64) -> bool {
        self.uses.get(&block).is_some_and(|used| self.lives(now, used) && used.readable_from > now)
    }

    const fn lives(&self, now: Micros, used: &Use) -> bool {
        is_within(self.lifetime, now, used)
    }
}

const fn is_within(lifetime: Micros, now: Micros, used: &Use) -> bool {
    now.0.saturating_sub(used.at.0) <= lifetime.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_lives_from_its_last_use() {
        let mut cache = Lifetimes::new(Micros(300));
        assert_eq!(cache.request(Micros(0), &[1, 2, 3]), 0);
        assert_eq!(cache.request(Micros(300), &[1, 2, 9, 3]), 2, "the hits end at the first stranger");
        assert_eq!(cache.request(Micros(600), &[1, 2, 3]), 3, "each use begins the time anew");
        assert_eq!(cache.request(Micros(901), &[1]), 0);
    }

    #[test]
    fn a_sweep_drops_only_the_dead() {
        let mut cache = Lifetimes::new(Micros(10));
        let old: Vec<u64> = (0..60_000).collect();
        let new: Vec<u64> = (60_000..70_000).collect();
        cache.request(Micros(0), &old);
        assert_eq!(cache.request(Micros(11), &new), 0);
        assert_eq!(cache.uses.len(), new.len());
        assert_eq!(cache.request(Micros(12), &new), new.len());
    }

    #[test]
    fn what_is_being_computed_cannot_be_read_yet() {
        let mut cache = Lifetimes::new(Micros(300));
        assert_eq!(cache.request_ready(Micros(0), Micros(50), &[1, 2]), 0);
        assert_eq!(cache.request_ready(Micros(10), Micros(30), &[1, 2]), 0, "computed twice");
        assert!(cache.is_in_flight(Micros(29), 2) && !cache.is_in_flight(Micros(30), 2));
        assert_eq!(cache.peek(Micros(30), &[1, 2]), 2, "the second was faster");
        assert_eq!(cache.request_ready(Micros(40), Micros(90), &[1, 2, 3]), 2);
        assert_eq!(cache.peek(Micros(60), &[1, 2, 3]), 2, "what could be read stays so; the new block is not ready");
        assert_eq!(cache.request_ready(Micros(400), Micros(410), &[1]), 0);
        assert!(cache.is_in_flight(Micros(405), 1), "it died and is computed again");
    }
}
