//! What became of every block, as far as the simulation itself knows: it saw who brought a block, when caches were emptied, what
//! other replicas hold, and what the tenant would have found alone. The first rule that holds is taken, in the order of causes.
//!
//! | block | cause |
//! |---|---|
//! | found | `hit`; not reported as one: `model_conflict` |
//! | nobody asked for it before, and the session's last prompt was longer | `prefix_changed` |
//! | nobody asked for it before, in a session that goes on | `new_content` |
//! | nobody asked for it before, in a new session | `cold_first` |
//! | the replica was emptied since it last had a request for it | `reset` |
//! | another request is computing it | `in_flight_race` |
//! | the cache keeps blocks for a time, which is over | `ttl_expired` |
//! | another replica holds it, and all before it | `routed_elsewhere` |
//! | the tenant alone would have found it | `evicted_neighbour` |
//! | otherwise, be it that the tenant alone would not have had it at all | `evicted_self` |

use std::collections::{HashMap, HashSet};

use aliquot_core::cause::Cause;

use super::{Bug, Scenario};
use crate::cache::{Found, Kind};
use crate::coalition::{Stage, Step, replay};
use crate::random::Random;

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// Leading blocks that it found.
    pub hits: usize,
    /// Leading blocks that the engine says it found.
    pub reported_hits: usize,
    /// Why each block was, or was not, found, root first: what really happened, whatever was reported.
    pub causes: Vec<Cause>,
}

/// What has been seen so far.
#[derive(Default)]
struct Seen {
    blocks: HashSet<u64>,
    /// Step of the last request for it, by replica and block.
    asked: HashMap<(usize, u64), usize>,
    /// Step of the last restart, by replica.
    restarted: HashMap<usize, usize>,
}

pub(super) fn play(scenario: &Scenario) -> Vec<Played> {
    let trace = &scenario.trace;
    let steps = trace.steps();
    let solo = solo(scenario, &steps);
    let mut stage = Stage::new(trace, &scenario.setup);
    let mut seen = Seen::default();
    let mut random = Random::new(scenario.seed, "misreports");
    let mut played = Vec::with_capacity(trace.requests.len());
    for (now, step) in steps.iter().enumerate() {
        if let Step::Restart(replica) = step {
            seen.restarted.insert(*replica, now);
        }
        if let Step::Start(number) = *step {
            let request = &trace.requests[number];
            let hits = stage.cache(request.replica).peek(request.start, &request.blocks).hits;
            let reported_hits = reported(scenario, number, hits, &mut random);
            let misses = hits..request.blocks.len();
            let mut causes: Vec<Cause> =
                (0..hits).map(|place| if place < reported_hits { Cause::Hit } else { Cause::ModelConflict }).collect();
            causes.extend(misses.map(|place| why(scenario, &stage, &seen, number, place, solo[number].hits)));
            for block in &request.blocks {
                seen.blocks.insert(*block);
                seen.asked.insert((request.replica, *block), now);
            }
            played.push(Played { hits, reported_hits, causes });
        }
        stage.take(*step, &mut |_| {});
    }
    assert_eq!(stage.refused(), 0, "a scenario's caches hold what runs at once");
    played
}

/// Why the block at that place misses.
fn why(scenario: &Scenario, stage: &Stage<'_>, seen: &Seen, number: usize, place: usize, solo_hits: usize) -> Cause {
    let request = &scenario.trace.requests[number];
    let block = request.blocks[place];
    if !seen.blocks.contains(&block) {
        let previous = scenario.facts[number].previous.map(|previous| scenario.trace.requests[previous].blocks.len());
        return match previous {
            Some(length) if place < length => Cause::PrefixChanged,
            Some(_) => Cause::NewContent,
            None => Cause::ColdFirst,
        };
    }
    let asked = seen.asked.get(&(request.replica, block));
    let restarted = seen.restarted.get(&request.replica);
    if asked.is_some_and(|asked| restarted.is_some_and(|restarted| restarted > asked)) {
        return Cause::Reset;
    }
    if stage.cache(request.replica).is_in_flight(request.start, block) {
        return Cause::InFlightRace;
    }
    if matches!(scenario.setup.kind, Kind::Ttl { .. }) {
        return Cause::TtlExpired;
    }
    let has_it = |replica| stage.cache(replica).peek(request.start, &request.blocks).hits > place;
    if (0..scenario.trace.replicas).any(has_it) {
        Cause::RoutedElsewhere
    } else if solo_hits > place {
        Cause::EvictedNeighbour
    } else {
        Cause::EvictedSelf
    }
}

/// What each request would have found had its tenant been alone.
fn solo(scenario: &Scenario, steps: &[Step]) -> Vec<Found> {
    let requests = &scenario.trace.requests;
    let mut solo = vec![Found::default(); requests.len()];
    for tenant in 0..scenario.trace.tenants {
        let (found, _) = replay(&scenario.trace, &scenario.setup, steps, 1 << tenant);
        for number in (0..requests.len()).filter(|number| requests[*number].tenant == tenant) {
            solo[number] = found[number];
        }
    }
    solo
}

fn reported(scenario: &Scenario, number: usize, hits: usize, random: &mut Random) -> usize {
    let request = &scenario.trace.requests[number];
    if request.start < scenario.t0 {
        return hits;
    }
    match scenario.bug {
        Some(Bug::PhantomHits) if random.below(2) == 0 => {
            (hits + 1 + random.below(4) as usize).min(request.blocks.len())
        }
        Some(Bug::LostHits) if random.below(10) < 3 => 0,
        _ => hits,
    }
}
