//! The Shapley-Shubik index of a game of up to 24 players, exactly, in whole numbers. Which game is played is decided elsewhere.
//!
//! The players are cut into two halves, and the coalitions of each half sorted by weight. Going up one list means going down the
//! other, so that all pairs that win together are counted in one pass over both: about 2·2^(m/2) steps instead of 2^m.
//!
//! A coalition of k others counts k!(m-k-1)!/m! when a player turns it from losing to winning. The least common denominator of
//! these fractions is lcm(1..=m), at most 5,354,228,880, so that all sums stay far within 64 bits and nothing is rounded.

use alloc::vec;
use alloc::vec::Vec;

/// Up to so many players. One pass costs about 0.1 ms at 24 players and twice that two players on.
pub(super) const PLAYERS_MAX: usize = 24;

/// Coalitions of one half have up to 12 players: rows for 0..=12, padded to whole vector registers.
const LANES: usize = 16;

/// A number for every size of a coalition of one half.
type BySize = [u64; LANES];

/// What coalitions count in a game of `m` players.
#[derive(Debug)]
struct Scale {
    /// What the shares of a decided game add up to: lcm(1..=m).
    total: u64,
    /// At `[r][l]`: what a winning coalition of `l + r` players adds to the count of each of its members.
    gains: Vec<BySize>,
}

impl Scale {
    fn new(players: usize) -> Self {
        let total = (1..=players).fold(1_u64, |lcm, number| {
            let number = u64::try_from(number).unwrap_or(1);
            lcm.checked_div(gcd(lcm, number)).and_then(|part| part.checked_mul(number)).unwrap_or(lcm)
        });
        // pivots[k] = total / (m * C(m-1, k)): what a player that decides after k others gains.
        let count = u64::try_from(players).unwrap_or(1);
        let mut pivots = Vec::with_capacity(players);
        let mut binomial = 1_u64;
        for (before, left) in (0..count).zip((0..count).rev()) {
            pivots.push(total.checked_div(count.saturating_mul(binomial)).unwrap_or_default());
            binomial = binomial.saturating_mul(left).checked_div(before.saturating_add(1)).unwrap_or_default();
        }
        let pivot = |before: Option<usize>| before.and_then(|before| pivots.get(before)).copied().unwrap_or_default();
        // Members gain by deciding, outsiders lose what they would have decided; the common loss is taken off at the end.
        let gain = |size: usize| pivot(size.checked_sub(1)).saturating_add(pivot(Some(size)));
        let row = |other: usize| core::array::from_fn(|size| gain(size.saturating_add(other)));
        Self { total, gains: (0..LANES).map(row).collect() }
    }
}

fn gcd(mut left: u64, mut right: u64) -> u64 {
    while let Some(rest) = left.checked_rem(right) {
        left = right;
        right = rest;
    }
    left
}

/// A coalition of players of one half.
#[derive(Clone, Copy, Debug, Default)]
struct Coalition {
    weight: u64,
    members: u16,
    size: u16,
}

/// The coalitions of half of the players, the lightest first, and what was counted for them.
#[derive(Debug, Default)]
struct Half {
    players: usize,
    sorted: Vec<Coalition>,
    counted: Vec<u64>,
}

impl Half {
    fn fill(&mut self, weights: &[u64], spare: &mut Vec<Coalition>) {
        self.players = weights.len();
        self.sorted.clear();
        self.sorted.push(Coalition::default());
        let mut member = 1_u16;
        for weight in weights {
            merge(&self.sorted, *weight, member, spare);
            core::mem::swap(&mut self.sorted, spare);
            member = member.wrapping_shl(1);
        }
        self.counted.clear();
        self.counted.resize(self.sorted.len(), 0);
    }

    /// For every coalition of this half, counts what it gains from all those of the other half with which it reaches `quota`.
    fn count(&mut self, other: &Self, quota: u64, gains: &[BySize]) {
        let mut sums: BySize = [0; LANES];
        let mut partners = other.sorted.iter().rev().peekable();
        for coalition in &self.sorted {
            let missing = quota.saturating_sub(coalition.weight);
            while let Some(partner) = partners.next_if(|partner| partner.weight >= missing) {
                if let Some(row) = gains.get(usize::from(partner.size)) {
                    for (sum, gain) in sums.iter_mut().zip(row) {
                        *sum = sum.wrapping_add(*gain);
                    }
                }
            }
            let sum = sums.get(usize::from(coalition.size)).copied().unwrap_or_default();
            if let Some(counted) = self.counted.get_mut(usize::from(coalition.members)) {
                *counted = sum;
            }
        }
    }

    /// For each player, the sum of what was counted for the coalitions it is in. The counts are used up.
    fn sums(&mut self, out: &mut Vec<u64>) {
        let first = out.len();
        let mut rest: &mut [u64] = &mut self.counted;
        for _ in 0..self.players {
            // The last player is in the upper half; below, it makes no difference any more.
            let (without, with) = rest.split_at_mut(rest.len().wrapping_shr(1));
            let mut sum = 0_u64;
            for (without, with) in without.iter_mut().zip(with) {
                sum = sum.wrapping_add(*with);
                *without = without.wrapping_add(*with);
            }
            out.push(sum);
            rest = without;
        }
        if let Some(added) = out.get_mut(first..) {
            added.reverse();
        }
    }
}

/// `sorted` and the same coalitions joined by one more player, in one order.
fn merge(sorted: &[Coalition], weight: u64, member: u16, out: &mut Vec<Coalition>) {
    out.clear();
    out.reserve(sorted.len().saturating_mul(2));
    let mut without = sorted.iter().copied();
    let mut next = without.next();
    for coalition in sorted {
        let with = Coalition {
            // Past 64 bits any quota is reached.
            weight: coalition.weight.saturating_add(weight),
            members: coalition.members | member,
            size: coalition.size.wrapping_add(1),
        };
        while let Some(lighter) = next.filter(|lighter| lighter.weight <= with.weight) {
            out.push(lighter);
            next = without.next();
        }
        out.push(with);
    }
}

/// Buffers for games of up to [`PLAYERS_MAX`] players.
#[derive(Debug)]
pub(super) struct Exact {
    scales: Vec<Scale>,
    left: Half,
    right: Half,
    spare: Vec<Coalition>,
    sums: Vec<u64>,
}

impl Exact {
    pub(super) fn new() -> Self {
        Self {
            scales: (0..=PLAYERS_MAX).map(Scale::new).collect(),
            left: Half::default(),
            right: Half::default(),
            spare: Vec::new(),
            sums: vec![],
        }
    }

    /// Takes the players of the next games: at most [`PLAYERS_MAX`].
    pub(super) fn set(&mut self, weights: &[u64]) {
        let (left, right) = weights.split_at(weights.len().wrapping_shr(1));
        self.left.fill(left, &mut self.spare);
        self.right.fill(right, &mut self.spare);
    }

    /// What the shares of a game of so many players add up to.
    pub(super) fn total(&self, players: usize) -> u64 {
        self.scales.get(players).map_or(1, |scale| scale.total)
    }

    /// The shares of the players that were set, at this quota, which all of them together reach and nobody does not.
    pub(super) fn shares(&mut self, quota: u64) -> &[u64] {
        self.sums.clear();
        let players = self.left.players.saturating_add(self.right.players);
        let Some(scale) = self.scales.get(players) else { return &self.sums };
        self.left.count(&self.right, quota, &scale.gains);
        self.right.count(&self.left, quota, &scale.gains);
        self.left.sums(&mut self.sums);
        self.right.sums(&mut self.sums);
        // The shares add up to the total, so what is too much is the same for everyone.
        let sum = self.sums.iter().fold(0_u64, |sum, part| sum.wrapping_add(*part));
        let count = u64::try_from(players).unwrap_or(1);
        let excess = sum.wrapping_sub(scale.total).checked_div(count).unwrap_or_default();
        for share in &mut self.sums {
            *share = share.wrapping_sub(excess);
        }
        &self.sums
    }
}
