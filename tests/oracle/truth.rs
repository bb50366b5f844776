//! The truth: of each request, the Shapley values over the replays of all coalitions.

use aliquot_sim::coalition::{Outcomes, Setup, Tier, Trace};

use crate::lines::{BLOCK_PICO, Line, Lines};
use aliquot_sim::matrix::PARTS;

/// Which blocks every request found under every coalition.
pub(crate) fn outcomes(trace: &Trace, setup: &Setup) -> Outcomes {
    let outcomes = Outcomes::of(trace, setup, Tier::Any);
    assert_eq!(outcomes.refused(), 0, "the caches are large enough for what runs at once");
    outcomes
}

/// What follows from them.
pub(crate) fn lines(outcomes: &Outcomes) -> Lines {
    Lines((0..outcomes.requests()).map(|request| line(outcomes, request)).collect())
}

fn line(outcomes: &Outcomes, request: usize) -> Line {
    let victim = outcomes.victim(request);
    let neighbour = |player: usize| if player < victim { player } else { player + 1 };
    let alone = (outcomes.blocks(request) - outcomes.solo(request)) as i64 * BLOCK_PICO;
    let mut line = Line { victim, alone: Some(alone), ..Line::default() };
    let players = outcomes.tenants() - 1;
    for run in outcomes.runs(request) {
        let blocks = run.blocks.len() as i64 * BLOCK_PICO;
        let side = if run.game.actual() { &mut line.missed } else { &mut line.read };
        side.own += if run.game.solo() { blocks } else { 0 };
        for (player, share) in run.game.shares().into_iter().enumerate().take(players) {
            side.add_share(neighbour(player), share * (blocks / PARTS));
        }
        let everybody = (1 << players) - 1;
        let is_decisive = |player: &usize| run.game.actual() && !run.game.misses(everybody & !(1 << *player));
        for player in (0..players).filter(is_decisive) {
            line.avoidable[neighbour(player)] += blocks;
        }
    }
    line
}
