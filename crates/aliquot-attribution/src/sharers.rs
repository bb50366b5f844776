//! Blocks that more than one tenant used, and when each of them did. Counts nothing.

use alloc::vec;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::recency::Stamp;
use crate::tenants::Tenant;
use crate::tick::Tick;

/// Shared blocks that are followed. System prompts and templates are hundreds; past this, further blocks count as their last
/// user's, which misplaces money only where thousands of templates are shared.
const SHARED_MAX: usize = 16_384;

/// A tenant's last use of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastUse {
    /// Who.
    pub tenant: Tenant,
    /// When the last use ended.
    pub stamp: Stamp,
    /// Uses that have not ended.
    pub pins: u16,
    /// When the last use began.
    pub used: Tick,
}

impl LastUse {
    /// When it was last used: later than everything while it is in use.
    pub const fn last(&self) -> Stamp {
        if self.pins > 0 { Stamp::MAX } else { self.stamp }
    }

    /// Appends it to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        out.u16(self.tenant.0);
        out.u32(self.stamp);
        out.u16(self.pins);
        out.u32(self.used.0);
    }

    /// Reads what [`LastUse::save`] wrote.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let (tenant, stamp) = (Tenant(reader.u16()?), reader.u32()?);
        Some(Self { tenant, stamp, pins: reader.u16()?, used: Tick(reader.u32()?) })
    }
}

/// Whose room a block takes that these use, the latest last: whoever has held it for longest, or else whoever used it last.
pub fn occupant(users: &[LastUse]) -> Option<&LastUse> {
    users.iter().find(|user| user.pins > 0).or_else(|| users.last())
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Sharers {
    blocks: HashMap<u64, Vec<LastUse>, Xxh3DefaultBuilder>,
}

impl Sharers {
    /// The last use of a block by `tenant`, which uses it now and so becomes the last in the list; `before` is the block's only
    /// user, if it was not shared until now. `None` if no more blocks are followed.
    pub fn user(&mut self, hash: u64, before: LastUse, tenant: Tenant) -> Option<&mut LastUse> {
        if self.blocks.len() >= SHARED_MAX && !self.blocks.contains_key(&hash) {
            return None;
        }
        let users = self.blocks.entry(hash).or_insert_with(|| vec![before]);
        let user = match users.iter().position(|user| user.tenant == tenant) {
            Some(place) => users.remove(place),
            None => LastUse { tenant, stamp: 0, pins: 0, used: Tick(0) },
        };
        users.push(user);
        users.last_mut()
    }

    /// Each tenant's last use of a shared block, the latest last; nothing if it is not followed.
    pub fn users(&self, hash: u64) -> &[LastUse] {
        self.blocks.get(&hash).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many blocks are followed.
    pub fn count(&self) -> usize {
        self.blocks.len()
    }

    /// The users of every block, in no order that means anything.
    pub fn all(&self) -> impl Iterator<Item = &[LastUse]> {
        self.blocks.values().map(Vec::as_slice)
    }

    /// The moments that are remembered and that need not be anybody's last use of all.
    pub fn moments(&self) -> impl Iterator<Item = Stamp> {
        self.all().flatten().map(|user| user.stamp)
    }

    /// Drops blocks that are not kept, and gives the others new stamps.
    pub fn renumber(&mut self, is_kept: impl Fn(u64) -> bool, new: impl Fn(Stamp) -> Stamp) {
        self.blocks.retain(|hash, users| {
            users.iter_mut().for_each(|user| user.stamp = new(user.stamp));
            is_kept(*hash)
        });
    }

    /// Appends them to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        let mut blocks: Vec<_> = self.blocks.iter().collect();
        blocks.sort_unstable();
        out.length(blocks.len());
        for (hash, users) in blocks {
            out.u64(*hash);
            out.length(users.len());
            users.iter().for_each(|user| user.save(out));
        }
    }

    /// Reads what [`Sharers::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let mut sharers = Self::default();
        for _ in 0..reader.length()? {
            let hash = reader.u64()?;
            let mut users = Vec::new();
            for _ in 0..reader.length()? {
                users.push(LastUse::restore(reader)?);
            }
            if users.len() < 2 || sharers.blocks.insert(hash, users).is_some() {
                return None;
            }
        }
        Some(sharers)
    }
}
