//! What goes wrong on our side: calls that fail before or after they took effect, processes that die in the middle of one,
//! slow stores. Decides by a seed, and counts what it did.

use std::collections::BTreeMap;
use std::sync::Arc;

use aliquot_core::ports::{Fault, Kind};
use tokio::sync::Notify;

use crate::random::Random;

/// How often each thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts(pub(crate) BTreeMap<&'static str, u64>);

impl Counts {
    pub(crate) fn add(&mut self, name: &'static str) {
        *self.0.entry(name).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name).or_default() += count;
        }
    }
}

/// An error that the simulation made.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("simulated: {what}")]
pub(crate) struct SimError {
    pub(crate) kind: Kind,
    pub(crate) what: &'static str,
}

impl Fault for SimError {
    fn kind(&self) -> Kind {
        self.kind
    }
}

/// When in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    /// Half of it is durable; only the lake, which is two tables, has such a moment.
    Between,
    /// All of it is durable, but the caller does not learn it.
    After,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Retry,
    Halt,
    /// The process dies here.
    Death,
}

/// What goes wrong with one call, if anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble(Option<(When, What)>);

impl Trouble {
    /// Whether it strikes at this moment.
    pub(crate) fn is_at(self, when: When) -> bool {
        self.0.is_some_and(|(at, _)| at == when)
    }

    /// Lets it strike.
    pub(crate) async fn strike(self, when: When, death: &Notify) -> Result<(), SimError> {
        match self.0.filter(|(at, _)| *at == when) {
            None => Ok(()),
            Some((_, What::Retry)) => Err(SimError { kind: Kind::Retry, what: "an outage" }),
            Some((_, What::Halt)) => Err(SimError { kind: Kind::Halt, what: "a fatal failure" }),
            Some((_, What::Death)) => {
                death.notify_one();
                std::future::pending().await
            }
        }
    }
}

/// Where the faults of one simulation come from.
#[derive(Debug)]
pub(crate) struct Faults {
    random: Random,
    /// While calm, nothing goes wrong.
    pub(crate) is_calm: bool,
    pub(crate) counts: Counts,
    calls: u64,
}

/// Calls of one simulation; many times what the longest one makes. One that makes more turns in circles.
const CALLS_MAX: u64 = 100_000;

/// A kind of call, with what is counted when it fails.
pub(crate) struct Call {
    /// Of a hundred calls, how many fail.
    pub(crate) percent: u64,
    pub(crate) moments: &'static [When],
    pub(crate) names: [&'static str; 3],
}

pub(crate) const LAKE_COMMIT: Call = Call {
    percent: 22,
    moments: &[When::Before, When::Between, When::After],
    names: ["lake commit fails", "lake commit halts", "death in a lake commit"],
};
pub(crate) const LEDGER_COMMIT: Call = Call {
    percent: 22,
    moments: &[When::Before, When::After],
    names: ["ledger commit fails", "ledger commit halts", "death in a ledger commit"],
};
pub(crate) const LOOK: Call = Call {
    percent: 6,
    moments: &[When::Before],
    names: ["reading a store fails", "reading a store halts", "death while reading a store"],
};
pub(crate) const ACTIVATE: Call = Call {
    percent: 20,
    moments: &[When::Before, When::After],
    names: ["activation fails", "activation halts", "death in an activation"],
};
pub(crate) const PULL: Call =
    Call { percent: 4, moments: &[When::Before], names: ["log fails", "log halts", "death while reading the log"] };

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed, "faults"), is_calm: false, counts: Counts::default(), calls: 0 }
    }

    /// What goes wrong with this call.
    pub(crate) fn trouble(&mut self, call: &Call) -> Trouble {
        self.calls += 1;
        if self.calls > CALLS_MAX {
            return Trouble(Some((When::Before, What::Halt)));
        }
        if self.is_calm || !self.random.chance(call.percent) {
            return Trouble(None);
        }
        let when = *self.random.pick(call.moments);
        let (what, name) = match self.random.below(10) {
            0 => (What::Halt, 1),
            1..3 => (What::Death, 2),
            _ => (What::Retry, 0),
        };
        self.counts.add(call.names[name]);
        if when == When::After && what == What::Retry {
            self.counts.add("outcome unknown");
        }
        Trouble(Some((when, what)))
    }

    /// How many turns others get before a call goes on.
    pub(crate) fn turns(&mut self) -> u64 {
        match self.random.below(20) {
            0 => {
                self.counts.add("slow call");
                self.random.below(40)
            }
            _ => self.random.below(3),
        }
    }

    pub(crate) fn chance(&mut self, percent: u64, name: &'static str) -> bool {
        let happens = !self.is_calm && self.random.chance(percent);
        if happens {
            self.counts.add(name);
        }
        happens
    }
}

/// Rung when a process is to die.
pub(crate) type Death = Arc<Notify>;
