//! A provider's cache that other organisations fill, too, and whose size nobody tells: whether what is not used is dropped after a
//! time or pushed out, and in the latter case how fast those whom we do not see fill it (attribution 2). Blames nobody.
//!
//! Three scores of a re-use are held against whether it was read, each with the threshold that separates best: the time since, the
//! blocks of ours since, and both, the time at some rate. Which one separates best, and beyond chance, says what the limit is.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

/// Re-uses that are remembered, of those that were read and of those that were not, the latest: 32 KiB.
const KIND_MAX: usize = 1_024;

/// Re-uses after which the limit is sought anew: all of them are sorted thirty times for it.
const SEEN_PER_SEARCH: u32 = 256;

/// Re-uses of either kind without which nothing is said.
const KIND_MIN: usize = 64;

/// Ticks in which a rate is counted: about a minute.
pub const RATE_TICKS: u64 = 1_024;

/// Of rates, every doubling is tried, and then so many steps around the best.
const RATE_BITS: u32 = 20;
const RATE_STEPS: u64 = 12;

/// A limit explains what was read if at most one of so many re-uses is on its wrong side.
const UNEXPLAINED: u64 = 20;

/// A block that was used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reuse {
    /// Distinct blocks of ours since its last use.
    pub distance: u64,
    /// Ticks since.
    pub idle: u32,
    /// Whether it was read.
    pub was_read: bool,
}

/// What makes a block go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Not being used for so many ticks.
    Lifetime {
        /// Ticks.
        ticks: u64,
    },
    /// So many blocks of ours and of others since.
    Capacity {
        /// Blocks.
        blocks: u64,
        /// Blocks of others in [`RATE_TICKS`].
        rate: u64,
        /// How far off those re-uses are that it does not explain, in blocks.
        sigma: u64,
    },
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Background {
    read: Ring,
    missed: Ring,
    unasked: u32,
    /// The least distance and the least time of those that were missed, when the limit was last sought.
    floor: Floor,
    limit: Option<Limit>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Floor {
    distance: u64,
    idle: u32,
}

/// The latest of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ring {
    seen: Vec<Reuse>,
    /// Where the next one is written.
    next: usize,
}

impl Ring {
    fn push(&mut self, reuse: Reuse) {
        match self.seen.get_mut(self.next) {
            Some(oldest) => *oldest = reuse,
            None => self.seen.push(reuse),
        }
        self.next = self.next.saturating_add(1);
        if self.next >= KIND_MAX {
            self.next = 0;
        }
    }

    fn youngest(&self) -> Floor {
        let distance = self.seen.iter().map(|reuse| reuse.distance).min().unwrap_or_default();
        Floor { distance, idle: self.seen.iter().map(|reuse| reuse.idle).min().unwrap_or_default() }
    }

    fn save(&self, out: &mut Writer) {
        out.length(self.seen.len());
        out.length(self.next);
        for reuse in &self.seen {
            out.u64(reuse.distance);
            out.u32(reuse.idle);
        }
    }

    fn restore(reader: &mut Reader<'_>, was_read: bool) -> Option<Self> {
        let (count, next) = (reader.length()?, reader.length()?);
        if count > KIND_MAX || next > count {
            return None;
        }
        let mut seen = Vec::with_capacity(count);
        for _ in 0..count {
            seen.push(Reuse { distance: reader.u64()?, idle: reader.u32()?, was_read });
        }
        Some(Self { seen, next })
    }
}

/// A threshold, and what it leaves on its wrong side.
#[derive(Clone, Copy, Debug)]
struct Separation {
    threshold: u64,
    wrong: u64,
}

impl Background {
    /// Takes in a re-use; answers whether the limit was sought anew.
    pub fn observe(&mut self, reuse: Reuse) -> bool {
        // A read that is younger by far than all that was missed says nothing, and would take the place of one that does.
        let Self { floor, .. } = *self;
        let is_young = reuse.distance < floor.distance / 2 && reuse.idle < floor.idle / 2;
        if reuse.was_read && is_young {
            return false;
        }
        let ring = if reuse.was_read { &mut self.read } else { &mut self.missed };
        ring.push(reuse);
        self.unasked = self.unasked.saturating_add(1);
        if self.unasked < SEEN_PER_SEARCH {
            return false;
        }
        self.unasked = 0;
        self.floor = self.missed.youngest();
        self.limit = self.search();
        true
    }

    fn seen(&self) -> impl Iterator<Item = &Reuse> {
        self.read.seen.iter().chain(&self.missed.seen)
    }

    /// What makes a block go; `None` = it is not known, or cannot be told.
    pub const fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// What explains best what was read, beyond chance; or else what did before, if nothing does so better.
    fn search(&self) -> Option<Limit> {
        if self.read.seen.len() < KIND_MIN || self.missed.seen.len() < KIND_MIN {
            return None;
        }
        let by_time = self.separate(|reuse| u64::from(reuse.idle));
        let by_ours = self.separate(|reuse| reuse.distance);
        let (rate, by_both) = self.best_rate(by_ours);
        let count = u64::try_from(self.seen().count()).unwrap_or(u64::MAX);
        let is_explained = |found: Separation| found.wrong.saturating_mul(UNEXPLAINED) <= count;
        // Ours alone may separate as well because all load is steady: then what is theirs would be taken for ours.
        let is_seen = is_better(by_both, by_time) && is_better(by_both, by_ours);
        if is_seen && is_explained(by_both) {
            let (blocks, sigma) = (by_both.threshold, self.sigma(rate, by_both.threshold));
            return Some(Limit::Capacity { blocks, rate, sigma });
        }
        // Time is both at an endless rate: unless it is the best of all rates, others push blocks out, or time and blocks go together.
        if is_explained(by_time) && is_better(by_time, by_ours) && by_time.wrong <= by_both.wrong {
            return Some(Limit::Lifetime { ticks: by_time.threshold });
        }
        self.limit.filter(|limit| !is_better(by_both, self.under(*limit)))
    }

    /// What a limit leaves on its wrong side.
    fn under(&self, limit: Limit) -> Separation {
        let (threshold, rate) = match limit {
            Limit::Lifetime { ticks } => (ticks, None),
            Limit::Capacity { blocks, rate, .. } => (blocks, Some(rate)),
        };
        let score = |reuse: &Reuse| {
            rate.map_or(u64::from(reuse.idle), |rate| foreign(reuse.idle, rate).saturating_add(reuse.distance))
        };
        let wrong = self.seen().filter(|reuse| (score(reuse) >= threshold) == reuse.was_read).count();
        Separation { threshold, wrong: u64::try_from(wrong).unwrap_or(u64::MAX) }
    }

    fn best_rate(&self, without: Separation) -> (u64, Separation) {
        let mut best = (0, without);
        let mut attempt = |rate: u64| {
            let found = self.separate(|reuse| foreign(reuse.idle, rate).saturating_add(reuse.distance));
            if found.wrong < best.1.wrong {
                best = (rate, found);
            }
            best.0
        };
        let mut coarse = 0;
        for bits in 0..RATE_BITS {
            coarse = attempt(1_u64.wrapping_shl(bits));
        }
        for step in 1..RATE_STEPS {
            // From half of it to twice as much.
            attempt((coarse / 2).saturating_add(coarse.saturating_mul(step).saturating_mul(3) / 2 / RATE_STEPS));
        }
        best
    }

    /// The threshold from which on re-uses are best taken for misses; in the middle of its neighbours.
    fn separate(&self, score: impl Fn(&Reuse) -> u64) -> Separation {
        let mut scores: Vec<(u64, bool)> = self.seen().map(|reuse| (score(reuse), reuse.was_read)).collect();
        scores.sort_unstable();
        let mut wrong = u64::try_from(scores.iter().filter(|(_, was_read)| *was_read).count()).unwrap_or_default();
        let mut best = Separation { threshold: 0, wrong };
        let followers = scores.iter().skip(1).map(|(score, _)| Some(*score)).chain([None]);
        for ((score, was_read), next) in scores.iter().zip(followers) {
            wrong = if *was_read { wrong.saturating_sub(1) } else { wrong.saturating_add(1) };
            if wrong < best.wrong && next != Some(*score) {
                let next = next.unwrap_or(score.saturating_add(1));
                best = Separation { threshold: score.midpoint(next).max(score.saturating_add(1)), wrong };
            }
        }
        best
    }

    fn sigma(&self, rate: u64, threshold: u64) -> u64 {
        let scored =
            self.seen().map(|reuse| (foreign(reuse.idle, rate).saturating_add(reuse.distance), reuse.was_read));
        let wrong: Vec<u128> = scored
            .filter(|(score, was_read)| (*score >= threshold) == *was_read)
            .map(|(score, _)| u128::from(score.abs_diff(threshold)))
            .collect();
        let squares = wrong.iter().fold(0_u128, |sum, off| sum.saturating_add(off.saturating_mul(*off)));
        let mean = squares.checked_div(u128::try_from(wrong.len()).unwrap_or(1)).unwrap_or_default();
        u64::try_from(mean.isqrt()).unwrap_or(u64::MAX).max(threshold / 100)
    }

    /// Appends it to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        self.read.save(out);
        self.missed.save(out);
        out.u32(self.unasked);
        out.u64(self.floor.distance);
        out.u32(self.floor.idle);
        let (kind, blocks, rate, sigma) = match self.limit {
            None => (0, 0, 0, 0),
            Some(Limit::Lifetime { ticks }) => (1, ticks, 0, 0),
            Some(Limit::Capacity { blocks, rate, sigma }) => (2, blocks, rate, sigma),
        };
        out.u8(kind);
        [blocks, rate, sigma].into_iter().for_each(|number| out.u64(number));
    }

    /// Reads what [`Background::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let (read, missed) = (Ring::restore(reader, true)?, Ring::restore(reader, false)?);
        let unasked = reader.u32()?;
        let floor = Floor { distance: reader.u64()?, idle: reader.u32()? };
        let (kind, blocks, rate, sigma) = (reader.u8()?, reader.u64()?, reader.u64()?, reader.u64()?);
        let limit = match kind {
            0 => None,
            1 => Some(Limit::Lifetime { ticks: blocks }),
            2 => Some(Limit::Capacity { blocks, rate, sigma }),
            _ => return None,
        };
        Some(Self { read, missed, unasked, floor, limit })
    }
}

/// Blocks of others in so many ticks.
pub fn foreign(idle: u32, rate: u64) -> u64 {
    u64::from(idle).saturating_mul(rate) / RATE_TICKS
}

/// Whether it leaves less on its wrong side, by more than two standard errors.
fn is_better(one: Separation, other: Separation) -> bool {
    let chance = one.wrong.saturating_add(other.wrong).isqrt().saturating_mul(2);
    one.wrong.saturating_add(chance) < other.wrong
}
