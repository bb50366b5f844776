//! Which replica a request goes to, and why: prompts that begin alike have one home, which may be drained, and some requests
//! spill. It looks at no cache, so that who else is there changes no route.

use aliquot_core::time::Micros;

use super::Facts;
use crate::coalition::Request;
use crate::random::{Random, pair, scaled};

/// Why a request went to its replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// The home of its first block.
    #[default]
    Affinity,
    /// Its home was too busy.
    LoadSpill,
    /// Its home takes no requests any more.
    Drain,
}

impl Route {
    /// As events name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Affinity => "affinity",
            Self::LoadSpill => "load_spill",
            Self::Drain => "drain",
        }
    }
}

/// The router.
#[derive(Clone, Copy, Debug)]
pub(super) struct Router {
    pub(super) replicas: usize,
    /// From when on its events happen.
    pub(super) from: Micros,
    /// Takes no requests then.
    pub(super) drained: Option<usize>,
    /// Of a hundred requests, so many spill then.
    pub(super) spills_of_100: u64,
}

impl Router {
    /// One replica, to which everything goes.
    pub(super) const ONE: Self = Self { replicas: 1, from: Micros(0), drained: None, spills_of_100: 0 };

    /// Sends each request somewhere. Requests and facts come in the same order.
    pub(super) fn route(&self, seed: u64, requests: &mut [Request], facts: &mut [Facts]) {
        let mut random = Random::new(seed, "router");
        let count = self.replicas as u64;
        for (request, facts) in requests.iter_mut().zip(facts) {
            let home = scaled(pair(seed, request.blocks.first().copied().unwrap_or_default()), count) as usize;
            let (spill, elsewhere) = (random.below(100), 1 + random.below(count - 1) as usize);
            let has_begun = request.start >= self.from;
            (request.replica, facts.route) = if has_begun && self.drained == Some(home) {
                ((home + 1) % self.replicas, Route::Drain)
            } else if has_begun && spill < self.spills_of_100 {
                ((home + elsewhere) % self.replicas, Route::LoadSpill)
            } else {
                (home, Route::Affinity)
            };
            if has_begun && self.drained == Some(request.replica) {
                request.replica = (request.replica + 1) % self.replicas;
            }
        }
    }
}
