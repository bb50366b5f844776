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
    used_at: HashMap<u64, Micros, BuildHasherDefault<Mixer>>,
    sweep_at: usize,
}

impl Lifetimes {
    /// An empty cache whose blocks live for `lifetime` after each use.
    pub fn new(lifetime: Micros) -> Self {
        Self { lifetime, used_at: HashMap::default(), sweep_at: SWEEP_FROM }
    }

    /// One request at `now`: counts the leading blocks that live, then uses all of them. Calls must come in order of time.
    pub fn request(&mut self, now: Micros, blocks: &[u64]) -> usize {
        let lives = |used_at: &Micros| now.0.saturating_sub(used_at.0) <= self.lifetime.0;
        let hits = blocks.iter().take_while(|block| self.used_at.get(block).is_some_and(lives)).count();
        for block in blocks {
            self.used_at.insert(*block, now);
        }
        if self.used_at.len() >= self.sweep_at {
            self.used_at.retain(|_, used_at| now.0.saturating_sub(used_at.0) <= self.lifetime.0);
            self.sweep_at = SWEEP_FROM.max(self.used_at.len() * 2);
        }
        hits
    }
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
        assert_eq!(cache.used_at.len(), new.len());
        assert_eq!(cache.request(Micros(12), &new), new.len());
    }
}
