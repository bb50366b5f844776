//! Slots for blocks in one array, linked into a queue by recency. Slot 0 is the queue's ends: its `newer` is the oldest slot,
//! its `older` the newest, so that no link is ever missing.

use super::Owner;

/// The slot that is no slot.
pub(super) const ENDS: u32 = 0;

/// The owner of a slot that holds no block.
pub(super) const NOBODY: Owner = Owner::MAX;

/// A place for one block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) block: u64,
    pub(super) owner: Owner,
    /// Running requests that use it; such a slot is in no queue.
    pub(super) pins: u32,
    older: u32,
    newer: u32,
}

/// The slots and their queue.
#[derive(Clone, Debug)]
pub(super) struct Slab(Vec<Slot>);

impl Slab {
    pub(super) fn new() -> Self {
        Self(vec![Slot { block: 0, owner: NOBODY, pins: 0, older: ENDS, newer: ENDS }])
    }

    /// Slots in use or in the queue.
    pub(super) fn len(&self) -> usize {
        self.0.len() - 1
    }

    /// A new slot, in no queue; `None` past 2³² of them.
    pub(super) fn grow(&mut self, block: u64, owner: Owner) -> Option<u32> {
        let slot = u32::try_from(self.0.len()).ok().filter(|slot| *slot < u32::MAX)?;
        self.0.push(Slot { block, owner, pins: 0, older: slot, newer: slot });
        Some(slot)
    }

    pub(super) fn get(&self, slot: u32) -> &Slot {
        &self.0[index(slot)]
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.0[index(slot)]
    }

    /// The slot that goes first; [`ENDS`] if the queue is empty.
    pub(super) fn oldest(&self) -> u32 {
        self.0[0].newer
    }

    pub(super) fn unlink(&mut self, slot: u32) {
        let Slot { older, newer, .. } = *self.get(slot);
        self.get_mut(older).newer = newer;
        self.get_mut(newer).older = older;
    }

    /// Puts a slot that is in no queue at the end that goes last.
    pub(super) fn link_newest(&mut self, slot: u32) {
        self.link(self.0[0].older, slot, ENDS);
    }

    /// Puts a slot that is in no queue at the end that goes first.
    pub(super) fn link_oldest(&mut self, slot: u32) {
        self.link(ENDS, slot, self.0[0].newer);
    }

    #[cfg(test)]
    pub(super) fn next_newer(&self, slot: u32) -> u32 {
        self.get(slot).newer
    }

    fn link(&mut self, older: u32, slot: u32, newer: u32) {
        self.get_mut(older).newer = slot;
        self.get_mut(newer).older = slot;
        let linked = self.get_mut(slot);
        linked.older = older;
        linked.newer = newer;
    }
}

/// A slot number is an index on every platform with 32 bits or more.
const fn index(slot: u32) -> usize {
    slot as usize
}
