//! The truth about a trace: what each tenant lost, to whom, by the Shapley value over all replays. Game `g1`: the players are the
//! victim's neighbours, and a player that does not play is absent.

use super::outcomes::{BlockRun, Outcomes, neighbour};
use crate::matrix::{Matrix, PARTS};

/// The truth, in parts of a block where shares are concerned, else in blocks. For each victim, of the blocks that somebody had
/// asked for before: own part + charges − credits = what it missed, exactly, and that block by block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// About the blocks that missed.
    pub missed: Matrix,
    /// About the blocks that hit, but would have missed under some coalition; it adds up to nothing lost.
    pub hit: Matrix,
    /// Blocks by victim that nobody had asked for before. They miss whoever is there, and are in neither matrix.
    pub cold: Vec<u64>,
    /// Blocks by victim that missed, without cold ones.
    pub lost: Vec<u64>,
    /// Blocks by victim that would have missed had it been alone, without cold ones.
    pub solo: Vec<u64>,
    /// Blocks by culprit, then by victim, that missed and would not have without this culprit alone. They do not add up.
    pub avoidable: Vec<Vec<u64>>,
}

impl Verdict {
    /// Judges outcomes.
    pub fn of(outcomes: &Outcomes) -> Self {
        let tenants = outcomes.tenants();
        let mut verdict = Self {
            missed: Matrix::new(tenants),
            hit: Matrix::new(tenants),
            cold: vec![0; tenants],
            lost: vec![0; tenants],
            solo: vec![0; tenants],
            avoidable: vec![vec![0; tenants]; tenants],
        };
        for request in 0..outcomes.requests() {
            let victim = outcomes.victim(request);
            verdict.cold[victim] += (outcomes.blocks(request) - outcomes.known(request)) as u64;
            for run in outcomes.runs(request) {
                verdict.judge(victim, &run, tenants);
            }
        }
        verdict
    }

    /// Both matrices as one.
    pub fn whole(&self) -> Matrix {
        self.missed.plus(&self.hit)
    }

    fn judge(&mut self, victim: usize, run: &BlockRun, tenants: usize) {
        let (blocks, game) = (run.blocks.len() as i64, &run.game);
        let matrix = if game.actual() { &mut self.missed } else { &mut self.hit };
        if game.solo() {
            matrix.add_own(victim, blocks * PARTS);
            self.solo[victim] += run.blocks.len() as u64;
        }
        for (player, share) in game.shares().into_iter().enumerate().take(tenants - 1) {
            matrix.add_share(neighbour(player, victim), victim, blocks * share);
        }
        if game.actual() {
            self.lost[victim] += run.blocks.len() as u64;
            let everybody = (1 << (tenants - 1)) - 1;
            for player in (0..tenants - 1).filter(|player| !game.misses(everybody & !(1 << player))) {
                self.avoidable[neighbour(player, victim)][victim] += run.blocks.len() as u64;
            }
        }
    }
}
