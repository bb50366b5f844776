//! The tree by hand-made cases, and what must hold of it whatever comes.

use super::*;
use crate::random::Random;

fn begin(cache: &mut Sglang, blocks: &[u64], gone: &mut Vec<u64>) -> Option<(usize, Path)> {
    cache.begin(blocks, 0, &mut |evicted| gone.push(evicted.block))
}

fn run(cache: &mut Sglang, blocks: &[u64], gone: &mut Vec<u64>) -> usize {
    let (hits, path) = begin(cache, blocks, gone).unwrap();
    cache.finish(path);
    hits
}

#[test]
fn a_whole_leaf_goes_even_if_less_is_needed() {
    let (mut cache, mut gone) = (Sglang::new(8), Vec::new());
    assert_eq!(run(&mut cache, &[1, 2, 3, 4], &mut gone), 0);
    assert_eq!(run(&mut cache, &[11, 12, 13], &mut gone), 0);
    assert_eq!(run(&mut cache, &[21, 22], &mut gone), 0);
    assert_eq!(gone, [1, 2, 3, 4], "one block was missing, four went");
    assert_eq!(run(&mut cache, &[1, 2, 3], &mut gone), 0);
    assert_eq!(gone.len(), 4, "and left room");
}

#[test]
fn a_branch_splits_a_node_and_the_shared_part_goes_last() {
    let (mut cache, mut gone) = (Sglang::new(8), Vec::new());
    run(&mut cache, &[1, 2, 3, 4], &mut gone);
    assert_eq!(run(&mut cache, &[1, 2, 13, 14], &mut gone), 2);
    assert_eq!(run(&mut cache, &[31, 32], &mut gone), 0, "eight blocks fit");
    run(&mut cache, &[41], &mut gone);
    assert_eq!(gone, [3, 4], "the leaf that nobody came back to");
    run(&mut cache, &[42, 43], &mut gone);
    assert_eq!(gone, [3, 4, 13, 14]);
    run(&mut cache, &[44, 45], &mut gone);
    assert_eq!(gone, [3, 4, 13, 14, 1, 2], "a leaf by now, used before 31 and 32");
}

#[test]
fn a_pinned_path_stays_and_a_split_pins_both_parts() {
    let (mut cache, mut gone) = (Sglang::new(6), Vec::new());
    let (_, first) = begin(&mut cache, &[1, 2, 3, 4], &mut gone).unwrap();
    let (hits, second) = begin(&mut cache, &[1, 2, 13, 14], &mut gone).unwrap();
    assert_eq!(hits, 2, "another request reads what the first one pins");
    assert_eq!(begin(&mut cache, &[7], &mut gone), None, "nothing can go");
    cache.finish(second);
    assert_eq!(begin(&mut cache, &[7, 8, 9], &mut gone), None, "two can, three are needed");
    assert_eq!(gone, [13, 14]);
    assert_eq!(run(&mut cache, &[7, 8], &mut gone), 0);
    cache.finish(first);
    assert_eq!(run(&mut cache, &[1, 2, 3, 4], &mut gone), 4, "freed last, most recent");
    assert_eq!(gone, [13, 14]);
}

#[test]
fn a_node_is_used_when_it_is_freed() {
    let (mut cache, mut gone) = (Sglang::new(2), Vec::new());
    let (_, early) = begin(&mut cache, &[1], &mut gone).unwrap();
    let (_, late) = begin(&mut cache, &[2], &mut gone).unwrap();
    cache.finish(late);
    cache.finish(early);
    run(&mut cache, &[3], &mut gone);
    assert_eq!(gone, [2], "begun later, freed earlier");
}

#[test]
fn of_a_long_prompt_the_first_blocks_stay() {
    let (mut cache, mut gone) = (Sglang::new(3), Vec::new());
    run(&mut cache, &[1, 2, 3, 4, 5], &mut gone);
    assert_eq!(cache.peek(&[1, 2, 3, 4, 5]), 3);
}

#[test]
fn the_tree_adds_up_whatever_happens() {
    let mut random = Random::new(5, "tree");
    let (mut cache, mut running, mut refused) = (Sglang::new(60), Vec::new(), 0);
    for _ in 0..8_000 {
        if running.len() < 9 && random.below(2) == 0 {
            let (root, branch) = (random.below(5) * 1_000, random.below(6) * 100);
            let blocks: Vec<u64> =
                (0..random.below(15)).map(|depth| root + depth + if depth < 4 { 0 } else { branch }).collect();
            match cache.begin(&blocks, 0, &mut |_| {}) {
                Some((_, path)) => running.push(path),
                None => refused += 1,
            }
        } else if !running.is_empty() {
            let place = random.below(running.len() as u64) as usize;
            cache.finish(running.swap_remove(place));
        }
        let live = || (1..cache.nodes.len() as u32).filter(|node| !cache.unused_nodes.contains(node));
        assert_eq!(live().map(|node| cache.node(node).blocks.len()).sum::<usize>(), cache.used);
        assert!(cache.used == cache.places.len() && cache.used <= 60);
        for number in live() {
            let node = cache.node(number);
            let above = cache.node(node.parent);
            assert_eq!(above.depth + above.blocks.len(), node.depth, "a node goes on where its parent ends");
            assert!(node.parent == TOP || above.pins >= node.pins, "pins reach up to the top");
            assert!(node.parent == TOP || above.last_use >= node.last_use, "a parent is as recent as its child");
            assert!(node.blocks.iter().all(|block| cache.places.get(block) == Some(&number)));
            let is_idle_leaf = node.pins == 0 && node.children == 0;
            assert_eq!(cache.idle_leaves.contains(&(node.last_use, number)), is_idle_leaf);
            assert_eq!(live().filter(|child| cache.node(*child).parent == number).count(), node.children as usize);
        }
    }
    assert!(refused > 0, "the case of a full cache was among them");
}
