//! One replay: caches, and the requests that run on them, moved step by step. Who takes part is the caller's choice.

use std::num::NonZeroU32;

use super::trace::{Request, Step, Trace};
use crate::cache::{Cache, Call, Found, Hold, Kind, OnEvicted, Owner};

/// The caches of a trace: each replica has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Which.
    pub kind: Kind,
    /// Blocks that each can hold.
    pub capacity_blocks: NonZeroU32,
}

/// The replay at some point of time.
#[derive(Debug)]
pub struct Stage<'t> {
    trace: &'t Trace,
    caches: Vec<Cache>,
    running: Vec<Option<Hold>>,
    refused: u64,
}

impl<'t> Stage<'t> {
    /// Before the first step, with empty caches.
    pub fn new(trace: &'t Trace, setup: &Setup) -> Self {
        let cache = |_| Cache::new(setup.kind, setup.capacity_blocks);
        let running = std::iter::repeat_with(|| None).take(trace.requests.len()).collect();
        Self { trace, caches: (0..trace.replicas).map(cache).collect(), running, refused: 0 }
    }

    /// The replica's cache as it is now.
    pub fn cache(&self, replica: usize) -> &Cache {
        &self.caches[replica]
    }

    /// Requests that could not run because others pinned too much. They found nothing and left nothing, for their times are
    /// fixed and they cannot wait.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes a step: what the request that started found, if one did. Evictions are told by number of the owners' tenants.
    pub fn take(&mut self, step: Step, on_evicted: OnEvicted<'_>) -> Option<Found> {
        match step {
            Step::Start(number) => {
                let Request { tenant, replica, start, ready, blocks, .. } = &self.trace.requests[number];
                let call = Call { at: *start, ready: *ready, owner: *tenant as Owner, blocks };
                let started = self.caches[*replica].start(&call, on_evicted);
                let (found, hold) = started.map(|(found, hold)| (found, Some(hold))).unwrap_or_default();
                self.refused += u64::from(hold.is_none());
                self.running[number] = hold;
                Some(found)
            }
            Step::Finish(number) => {
                if let Some(hold) = self.running[number].take() {
                    self.caches[self.trace.requests[number].replica].finish(hold);
                }
                None
            }
            Step::Restart(replica) => {
                self.caches[replica].restart();
                None
            }
        }
    }
}

/// What each request finds if only those take part whose tenants are in `members` (bit k = tenant k); those that do not take
/// part find nothing. And how many were refused.
pub fn replay(trace: &Trace, setup: &Setup, steps: &[Step], members: u32) -> (Vec<Found>, u64) {
    let mut stage = Stage::new(trace, setup);
    let mut found = vec![Found::default(); trace.requests.len()];
    for step in steps {
        if let Step::Start(number) | Step::Finish(number) = *step
            && members & 1 << trace.requests[number].tenant == 0
        {
            continue;
        }
        if let (Some(seen), Step::Start(number)) = (stage.take(*step, &mut |_| {}), *step) {
            found[number] = seen;
        }
    }
    (found, stage.refused())
}
