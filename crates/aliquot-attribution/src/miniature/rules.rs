//! Which rule a cache evicts by, when nobody says: each that can be foretold is simulated on all traffic, and held against what was
//! read. If none explains it, it is chance.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

use super::cache::Cache;
use super::eviction::Eviction;

/// Blocks after which older ones count half.
const JUDGED_MAX: u64 = 1 << 14;

/// Blocks without which nothing is said.
const JUDGED_MIN: u64 = 1 << 10;

/// A rule explains a cache if it foretells four of five blocks. Of a cache that goes by uses, it is wrong about one in five while it
/// learns what was used before it began, and about one in ten later; of one that evicts at random, about one in three.
const UNEXPLAINED: u64 = 5;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    tried: Vec<Tried>,
    judged: u64,
}

#[derive(Clone, Debug)]
struct Tried {
    eviction: Eviction,
    cache: Cache,
    wrong: u64,
}

impl Rules {
    pub(super) fn new(capacity: usize) -> Self {
        let tried = |eviction| Tried { eviction, cache: Cache::new(eviction, capacity), wrong: 0 };
        Self { tried: Eviction::ORDERED.map(tried).into(), judged: 0 }
    }

    /// A block that was there before anything is judged.
    pub(super) fn touch(&mut self, block: u64) {
        self.tried.iter_mut().for_each(|tried| tried.cache.touch(block, false));
    }

    /// A prompt, of whose `known` leading blocks `read` were read.
    pub(super) fn request(&mut self, blocks: &[u64], known: usize, read: usize) {
        for tried in &mut self.tried {
            let foretold = tried.cache.peek(blocks);
            // What the engine did not have, this one has no longer either: else each error would make others.
            blocks.get(read).into_iter().for_each(|lost| tried.cache.lose(*lost));
            tried.cache.request(blocks, read);
            let wrong = foretold.min(known).abs_diff(read.min(known));
            tried.wrong = tried.wrong.saturating_add(u64::try_from(wrong).unwrap_or_default());
        }
        self.judged = self.judged.saturating_add(u64::try_from(known).unwrap_or_default());
        if self.judged >= JUDGED_MAX {
            self.judged /= 2;
            self.tried.iter_mut().for_each(|tried| tried.wrong /= 2);
        }
    }

    /// The rule that explains what was read; `None` = too little was seen.
    pub(super) fn explains(&self) -> Option<Eviction> {
        let best = self.tried.iter().min_by_key(|tried| tried.wrong)?;
        let is_explained = best.wrong.saturating_mul(UNEXPLAINED) < self.judged;
        (self.judged >= JUDGED_MIN).then_some(if is_explained { best.eviction } else { Eviction::Random })
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.u64(self.judged);
        for tried in &self.tried {
            out.u64(tried.wrong);
            tried.cache.save(out);
        }
    }

    pub(super) fn restore(reader: &mut Reader<'_>, capacity: usize) -> Option<Self> {
        let mut rules = Self::new(capacity);
        rules.judged = reader.u64()?;
        for tried in &mut rules.tried {
            tried.wrong = reader.u64()?;
            tried.cache = Cache::restore(reader, tried.eviction, capacity)?;
        }
        Some(rules)
    }
}
