//! Shares that may be negative: a neighbour that keeps a shared block warm helps. From what each coalition of neighbours would lead
//! to, to each neighbour's part in it; and, of accesses to shared blocks, from the ages of blocks to what a coalition leads to.
//! Where the ages come from is decided elsewhere.
//!
//! The victim `a` is in every coalition. Its blocks can be shared with neighbours, so their weights do not add up: a block that two
//! tenants touched takes one place. And a neighbour's touch of the block itself makes it younger for everyone.

use alloc::vec;
use alloc::vec::Vec;

/// Most neighbours whose coalitions are all tried: 4096 of them.
pub const NEIGHBOURS_MAX: usize = 12;

/// Some of the neighbours: bit `i` is neighbour `i`.
pub type Coalition = u16;

/// The numerators of the neighbours' signed Shapley shares, over the common denominator `neighbours`!, when `is_miss` says of every
/// coalition, by its bits, whether the access is a miss with it. Their sum is `neighbours`! times (miss with all - miss with none).
///
/// `None` if there are more than [`NEIGHBOURS_MAX`] neighbours, or not a value for each of the coalitions.
pub fn signed_shares(is_miss: &[bool], neighbours: usize) -> Option<Vec<i64>> {
    let coalitions = coalitions(neighbours)?;
    if is_miss.len() != usize::from(coalitions) {
        return None;
    }
    let factorials: Vec<i64> = core::iter::successors(Some((1_i64, 1_i64)), |(product, next)| {
        Some((product.checked_mul(*next)?, next.checked_add(1)?))
    })
    .map(|(product, _)| product)
    .take(neighbours.saturating_add(1))
    .collect();
    // How many orders of arrival have exactly `before` others before a player, in one way of choosing them.
    let orders: Vec<i64> = factorials
        .iter()
        .zip(factorials.iter().rev().skip(1))
        .map(|(before, after)| before.checked_mul(*after))
        .collect::<Option<_>>()?;
    let mut shares = vec![0_i64; neighbours];
    for (coalition, _) in (0..coalitions).zip(is_miss).filter(|(_, is_miss)| **is_miss) {
        let size = usize::try_from(coalition.count_ones()).ok()?;
        let joined = size.checked_sub(1).and_then(|before| orders.get(before)).copied().unwrap_or_default();
        let missing = orders.get(size).copied().unwrap_or_default();
        for (neighbour, share) in (0_u32..).zip(&mut shares) {
            let change = if contains(coalition, neighbour) { Some(joined) } else { missing.checked_neg() };
            *share = share.checked_add(change?)?;
        }
    }
    Some(shares)
}

/// The age of the accessed block as one tenant's last touch of it sees it, and what all tenants have touched since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// The neighbour that touched the block last at this moment; `None` is the victim.
    pub owner: Option<usize>,
    /// Blocks touched since by nobody but this neighbour, by neighbour.
    pub private: Vec<u64>,
    /// Blocks touched since by the victim, whoever else did too.
    pub own: u64,
    /// Blocks touched since by exactly these neighbours, at least two of them and not the victim; each coalition once or several
    /// times, whose counts then add up.
    pub shared: Vec<(Coalition, u64)>,
}

impl Layer {
    /// For every coalition, how many distinct blocks it and the victim have touched since; `None` if a sum passes 64 bits or a
    /// neighbour does not exist.
    fn distances(&self, coalitions: Coalition) -> Option<Vec<u64>> {
        // First, how many blocks exactly these neighbours have touched; then, how many they and no others have.
        let mut within = vec![0_u64; usize::from(coalitions)];
        for (neighbour, count) in (0_u32..).zip(&self.private) {
            let only = Coalition::from(1_u8).checked_shl(neighbour)?;
            add(&mut within, only, *count)?;
        }
        for (toucher, count) in &self.shared {
            add(&mut within, *toucher, *count)?;
        }
        sum_over_subsets(&mut within)?;
        let total = within.last().copied()?;
        // A coalition covers what the others do not have to themselves.
        within.iter().rev().map(|without| total.checked_sub(*without)?.checked_add(self.own)).collect()
    }
}

/// For every coalition of `neighbours`, by its bits, whether an access is a miss with it, in a cache of `capacity` blocks: the
/// youngest layer whose owner is present counts, and without any, the block was never there. `layers` are in order, the youngest
/// first; those after the victim's own never count.
///
/// `None` if there are more than [`NEIGHBOURS_MAX`] neighbours, a layer names one that does not exist, or a sum passes 64 bits.
pub fn misses(layers: &[Layer], neighbours: usize, capacity: u64) -> Option<Vec<bool>> {
    let coalitions = coalitions(neighbours)?;
    let mut undecided: Vec<bool> = vec![true; usize::from(coalitions)];
    let mut is_miss = undecided.clone();
    for layer in layers {
        let owner = layer.owner.map(u32::try_from).transpose().ok()?;
        if owner.is_some_and(|owner| Coalition::from(1_u8).checked_shl(owner).is_none_or(|bit| bit >= coalitions)) {
            return None;
        }
        let distances = layer.distances(coalitions)?;
        let states = is_miss.iter_mut().zip(&mut undecided).zip(distances);
        for (coalition, ((is_miss, undecided), distance)) in (0..coalitions).zip(states) {
            if *undecided && owner.is_none_or(|owner| contains(coalition, owner)) {
                *is_miss = distance >= capacity;
                *undecided = false;
            }
        }
    }
    Some(is_miss)
}

/// How many coalitions so many neighbours have.
fn coalitions(neighbours: usize) -> Option<Coalition> {
    let neighbours = Some(neighbours).filter(|neighbours| *neighbours <= NEIGHBOURS_MAX)?;
    Coalition::from(1_u8).checked_shl(u32::try_from(neighbours).ok()?)
}

const fn contains(coalition: Coalition, neighbour: u32) -> bool {
    coalition.wrapping_shr(neighbour) & 1 == 1
}

fn add(counts: &mut [u64], coalition: Coalition, count: u64) -> Option<()> {
    let sum = counts.get_mut(usize::from(coalition))?;
    *sum = sum.checked_add(count)?;
    Some(())
}

/// Replaces the value of every coalition by the sum over all coalitions within it, one neighbour after the other.
fn sum_over_subsets(values: &mut [u64]) -> Option<()> {
    let mut half = 1_usize;
    while half < values.len() {
        for block in values.chunks_exact_mut(half.checked_mul(2)?) {
            let (without, with) = block.split_at_mut(half);
            for (without, with) in without.iter().zip(with) {
                *with = with.checked_add(*without)?;
            }
        }
        half = half.checked_mul(2)?;
    }
    Some(())
}
