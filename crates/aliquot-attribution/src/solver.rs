//! Who decides how often: the Shapley-Shubik index of a weighted voting game, as whole numbers to split by. Which weights and
//! which quota make up the game is decided in [`crate::game`].
//!
//! | neighbours | method | error |
//! |---|---|---|
//! | 1 | all to it | none |
//! | 2 to 24 | all coalitions, in two sorted halves | none |
//! | more | moments of arrival, sums in bins | about 0.1 % of the whole, see the tests |
//! | 17 and more, [`Solver::quick_shares`] | the heaviest exactly, the others as a normal distribution | about 0.5 % over many games |
//! | any | [`Solver::pivot`]: one order of arrival | none on average |

mod bell;
mod bins;
mod dummies;
mod exact;
mod large;
mod normal;
mod order;
mod quadrature;

use alloc::vec::Vec;

use crate::quota::Quota;
use crate::real;

/// What the shares of an approximate game add up to, about.
const PARTS: f64 = 1_099_511_627_776.0;

/// A player that has a weight, and where it stands in the list of all.
#[derive(Clone, Copy, Debug)]
struct Player {
    weight: u64,
    place: usize,
}

/// Solves games one after the other in the same buffers. Holds nothing that matters from one game to the next.
#[derive(Debug)]
pub struct Solver {
    players: Vec<Player>,
    weights: Vec<u64>,
    shares: Vec<f64>,
    waiting: Vec<usize>,
    exact: exact::Exact,
    large: large::Large,
    normal: normal::Normal,
}

/// How much time a game is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    Best,
    Quick,
}

impl Effort {
    /// Players up to which a game is solved exactly: at 16, that takes no longer than the normal distribution.
    const fn exact_max(self) -> usize {
        match self {
            Self::Best => exact::PLAYERS_MAX,
            Self::Quick => 16,
        }
    }
}

impl Default for Solver {
    fn default() -> Self {
        Self::new()
    }
}

impl Solver {
    /// A solver that has not solved anything yet.
    pub fn new() -> Self {
        Self {
            players: Vec::new(),
            weights: Vec::new(),
            shares: Vec::new(),
            waiting: Vec::new(),
            exact: exact::Exact::new(),
            large: large::Large::default(),
            normal: normal::Normal::default(),
        }
    }

    /// Into `out`, for each of `weights` in blocks, a whole number proportional to its Shapley-Shubik index in the game that a
    /// coalition wins if its weights reach the quota; over the points of a soft quota, the sum with the points' weights.
    ///
    /// Equal weights have equal shares, a heavier one has no smaller share, one that never decides has 0. All are 0 exactly if at
    /// every point nobody decides: because all together do not reach it, or because it is 0.
    pub fn shares(&mut self, weights: &[u64], quota: &Quota, out: &mut Vec<u64>) {
        self.solve(weights, quota, Effort::Best, out);
    }

    /// The same in a few microseconds, whatever the game: from 17 players on, what is misplaced of a game is 1 to 2 %, and of many
    /// games together about 0.5 %, see the tests.
    pub fn quick_shares(&mut self, weights: &[u64], quota: &Quota, out: &mut Vec<u64>) {
        self.solve(weights, quota, Effort::Quick, out);
    }

    fn solve(&mut self, weights: &[u64], quota: &Quota, effort: Effort, out: &mut Vec<u64>) {
        out.clear();
        out.resize(weights.len(), 0);
        self.players.clear();
        let placed = weights.iter().copied().enumerate().map(|(place, weight)| Player { weight, place });
        self.players.extend(placed.filter(|player| player.weight > 0));
        match effort {
            _ if self.players.len() <= effort.exact_max() => self.exact(quota, out),
            Effort::Quick if !quota.is_hard() => self.at_once(quota, out),
            _ => self.approximate(quota, effort, out),
        }
    }

    /// The place in `weights` of the player that decides in one order of arrival, drawn by `seed`, and at one point of the quota.
    /// On average over seeds, everyone is drawn as often as its share says. `None` exactly if all shares are 0.
    pub fn pivot(&mut self, weights: &[u64], quota: &Quota, seed: u64) -> Option<usize> {
        order::pivot(weights, quota, seed, &mut self.waiting)
    }

    fn exact(&mut self, quota: &Quota, out: &mut [u64]) {
        self.weights.clear();
        self.weights.extend(self.players.iter().map(|player| player.weight));
        self.exact.set(&self.weights);
        for point in quota.points().filter(|point| decided(&self.weights, point.threshold)) {
            for (share, player) in self.exact.shares(point.threshold).iter().zip(&self.players) {
                if let Some(sum) = out.get_mut(player.place) {
                    *sum = sum.saturating_add(share.saturating_mul(u64::from(point.weight)));
                }
            }
        }
    }

    /// By weight, so that the answer does not depend on the order in which players are named.
    fn sort(&mut self) {
        self.players.sort_unstable_by_key(|player| (core::cmp::Reverse(player.weight), player.place));
        self.weights.clear();
        self.weights.extend(self.players.iter().map(|player| player.weight));
    }

    /// All points of a soft quota in one game: their variance is one more part of that of the sum.
    fn at_once(&mut self, quota: &Quota, out: &mut [u64]) {
        self.sort();
        let (mut belief, mut mean, mut square) = (0.0, 0.0, 0.0);
        for point in quota.points().filter(|point| decided(&self.weights, point.threshold)) {
            let (part, threshold) = (f64::from(point.weight), real::from_u64(point.threshold));
            belief += part;
            mean += part * threshold;
            square += part * threshold * threshold;
        }
        if belief <= 0.0 {
            return;
        }
        let (mean, square) = (mean / belief, square / belief);
        let shares = self.normal.shares(&self.weights, mean, (square - mean * mean).max(0.0));
        for (player, share) in self.players.iter().zip(shares) {
            if let Some(sum) = out.get_mut(player.place) {
                *sum = real::to_u64(share * PARTS);
            }
        }
    }

    fn approximate(&mut self, quota: &Quota, effort: Effort, out: &mut [u64]) {
        self.sort();
        self.shares.clear();
        self.shares.resize(self.players.len(), 0.0);
        let mut belief = 0.0;
        for point in quota.points().filter(|point| decided(&self.weights, point.threshold)) {
            belief += f64::from(point.weight);
            let idle = dummies::count(&self.weights, point.threshold);
            let (deciding, _) = self.weights.split_at(self.weights.len().saturating_sub(idle));
            if deciding.len() <= effort.exact_max() {
                self.exact.set(deciding);
                let part = f64::from(point.weight) / real::from_u64(self.exact.total(deciding.len()));
                for (sum, share) in self.shares.iter_mut().zip(self.exact.shares(point.threshold)) {
                    *sum += part * real::from_u64(*share);
                }
            } else {
                let shares = match effort {
                    Effort::Best => self.large.shares(deciding, point.threshold),
                    Effort::Quick => self.normal.shares(deciding, real::from_u64(point.threshold), 0.0),
                };
                for (sum, share) in self.shares.iter_mut().zip(shares) {
                    *sum += f64::from(point.weight) * share;
                }
            }
        }
        for (player, share) in self.players.iter().zip(&self.shares).filter(|(_, share)| **share > 0.0) {
            if let Some(sum) = out.get_mut(player.place) {
                *sum = real::to_u64(share / belief * PARTS);
            }
        }
    }
}

/// Whether anybody decides: nobody alone does not reach the quota, and all together do.
fn decided(weights: &[u64], quota: u64) -> bool {
    let sum = weights.iter().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
    quota > 0 && sum >= quota
}
