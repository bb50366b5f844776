//! One small cache, which gives up blocks by a given rule. Who touches it, and what is learned from it, is decided elsewhere.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use super::eviction::Eviction;
use super::mix;

/// Pure look-ups: its order reaches nothing.
type ByBlock<T> = HashMap<u64, T, Xxh3DefaultBuilder>;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    capacity: usize,
    kept: Kept,
}

#[derive(Clone, Debug)]
enum Kept {
    Ranked(Ranked),
    Drawn(Drawn),
}

/// The block of the lowest rank goes, of several the one that was used longest ago.
#[derive(Clone, Debug)]
struct Ranked {
    eviction: Eviction,
    uses: ByBlock<Uses>,
    /// Rank, last use, block: the first goes first.
    order: BTreeSet<(u32, u64, u64)>,
    now: u64,
}

#[derive(Clone, Copy, Debug)]
struct Uses {
    count: u32,
    last: u64,
}

/// Whichever block is drawn goes.
#[derive(Clone, Debug)]
struct Drawn {
    places: ByBlock<usize>,
    blocks: Vec<u64>,
    draws: u64,
}

impl Cache {
    pub(super) fn new(eviction: Eviction, capacity: usize) -> Self {
        let kept = if eviction == Eviction::Random {
            Kept::Drawn(Drawn { places: ByBlock::default(), blocks: Vec::new(), draws: 0 })
        } else {
            let (uses, order) = (ByBlock::default(), BTreeSet::new());
            Kept::Ranked(Ranked { eviction, uses, order, now: 0 })
        };
        Self { capacity: capacity.max(1), kept }
    }

    /// One prompt, root first, of which the engine had `read` leading blocks: how many were there. Then all are used, the last one
    /// first; of more than fit, the first.
    pub(super) fn request(&mut self, blocks: &[u64], read: usize) -> usize {
        let hits = self.peek(blocks);
        for (place, block) in blocks.iter().enumerate().take(self.capacity).rev() {
            self.touch(*block, place < read);
        }
        hits
    }

    /// How many leading blocks are there; uses none.
    pub(super) fn peek(&self, blocks: &[u64]) -> usize {
        match &self.kept {
            Kept::Ranked(ranked) => blocks.iter().take_while(|block| ranked.uses.contains_key(*block)).count(),
            Kept::Drawn(drawn) => blocks.iter().take_while(|block| drawn.places.contains_key(*block)).count(),
        }
    }

    /// The engine did not have the block.
    pub(super) fn lose(&mut self, block: u64) {
        if let Kept::Ranked(ranked) = &mut self.kept
            && let Some(Uses { count, last }) = ranked.uses.remove(&block)
        {
            ranked.order.remove(&(ranked.eviction.rank(count), last, block));
        }
    }

    /// A use of a block, which the engine had before if it `was_read`: then it has been used before, whether that was seen or not.
    pub(super) fn touch(&mut self, block: u64, was_read: bool) {
        match &mut self.kept {
            Kept::Ranked(ranked) => ranked.touch(block, was_read, self.capacity),
            Kept::Drawn(drawn) => drawn.touch(block, self.capacity),
        }
    }

    pub(super) fn save(&self, out: &mut Writer) {
        match &self.kept {
            Kept::Ranked(ranked) => ranked.save(out),
            Kept::Drawn(drawn) => drawn.save(out),
        }
    }

    pub(super) fn restore(reader: &mut Reader<'_>, eviction: Eviction, capacity: usize) -> Option<Self> {
        let mut cache = Self::new(eviction, capacity);
        let count = reader.length()?;
        if count > cache.capacity {
            return None;
        }
        match &mut cache.kept {
            Kept::Ranked(ranked) => ranked.restore(reader, count)?,
            Kept::Drawn(drawn) => drawn.restore(reader, count)?,
        }
        Some(cache)
    }
}

impl Ranked {
    fn touch(&mut self, block: u64, was_read: bool, capacity: usize) {
        self.now = self.now.saturating_add(1);
        let before = self.uses.get(&block).copied();
        match before {
            Some(Uses { count, last }) => {
                self.order.remove(&(self.eviction.rank(count), last, block));
            }
            None if self.uses.len() >= capacity => {
                if let Some((_, _, gone)) = self.order.pop_first() {
                    self.uses.remove(&gone);
                }
            }
            None => {}
        }
        let unseen = if was_read { 1 } else { 0 };
        let count = before.map_or(unseen, |before| before.count).saturating_add(1);
        self.uses.insert(block, Uses { count, last: self.now });
        self.order.insert((self.eviction.rank(count), self.now, block));
    }

    fn save(&self, out: &mut Writer) {
        out.length(self.order.len());
        out.u64(self.now);
        for (_, last, block) in &self.order {
            out.u64(*block);
            out.u64(*last);
            out.u32(self.uses.get(block).map_or(1, |uses| uses.count));
        }
    }

    fn restore(&mut self, reader: &mut Reader<'_>, count: usize) -> Option<()> {
        self.now = reader.u64()?;
        for _ in 0..count {
            let (block, last, count) = (reader.u64()?, reader.u64()?, reader.u32()?);
            let is_known = self.uses.insert(block, Uses { count, last }).is_some();
            if is_known || !self.order.insert((self.eviction.rank(count), last, block)) {
                return None;
            }
        }
        Some(())
    }
}

impl Drawn {
    fn touch(&mut self, block: u64, capacity: usize) {
        if self.places.contains_key(&block) {
            return;
        }
        let place = if self.blocks.len() < capacity {
            self.blocks.push(block);
            self.blocks.len().saturating_sub(1)
        } else {
            self.draws = self.draws.wrapping_add(1);
            let wide = u128::from(mix(self.draws)).saturating_mul(u128::try_from(capacity).unwrap_or_default());
            let place = usize::try_from(wide.wrapping_shr(64)).unwrap_or_default();
            if let Some(gone) = self.blocks.get_mut(place) {
                self.places.remove(gone);
                *gone = block;
            }
            place
        };
        self.places.insert(block, place);
    }

    fn save(&self, out: &mut Writer) {
        out.length(self.blocks.len());
        out.u64(self.draws);
        self.blocks.iter().for_each(|block| out.u64(*block));
    }

    fn restore(&mut self, reader: &mut Reader<'_>, count: usize) -> Option<()> {
        self.draws = reader.u64()?;
        for place in 0..count {
            let block = reader.u64()?;
            self.blocks.push(block);
            if self.places.insert(block, place).is_some() {
                return None;
            }
        }
        Some(())
    }
}
