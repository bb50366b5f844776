//! How many distinct blocks of each tenant were used since some moment: the distances that decide who pushed a block out. Counts;
//! knows neither hashes nor capacities' meaning.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

use crate::tenants::Tenant;

pub mod epochs;
pub mod exact;
mod rows;

use epochs::{Epochs, Merged};
use exact::Exact;

/// A moment: an epoch, or the number of a use. Only [`Recency`] can say what lies between two.
pub type Stamp = u32;

/// Of a cache whose capacity is not known, so many blocks are remembered, about 70 MB.
const BLOCKS_KEPT_UNKNOWN: u64 = 3_000_000;

/// Blocks of a small cache that are remembered, 3 MB: real tenants come back to templates after dozens of its capacities.
const BLOCKS_KEPT_MIN: u64 = 1 << 17;

/// Of a large one, so many capacities: nine of ten real reuses lie within 6.5.
const CAPACITIES_KEPT: u64 = 8;

/// How many blocks are remembered of a cache that holds `capacity`. An older one looks as if it had never been used.
fn blocks_kept(capacity: Option<u64>) -> u64 {
    let by_capacity = |capacity: u64| capacity.saturating_mul(CAPACITIES_KEPT).max(BLOCKS_KEPT_MIN);
    capacity.map_or(BLOCKS_KEPT_UNKNOWN, by_capacity)
}

/// How finely moments are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// In epochs of 1/64 of the cache: constant time and 4 bytes per epoch and tenant; misplaces a fraction of a percent.
    #[default]
    Epochs,
    /// Every use by itself: logarithmic time, 4 bytes per use and tenant; misplaces nothing.
    Exact,
}

/// When each tenant's blocks were last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recency {
    /// See [`Resolution::Epochs`].
    Epochs(Epochs),
    /// See [`Resolution::Exact`].
    Exact(Exact),
}

/// New stamps for old ones.
#[derive(Debug)]
pub enum Renumbering {
    /// Where each old epoch is now; `None` = too old to keep.
    Epochs(Vec<Option<Merged>>),
    /// The uses that are kept, ascending: each is numbered by its place from 1. 0 is before all of them.
    Uses(Vec<Stamp>),
}

impl Renumbering {
    /// The new stamp of `old`; `None` = too old to keep.
    pub fn of(&self, old: Stamp) -> Option<Stamp> {
        match self {
            Self::Epochs(new) => new.get(epochs::row_of(old)).copied().flatten().map(|merged| merged.stamp(old)),
            Self::Uses(kept) => kept.binary_search(&old).ok().and_then(|place| stamp_of(place.saturating_add(1))),
        }
    }

    /// The new stamp of a moment that need not be the last use of any block.
    pub fn of_moment(&self, old: Stamp) -> Stamp {
        match self {
            Self::Epochs(_) => self.of(old).unwrap_or_default(),
            Self::Uses(kept) => stamp_of(kept.partition_point(|kept| *kept <= old)).unwrap_or_default(),
        }
    }
}

fn stamp_of(place: usize) -> Option<Stamp> {
    Stamp::try_from(place).ok()
}

impl Recency {
    /// Nothing used yet.
    pub fn new(resolution: Resolution) -> Self {
        match resolution {
            Resolution::Epochs => Self::Epochs(Epochs::default()),
            Resolution::Exact => Self::Exact(Exact::default()),
        }
    }

    /// How finely moments are told apart.
    pub const fn resolution(&self) -> Resolution {
        match self {
            Self::Epochs(_) => Resolution::Epochs,
            Self::Exact(_) => Resolution::Exact,
        }
    }

    /// Adapts to a cache of so many blocks.
    pub fn set_capacity(&mut self, capacity: u64) {
        match self {
            Self::Epochs(epochs) => epochs.set_capacity(capacity),
            Self::Exact(exact) => exact.set_capacity(capacity),
        }
    }

    /// Records a use by `tenant` of a block that was last used at `old`, and gives its new stamp. Not while
    /// [`Recency::is_full`].
    #[inline]
    pub fn touch(&mut self, old: Option<(Stamp, Tenant)>, tenant: Tenant) -> Stamp {
        match self {
            Self::Epochs(epochs) => epochs.touch(old, tenant),
            Self::Exact(exact) => exact.touch(old, tenant),
        }
    }

    /// A moment after all uses so far and before all to come, at which no block counts. Not while [`Recency::is_full`].
    pub fn pass(&mut self, tenant: Tenant) -> Stamp {
        let stamp = self.touch(None, tenant);
        self.forget(stamp, tenant);
        stamp
    }

    /// Forgets the use of a block.
    pub fn forget(&mut self, stamp: Stamp, tenant: Tenant) {
        match self {
            Self::Epochs(epochs) => epochs.forget(stamp, tenant),
            Self::Exact(exact) => exact.forget(stamp, tenant),
        }
    }

    /// Whether stamps must be made anew with [`Recency::renumber`] before the next use.
    #[inline]
    pub const fn is_full(&self) -> bool {
        match self {
            Self::Epochs(epochs) => epochs.is_full(),
            Self::Exact(exact) => exact.is_full(),
        }
    }

    /// Makes room. `live` are the stamps of all blocks with their tenants, and other moments that are still to be told apart, in
    /// any order; afterwards each must be replaced as the answer says, and blocks whose stamp is not kept must be dropped.
    pub fn renumber(&mut self, live: impl Iterator<Item = (Stamp, Option<Tenant>)>) -> Renumbering {
        match self {
            Self::Epochs(epochs) => Renumbering::Epochs(epochs.merge()),
            Self::Exact(exact) => Renumbering::Uses(exact.renumber(live)),
        }
    }

    /// For each tenant, the distinct blocks used since `stamp`; as many as there is room for in `counts`.
    pub fn since(&self, stamp: Stamp, counts: &mut [u64]) {
        match self {
            Self::Epochs(epochs) => epochs.since(stamp, counts),
            Self::Exact(exact) => exact.since(stamp, counts),
        }
    }

    /// The distinct blocks of all tenants used since `stamp`.
    pub fn total_since(&self, stamp: Stamp) -> u64 {
        match self {
            Self::Epochs(epochs) => epochs.total_since(stamp),
            Self::Exact(exact) => exact.total_since(stamp),
        }
    }

    /// The moment for which blocks last used at `stamp` and about then are weighed, all at once.
    pub fn together(&self, stamp: Stamp) -> Stamp {
        match self {
            Self::Epochs(_) => epochs::together(stamp),
            Self::Exact(_) => stamp,
        }
    }

    /// By how many blocks a distance may be off.
    pub fn uncertainty(&self) -> u64 {
        match self {
            Self::Epochs(epochs) => u64::from(epochs.width()),
            Self::Exact(_) => 0,
        }
    }

    /// Appends it to a state's bytes; the counts are not in them, because the blocks' stamps say them all.
    pub fn save(&self, out: &mut Writer) {
        match self {
            Self::Epochs(epochs) => {
                out.u8(0);
                epochs.save(out);
            }
            Self::Exact(exact) => {
                out.u8(1);
                exact.save(out);
            }
        }
    }

    /// Reads what [`Recency::save`] wrote; then [`Recency::recount`] each block.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        match reader.u8()? {
            0 => Epochs::restore(reader).map(Self::Epochs),
            1 => Exact::restore(reader).map(Self::Exact),
            _ => None,
        }
    }

    /// Counts a block of a restored state again. `None` if the stamp is none that was ever given.
    pub fn recount(&mut self, stamp: Stamp, tenant: Tenant) -> Option<()> {
        match self {
            Self::Epochs(epochs) => epochs.recount(stamp, tenant),
            Self::Exact(exact) => exact.recount(stamp, tenant),
        }
    }
}
