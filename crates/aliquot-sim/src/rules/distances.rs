//! How many different blocks of each tenant were touched since a block was: counted exactly, in a tree of sums for each tenant.

use std::collections::HashMap;

use crate::coalition::TENANTS_MAX;

/// One cache's touches. A block counts once, at its last touch, for whoever touched it then.
#[derive(Debug)]
pub(super) struct Distances {
    last: HashMap<u64, (usize, usize)>,
    trees: [Vec<u32>; TENANTS_MAX],
    now: usize,
}

impl Distances {
    /// Before any touch, with room for so many.
    pub(super) fn new(touches_max: usize) -> Self {
        let tree = || vec![0; touches_max + 1];
        Self { last: HashMap::new(), trees: std::array::from_fn(|_| tree()), now: 0 }
    }

    pub(super) fn touch(&mut self, block: u64, tenant: usize) {
        self.now += 1;
        if let Some((at, before)) = self.last.insert(block, (self.now, tenant)) {
            add(&mut self.trees[before], at, u32::MAX);
        }
        add(&mut self.trees[tenant], self.now, 1);
    }

    /// Different blocks by tenant touched after the last touch of `block`; `None` if it never was.
    pub(super) fn since(&self, block: u64) -> Option<[u32; TENANTS_MAX]> {
        let (at, _) = *self.last.get(&block)?;
        Some(std::array::from_fn(|tenant| {
            sum(&self.trees[tenant], self.now).wrapping_sub(sum(&self.trees[tenant], at))
        }))
    }
}

/// Adds, modulo 2³², so that the largest number takes one away.
fn add(tree: &mut [u32], mut at: usize, number: u32) {
    while let Some(node) = tree.get_mut(at) {
        *node = node.wrapping_add(number);
        at += at & at.wrapping_neg();
    }
}

fn sum(tree: &[u32], mut at: usize) -> u32 {
    let mut sum = 0_u32;
    while at > 0 {
        sum = sum.wrapping_add(tree[at]);
        at &= at - 1;
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::random::Random;

    #[test]
    fn they_are_what_a_search_through_all_touches_counts() {
        let mut random = Random::new(1, "distances");
        let mut distances = Distances::new(600);
        let mut touches: Vec<(u64, usize)> = Vec::new();
        for _ in 0..600 {
            let (block, tenant) = (random.below(40), random.below(3) as usize);
            let since = touches.iter().rposition(|(touched, _)| *touched == block).map(|at| {
                let mut counts = [0; TENANTS_MAX];
                let mut seen = BTreeSet::new();
                for (touched, by) in touches[at + 1..].iter().rev() {
                    counts[*by] += u32::from(seen.insert(*touched));
                }
                counts
            });
            assert_eq!(distances.since(block), since);
            distances.touch(block, tenant);
            touches.push((block, tenant));
        }
    }
}
