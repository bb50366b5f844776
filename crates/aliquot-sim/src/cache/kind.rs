//! Any of the caches behind one face: a request starts, which looks up, computes and pins, and finishes, which frees. When a
//! block counts as touched is each cache's own rule; time is the caller's.

use std::num::NonZeroU32;

use aliquot_core::time::Micros;

use super::{AtRandom, Lfu, Lifetimes, Lru, OnEvicted, Owner, Path, QUOTAS_MAX, Quotas, Run, Sglang, Tiers, Vllm};

/// Which cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Least recently used, touched at the start.
    Lru,
    /// Reference counts and a free queue: pinned while it runs, touched when freed. All blocks of its capacity can be used:
    /// the one that the engine keeps for itself is not counted.
    Vllm,
    /// A radix tree whose unpinned leaves go as a whole: pinned while it runs, used when freed.
    Sglang,
    /// Least frequently used, touched at the start.
    Lfu,
    /// Random replacement.
    AtRandom {
        /// Chooses what goes.
        seed: u64,
    },
    /// A GPU of the cache's capacity and a host behind it, by one order of recency, touched at the start.
    Tiers {
        /// What the host holds.
        host_blocks: u32,
    },
    /// Least recently used with a quota in blocks for each owner; `u32::MAX` = none. Touched at the start.
    Quotas {
        /// By number of the owner.
        quotas: [u32; QUOTAS_MAX],
    },
    /// No capacity: a block lives for a time from the start of each use, and can be read once a request that computes it has
    /// begun to answer.
    Ttl {
        /// The time.
        lifetime: Micros,
    },
}

impl Kind {
    /// Whether running requests pin their blocks, and touch them when they end.
    pub const fn touches_when_freed(self) -> bool {
        matches!(self, Self::Vllm | Self::Sglang)
    }
}

/// A request that starts.
#[derive(Clone, Copy, Debug)]
pub struct Call<'b> {
    /// Now. Calls come in order of it.
    pub at: Micros,
    /// When its answer will begin.
    pub ready: Micros,
    /// Whose it is.
    pub owner: Owner,
    /// Its prompt, root first; each number names the whole prefix up to its block.
    pub blocks: &'b [u64],
}

/// What was found of a prompt, in blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Leading blocks that were there, in any tier.
    pub hits: usize,
    /// Leading blocks that were in the first tier; without a second one, all hits.
    pub fast_hits: usize,
}

/// What a running request holds. It must come back by [`Cache::finish`].
#[must_use = "its blocks stay pinned until it is finished"]
#[derive(Debug)]
pub struct Hold {
    /// How often the cache had been restarted: what was held before is gone.
    restarts: u32,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Blocks(Run),
    Path(Path),
}

/// A cache of some kind.
#[derive(Debug)]
pub struct Cache {
    kind: Kind,
    capacity_blocks: NonZeroU32,
    restarts: u32,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    Lru(Lru),
    Vllm(Vllm),
    Sglang(Sglang),
    Lfu(Lfu),
    AtRandom(AtRandom),
    Tiers(Tiers),
    Quotas(Box<Quotas>),
    Ttl(Lifetimes),
}

impl Cache {
    /// An empty cache.
    pub fn new(kind: Kind, capacity_blocks: NonZeroU32) -> Self {
        Self { kind, capacity_blocks, restarts: 0, inside: Inside::new(kind, capacity_blocks) }
    }

    /// Empties it, as a restart of the engine does: running requests hold nothing any more.
    pub fn restart(&mut self) {
        self.restarts += 1;
        self.inside = Inside::new(self.kind, self.capacity_blocks);
    }

    /// What a request would find at `at`; touches nothing.
    pub fn peek(&self, at: Micros, blocks: &[u64]) -> Found {
        let hits = match &self.inside {
            Inside::Lru(cache) => cache.peek(blocks),
            Inside::Vllm(cache) => cache.peek(blocks),
            Inside::Sglang(cache) => cache.peek(blocks),
            Inside::Lfu(cache) => cache.peek(blocks),
            Inside::AtRandom(cache) => cache.peek(blocks),
            Inside::Quotas(cache) => cache.peek(blocks),
            Inside::Ttl(cache) => cache.peek(at, blocks),
            Inside::Tiers(cache) => {
                let (fast_hits, hits) = cache.peek(blocks);
                return Found { hits, fast_hits };
            }
        };
        Found { hits, fast_hits: hits }
    }

    /// Whether another request is computing the block, so that it will be there but is not yet.
    pub fn is_in_flight(&self, at: Micros, block: u64) -> bool {
        matches!(&self.inside, Inside::Ttl(cache) if cache.is_in_flight(at, block))
    }

    /// Starts a request. `None` = running requests pin too much: it cannot run now, and nothing of it is kept.
    pub fn start(&mut self, call: &Call<'_>, on_evicted: OnEvicted<'_>) -> Option<(Found, Hold)> {
        let Call { at, ready, owner, blocks } = *call;
        let (hits, held) = match &mut self.inside {
            Inside::Lru(cache) => (cache.request_watched(blocks, owner, on_evicted).hits, Held::Nothing),
            Inside::Vllm(cache) => {
                let (outcome, run) = cache.begin_watched(blocks, usize::MAX, 0, owner, on_evicted)?;
                (outcome.hits, Held::Blocks(run))
            }
            Inside::Sglang(cache) => {
                let (hits, path) = cache.begin(blocks, owner, on_evicted)?;
                (hits, Held::Path(path))
            }
            Inside::Lfu(cache) => (cache.request(blocks, owner, on_evicted), Held::Nothing),
            Inside::AtRandom(cache) => (cache.request(blocks, owner, on_evicted), Held::Nothing),
            Inside::Quotas(cache) => (cache.request(blocks, owner, on_evicted), Held::Nothing),
            Inside::Ttl(cache) => (cache.request_ready(at, ready, blocks), Held::Nothing),
            Inside::Tiers(cache) => {
                let (fast_hits, hits) = cache.request(blocks, owner, on_evicted);
                return Some((Found { hits, fast_hits }, Hold { restarts: self.restarts, held: Held::Nothing }));
            }
        };
        Some((Found { hits, fast_hits: hits }, Hold { restarts: self.restarts, held }))
    }

    /// Ends a request.
    pub fn finish(&mut self, hold: Hold) {
        if hold.restarts != self.restarts {
            return;
        }
        match (&mut self.inside, hold.held) {
            (Inside::Vllm(cache), Held::Blocks(run)) => cache.finish(run),
            (Inside::Sglang(cache), Held::Path(path)) => cache.finish(path),
            _ => {}
        }
    }
}

impl Inside {
    fn new(kind: Kind, capacity_blocks: NonZeroU32) -> Self {
        let capacity = capacity_blocks.get() as usize;
        match kind {
            Kind::Lru => Self::Lru(Lru::new(Some(capacity_blocks))),
            Kind::Vllm => Self::Vllm(Vllm::new(Some(capacity_blocks.saturating_add(1)))),
            Kind::Sglang => Self::Sglang(Sglang::new(capacity)),
            Kind::Lfu => Self::Lfu(Lfu::new(capacity)),
            Kind::AtRandom { seed } => Self::AtRandom(AtRandom::new(capacity, seed)),
            Kind::Tiers { host_blocks } => Self::Tiers(Tiers::new(capacity, host_blocks as usize)),
            Kind::Quotas { quotas } => Self::Quotas(Box::new(Quotas::new(capacity, quotas))),
            Kind::Ttl { lifetime } => Self::Ttl(Lifetimes::new(lifetime)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 8] = [
        Kind::Lru,
        Kind::Vllm,
        Kind::Sglang,
        Kind::Lfu,
        Kind::AtRandom { seed: 1 },
        Kind::Tiers { host_blocks: 2 },
        Kind::Quotas { quotas: [u32::MAX; QUOTAS_MAX] },
        Kind::Ttl { lifetime: Micros(100) },
    ];

    fn start(cache: &mut Cache, at: i64, blocks: &[u64]) -> Option<(Found, Hold)> {
        cache.start(&Call { at: Micros(at), ready: Micros(at), owner: 0, blocks }, &mut |_| {})
    }

    #[test]
    fn every_kind_finds_what_it_has_seen_and_forgets_it_when_restarted() {
        for kind in KINDS {
            let mut cache = Cache::new(kind, NonZeroU32::new(4).unwrap());
            let (_, hold) = start(&mut cache, 0, &[1, 2]).unwrap();
            let found = Found { hits: 2, fast_hits: 2 };
            assert_eq!(cache.peek(Micros(1), &[1, 2, 3]), found, "{kind:?}");
            assert_eq!(
                start(&mut cache, 1, &[1, 2]).map(|(found, hold)| (found, cache.finish(hold))),
                Some((found, ()))
            );
            cache.restart();
            assert_eq!(cache.peek(Micros(2), &[1, 2]), Found::default(), "{kind:?}");
            cache.finish(hold);
            let again = start(&mut cache, 3, &[1, 2, 3, 4]).map(|(found, _)| found);
            assert_eq!(again, Some(Found::default()), "{kind:?}: what was held before the restart pins nothing");
        }
    }

    #[test]
    fn the_kinds_that_pin_are_those_that_touch_when_freed() {
        for kind in KINDS {
            let mut cache = Cache::new(kind, NonZeroU32::new(4).unwrap());
            let _held = start(&mut cache, 0, &[1, 2, 3, 4]);
            let refuses = start(&mut cache, 1, &[9]).is_none();
            assert_eq!(refuses, kind.touches_when_freed(), "{kind:?}");
        }
    }

    #[test]
    fn a_second_tier_is_a_slower_hit() {
        let mut cache = Cache::new(Kind::Tiers { host_blocks: 2 }, NonZeroU32::new(2).unwrap());
        for block in [1, 2, 3] {
            start(&mut cache, 0, &[block]);
        }
        assert_eq!(cache.peek(Micros(0), &[3, 1]), Found { hits: 2, fast_hits: 1 });
    }
}
