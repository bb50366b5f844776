//! Which game a lost block is: from how much everyone touched since its last use to the players, their weights and the quota, by
//! the two questions of [`aliquot_core::cause::Game`]. How the game is solved is decided in [`crate::solver`]; whether the block was
//! lost is not asked, the usage record says so.
//!
//! That it was lost, though at most `D` blocks were touched, says that no more than `D` fit: quotas are cut to what was touched.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use aliquot_core::cause::Game;

use crate::quota::Quota;

/// What was touched since the last use of a lost block, in distinct blocks. Lists are by neighbour, in one order.
#[derive(Clone, Copy, Debug)]
pub struct Distances<'a> {
    /// By the victim itself.
    pub own: u64,
    /// By each of the neighbours.
    pub neighbours: &'a [u64],
}

/// How many blocks of the cache are promised to whom. Who is promised nothing has 0, and all it touches is borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Entitlements<'a> {
    /// To the victim.
    pub own: u64,
    /// To each of the neighbours; a missing one is 0.
    pub neighbours: &'a [u64],
}

impl Entitlements<'static> {
    /// Nothing is promised to anyone. Then both questions have the same answer.
    pub const NONE: Self = Self { own: 0, neighbours: &[] };
}

/// Whose doing a loss was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The victim's own: no neighbour was needed.
    SelfInflicted,
    /// The neighbours', by this game.
    Neighbours(NeighbourGame<'a>),
    /// Nobody did what this question asks for: everyone kept to what was promised.
    Nobody,
}

/// A voting game among the neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourGame<'a> {
    /// By neighbour, in blocks; 0 is no player.
    pub weights: Cow<'a, [u64]>,
    /// How many blocks of them made the loss.
    pub quota: Quota,
}

impl NeighbourGame<'_> {
    /// Whether the block would still have been there with the neighbour at `place` alone away, at the most likely quota. In the
    /// second game, away means: within its entitlement.
    pub fn avoidable(&self, place: usize) -> bool {
        let all = sum(&self.weights);
        let weight = self.weights.get(place).copied().unwrap_or_default();
        all.saturating_sub(u128::from(weight)) < u128::from(self.quota.centre()) && weight > 0
    }
}

/// The game of a loss from a cache of `capacity` blocks, under one of the two questions.
pub fn pose<'a>(
    question: Game,
    distances: Distances<'a>,
    entitlements: Entitlements<'_>,
    capacity: &Quota,
) -> Verdict<'a> {
    match question {
        Game::NeighboursAbsent => neighbours_absent(distances, capacity),
        Game::Entitlements => entitled(distances, entitlements, capacity),
    }
}

/// Compared with having the cache to oneself: all that the neighbours touched counts, on top of what the victim did.
fn neighbours_absent<'a>(distances: Distances<'a>, capacity: &Quota) -> Verdict<'a> {
    match left(capacity, distances.own, distances) {
        Some(quota) => Verdict::Neighbours(NeighbourGame { weights: Cow::Borrowed(distances.neighbours), quota }),
        None => Verdict::SelfInflicted,
    }
}

/// Compared with neighbours that keep to their entitlement: only what they touched beyond it counts, on top of what everyone may
/// and of all that the victim did. Within its entitlement, a neighbour is no player and a victim is not to blame itself.
fn entitled<'a>(distances: Distances<'a>, entitlements: Entitlements<'_>, capacity: &Quota) -> Verdict<'a> {
    let promised = entitlements.neighbours.iter().copied().chain(core::iter::repeat(0));
    let excess: Vec<u64> =
        distances.neighbours.iter().zip(promised).map(|(touched, promised)| touched.saturating_sub(promised)).collect();
    let all = total(distances);
    // Never more than `all`: each excess is a part of what was touched.
    let base = all.saturating_sub(u64::try_from(sum(&excess)).unwrap_or(u64::MAX));
    match left(capacity, base, distances) {
        Some(quota) => Verdict::Neighbours(NeighbourGame { weights: Cow::Owned(excess), quota }),
        None if distances.own >= entitlements.own => Verdict::SelfInflicted,
        None => Verdict::Nobody,
    }
}

/// What is left of the capacity when `base` blocks take their places in any case, given that the block was lost; `None` if that
/// alone lost it.
fn left(capacity: &Quota, base: u64, distances: Distances<'_>) -> Option<Quota> {
    let all = total(distances);
    (base < capacity.centre().min(all)).then(|| capacity.observed(base, all).less(base))
}

/// All that was touched.
fn total(distances: Distances<'_>) -> u64 {
    let neighbours = u64::try_from(sum(distances.neighbours)).unwrap_or(u64::MAX);
    distances.own.saturating_add(neighbours)
}

fn sum(weights: &[u64]) -> u128 {
    weights.iter().map(|weight| u128::from(*weight)).fold(0, u128::saturating_add)
}
