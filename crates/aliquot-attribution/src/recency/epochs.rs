//! Last uses in epochs: counts by epoch and tenant, one row per epoch. A use costs four additions; a distance costs a few dozen
//! rows, because rows are also summed in groups.
//!
//! A stamp is an epoch and how full it was, to 1/256: of the epoch itself, what came after is taken in proportion.
//!
//! An epoch ends when it holds 1/64 of the cache in distinct blocks, so that a set of blocks that is used over and over does not
//! push the past out of the table. When the table is full, old rows are merged: those that have become thin, and those so far
//! back that together they are still no more than 1/64 of what was used since.

use alloc::vec;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

use super::rows::Rows;
use super::{Stamp, blocks_kept};
use crate::tenants::Tenant;

/// Rows of the table.
const ROWS: usize = 512;

/// Rows summed together.
const GROUP: usize = 16;

/// Epochs per capacity of the cache. 32 misplace up to 0.3 % of the money, 64 half of that.
const EPOCHS_PER_CAPACITY: u64 = 64;

/// Rows that a merge may leave, so that the next one is some time away. 64 for the size of the cache and 44 for each time that
/// twice as much was used: enough for 147 times the cache.
const ROWS_KEPT: usize = 384;

/// What a row far back may hold, as a part of what was used since.
const PARTS_OF_AGE: u64 = 64;

/// Distinct blocks per epoch at first, while the capacity is not known. Doubled as long as the past does not fit the table.
const WIDTH_UNKNOWN: u32 = 64;

/// The widest epoch of a cache whose capacity is not known: then the table covers three million blocks.
const WIDTH_UNKNOWN_MAX: u32 = 8_192;

/// Bits of a stamp that say how full its epoch was. The others say which.
const PART_BITS: u32 = 8;

/// A full epoch.
const PARTS: u32 = 1 << PART_BITS;

/// What counts as one moment when blocks are weighed together: a quarter of an epoch, 1/256 of the cache.
const PARTS_TOGETHER: u32 = PARTS / 4;

/// The moment in the middle of those that count as one with `stamp`.
pub fn together(stamp: Stamp) -> Stamp {
    (stamp & !PARTS_TOGETHER.saturating_sub(1)).saturating_add(PARTS_TOGETHER / 2)
}

/// Where a row is after a merge: it fills a part of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    row: usize,
    /// Of that row, so many parts are older.
    from: u32,
    /// So many parts are this row's.
    parts: u32,
}

impl Merged {
    /// What an old stamp of the row has become.
    pub fn stamp(self, old: Stamp) -> Stamp {
        let inside = (old % PARTS).saturating_mul(self.parts).wrapping_shr(PART_BITS);
        stamp(self.row, self.from.saturating_add(inside))
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// Columns there is room for.
    columns: usize,
    width: u32,
    is_capacity_known: bool,
    current: usize,
    counts: Rows,
    groups: Rows,
    /// By row, over all tenants.
    totals: Vec<u32>,
    /// By group, over all tenants.
    group_totals: Vec<u32>,
}

impl Default for Epochs {
    fn default() -> Self {
        let columns = 1;
        Self {
            columns,
            width: WIDTH_UNKNOWN,
            is_capacity_known: false,
            current: 0,
            counts: Rows::new(ROWS, columns),
            groups: Rows::new(ROWS / GROUP, columns),
            totals: vec![0; ROWS],
            group_totals: vec![0; ROWS / GROUP],
        }
    }
}

impl Epochs {
    /// Distinct blocks per epoch.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Fits the epochs to a cache of so many blocks, from the next one on.
    pub fn set_capacity(&mut self, capacity: u64) {
        let width = capacity.div_ceil(EPOCHS_PER_CAPACITY).max(1);
        self.width = u32::try_from(width).unwrap_or(u32::MAX);
        self.is_capacity_known = true;
    }

    /// The cache, to within an epoch, if it is known.
    fn capacity(&self) -> Option<u64> {
        self.is_capacity_known.then(|| u64::from(self.width).saturating_mul(EPOCHS_PER_CAPACITY))
    }

    /// Makes epochs wide enough for all that the table holds, if nobody knows how much of it matters.
    fn fit_unknown(&mut self) {
        let held = self.totals.iter().fold(0_u64, |sum, total| sum.saturating_add(u64::from(*total)));
        let rows = u64::try_from(ROWS_KEPT / 2).unwrap_or(u64::MAX);
        while !self.is_capacity_known
            && self.width < WIDTH_UNKNOWN_MAX
            && held > u64::from(self.width).saturating_mul(rows)
        {
            self.width = self.width.saturating_mul(2);
        }
    }

    /// See [`super::Recency::touch`].
    #[inline]
    pub fn touch(&mut self, old: Option<(Stamp, Tenant)>, tenant: Tenant) -> Stamp {
        if tenant.place() >= self.columns {
            self.widen(tenant);
        }
        if let Some((stamp, owner)) = old {
            self.add(row_of(stamp), owner, u32::MAX);
        }
        let row = self.current;
        let held = self.totals.get(row).copied().unwrap_or_default();
        self.add(row, tenant, 1);
        if held.saturating_add(1) >= self.width {
            self.current = row.saturating_add(1);
        }
        stamp(row, part(held.saturating_add(1), self.width))
    }

    /// See [`super::Recency::forget`].
    pub fn forget(&mut self, stamp: Stamp, tenant: Tenant) {
        self.add(row_of(stamp), tenant, u32::MAX);
    }

    /// Adds 1 or, as its complement, −1.
    #[inline]
    fn add(&mut self, row: usize, tenant: Tenant, amount: u32) {
        self.counts.add(row, tenant, amount);
        self.groups.add(row / GROUP, tenant, amount);
        for (list, place) in [(&mut self.totals, row), (&mut self.group_totals, row / GROUP)] {
            if let Some(count) = list.get_mut(place) {
                *count = count.wrapping_add(amount);
            }
        }
    }

    #[cold]
    fn widen(&mut self, tenant: Tenant) {
        let columns = tenant.place().saturating_add(1).next_power_of_two();
        self.counts = self.counts.widened(ROWS, columns);
        self.groups = self.groups.widened(ROWS / GROUP, columns);
        self.columns = columns;
    }

    /// See [`super::Recency::is_full`].
    #[inline]
    pub const fn is_full(&self) -> bool {
        self.current >= ROWS
    }

    /// Merges neighbouring rows that together are no more than one epoch, newest first, and drops what does not fit.
    pub fn merge(&mut self) -> Vec<Option<Merged>> {
        self.fit_unknown();
        let mut places: Vec<Option<usize>> = vec![None; ROWS];
        // What is in the row at hand, and in all that are younger.
        let (mut taken, mut held, mut age) = (0_usize, 0_u64, 0_u64);
        for (row, total) in self.totals.iter().enumerate().rev().skip_while(|(row, _)| *row >= self.current) {
            let fits = held.saturating_add(u64::from(*total)) <= u64::from(self.width).max(age / PARTS_OF_AGE);
            if taken == 0 || !fits {
                age = age.saturating_add(held);
                if taken == ROWS_KEPT || age >= blocks_kept(self.capacity()) {
                    break;
                }
                taken = taken.saturating_add(1);
                held = 0;
            }
            held = held.saturating_add(u64::from(*total));
            if let Some(place) = places.get_mut(row) {
                *place = Some(taken);
            }
        }
        // Counted from the newest so far; rows count from the oldest.
        for place in &mut places {
            *place = place.map(|newest| taken.saturating_sub(newest));
        }
        let old = core::mem::take(&mut self.totals);
        self.rebuild(&places);
        self.current = taken;
        // Of the rows that are one now, the oldest comes first.
        let (mut before, mut last) = (0_u32, None);
        let merged = places.into_iter().zip(old).map(|(place, total)| {
            let row = place?;
            before = if last == place { before } else { 0 };
            last = place;
            let whole = self.totals.get(row).copied().unwrap_or_default();
            let from = part(before, whole);
            before = before.saturating_add(total);
            Some(Merged { row, from, parts: part(before, whole).saturating_sub(from) })
        });
        merged.collect()
    }

    fn rebuild(&mut self, places: &[Option<usize>]) {
        let group_of = |row: usize| places.get(row).copied().flatten().map(|place| place / GROUP);
        let groups: Vec<Option<usize>> = (0..places.len()).map(group_of).collect();
        self.groups = self.counts.moved(&groups);
        self.counts = self.counts.moved(places);
        self.totals = vec![0; ROWS];
        self.group_totals.fill(0);
        for row in 0..ROWS {
            let mut total = 0_u32;
            self.counts.of(row, |_, count| total = total.wrapping_add(count));
            for (list, place) in [(&mut self.totals, row), (&mut self.group_totals, row / GROUP)] {
                if let Some(sum) = list.get_mut(place) {
                    *sum = sum.wrapping_add(total);
                }
            }
        }
    }

    /// See [`super::Recency::since`]. Of the epoch itself, as much as it was not full.
    pub fn since(&self, stamp: Stamp, counts: &mut [u64]) {
        counts.fill(0);
        let row = row_of(stamp);
        self.counts.add_up(row, counts);
        counts.iter_mut().for_each(|count| *count = rest(*count, stamp));
        let end = self.current.saturating_add(1).min(ROWS);
        let first = row.saturating_add(1);
        let whole = first.next_multiple_of(GROUP);
        (first..whole.min(end)).for_each(|row| self.counts.add_up(row, counts));
        let groups = (whole / GROUP)..end.div_ceil(GROUP);
        groups.for_each(|group| self.groups.add_up(group, counts));
    }

    /// See [`super::Recency::total_since`].
    pub fn total_since(&self, stamp: Stamp) -> u64 {
        let row = row_of(stamp);
        let own = self.totals.get(row).copied().unwrap_or_default();
        let first = row.saturating_add(1).min(ROWS);
        let whole = first.next_multiple_of(GROUP);
        let rows = self.totals.get(first..whole).unwrap_or_default();
        let groups = self.group_totals.get(whole / GROUP..).unwrap_or_default();
        rows.iter().chain(groups).fold(rest(u64::from(own), stamp), |sum, total| sum.wrapping_add(u64::from(*total)))
    }

    /// See [`super::Recency::save`].
    pub fn save(&self, out: &mut Writer) {
        out.length(self.columns);
        out.u32(self.width);
        out.u8(u8::from(self.is_capacity_known));
        out.length(self.current);
    }

    /// See [`super::Recency::restore`].
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let columns = reader.length()?;
        let (width, is_capacity_known, current) = (reader.u32()?, reader.u8()? == 1, reader.length()?);
        if columns > crate::tenants::TENANTS_MAX || !columns.is_power_of_two() || current > ROWS || width == 0 {
            return None;
        }
        let (counts, groups) = (Rows::new(ROWS, columns), Rows::new(ROWS / GROUP, columns));
        let (totals, group_totals) = (vec![0; ROWS], vec![0; ROWS / GROUP]);
        Some(Self { columns, width, is_capacity_known, current, counts, groups, totals, group_totals })
    }

    /// See [`super::Recency::recount`].
    pub fn recount(&mut self, stamp: Stamp, tenant: Tenant) -> Option<()> {
        let row = row_of(stamp);
        if row > self.current || row >= ROWS || tenant.place() >= self.columns {
            return None;
        }
        self.add(row, tenant, 1);
        Some(())
    }
}

pub(super) fn row_of(stamp: Stamp) -> usize {
    usize::try_from(stamp.wrapping_shr(PART_BITS)).unwrap_or(usize::MAX)
}

fn stamp(row: usize, part: u32) -> Stamp {
    let row = Stamp::try_from(row).unwrap_or_default();
    row.wrapping_shl(PART_BITS).saturating_add(part.min(PARTS.saturating_sub(1)))
}

/// How full an epoch of `whole` blocks is with `held`.
fn part(held: u32, whole: u32) -> u32 {
    let parts = u64::from(held).saturating_mul(u64::from(PARTS)).checked_div(u64::from(whole)).unwrap_or_default();
    u32::try_from(parts).unwrap_or(PARTS)
}

/// What of an epoch's blocks came after the stamp, rounded to the nearest.
fn rest(count: u64, stamp: Stamp) -> u64 {
    let after = u64::from(PARTS.saturating_sub(stamp % PARTS));
    count.saturating_mul(after).saturating_add(u64::from(PARTS / 2)).wrapping_shr(PART_BITS)
}
