//! Chains that list one of several blocks say nearly as much, if the listed ones that fit the cache are thousands.

use aliquot_attribution::recency::Resolution;
use aliquot_attribution::settings::DomainSettings;
use aliquot_core::cause::Cause;
use aliquot_sim::cache::Kind;
use aliquot_sim::coalition::{Request, TENANTS_MAX, Trace};
use aliquot_sim::matrix::{Matrix, misallocation};
use aliquot_sim::random::pair;
use aliquot_sim::scenario::{Case, LENGTH};

use crate::drive::{Drive, Driven};
use crate::lines::{Line, Lines, Side};
use crate::stories::Story;

/// One of so many blocks is listed.
const SAMPLED_OF: u32 = 4;

/// Blocks of a cache that are listed, about.
const LISTED: u32 = 6_000;

/// The trace with each block cut into `pieces`. An LRU cache that is larger by as much finds the same, for a block's pieces are
/// used together, the last one first.
fn cut(trace: &Trace, pieces: u32) -> Trace {
    let cut = |request: &Request| {
        let blocks =
            request.blocks.iter().flat_map(|block| (0..pieces).map(move |piece| pair(*block, u64::from(piece))));
        Request { blocks: blocks.collect(), ..request.clone() }
    };
    Trace { requests: trace.requests.iter().map(cut).collect(), ..trace.clone() }
}

fn times(line: &Line, pieces: i64) -> Line {
    let side = |side: &Side| Side {
        own: side.own * pieces,
        charges: side.charges.map(|charge| charge * pieces),
        credits: side.credits.map(|credit| credit * pieces),
    };
    Line { missed: side(&line.missed), read: side(&line.read), ..line.clone() }
}

#[test]
fn six_thousand_listed_blocks_are_enough_for_distances() {
    for case in Case::DISJOINT {
        let story = Story::new(case, Kind::Lru, LENGTH);
        let pieces = LISTED * SAMPLED_OF / story.setup.capacity_blocks;
        let trace = cut(&story.trace, pieces);
        let whole = Drive::new(&story);
        let capacity = whole.settings.capacity.map(|blocks| blocks * u64::from(pieces));
        let scaled = |blocks: &[usize]| blocks.iter().map(|blocks| blocks * pieces as usize).collect();
        let drive = Drive {
            trace: &trace,
            reads: scaled(&whole.reads),
            known: scaled(&whole.known),
            settings: DomainSettings { capacity, ..whole.settings.clone() },
            resolution: Resolution::Epochs,
            sampled_of: SAMPLED_OF,
            ..whole
        };
        let truth = Lines(story.truth.0.iter().map(|line| times(line, i64::from(pieces))).collect());
        let driven = drive.run();
        let misplaced = truth.misplaced(&driven.lines);
        let by_distance = 100.0 * misallocation(&truth.whole(), &rescaled(&truth, &driven));
        println!("{} | {pieces} pieces | {misplaced:.3} % | {by_distance:.3} % by distances", case.name());
        // How many listed blocks of a prompt were lost, and how many are new, is chance as well; it evens out over requests.
        assert!(misplaced < 3.0, "{case:?}: {misplaced}");
        assert!(by_distance < 2.0, "{case:?}: {by_distance}");
    }
}

/// What was said to be pushed out, such that each victim lost what it lost: what is left to be wrong are the distances.
fn rescaled(truth: &Lines, driven: &Driven) -> Matrix {
    let told = driven.lines.whole();
    let mut own = [0_i64; TENANTS_MAX];
    for (line, told) in driven.lines.0.iter().zip(&driven.told) {
        let parts = told.parts.iter().filter(|(cause, _, _)| *cause == Cause::EvictedSelf);
        own[line.victim] += parts.map(|(_, _, cost)| cost).sum::<i64>();
    }
    let (truth, mut matrix) = (truth.whole(), Matrix::new(TENANTS_MAX));
    for (victim, own) in own.iter().enumerate() {
        let shares: [i64; TENANTS_MAX] = std::array::from_fn(|culprit| told.share(culprit, victim));
        let said = own + shares.iter().sum::<i64>();
        let scaled = |part: i64| (i128::from(part) * i128::from(truth.lost(victim)) / i128::from(said.max(1))) as i64;
        matrix.add_own(victim, scaled(*own));
        shares.iter().enumerate().for_each(|(culprit, share)| matrix.add_share(culprit, victim, scaled(*share)));
    }
    matrix
}
