//! Blocks that a request read though nobody who has ended had brought them: a request that still runs has. When that one ends, it
//! is judged by what was known before, which is kept here until then. Decides no cause.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use super::entry::Entry;
use crate::recency::Stamp;
use crate::sharers::{LastUse, Sharers};
use crate::tick::Tick;

/// Blocks that are kept at a time: what requests bring that run at once. Past it, the half that was read longest ago is dropped.
const BLOCKS_MAX: usize = 1 << 16;

/// What was known of a block before somebody read it who cannot have brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Before {
    /// `None` = nothing.
    pub(super) entry: Option<Entry>,
    /// Who had used it, if it was shared.
    pub(super) users: Vec<LastUse>,
    /// When the request began that read it.
    at: Tick,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlaps {
    // Only asked, and sorted where its order could be seen.
    blocks: HashMap<u64, Before, Xxh3DefaultBuilder>,
}

impl Overlaps {
    /// Keeps what is known of a block that is read by a request that began at `at`, unless something older is kept.
    pub(super) fn keep(&mut self, hash: u64, entry: Option<Entry>, sharers: &Sharers, at: Tick) {
        if self.blocks.len() >= BLOCKS_MAX {
            self.forget_half();
        }
        self.blocks.entry(hash).or_insert_with(|| Before { entry, users: sharers.users(hash).to_vec(), at });
    }

    /// What was known of a block when a request began, if the block was only brought since.
    pub(super) fn before(&self, hash: u64, start: Tick) -> Option<&Before> {
        self.blocks.get(&hash).filter(|before| before.at >= start)
    }

    /// The request has ended that began then and brought the block.
    pub(super) fn arrived(&mut self, hash: u64, start: Tick) {
        if self.before(hash, start).is_some() {
            self.blocks.remove(&hash);
        }
    }

    fn forget_half(&mut self) {
        let mut times: Vec<(Tick, u64)> = self.blocks.iter().map(|(hash, before)| (before.at, *hash)).collect();
        times.sort_unstable();
        for (_, hash) in times.iter().take(BLOCKS_MAX >> 1) {
            self.blocks.remove(hash);
        }
    }

    /// The moments that are remembered.
    pub(super) fn moments(&self) -> impl Iterator<Item = Stamp> {
        let of_block = |before: &Before| before.entry.map(|entry| entry.stamp);
        self.blocks.values().flat_map(move |before| before.users.iter().map(|user| user.stamp).chain(of_block(before)))
    }

    /// Gives all moments new stamps.
    pub(super) fn renumber(&mut self, new: impl Fn(Stamp) -> Stamp) {
        for before in self.blocks.values_mut() {
            before.users.iter_mut().for_each(|user| user.stamp = new(user.stamp));
            before.entry.iter_mut().for_each(|entry| entry.stamp = new(entry.stamp));
        }
    }

    /// Appends them to a state's bytes.
    pub(super) fn save(&self, out: &mut Writer) {
        let mut blocks: Vec<_> = self.blocks.iter().collect();
        blocks.sort_unstable_by_key(|(hash, _)| **hash);
        out.length(blocks.len());
        for (hash, before) in blocks {
            out.u64(*hash);
            out.u32(before.at.0);
            out.u8(u8::from(before.entry.is_some()));
            before.entry.iter().for_each(|entry| entry.save(out));
            out.length(before.users.len());
            before.users.iter().for_each(|user| user.save(out));
        }
    }

    /// Reads what [`Overlaps::save`] wrote; `None` if it did not.
    pub(super) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let mut overlaps = Self::default();
        for _ in 0..reader.length()? {
            let (hash, at) = (reader.u64()?, Tick(reader.u32()?));
            let entry = if reader.u8()? == 1 { Some(Entry::restore(reader)?) } else { None };
            let mut users = Vec::new();
            for _ in 0..reader.length()? {
                users.push(LastUse::restore(reader)?);
            }
            if overlaps.blocks.insert(hash, Before { entry, users, at }).is_some() {
                return None;
            }
        }
        Some(overlaps)
    }
}
