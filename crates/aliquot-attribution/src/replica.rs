//! One engine's cache as a list of blocks by last use: what was seen, by whom, when, and what was used since. It knows no
//! requests, causes or money.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use hashbrown::HashTable;

use crate::miniature::Remembered;
use crate::recency::{Recency, Resolution, Stamp};
use crate::sharers::{LastUse, Sharers};
use crate::tenants::Tenant;
use crate::tick::Tick;

mod entry;
mod overlaps;

pub(crate) use entry::IN_USE;
pub use entry::Seen;
use entry::{DOUBTFUL, Entry, PINS, REMOVED, RESET, SHARED, hold};
use overlaps::Overlaps;

/// One use of a block.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// Who.
    pub tenant: Tenant,
    /// When it began.
    pub at: Tick,
    /// When the block could be read by others, if this use computed it.
    pub computed: Option<Tick>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Replica {
    blocks: HashTable<Entry>,
    recency: Recency,
    /// Blocks in use, by tenant.
    pinned: Vec<u64>,
    sharers: Sharers,
    overlaps: Overlaps,
}

impl Replica {
    /// Nothing seen yet.
    pub fn new(resolution: Resolution) -> Self {
        let recency = Recency::new(resolution);
        Self {
            blocks: HashTable::new(),
            recency,
            pinned: Vec::new(),
            sharers: Sharers::default(),
            overlaps: Overlaps::default(),
        }
    }

    /// Fits what is remembered to a cache of so many blocks.
    pub fn set_capacity(&mut self, capacity: u64) {
        self.recency.set_capacity(capacity);
    }

    /// How finely last uses are told apart.
    pub const fn resolution(&self) -> Resolution {
        self.recency.resolution()
    }

    /// The moment for which blocks last used at `stamp` and about then are weighed, all at once.
    pub fn together(&self, stamp: Stamp) -> Stamp {
        if stamp == IN_USE { stamp } else { self.recency.together(stamp) }
    }

    /// By how many blocks a distance may be off.
    pub fn uncertainty(&self) -> u64 {
        self.recency.uncertainty()
    }

    /// Blocks that are remembered.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Who used which shared block when.
    pub const fn sharers(&self) -> &Sharers {
        &self.sharers
    }

    fn entry(&self, hash: u64) -> Option<&Entry> {
        self.blocks.find(mixed(hash), |entry| entry.hash == hash)
    }

    /// What is known about a block; `None` = never seen, or too long ago.
    pub fn seen(&self, hash: u64) -> Option<Seen> {
        self.entry(hash).map(Entry::seen)
    }

    /// What was known about a block by whoever began at `start` and missed it, and so brought it to those that read it since.
    pub fn seen_before(&self, hash: u64, start: Tick) -> Option<Seen> {
        match self.overlaps.before(hash, start) {
            Some(before) => before.entry.as_ref().map(Entry::seen),
            None => self.seen(hash),
        }
    }

    /// For each tenant, the distinct blocks that are remembered as its.
    pub fn used(&self) -> Vec<u64> {
        let mut counts: Vec<u64> = Vec::new();
        for entry in &self.blocks {
            let place = entry.owner.place();
            if place >= counts.len() {
                counts.resize(place.saturating_add(1), 0);
            }
            counts.iter_mut().skip(place).take(1).for_each(|count| *count = count.saturating_add(1));
        }
        counts
    }

    /// The blocks that are remembered and may be in the cache, the one used longest ago first.
    pub fn remembered(&self) -> Vec<Remembered> {
        let kept = self.blocks.iter().filter(|entry| entry.state & RESET == 0);
        let mut entries: Vec<&Entry> = kept.collect();
        entries.sort_unstable_by_key(|entry| (entry.stamp, entry.hash));
        let users = |entry: &Entry| {
            let shared = self.users(entry.hash).iter().map(|user| user.tenant);
            core::iter::once(entry.owner).chain(shared).collect()
        };
        entries.into_iter().map(|entry| Remembered { hash: entry.hash, users: users(entry) }).collect()
    }

    /// Whether the tenant is remembered to have used a block since the cache was last emptied.
    pub fn was_used_by(&self, hash: u64, tenant: Tenant) -> bool {
        let entry = self.entry(hash).filter(|entry| entry.state & RESET == 0);
        entry.is_some_and(|entry| entry.owner == tenant || self.users(hash).iter().any(|user| user.tenant == tenant))
    }

    /// Each tenant's last use of a shared block, the latest last; nothing if it is not followed.
    pub fn users(&self, hash: u64) -> &[LastUse] {
        self.sharers.users(hash)
    }

    /// The same for whoever began at `start` and missed it.
    pub fn users_before(&self, hash: u64, start: Tick) -> &[LastUse] {
        self.overlaps.before(hash, start).map_or_else(|| self.users(hash), |before| &before.users)
    }

    /// Records that a block was read by a request that began at `at`, before it is touched: if nobody who has ended had brought
    /// it, or if it is too old for a cache of `capacity` blocks, a request that still runs has. Answers whether that is so.
    pub fn read(&mut self, hash: u64, at: Tick, capacity: Option<u64>) -> bool {
        let entry = self.entry(hash).copied();
        let is_there = entry.is_some_and(|entry| {
            let is_young = |capacity| entry.stamp != IN_USE && self.total_since(entry.stamp) < capacity;
            entry.state & PINS > 0 || capacity.map_or(entry.state & RESET == 0, is_young)
        });
        if !is_there {
            self.overlaps.keep(hash, entry, &self.sharers, at);
        }
        !is_there
    }

    /// For each tenant, the distinct blocks used since `stamp`, those in use included.
    pub fn since(&self, stamp: Stamp, counts: &mut [u64]) {
        self.recency.since(stamp, counts);
        for (count, pinned) in counts.iter_mut().zip(&self.pinned) {
            *count = count.saturating_add(*pinned);
        }
    }

    /// The distinct blocks of all tenants used since `stamp`, those in use included.
    pub fn total_since(&self, stamp: Stamp) -> u64 {
        self.pinned.iter().fold(self.recency.total_since(stamp), |sum, pinned| sum.saturating_add(*pinned))
    }

    /// A moment after all uses so far and before all to come.
    pub fn moment(&mut self) -> Stamp {
        if self.recency.is_full() {
            self.renumber();
        }
        self.recency.pass(Tenant(0))
    }

    /// Records that a request is done with a block. Call it from the last block of a prompt to the first, so that the first is
    /// the most recent: no engine evicts a prefix before what continues it.
    pub fn touch(&mut self, hash: u64, one: Use) {
        if self.recency.is_full() {
            self.renumber();
        }
        let Self { blocks, recency, sharers, overlaps, .. } = self;
        if one.computed.is_some() {
            overlaps.arrived(hash, one.at);
        }
        let found = blocks.find_mut(mixed(hash), |entry| entry.hash == hash);
        let Some(entry) = found else {
            let stamp = recency.touch(None, one.tenant);
            let born = one.computed.unwrap_or(one.at);
            let entry = Entry { hash, stamp, used: one.at, born, owner: one.tenant, state: 0 };
            blocks.insert_unique(mixed(hash), entry, |entry| mixed(entry.hash));
            return;
        };
        if entry.state & PINS > 0 {
            // It stays as recent as can be, whoever else is done with it.
            return;
        }
        let old = (entry.stamp != IN_USE).then_some((entry.stamp, entry.owner));
        let stamp = recency.touch(old, one.tenant);
        if let Some(user) = entry.sharing(sharers, one.tenant) {
            user.stamp = stamp;
            user.used = one.at.max(user.used);
        }
        entry.stamp = stamp;
        entry.owner = one.tenant;
        entry.used = one.at.max(entry.used);
        entry.born = one.computed.unwrap_or(entry.born);
        entry.state &= SHARED;
    }

    /// Records that a request begins to hold a block. Each such call must be followed by one [`Replica::unpin`].
    pub fn pin(&mut self, hash: u64, one: Use) {
        let Self { blocks, recency, pinned, sharers, .. } = self;
        let Some(entry) = blocks.find_mut(mixed(hash), |entry| entry.hash == hash) else {
            let (used, born) = (one.at, one.computed.unwrap_or(one.at));
            let entry = Entry { hash, stamp: IN_USE, used, born, owner: one.tenant, state: 1 };
            blocks.insert_unique(mixed(hash), entry, |entry| mixed(entry.hash));
            return hold(pinned, one.tenant, 1);
        };
        if let Some(user) = entry.sharing(sharers, one.tenant) {
            user.pins = user.pins.saturating_add(1);
            user.used = one.at.max(user.used);
        }
        if entry.state & PINS > 0 {
            entry.state = entry.state.saturating_add(1);
            return entry.occupy(sharers, pinned);
        }
        if entry.stamp != IN_USE {
            recency.forget(entry.stamp, entry.owner);
        }
        entry.stamp = IN_USE;
        entry.state = (entry.state & SHARED) | 1;
        entry.owner = one.tenant;
        entry.born = one.computed.unwrap_or(entry.born);
        hold(pinned, one.tenant, 1);
    }

    /// Records that a request no longer holds a block, and was its last user if nobody else holds it.
    pub fn unpin(&mut self, hash: u64, one: Use) {
        if self.recency.is_full() {
            self.renumber();
        }
        let Self { blocks, recency, pinned, sharers, .. } = self;
        let Some(entry) = blocks.find_mut(mixed(hash), |entry| entry.hash == hash) else { return };
        if entry.state & PINS == 0 {
            return;
        }
        entry.state = entry.state.saturating_sub(1);
        let is_free = entry.state & PINS == 0;
        if let Some(user) = entry.sharing(sharers, one.tenant) {
            user.pins = user.pins.saturating_sub(1);
            if user.pins == 0 && !is_free {
                user.stamp = recency.pass(one.tenant);
            }
        }
        if is_free {
            hold(pinned, entry.owner, -1);
            return self.touch(hash, one);
        }
        entry.occupy(sharers, pinned);
    }

    /// The cache was emptied.
    pub fn reset(&mut self) {
        let Self { blocks, recency, sharers, .. } = self;
        *sharers = Sharers::default();
        for entry in blocks.iter_mut() {
            entry.state &= !SHARED;
        }
        for entry in blocks.iter_mut().filter(|entry| entry.state & PINS == 0) {
            if entry.stamp != IN_USE {
                recency.forget(entry.stamp, entry.owner);
            }
            entry.stamp = IN_USE;
            entry.state |= RESET;
        }
    }

    /// Events were lost: who used what since is not known any more.
    pub fn doubt(&mut self) {
        self.blocks.iter_mut().for_each(|entry| entry.state |= DOUBTFUL);
    }

    /// The engine says that it removed a block.
    pub fn removed(&mut self, hash: u64) {
        if let Some(entry) = self.blocks.find_mut(mixed(hash), |entry| entry.hash == hash) {
            entry.state |= REMOVED;
        }
    }

    /// The engine says that it stored a block.
    pub fn stored(&mut self, hash: u64) {
        if let Some(entry) = self.blocks.find_mut(mixed(hash), |entry| entry.hash == hash) {
            entry.state &= !REMOVED;
        }
    }

    fn renumber(&mut self) {
        let Self { blocks, recency, sharers, overlaps, .. } = self;
        let uses = blocks.iter().map(|entry| (entry.stamp, Some(entry.owner)));
        let moments = sharers.moments().chain(overlaps.moments()).map(|stamp| (stamp, None));
        let new = recency.renumber(uses.chain(moments).filter(|(stamp, _)| *stamp != IN_USE));
        blocks.retain(|entry| {
            if entry.stamp == IN_USE {
                // One that was reset is remembered until the next time that room is made.
                return entry.state & PINS > 0;
            }
            match new.of(entry.stamp) {
                Some(stamp) => entry.stamp = stamp,
                None => return false,
            }
            true
        });
        let moment = |old| if old == IN_USE { IN_USE } else { new.of_moment(old) };
        sharers.renumber(|hash| blocks.find(mixed(hash), |entry| entry.hash == hash).is_some(), moment);
        overlaps.renumber(moment);
    }

    /// Appends the replica to a state's bytes: the same blocks give the same bytes.
    pub fn save(&self, out: &mut Writer) {
        self.recency.save(out);
        // Sorted as copies: by reference, every comparison would be a miss of the processor's cache.
        let mut entries: Vec<Entry> = self.blocks.iter().copied().collect();
        entries.sort_unstable_by_key(|entry| entry.hash);
        out.length(entries.len());
        entries.iter().for_each(|entry| entry.save(out));
        self.sharers.save(out);
        self.overlaps.save(out);
    }

    /// Reads what [`Replica::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let recency = Recency::restore(reader)?;
        let count = reader.length()?;
        if count > reader.left() {
            return None;
        }
        let mut replica = Self::new(Resolution::Epochs);
        replica.recency = recency;
        replica.blocks.reserve(count, |entry| mixed(entry.hash));
        let mut before = None;
        for _ in 0..count {
            let entry = Entry::restore(reader)?;
            let Entry { hash, stamp, owner, state, .. } = entry;
            if before.is_some_and(|before| before >= hash) {
                return None;
            }
            before = Some(hash);
            if stamp != IN_USE {
                replica.recency.recount(stamp, owner)?;
            } else if state & PINS > 0 {
                replica.pinned.resize(replica.pinned.len().max(owner.place().saturating_add(1)), 0);
                let count = replica.pinned.get_mut(owner.place())?;
                *count = count.saturating_add(1);
            }
            replica.blocks.insert_unique(mixed(hash), entry, |entry| mixed(entry.hash));
        }
        replica.sharers = Sharers::restore(reader)?;
        replica.overlaps = Overlaps::restore(reader)?;
        Some(replica)
    }
}

/// Chains are hashed by whoever reports them, and some reporters count instead: numbers in a row must not share a bucket.
fn mixed(hash: u64) -> u64 {
    let product = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 32)
}
