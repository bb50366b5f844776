//! A radix cache as SGLang keeps it: blocks lie in nodes of a tree, a node is pinned as long as a running request's path leads
//! through it, and of the unpinned leaves the one used longest ago goes, all of it, even if fewer blocks are needed.
//!
//! | when | what |
//! |---|---|
//! | a request begins | its path is found, a node that it leaves halfway is split, the rest becomes a new leaf; all is used and pinned |
//! | it ends | its path is unpinned, and used once more |
//! | blocks are needed | leaves go by last use; a parent whose last child went is a leaf |
//!
//! A block must name the whole prefix up to it, so that it has one place in the tree.

use std::collections::BTreeSet;

use super::blocks::Places;
use super::{Evicted, OnEvicted, Owner};

/// The node above all roots. It has no blocks, is never evicted, and is the end of every path.
const TOP: u32 = 0;

/// The cache.
#[derive(Debug)]
pub struct Sglang {
    capacity: usize,
    /// Blocks present.
    used: usize,
    /// Node of each present block.
    places: Places,
    nodes: Vec<Node>,
    unused_nodes: Vec<u32>,
    /// Leaves that no running request needs, by last use.
    idle_leaves: BTreeSet<(u64, u32)>,
    uses: u64,
}

#[derive(Debug, Default)]
struct Node {
    parent: u32,
    children: u32,
    /// Place of the first block in a prompt.
    depth: usize,
    blocks: Vec<u64>,
    last_use: u64,
    pins: u32,
    owner: Owner,
}

/// What a running request pins: the path down to this node. It must come back by [`Sglang::finish`].
#[must_use = "its path stays pinned until it is finished"]
#[derive(Debug, PartialEq, Eq)]
pub struct Path(u32);

impl Sglang {
    /// An empty cache of `capacity` blocks.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            used: 0,
            places: Places::default(),
            nodes: vec![Node::default()],
            unused_nodes: Vec::new(),
            idle_leaves: BTreeSet::new(),
            uses: 0,
        }
    }

    /// Begins a request: the number of leading blocks that were present, and what it pins. `None` = not enough could be
    /// evicted; what was evicted for it is gone all the same. Of more blocks than the cache holds, the first are kept.
    pub fn begin(&mut self, blocks: &[u64], owner: Owner, on_evicted: OnEvicted<'_>) -> Option<(usize, Path)> {
        let blocks = &blocks[..blocks.len().min(self.capacity)];
        let hits = self.peek(blocks);
        let found = self.found_until(blocks, hits);
        self.idle_leaves.remove(&(self.node(found).last_use, found));
        self.uses += 1;
        self.walk_up(found, |node, uses| (node.last_use, node.owner, node.pins) = (uses, owner, node.pins + 1));
        while self.capacity - self.used < blocks.len() - hits {
            let Some((_, leaf)) = self.idle_leaves.pop_first() else {
                self.finish(Path(found));
                return None;
            };
            self.evict(leaf, owner, on_evicted);
        }
        let leaf = if hits == blocks.len() { found } else { self.append(found, hits, &blocks[hits..], owner) };
        Some((hits, Path(leaf)))
    }

    /// Ends a request: its path is used now, and no longer pinned by it.
    pub fn finish(&mut self, path: Path) {
        self.uses += 1;
        self.walk_up(path.0, |node, uses| (node.last_use, node.pins) = (uses, node.pins - 1));
        self.note_if_idle_leaf(path.0);
    }

    /// The leading blocks that are present, pinned or not; uses nothing.
    pub fn peek(&self, blocks: &[u64]) -> usize {
        blocks.iter().take_while(|block| self.places.contains_key(block)).count()
    }

    /// The node that ends with the last of the hits, split off if its blocks go on.
    fn found_until(&mut self, blocks: &[u64], hits: usize) -> u32 {
        let Some(found) = hits.checked_sub(1).and_then(|last| self.places.get(&blocks[last]).copied()) else {
            return TOP;
        };
        let kept = hits - self.node(found).depth;
        if kept == self.node(found).blocks.len() { found } else { self.split(found, kept) }
    }

    /// Puts the first `kept` blocks of a node into a new one above it, which whoever pins the node pins too.
    fn split(&mut self, lower: u32, kept: usize) -> u32 {
        let node = self.node_mut(lower);
        let rest = node.blocks.split_off(kept);
        let upper = Node {
            parent: node.parent,
            children: 1,
            depth: node.depth,
            blocks: std::mem::replace(&mut node.blocks, rest),
            last_use: node.last_use,
            pins: node.pins,
            owner: node.owner,
        };
        node.depth += kept;
        let number = self.put(upper);
        self.node_mut(lower).parent = number;
        number
    }

    fn append(&mut self, parent: u32, depth: usize, blocks: &[u64], owner: Owner) -> u32 {
        self.node_mut(parent).children += 1;
        self.used += blocks.len();
        let last_use = self.uses;
        self.put(Node { parent, children: 0, depth, blocks: blocks.to_vec(), last_use, pins: 1, owner })
    }

    /// Gives the node a number, and its blocks their place.
    fn put(&mut self, node: Node) -> u32 {
        let number = self.unused_nodes.pop().unwrap_or(self.nodes.len() as u32);
        self.places.extend(node.blocks.iter().map(|block| (*block, number)));
        match self.nodes.get_mut(number as usize) {
            Some(unused) => *unused = node,
            None => self.nodes.push(node),
        }
        number
    }

    fn evict(&mut self, leaf: u32, by: Owner, on_evicted: OnEvicted<'_>) {
        let Node { parent, blocks, owner: of, .. } = std::mem::take(self.node_mut(leaf));
        self.unused_nodes.push(leaf);
        self.used -= blocks.len();
        for block in blocks {
            self.places.remove(&block);
            on_evicted(Evicted { block, by, of });
        }
        self.node_mut(parent).children -= 1;
        self.note_if_idle_leaf(parent);
    }

    fn note_if_idle_leaf(&mut self, number: u32) {
        let node = self.node(number);
        if number != TOP && node.pins == 0 && node.children == 0 {
            self.idle_leaves.insert((node.last_use, number));
        }
    }

    /// Does something to each node from this one up, with the time of use that is now.
    fn walk_up(&mut self, from: u32, mut change: impl FnMut(&mut Node, u64)) {
        let (mut number, uses) = (from, self.uses);
        while number != TOP {
            let node = self.node_mut(number);
            change(node, uses);
            number = node.parent;
        }
    }

    fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    fn node_mut(&mut self, number: u32) -> &mut Node {
        &mut self.nodes[number as usize]
    }
}

#[cfg(test)]
mod tests;
