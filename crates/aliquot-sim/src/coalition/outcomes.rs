//! What every request finds under every coalition, and the games that makes of its blocks. It replays; it judges nobody.

use std::collections::HashSet;
use std::ops::Range;

use super::game::Game;
use super::stage::{Setup, replay};
use super::trace::{TENANTS_MAX, Trace};
use crate::cache::Found;

/// Which of a request's findings is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tier {
    /// Whether a block was there at all.
    #[default]
    Any,
    /// Whether it was in the first tier.
    Fast,
}

/// Leading hits of each request under each coalition that its tenant belongs to: 4 bytes for each pair.
#[derive(Clone, Debug)]
pub struct Outcomes {
    tenants: usize,
    owners: Vec<usize>,
    lengths: Vec<usize>,
    /// Leading blocks of each request that somebody had asked for before.
    known: Vec<usize>,
    /// By request, then by coalition of neighbours.
    hits: Vec<u32>,
    refused: u64,
}

/// Consecutive blocks of one request with the same outcome under each coalition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRun {
    /// Places in the prompt, from 0.
    pub blocks: Range<usize>,
    /// Its players are the victim's neighbours in order of their numbers, the victim left out.
    pub game: Game,
}

impl Outcomes {
    /// Replays the trace once for each coalition of its tenants. Times and routes of requests stay what they are.
    pub fn of(trace: &Trace, setup: &Setup, tier: Tier) -> Self {
        assert!((1..=TENANTS_MAX).contains(&trace.tenants), "{} tenants", trace.tenants);
        let mut outcomes = Self::unplayed(trace);
        let steps = trace.steps();
        for members in 1..1_u32 << trace.tenants {
            let (found, refused) = replay(trace, setup, &steps, members);
            outcomes.refused += refused;
            outcomes
                .note(&found, tier, |tenant| (members >> tenant & 1 == 1).then(|| without(members as usize, tenant)));
        }
        outcomes
    }

    pub(super) fn unplayed(trace: &Trace) -> Self {
        let neighbour_sets = 1 << (trace.tenants - 1);
        Self {
            tenants: trace.tenants,
            owners: trace.requests.iter().map(|request| request.tenant).collect(),
            lengths: trace.requests.iter().map(|request| request.blocks.len()).collect(),
            known: known(trace),
            hits: vec![0; trace.requests.len() * neighbour_sets],
            refused: 0,
        }
    }

    /// Notes what a replay found, for the requests of each tenant under the coalition of its neighbours that `place` says.
    pub(super) fn note(&mut self, found: &[Found], tier: Tier, place: impl Fn(usize) -> Option<usize>) {
        let neighbour_sets = self.neighbour_sets();
        for (request, found) in found.iter().enumerate() {
            if let Some(neighbours) = place(self.owners[request]) {
                let hits = if tier == Tier::Fast { found.fast_hits } else { found.hits };
                self.hits[request * neighbour_sets + neighbours] = u32::try_from(hits).unwrap_or(u32::MAX);
            }
        }
    }

    const fn neighbour_sets(&self) -> usize {
        1 << (self.tenants - 1)
    }

    /// How many tenants.
    pub const fn tenants(&self) -> usize {
        self.tenants
    }

    /// How many requests.
    pub const fn requests(&self) -> usize {
        self.owners.len()
    }

    /// Whose the request is.
    pub fn victim(&self, request: usize) -> usize {
        self.owners[request]
    }

    /// Its blocks.
    pub fn blocks(&self, request: usize) -> usize {
        self.lengths[request]
    }

    /// Of them, leading ones that somebody had asked for before, on whatever replica. The others are cold: no cache could have
    /// them.
    pub fn known(&self, request: usize) -> usize {
        self.known[request]
    }

    /// Leading hits of the request when those tenants are there (bit k = tenant k); its own tenant always is.
    pub fn hits(&self, request: usize, members: usize) -> usize {
        self.hits_among(request, without(members, self.owners[request]))
    }

    /// Leading hits as they were.
    pub fn actual(&self, request: usize) -> usize {
        self.hits_among(request, self.neighbour_sets() - 1)
    }

    /// Leading hits had the tenant been alone.
    pub fn solo(&self, request: usize) -> usize {
        self.hits_among(request, 0)
    }

    /// Whether the block at that place of the prompt misses when those tenants are there.
    pub fn is_miss(&self, request: usize, block: usize, members: usize) -> bool {
        block >= self.hits(request, members)
    }

    /// Requests that could not run, over all replays: if there are any, the truth is about another trace than was meant.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The request's blocks that somebody had asked for before, by their games. Blocks that hit under every coalition are left
    /// out.
    pub fn runs(&self, request: usize) -> Vec<BlockRun> {
        let known = self.known[request];
        let all = &self.hits[request * self.neighbour_sets()..][..self.neighbour_sets()];
        let mut ends: Vec<usize> = all.iter().map(|hits| (*hits as usize).min(known)).collect();
        ends.push(known);
        ends.sort_unstable();
        ends.dedup();
        let run = |pair: &[usize]| BlockRun {
            blocks: pair[0]..pair[1],
            game: Game::new(self.tenants - 1, |neighbours| all[neighbours] as usize <= pair[0]),
        };
        ends.windows(2).map(run).collect()
    }

    fn hits_among(&self, request: usize, neighbours: usize) -> usize {
        self.hits[request * self.neighbour_sets() + neighbours] as usize
    }
}

/// The coalition without that tenant, its neighbours numbered as if it did not exist.
pub(super) const fn without(members: usize, tenant: usize) -> usize {
    let below = members & ((1 << tenant) - 1);
    below | (members >> (tenant + 1)) << tenant
}

/// The number of a tenant among all, from its number among the neighbours of `victim`.
pub(super) const fn neighbour(player: usize, victim: usize) -> usize {
    if player < victim { player } else { player + 1 }
}

fn known(trace: &Trace) -> Vec<usize> {
    let mut seen = HashSet::new();
    let leading = |blocks: &[u64], seen: &HashSet<u64>| blocks.iter().take_while(|block| seen.contains(*block)).count();
    let of_request = |request: &super::Request| {
        let known = leading(&request.blocks, &seen);
        seen.extend(&request.blocks[known..]);
        known
    };
    trace.requests.iter().map(of_request).collect()
}
