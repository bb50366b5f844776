//! Counts by row and tenant. Few tenants have a column each; of many, each row lists those it has, because a row holds no more
//! tenants than blocks, and a table of all of them would be nearly all zeros. The sums are the same either way.

use alloc::vec;
use alloc::vec::Vec;

use crate::tenants::Tenant;

/// Columns up to which there is a table.
const COLUMNS_MAX: usize = 256;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// Row by row, one count per column.
    Table { columns: usize, counts: Vec<u32> },
    /// Of each row, the tenants that have a count, in order.
    Lists(Vec<Vec<(Tenant, u32)>>),
}

impl Rows {
    /// Rows without counts, for so many columns.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        if columns > COLUMNS_MAX {
            return Self::Lists(vec![Vec::new(); rows]);
        }
        Self::Table { columns, counts: vec![0; rows.saturating_mul(columns)] }
    }

    /// Adds 1 or, as its complement, −1.
    #[inline]
    pub(super) fn add(&mut self, row: usize, tenant: Tenant, amount: u32) {
        match self {
            Self::Table { columns, counts } => {
                if let Some(count) = counts.get_mut(row.wrapping_mul(*columns).wrapping_add(tenant.place())) {
                    *count = count.wrapping_add(amount);
                }
            }
            Self::Lists(lists) => {
                if let Some(list) = lists.get_mut(row) {
                    add_to_list(list, tenant, amount);
                }
            }
        }
    }

    /// Adds a row's counts to `counts`, which are by tenant.
    #[inline]
    pub(super) fn add_up(&self, row: usize, counts: &mut [u64]) {
        self.of(row, |tenant, count| {
            if let Some(sum) = counts.get_mut(tenant.place()) {
                *sum = sum.wrapping_add(u64::from(count));
            }
        });
    }

    /// Each count of a row that is not 0, with its tenant.
    #[inline]
    pub(super) fn of(&self, row: usize, mut each: impl FnMut(Tenant, u32)) {
        match self {
            Self::Table { columns, counts } => {
                let from = row.saturating_mul(*columns);
                let row = counts.get(from..from.saturating_add(*columns)).unwrap_or_default();
                row.iter().zip(0..).for_each(|(count, number)| each(Tenant(number), *count));
            }
            Self::Lists(lists) => {
                lists.get(row).into_iter().flatten().for_each(|(tenant, count)| each(*tenant, *count));
            }
        }
    }

    /// The same counts, of `rows` rows, with room for so many columns.
    pub(super) fn widened(&self, rows: usize, columns: usize) -> Self {
        let mut wide = Self::new(rows, columns);
        (0..rows).for_each(|row| self.of(row, |tenant, count| wide.add_count(row, tenant, count)));
        wide
    }

    /// The same counts, each row's at the place that it is given; those without a place are dropped.
    pub(super) fn moved(&self, places: &[Option<usize>]) -> Self {
        let mut moved = match self {
            Self::Table { columns, .. } => Self::new(places.len(), *columns),
            Self::Lists(_) => Self::Lists(vec![Vec::new(); places.len()]),
        };
        for (row, place) in places.iter().enumerate() {
            if let Some(place) = place {
                self.of(row, |tenant, count| moved.add_count(*place, tenant, count));
            }
        }
        moved
    }

    fn add_count(&mut self, row: usize, tenant: Tenant, count: u32) {
        if count > 0 {
            self.add(row, tenant, count);
        }
    }
}

fn add_to_list(list: &mut Vec<(Tenant, u32)>, tenant: Tenant, amount: u32) {
    match list.binary_search_by_key(&tenant, |(tenant, _)| *tenant) {
        Ok(place) => {
            let Some((_, count)) = list.get_mut(place) else { return };
            *count = count.wrapping_add(amount);
            if *count == 0 {
                list.remove(place);
            }
        }
        Err(place) => list.insert(place, (tenant, amount)),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::{Rows, Tenant};

    /// What is in the rows, as sums by tenant.
    fn sums(rows: &Rows, count: usize) -> Vec<Vec<u64>> {
        let sum = |row| {
            let mut sums = vec![0; 300];
            rows.add_up(row, &mut sums);
            sums
        };
        (0..count).map(sum).collect()
    }

    #[test]
    fn lists_hold_what_a_table_holds() {
        let (mut table, mut lists) = (Rows::new(8, 256), Rows::new(8, 512));
        assert!(matches!((&table, &lists), (Rows::Table { .. }, Rows::Lists(_))));
        let mut live: Vec<(usize, Tenant)> = Vec::new();
        let mut state = 7_u64;
        let mut below = |count: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % count
        };
        for _ in 0..4_000 {
            let added = (below(8), Tenant(u16::try_from(below(256)).unwrap()));
            live.push(added);
            [&mut table, &mut lists].into_iter().for_each(|rows| rows.add(added.0, added.1, 1));
            if below(2) == 1 {
                let (row, tenant) = live.swap_remove(below(live.len()));
                [&mut table, &mut lists].into_iter().for_each(|rows| rows.add(row, tenant, u32::MAX));
            }
        }
        assert_eq!(sums(&table, 8), sums(&lists, 8));
        let places = [Some(0), None, Some(0), Some(1), Some(1), Some(1), Some(2), None];
        assert_eq!(sums(&table.moved(&places), 8), sums(&lists.moved(&places), 8));
        assert_eq!(sums(&table.widened(8, 1_024), 8), sums(&lists, 8));
    }
}
