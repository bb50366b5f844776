//! The claim on which a model can be built, checked without one: whether an access hits under a coalition depends on nothing but
//! how many different blocks that coalition touched since it last touched this one.

use std::collections::HashMap;

use super::*;

/// Different blocks by recency: how many are more recent than a given one.
#[derive(Default)]
struct Recency {
    last: HashMap<u64, usize>,
    /// Sums over the places of last touches.
    tree: Vec<u32>,
    now: usize,
}

impl Recency {
    fn new(touches_max: usize) -> Self {
        Self { tree: vec![0; touches_max + 1], ..Self::default() }
    }

    fn add(&mut self, mut place: usize, number: u32) {
        while place < self.tree.len() {
            self.tree[place] = self.tree[place].wrapping_add(number);
            place += 1 << place.trailing_zeros();
        }
    }

    fn take_out(&mut self, block: u64) {
        if let Some(place) = self.last.remove(&block) {
            self.add(place, u32::MAX);
        }
    }

    fn touch(&mut self, block: u64) {
        self.take_out(block);
        self.now += 1;
        self.last.insert(block, self.now);
        self.add(self.now, 1);
    }

    fn until(&self, mut place: usize) -> u32 {
        let mut sum = 0_u32;
        while place > 0 {
            sum = sum.wrapping_add(self.tree[place]);
            place -= 1 << place.trailing_zeros();
        }
        sum
    }

    /// `None` = never touched, or taken out.
    fn more_recent_than(&self, block: u64) -> Option<u32> {
        let place = *self.last.get(&block)?;
        Some(self.until(self.now) - self.until(place))
    }
}

/// Which blocks of each request hit by the claim: touched when it ends and pinned until then, or touched at once.
fn claimed(trace: &Trace, setup: &Setup, members: u32) -> Vec<Vec<bool>> {
    let capacity = setup.capacity_blocks.get();
    let mut recency = Recency::new(trace.accesses());
    let mut pins: HashMap<u64, u32> = HashMap::new();
    let mut hits = vec![Vec::new(); trace.requests.len()];
    for step in trace.steps() {
        let (Step::Start(number) | Step::Finish(number)) = step else { unreachable!("nothing is restarted") };
        let request = &trace.requests[number];
        if members >> request.tenant & 1 == 0 {
            continue;
        }
        if step == Step::Start(number) {
            let is_hit = |block: &u64| {
                let others = recency.more_recent_than(*block).map(|others| others + pins.len() as u32);
                pins.contains_key(block) || others.is_some_and(|others| others < capacity)
            };
            hits[number] = request.blocks.iter().map(is_hit).collect();
        }
        for block in request.blocks.iter().rev() {
            match step {
                Step::Start(_) if setup.kind.touches_when_freed() => {
                    *pins.entry(*block).or_default() += 1;
                    recency.take_out(*block);
                }
                Step::Finish(_) if setup.kind.touches_when_freed() => {
                    let left = pins.get_mut(block).map(|left| {
                        *left -= 1;
                        *left
                    });
                    if left == Some(0) {
                        pins.remove(block);
                        recency.touch(*block);
                    }
                }
                Step::Start(_) => recency.touch(*block),
                _ => {}
            }
        }
    }
    hits
}

/// Pairs of an access and a coalition, and in how many of them the claim is wrong.
fn mismatches(trace: &Trace, setup: &Setup) -> (u64, u64) {
    let outcomes = Outcomes::of(trace, setup, Tier::Any);
    assert_eq!(outcomes.refused(), 0);
    let (mut pairs, mut wrong) = (0, 0);
    for members in 1..1_u32 << trace.tenants {
        let claimed = claimed(trace, setup, members);
        for (request, claimed) in claimed.iter().enumerate().filter(|(_, claimed)| !claimed.is_empty()) {
            pairs += claimed.len() as u64;
            let hits = outcomes.hits(request, members as usize);
            wrong += claimed.iter().enumerate().filter(|(place, is_hit)| **is_hit != (*place < hits)).count() as u64;
        }
    }
    (pairs, wrong)
}

#[test]
fn a_block_hits_if_fewer_different_blocks_than_fit_were_touched_since() {
    for kind in [Kind::Lru, Kind::Vllm] {
        let (trace, setup) = excerpt(Case::SharedTemplates, kind, 900);
        let (pairs, wrong) = mismatches(&trace, &setup);
        assert!(pairs > 1_000_000, "{pairs} pairs");
        assert_eq!(wrong, 0, "{kind:?}: of {pairs}");
    }
}

#[test]
fn an_engine_without_that_order_is_found_out() {
    for (kind, per_mille) in [(Kind::Sglang, 0..10), (Kind::Lfu, 20..500), (Kind::AtRandom { seed: 1 }, 20..500)] {
        let (trace, setup) = excerpt(Case::Moderate, kind, 600);
        let trace = trace.only(|number| number < trace.requests.len() / 2);
        let (pairs, wrong) = mismatches(&trace, &setup);
        assert!(per_mille.contains(&(wrong * 1_000 / pairs)), "{kind:?}: {wrong} of {pairs}");
    }
}

#[test]
fn one_block_more_or_less_is_another_cache() {
    let (trace, setup) = excerpt(Case::Moderate, Kind::Vllm, 900);
    let outcomes = Outcomes::of(&trace, &setup, Tier::Any);
    let other = Setup { capacity_blocks: blocks(899), ..setup };
    let claimed = claimed(&trace, &other, 0xff);
    let differs = |(request, claimed): (usize, &Vec<bool>)| {
        claimed.iter().take_while(|is_hit| **is_hit).count() != outcomes.actual(request)
    };
    assert!(claimed.iter().enumerate().any(differs), "the claim holds for the right capacity only");
}
