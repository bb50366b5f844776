//! Simple rules of blame, as a tool might use that looks at one replay only: what they get wrong is what the truth is for. Each
//! splits every lost block in whole parts among its victim and its neighbours, and never gives a credit.
//!
//! Lost is a block that somebody had asked for before and that missed. Touches are taken when a request starts, or, of engines
//! that pin, when it frees its blocks; what is pinned meanwhile these rules do not see.

mod distances;

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;

use distances::Distances;

use crate::coalition::{Setup, Stage, Step, TENANTS_MAX, Trace};
use crate::matrix::{Matrix, PARTS, split};

/// A lost block, and what can be seen of how it came to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Whose request missed it.
    pub victim: usize,
    /// Different blocks by tenant that its cache was asked for since it was last asked for this one; `None` = never before.
    pub since: Option<[u32; TENANTS_MAX]>,
    /// For whose request it was last evicted there, if it was.
    pub evictor: Option<usize>,
}

/// Replays the trace as it was and notes every lost block.
pub fn observe(trace: &Trace, setup: &Setup) -> Vec<Lost> {
    let mut stage = Stage::new(trace, setup);
    let mut distances: Vec<Distances> = (0..trace.replicas).map(|_| Distances::new(trace.accesses())).collect();
    let mut evictors: Vec<HashMap<u64, usize>> = vec![HashMap::new(); trace.replicas];
    let mut seen: HashSet<u64> = HashSet::new();
    let mut lost = Vec::new();
    for step in trace.steps() {
        let (number, starts) = match step {
            Step::Start(number) => (number, true),
            Step::Finish(number) => (number, false),
            Step::Restart(_) => {
                stage.take(step, &mut |_| {});
                continue;
            }
        };
        let request = &trace.requests[number];
        let (distances, evictors) = (&mut distances[request.replica], &mut evictors[request.replica]);
        // A request's own insertions may evict blocks that it then misses no more: what it lost was lost before.
        let mut evicted = Vec::new();
        if let Some(found) = stage.take(step, &mut |gone| evicted.push((gone.block, gone.by as usize))) {
            let missed = request.blocks[found.hits..].iter().filter(|block| seen.contains(*block));
            lost.extend(missed.map(|block| Lost {
                victim: request.tenant,
                since: distances.since(*block),
                evictor: evictors.get(block).copied(),
            }));
            seen.extend(&request.blocks);
        }
        evictors.extend(evicted);
        if starts != setup.kind.touches_when_freed() {
            request.blocks.iter().rev().for_each(|block| distances.touch(*block, request.tenant));
        }
    }
    lost
}

/// Whoever evicted the block pays; its own victim, if nobody else did.
pub fn last_evictor(tenants: usize, lost: &[Lost]) -> Matrix {
    let mut matrix = Matrix::new(tenants);
    for lost in lost {
        match lost.evictor.filter(|evictor| *evictor != lost.victim) {
            Some(evictor) => matrix.add_share(evictor, lost.victim, PARTS),
            None => matrix.add_own(lost.victim, PARTS),
        }
    }
    matrix
}

/// The victim pays if its own blocks since would have filled the cache; else its neighbours, by their different blocks since.
pub fn by_footprint(tenants: usize, capacity_blocks: NonZeroU32, lost: &[Lost]) -> Matrix {
    among_neighbours(tenants, capacity_blocks, lost, u64::from)
}

/// The victim pays if its own blocks since would have filled the cache; else all neighbours that were there, equally.
pub fn equally(tenants: usize, capacity_blocks: NonZeroU32, lost: &[Lost]) -> Matrix {
    among_neighbours(tenants, capacity_blocks, lost, |blocks| u64::from(blocks > 0))
}

fn among_neighbours(tenants: usize, capacity_blocks: NonZeroU32, lost: &[Lost], weight: fn(u32) -> u64) -> Matrix {
    let mut matrix = Matrix::new(tenants);
    for lost in lost {
        let mut weights = lost.since.unwrap_or_default().map(weight);
        weights[lost.victim] = 0;
        let filled_it = lost.since.is_none_or(|since| since[lost.victim] >= capacity_blocks.get());
        if filled_it || weights.iter().all(|weight| *weight == 0) {
            matrix.add_own(lost.victim, PARTS);
            continue;
        }
        for (culprit, parts) in split(PARTS, &weights[..tenants]).into_iter().enumerate() {
            matrix.add_share(culprit, lost.victim, parts);
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use aliquot_core::time::Micros;

    use super::*;
    use crate::cache::Kind;
    use crate::coalition::Request;

    /// Requests of a tenant for blocks, one after the other, on one LRU of three blocks.
    fn lost_of(requests: &[(usize, &[u64])]) -> Vec<Lost> {
        let request = |(at, (tenant, blocks)): (i64, &(usize, &[u64]))| Request {
            tenant: *tenant,
            start: Micros(at),
            ready: Micros(at),
            end: Micros(at),
            blocks: blocks.to_vec(),
            ..Request::default()
        };
        let requests = (0..).zip(requests).map(request).collect();
        let trace = Trace { tenants: 3, replicas: 1, requests, restarts: Vec::new() };
        observe(&trace, &Setup { kind: Kind::Lru, capacity_blocks: NonZeroU32::new(3).unwrap() })
    }

    #[test]
    fn each_rule_names_whom_it_says() {
        let lost = lost_of(&[(0, &[1, 2]), (1, &[11, 12]), (2, &[21]), (0, &[1, 2])]);
        // Block 2 made way for 11, and 1 for 21.
        let since = |own| Some([own, 2, 1, 0, 0, 0, 0, 0]);
        assert_eq!(
            lost,
            [
                Lost { victim: 0, since: since(0), evictor: Some(2) },
                Lost { victim: 0, since: since(1), evictor: Some(1) }
            ]
        );
        let shares = |matrix: Matrix| [matrix.own(0), matrix.share(1, 0), matrix.share(2, 0)];
        let capacity = NonZeroU32::new(3).unwrap();
        assert_eq!(shares(last_evictor(3, &lost)), [0, PARTS, PARTS]);
        assert_eq!(shares(by_footprint(3, capacity, &lost)), [0, PARTS * 4 / 3, PARTS * 2 / 3]);
        assert_eq!(shares(equally(3, capacity, &lost)), [0, PARTS, PARTS]);
        assert_eq!(
            shares(equally(3, NonZeroU32::MIN, &lost)),
            [PARTS, PARTS / 2, PARTS / 2],
            "its own one block would do"
        );
    }

    #[test]
    fn what_a_tenant_pushes_out_itself_is_its_own() {
        let lost = lost_of(&[(0, &[1]), (1, &[11]), (0, &[2, 3, 4]), (0, &[1])]);
        let matrix = last_evictor(3, &lost);
        assert_eq!((lost.len(), matrix.own(0), matrix.total()), (1, PARTS, PARTS));
        assert_eq!(by_footprint(3, NonZeroU32::new(3).unwrap(), &lost), matrix);
    }

    #[test]
    fn an_engine_that_pins_is_seen_to_touch_when_it_frees() {
        let request = |tenant, start, end, block| Request {
            tenant,
            start: Micros(start),
            ready: Micros(start),
            end: Micros(end),
            blocks: vec![block],
            ..Request::default()
        };
        // Tenant 1 comes and goes while tenant 0 runs: it touched nothing since.
        let requests = vec![
            request(0, 0, 10, 1),
            request(1, 1, 2, 11),
            request(2, 11, 12, 21),
            request(2, 13, 14, 22),
            request(0, 15, 16, 1),
        ];
        let trace = Trace { tenants: 3, replicas: 1, requests, restarts: Vec::new() };
        let setup = Setup { kind: Kind::Vllm, capacity_blocks: NonZeroU32::new(2).unwrap() };
        let [lost] = observe(&trace, &setup)[..] else { unreachable!("one block is lost") };
        assert_eq!(lost, Lost { victim: 0, since: Some([0, 0, 2, 0, 0, 0, 0, 0]), evictor: Some(2) });
    }
}
