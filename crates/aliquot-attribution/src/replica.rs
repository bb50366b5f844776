//! One engine's cache as a list of blocks by last use: what was seen, by whom, when, and what was used since. It knows no
//! requests, causes or money.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use hashbrown::HashTable;

use crate::recency::{Recency, Resolution, Stamp};
use crate::sharers::{LastUse, Sharers};
use crate::tenants::Tenant;
use crate::tick::Tick;

/// A block in use has no last use yet: it is more recent than all.
pub(crate) const IN_USE: Stamp = Stamp::MAX;

/// The block was in the cache when the cache was emptied.
const RESET: u16 = 1 << 15;
/// The engine said that it removed the block.
const REMOVED: u16 = 1 << 14;
/// More than one tenant used it.
const SHARED: u16 = 1 << 13;
/// Events were lost since its last use.
const DOUBTFUL: u16 = 1 << 12;
/// Requests that hold the block.
const PINS: u16 = DOUBTFUL - 1;

/// A block that was seen: 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    hash: u64,
    stamp: Stamp,
    used: Tick,
    born: Tick,
    owner: Tenant,
    /// Flags, and below them the number of pins.
    state: u16,
}

impl Entry {
    /// The last use by `tenant`, if somebody else used the block, too.
    fn sharing<'s>(&self, sharers: &'s mut Sharers, tenant: Tenant) -> Option<&'s mut LastUse> {
        let is_gone = self.stamp == IN_USE && self.state & PINS == 0;
        if is_gone || (self.state & SHARED == 0 && self.owner == tenant) {
            return None;
        }
        let before = LastUse { tenant: self.owner, stamp: self.stamp, pins: self.state & PINS };
        sharers.user(self.hash, before, tenant)
    }
}

/// What is known about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The last use; `None` while a request holds it, or after the cache was emptied.
    pub stamp: Option<Stamp>,
    /// Who used it last.
    pub owner: Tenant,
    /// When that use began.
    pub used: Tick,
    /// When it was computed, the last time that it was.
    pub born: Tick,
    /// Whether a request holds it.
    pub in_use: bool,
    /// Whether the cache was emptied since.
    pub was_reset: bool,
    /// Whether the engine said that it removed it.
    pub was_removed: bool,
    /// Whether more than one tenant used it.
    pub is_shared: bool,
    /// Whether events were lost since.
    pub is_doubtful: bool,
}

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
}

impl Replica {
    /// Nothing seen yet.
    pub fn new(resolution: Resolution) -> Self {
        let recency = Recency::new(resolution);
        Self { blocks: HashTable::new(), recency, pinned: Vec::new(), sharers: Sharers::default() }
    }

    /// Fits what is remembered to a cache of so many blocks.
    pub fn set_capacity(&mut self, capacity: u64) {
        self.recency.set_capacity(capacity);
    }

    /// How finely last uses are told apart.
    pub const fn resolution(&self) -> Resolution {
        self.recency.resolution()
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

    /// What is known about a block; `None` = never seen, or too long ago.
    pub fn seen(&self, hash: u64) -> Option<Seen> {
        let entry = self.blocks.find(mixed(hash), |entry| entry.hash == hash)?;
        Some(Seen {
            stamp: Some(entry.stamp).filter(|stamp| *stamp != IN_USE),
            owner: entry.owner,
            used: entry.used,
            born: entry.born,
            in_use: entry.state & PINS > 0,
            was_reset: entry.state & RESET > 0,
            was_removed: entry.state & REMOVED > 0,
            is_shared: entry.state & SHARED > 0,
            is_doubtful: entry.state & DOUBTFUL > 0,
        })
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

    /// Records that a request is done with a block. Call it from the last block of a prompt to the first, so that the first is
    /// the most recent: no engine evicts a prefix before what continues it.
    pub fn touch(&mut self, hash: u64, one: Use) {
        if self.recency.is_full() {
            self.renumber();
        }
        let Self { blocks, recency, sharers, .. } = self;
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
            entry.state |= SHARED;
        }
        entry.stamp = stamp;
        entry.owner = one.tenant;
        entry.used = one.at.max(entry.used);
        entry.born = one.computed.unwrap_or(entry.born);
        entry.state &= SHARED;
    }

    /// Records that a request begins to hold a block. Each such call must be followed by one [`Replica::unpin`].
    pub fn pin(&mut self, hash: u64, one: Use) {
        let Self { blocks, recency, pinned, sharers } = self;
        let Some(entry) = blocks.find_mut(mixed(hash), |entry| entry.hash == hash) else {
            let (used, born) = (one.at, one.computed.unwrap_or(one.at));
            let entry = Entry { hash, stamp: IN_USE, used, born, owner: one.tenant, state: 1 };
            blocks.insert_unique(mixed(hash), entry, |entry| mixed(entry.hash));
            return hold(pinned, one.tenant, 1);
        };
        if let Some(user) = entry.sharing(sharers, one.tenant) {
            user.pins = user.pins.saturating_add(1);
            entry.state |= SHARED;
        }
        if entry.state & PINS > 0 {
            entry.state = entry.state.saturating_add(1);
            return;
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
        let Self { blocks, recency, pinned, sharers } = self;
        let Some(entry) = blocks.find_mut(mixed(hash), |entry| entry.hash == hash) else { return };
        if entry.state & PINS == 0 {
            return;
        }
        entry.state = entry.state.saturating_sub(1);
        if let Some(user) = entry.sharing(sharers, one.tenant) {
            user.pins = user.pins.saturating_sub(1);
            user.stamp = recency.now();
        }
        if entry.state & PINS == 0 {
            hold(pinned, entry.owner, -1);
            return self.touch(hash, one);
        }
        // Its room counts for somebody who holds it still.
        if let Some(holder) = sharers.holder(hash).filter(|holder| *holder != entry.owner) {
            hold(pinned, entry.owner, -1);
            hold(pinned, holder, 1);
            entry.owner = holder;
        }
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
        let Self { blocks, recency, sharers, .. } = self;
        let live = blocks.iter().filter(|entry| entry.stamp != IN_USE).map(|entry| (entry.stamp, entry.owner));
        let new = recency.renumber(live);
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
        sharers.renumber(
            |hash| blocks.find(mixed(hash), |entry| entry.hash == hash).is_some(),
            |old| match old {
                IN_USE => IN_USE,
                old => new.of_moment(old),
            },
        );
    }

    /// Appends the replica to a state's bytes: the same blocks give the same bytes.
    pub fn save(&self, out: &mut Writer) {
        self.recency.save(out);
        // Sorted as copies: by reference, every comparison would be a miss of the processor's cache.
        let mut entries: Vec<Entry> = self.blocks.iter().copied().collect();
        entries.sort_unstable_by_key(|entry| entry.hash);
        out.length(entries.len());
        for entry in entries {
            out.u64(entry.hash);
            out.u32(entry.stamp);
            out.u32(entry.used.0);
            out.u32(entry.born.0);
            out.u16(entry.owner.0);
            out.u16(entry.state);
        }
        self.sharers.save(out);
    }

    /// Reads what [`Replica::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let recency = Recency::restore(reader)?;
        let count = reader.length()?;
        if count > reader.left() {
            return None;
        }
        let mut replica =
            Self { blocks: HashTable::with_capacity(count), recency, pinned: Vec::new(), sharers: Sharers::default() };
        let mut before = None;
        for _ in 0..count {
            let hash = reader.u64()?;
            let (stamp, used, born) = (reader.u32()?, Tick(reader.u32()?), Tick(reader.u32()?));
            let (owner, state) = (Tenant(reader.u16()?), reader.u16()?);
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
            let entry = Entry { hash, stamp, used, born, owner, state };
            replica.blocks.insert_unique(mixed(hash), entry, |entry| mixed(entry.hash));
        }
        replica.sharers = Sharers::restore(reader)?;
        Some(replica)
    }
}

/// Counts blocks in use.
fn hold(pinned: &mut Vec<u64>, tenant: Tenant, change: i64) {
    if pinned.len() <= tenant.place() {
        pinned.resize(tenant.place().saturating_add(1), 0);
    }
    if let Some(count) = pinned.get_mut(tenant.place()) {
        *count = count.saturating_add_signed(change);
    }
}

/// Chains are hashed by whoever reports them, and some reporters count instead: numbers in a row must not share a bucket.
fn mixed(hash: u64) -> u64 {
    let product = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 32)
}
