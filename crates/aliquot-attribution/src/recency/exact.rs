//! Last uses one by one: a Fenwick tree per tenant over the numbers of uses. For truth in tests and for small caches.

use alloc::vec;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

use super::Stamp;
use crate::tenants::Tenant;

/// Uses between two renumberings, at least.
const USES_MIN: usize = 4_096;

/// Blocks that are kept, in capacities of the cache.
const CAPACITIES_KEPT: u64 = 8;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact {
    next: usize,
    /// Uses until the next renumbering.
    room: usize,
    /// The cache, if it is known.
    capacity: Option<u64>,
    trees: Vec<Tree>,
}

impl Default for Exact {
    fn default() -> Self {
        Self { next: 1, room: USES_MIN, capacity: None, trees: Vec::new() }
    }
}

impl Exact {
    /// Keeps blocks for eight times so many blocks.
    pub const fn set_capacity(&mut self, capacity: u64) {
        self.capacity = Some(capacity);
    }

    fn tree(&mut self, tenant: Tenant) -> Option<&mut Tree> {
        while self.trees.len() <= tenant.place() {
            self.trees.push(Tree::new(self.room));
        }
        self.trees.get_mut(tenant.place())
    }

    /// See [`super::Recency::touch`].
    pub fn touch(&mut self, old: Option<(Stamp, Tenant)>, tenant: Tenant) -> Stamp {
        if let Some((stamp, owner)) = old {
            self.forget(stamp, owner);
        }
        let place = self.next;
        if let Some(tree) = self.tree(tenant) {
            tree.add(place, 1);
        }
        self.next = place.saturating_add(1);
        Stamp::try_from(place).unwrap_or(Stamp::MAX)
    }

    /// See [`super::Recency::forget`].
    pub fn forget(&mut self, stamp: Stamp, tenant: Tenant) {
        if let (Some(tree), Ok(place)) = (self.tree(tenant), usize::try_from(stamp)) {
            tree.add(place, u32::MAX);
        }
    }

    /// See [`super::Recency::now`].
    pub fn now(&self) -> Stamp {
        Stamp::try_from(self.next.saturating_sub(1)).unwrap_or_default()
    }

    /// See [`super::Recency::is_full`].
    pub const fn is_full(&self) -> bool {
        self.next >= self.room
    }

    /// See [`super::Recency::renumber`].
    pub fn renumber(&mut self, live: impl Iterator<Item = (Stamp, Tenant)>) -> Vec<Stamp> {
        let mut uses: Vec<(Stamp, Tenant)> = live.collect();
        uses.sort_unstable();
        let most = self.capacity.and_then(|capacity| usize::try_from(capacity.saturating_mul(CAPACITIES_KEPT)).ok());
        let uses = uses.split_off(uses.len().saturating_sub(most.unwrap_or(usize::MAX)));
        self.room = uses.len().saturating_add(1).saturating_mul(2).max(USES_MIN);
        self.trees = vec![Tree::new(self.room); self.trees.len()];
        self.next = 1;
        for (_, tenant) in &uses {
            self.touch(None, *tenant);
        }
        uses.into_iter().map(|(stamp, _)| stamp).collect()
    }

    /// See [`super::Recency::since`].
    pub fn since(&self, stamp: Stamp, counts: &mut [u64]) {
        counts.fill(0);
        let place = usize::try_from(stamp).unwrap_or(usize::MAX);
        for (count, tree) in counts.iter_mut().zip(&self.trees) {
            *count = tree.after(place);
        }
    }

    /// See [`super::Recency::total_since`].
    pub fn total_since(&self, stamp: Stamp) -> u64 {
        let place = usize::try_from(stamp).unwrap_or(usize::MAX);
        self.trees.iter().fold(0, |sum, tree| tree.after(place).saturating_add(sum))
    }

    /// See [`super::Recency::save`].
    pub fn save(&self, out: &mut Writer) {
        out.length(self.next);
        out.length(self.room);
        out.u64(self.capacity.unwrap_or_default());
        out.length(self.trees.len());
    }

    /// See [`super::Recency::restore`].
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let (next, room) = (reader.length()?, reader.length()?);
        let capacity = Some(reader.u64()?).filter(|capacity| *capacity > 0);
        let trees = reader.length()?;
        // A block is at least 24 bytes of what follows, and there is room for twice as many uses.
        let is_plausible = room <= reader.left().saturating_add(USES_MIN) && next <= room;
        if !is_plausible || trees > crate::tenants::TENANTS_MAX {
            return None;
        }
        Some(Self { next, room, capacity, trees: vec![Tree::new(room); trees] })
    }

    /// See [`super::Recency::recount`].
    pub fn recount(&mut self, stamp: Stamp, tenant: Tenant) -> Option<()> {
        let place = usize::try_from(stamp).ok().filter(|place| *place < self.next)?;
        self.trees.get_mut(tenant.place())?.add(place, 1);
        Some(())
    }
}

/// Counts at places, with their sums.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tree {
    /// From place 1; 0 is not used.
    sums: Vec<u32>,
    total: u32,
}

impl Tree {
    fn new(room: usize) -> Self {
        Self { sums: vec![0; room.saturating_add(1)], total: 0 }
    }

    /// Adds 1 or, as its complement, −1.
    fn add(&mut self, place: usize, amount: u32) {
        self.total = self.total.wrapping_add(amount);
        let mut place = place.saturating_add(1);
        while let Some(sum) = self.sums.get_mut(place) {
            *sum = sum.wrapping_add(amount);
            place = place.saturating_add(place & place.wrapping_neg());
        }
    }

    /// What lies at later places.
    fn after(&self, place: usize) -> u64 {
        let mut place = place.saturating_add(1).min(self.sums.len().saturating_sub(1));
        let mut before = 0_u32;
        while place > 0 {
            before = before.wrapping_add(self.sums.get(place).copied().unwrap_or_default());
            place = place.wrapping_sub(place & place.wrapping_neg());
        }
        u64::from(self.total.wrapping_sub(before))
    }
}
