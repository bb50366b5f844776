//! What the engine promises, and the promise that it equals LRU when requests do not overlap.

use super::*;
use crate::cache::Lru;
use crate::random::Random;

fn vllm(blocks: u32) -> Vllm {
    Vllm::new(NonZeroU32::new(blocks))
}

fn begin(cache: &mut Vllm, blocks: &[u64], other: usize) -> Option<(usize, Run)> {
    cache.begin(blocks, usize::MAX, other, 0, &mut |_, _| {}).map(|(outcome, run)| (outcome.hits, run))
}

#[test]
fn running_blocks_are_found_but_never_evicted() {
    let mut cache = vllm(5);
    let (_, first) = begin(&mut cache, &[1, 2, 3], 0).unwrap();
    let (hits, second) = begin(&mut cache, &[1, 2, 3, 4], 0).unwrap();
    assert_eq!(hits, 3, "another request reads them while they are pinned");
    assert_eq!(begin(&mut cache, &[5], 0), None, "all four usable blocks are pinned");
    cache.finish(first);
    assert_eq!(begin(&mut cache, &[5], 0), None, "the second request still holds them");
    cache.finish(second);
    let (_, third) = begin(&mut cache, &[5], 0).unwrap();
    cache.finish(third);
    let (hits, last) = begin(&mut cache, &[1, 2, 3, 4], 0).unwrap();
    assert_eq!(hits, 3, "only the leaf made way");
    cache.finish(last);
}

#[test]
fn a_block_is_touched_when_it_is_freed() {
    let mut cache = vllm(4);
    let (_, early) = begin(&mut cache, &[1], 0).unwrap();
    let (_, late) = begin(&mut cache, &[2], 0).unwrap();
    cache.finish(late);
    cache.finish(early);
    for block in [3, 4] {
        let (_, run) = begin(&mut cache, &[block], 0).unwrap();
        cache.finish(run);
    }
    let (hits, run) = begin(&mut cache, &[1], 0).unwrap();
    assert_eq!(hits, 1, "begun first, freed last: more recent than block 2");
    cache.finish(run);
    assert_eq!(begin(&mut cache, &[2], 0).unwrap().0, 0);
}

#[test]
fn blocks_without_a_name_go_first_and_displace_nothing_afterwards() {
    let mut cache = vllm(6);
    let mut evicted = 0;
    let (_, run) = cache.begin(&[1, 2], usize::MAX, 3, 7, &mut |_, _| evicted += 1).unwrap();
    cache.finish(run);
    let (outcome, run) = cache.begin(&[3, 4], usize::MAX, 1, 8, &mut |_, _| evicted += 1).unwrap();
    assert_eq!((outcome.hits, evicted), (0, 0), "the three blocks of the answer were enough");
    cache.finish(run);
    let mut seen = Vec::new();
    let (_, run) = cache.begin(&[5, 6], usize::MAX, 0, 9, &mut |by, of| seen.push((by, of))).unwrap();
    assert_eq!(seen, [(9, 7)], "one was free; the oldest leaf made way for the other");
    cache.finish(run);
}

#[test]
fn no_request_is_larger_than_the_cache() {
    let mut cache = vllm(4);
    let (hits, run) = begin(&mut cache, &[1, 2, 3, 4, 5, 6], 9).unwrap();
    assert_eq!((hits, run.prompt.len(), run.other.len()), (0, 3, 0));
    cache.finish(run);
    let (hits, run) = begin(&mut cache, &[1, 2], 9).unwrap();
    assert_eq!((hits, run.other.len()), (2, 1));
    cache.finish(run);
    let mut none = vllm(1);
    assert_eq!(begin(&mut none, &[1], 1).unwrap().0, 0, "the engine keeps its only block");
}

#[test]
fn a_block_computed_again_is_one_block_with_two_copies() {
    let mut cache = vllm(5);
    let (_, run) = begin(&mut cache, &[1, 2], 0).unwrap();
    cache.finish(run);
    let (outcome, run) = cache.begin(&[1, 2], 1, 0, 0, &mut |_, _| {}).unwrap();
    assert_eq!(outcome, Outcome { hits: 1, reinserted: 0 });
    cache.finish(run);
    let mut evicted = 0;
    // Takes the unused block and the old copy of block 2, which nobody misses.
    let (_, run) = cache.begin(&[8, 9], usize::MAX, 0, 0, &mut |_, _| evicted += 1).unwrap();
    assert_eq!(evicted, 0);
    cache.finish(run);
    assert_eq!(begin(&mut cache, &[1, 2], 0).unwrap().0, 2);
}

#[test]
fn one_request_at_a_time_it_is_lru() {
    for blocks in [9_u32, 17, 40] {
        let mut random = Random::new(u64::from(blocks), "vllm");
        let mut cache = vllm(blocks);
        let mut lru = Lru::new(NonZeroU32::new(blocks - 1));
        for turn in 0..3_000 {
            let root = random.below(12) * 100;
            let prompt: Vec<u64> = (0..=random.below(7)).map(|depth| root + depth).collect();
            let expected = lru.request(&prompt, 0, &mut |_, _| {});
            let (outcome, run) = cache.begin(&prompt, usize::MAX, 0, 0, &mut |_, _| {}).unwrap();
            // LRU may push out a block of the request at hand and take it in again; what is present afterwards is the same.
            assert_eq!(outcome.hits, expected.hits, "{blocks} blocks, turn {turn}");
            cache.finish(run);
        }
    }
}

#[test]
fn every_block_is_free_or_pinned_whatever_happens() {
    let mut random = Random::new(3, "conservation");
    let mut cache = vllm(33);
    let mut running = Vec::new();
    for _ in 0..5_000 {
        if random.below(2) == 0 || running.is_empty() {
            let root = random.below(9) * 100;
            let prompt: Vec<u64> = (0..random.below(12)).map(|depth| root + depth).collect();
            let other = usize::try_from(random.below(4)).unwrap();
            running.extend(cache.begin(&prompt, 8, other, 0, &mut |_, _| {}).map(|(_, run)| run));
        } else {
            let place = usize::try_from(random.below(running.len().try_into().unwrap())).unwrap();
            cache.finish(running.swap_remove(place));
        }
        let mut pinned: Vec<u32> =
            running.iter().flat_map(|run| run.prompt.iter().chain(&run.other)).copied().collect();
        pinned.sort_unstable();
        pinned.dedup();
        assert_eq!(cache.free + pinned.len(), cache.slab.len());
        assert!(cache.slab.len() <= 32);
        let mut queued = Vec::new();
        let mut slot = cache.slab.oldest();
        while slot != ENDS {
            queued.push(slot);
            slot = cache.slab.next_newer(slot);
        }
        assert_eq!(queued.len(), cache.free);
        assert!(queued.iter().all(|slot| pinned.binary_search(slot).is_err()));
    }
}
