//! Blocks that more than one tenant used, and when each of them did. Counts nothing.

use alloc::vec;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::recency::Stamp;
use crate::tenants::Tenant;

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
}

impl LastUse {
    /// When it was last used: later than everything while it is in use.
    pub const fn last(&self) -> Stamp {
        if self.pins > 0 { Stamp::MAX } else { self.stamp }
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Sharers {
    blocks: HashMap<u64, Vec<LastUse>, Xxh3DefaultBuilder>,
}

impl Sharers {
    /// The last use of a block by `tenant`, which is about to use it; `before` is the block's only user, if it was not shared
    /// until now. `None` if no more blocks are followed.
    pub fn user(&mut self, hash: u64, before: LastUse, tenant: Tenant) -> Option<&mut LastUse> {
        if self.blocks.len() >= SHARED_MAX && !self.blocks.contains_key(&hash) {
            return None;
        }
        let users = self.blocks.entry(hash).or_insert_with(|| vec![before]);
        let place = match users.iter().position(|user| user.tenant == tenant) {
            Some(place) => place,
            None => {
                users.push(LastUse { tenant, stamp: 0, pins: 0 });
                users.len().saturating_sub(1)
            }
        };
        users.get_mut(place)
    }

    /// Who holds the block, of several whoever used it first.
    pub fn holder(&self, hash: u64) -> Option<Tenant> {
        self.users(hash).iter().find(|user| user.pins > 0).map(|user| user.tenant)
    }

    /// Each tenant's last use of a shared block, in the order of their first; nothing if it is not followed.
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
            for user in users {
                out.u16(user.tenant.0);
                out.u32(user.stamp);
                out.u16(user.pins);
            }
        }
    }

    /// Reads what [`Sharers::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let mut sharers = Self::default();
        for _ in 0..reader.length()? {
            let hash = reader.u64()?;
            let mut users = Vec::new();
            for _ in 0..reader.length()? {
                users.push(LastUse { tenant: Tenant(reader.u16()?), stamp: reader.u32()?, pins: reader.u16()? });
            }
            if users.len() < 2 || sharers.blocks.insert(hash, users).is_some() {
                return None;
            }
        }
        Some(sharers)
    }
}
