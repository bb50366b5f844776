//! What is kept of one block, in 24 bytes.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

use crate::recency::Stamp;
use crate::sharers::{LastUse, Sharers, occupant};
use crate::tenants::Tenant;
use crate::tick::Tick;

/// A block in use has no last use yet: it is more recent than all.
pub(crate) const IN_USE: Stamp = Stamp::MAX;

/// The block was in the cache when the cache was emptied.
pub(super) const RESET: u16 = 1 << 15;
/// The engine said that it removed the block.
pub(super) const REMOVED: u16 = 1 << 14;
/// More than one tenant used it.
pub(super) const SHARED: u16 = 1 << 13;
/// Events were lost since its last use.
pub(super) const DOUBTFUL: u16 = 1 << 12;
/// Requests that hold the block.
pub(super) const PINS: u16 = DOUBTFUL - 1;

/// A block that was seen: 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) hash: u64,
    pub(super) stamp: Stamp,
    pub(super) used: Tick,
    pub(super) born: Tick,
    pub(super) owner: Tenant,
    /// Flags, and below them the number of pins.
    pub(super) state: u16,
}

impl Entry {
    /// The last use by `tenant`, if somebody else used the block, too, and if that is followed.
    pub(super) fn sharing<'s>(&mut self, sharers: &'s mut Sharers, tenant: Tenant) -> Option<&'s mut LastUse> {
        let is_gone = self.state & RESET > 0;
        if is_gone || (self.state & SHARED == 0 && self.owner == tenant) {
            return None;
        }
        self.state |= SHARED;
        let before = LastUse { tenant: self.owner, stamp: self.stamp, pins: self.state & PINS, used: self.used };
        sharers.user(self.hash, before, tenant)
    }

    /// Counts the room of a block in use for whoever is its occupant by [`occupant`].
    pub(super) fn occupy(&mut self, sharers: &Sharers, pinned: &mut Vec<u64>) {
        let occupant = occupant(sharers.users(self.hash)).filter(|_| self.state & SHARED > 0);
        if let Some(occupant) = occupant.filter(|occupant| occupant.tenant != self.owner) {
            hold(pinned, self.owner, -1);
            hold(pinned, occupant.tenant, 1);
            self.owner = occupant.tenant;
        }
    }

    /// What it says.
    pub(super) fn seen(&self) -> Seen {
        Seen {
            stamp: Some(self.stamp).filter(|stamp| *stamp != IN_USE),
            owner: self.owner,
            used: self.used,
            born: self.born,
            in_use: self.state & PINS > 0,
            was_reset: self.state & RESET > 0,
            was_removed: self.state & REMOVED > 0,
            is_shared: self.state & SHARED > 0,
            is_doubtful: self.state & DOUBTFUL > 0,
        }
    }

    /// Appends it to a state's bytes.
    pub(super) fn save(&self, out: &mut Writer) {
        out.u64(self.hash);
        out.u32(self.stamp);
        out.u32(self.used.0);
        out.u32(self.born.0);
        out.u16(self.owner.0);
        out.u16(self.state);
    }

    /// Reads what [`Entry::save`] wrote.
    pub(super) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let (hash, stamp) = (reader.u64()?, reader.u32()?);
        let (used, born) = (Tick(reader.u32()?), Tick(reader.u32()?));
        Some(Self { hash, stamp, used, born, owner: Tenant(reader.u16()?), state: reader.u16()? })
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

/// Counts blocks in use.
pub(super) fn hold(pinned: &mut Vec<u64>, tenant: Tenant, change: i64) {
    if pinned.len() <= tenant.place() {
        pinned.resize(tenant.place().saturating_add(1), 0);
    }
    if let Some(count) = pinned.get_mut(tenant.place()) {
        *count = count.saturating_add_signed(change);
    }
}
