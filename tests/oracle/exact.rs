//! With every use told apart and the capacity known, the model says of every request what the replays say, to the picodollar:
//! charges, credits, own parts, what was avoidable, and what it would have cost alone.

use aliquot_core::time::Micros;
use aliquot_sim::cache::Kind;
use aliquot_sim::scenario::{Case, LENGTH};

use crate::drive::Drive;
use crate::stories::Story;

const HALF: Micros = Micros(LENGTH.0 / 2);

fn assert_exact(kind: Kind, cases: &[Case]) {
    for case in cases {
        let story = Story::new(*case, kind, HALF);
        let driven = Drive::new(&story).run();
        for (number, (truth, claimed)) in story.truth.0.iter().zip(&driven.lines.0).enumerate() {
            assert_eq!(claimed, truth, "{case:?} on {kind:?}, request {number}: {:?}", driven.told[number]);
        }
        let truth = story.truth.whole();
        assert!(truth.total() > 0 && truth.charged() > 0, "{case:?}: nothing was lost");
        assert_eq!(truth.credited() > 0, Case::SHARED.contains(case), "{case:?}: help is where blocks are shared");
    }
}

#[test]
fn an_lru_cache_without_shared_blocks() {
    assert_exact(Kind::Lru, &Case::DISJOINT);
}

#[test]
fn a_paged_cache_without_shared_blocks() {
    assert_exact(Kind::Vllm, &Case::DISJOINT);
}

#[test]
fn an_lru_cache_with_shared_blocks() {
    assert_exact(Kind::Lru, &Case::SHARED);
}

#[test]
fn a_paged_cache_with_shared_blocks() {
    assert_exact(Kind::Vllm, &Case::SHARED);
}
