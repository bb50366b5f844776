//! Traffic with a known story: few tenants, one event, and what really became of every block, from what the simulation itself
//! did. It says nothing about money, and nothing about who should pay.
//!
//! | part | rule |
//! |---|---|
//! | tenants | eight; each sends streams of its own, which no other traffic changes |
//! | prompt | system part, template, then the turns of its session; a template is drawn with weight k⁻¹·¹ |
//! | times | fixed: drawn for each request, whatever the cache finds |
//! | `t0` | half of the length, when a scenario's event happens |

mod cases;
mod labels;
mod routing;
mod streams;

use std::num::NonZeroU32;

use aliquot_core::time::Micros;

pub use labels::Played;
pub use routing::Route;

use crate::coalition::{Setup, Trace};

/// Tenants of every scenario.
pub const TENANTS: usize = 8;

/// The tenant that grows, launches, or lies close when something else happens.
pub const HOG: usize = 0;

/// The stories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// At `t0` one tenant gets 40 times the templates and 4 times the rate.
    Moderate,
    /// At `t0` one tenant gets 300 times the templates and 20 times the rate.
    OneHog,
    /// As moderate, in a cache that is a little too small even before.
    BarelyOver,
    /// As one hog, in a cache that had been roomy.
    RoomyJump,
    /// One tenant holds most of the cache by a warm set that never misses, from the beginning.
    HotHog,
    /// As moderate, and all tenants' prompts begin with the same system prompt.
    SharedSystemPrompt,
    /// As moderate, and of each tenant's templates 60 % are everybody's.
    SharedTemplates,
    /// At `t0` one tenant brings 200 users with prompts of another shape.
    Launch,
    /// A cache that keeps blocks for a time: at `t0` everybody but the launching tenant slows down. The launch does no harm.
    TtlExpiry,
    /// At `t0` everybody's templates change; the cache is roomy, the launch does no harm.
    Deploy,
    /// From `t0` on, another tenant sends bursts of one new prompt before its first answer begins.
    Stampede,
    /// Four replicas, to which prompts go by how they begin: at `t0` one is drained, and load spills. The caches are roomy.
    RoutedAway,
    /// From `t0` on, another tenant's prompts never begin alike; the cache is roomy.
    OwnPrefixChange,
    /// At `t0` the cache is emptied; it is roomy.
    CacheReset,
    /// From `t0` on, the engine reports hits that it did not have; the cache is roomy.
    PhantomHits,
    /// From `t0` on, the engine reports no hits to many requests that had some; the cache is roomy.
    LostHits,
}

impl Case {
    /// One tenant's growth costs its neighbours, and no block is anybody else's.
    pub const DISJOINT: [Self; 5] = [Self::Moderate, Self::OneHog, Self::BarelyOver, Self::RoomyJump, Self::HotHog];

    /// The tenants share blocks.
    pub const SHARED: [Self; 2] = [Self::SharedSystemPrompt, Self::SharedTemplates];

    /// A launch happens and is not to blame.
    pub const BLAMELESS: [Self; 8] = [
        Self::TtlExpiry,
        Self::Deploy,
        Self::Stampede,
        Self::RoutedAway,
        Self::OwnPrefixChange,
        Self::CacheReset,
        Self::PhantomHits,
        Self::LostHits,
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moderate => "moderate",
            Self::OneHog => "one hog x20",
            Self::BarelyOver => "barely over",
            Self::RoomyJump => "roomy, jump",
            Self::HotHog => "hot hog",
            Self::SharedSystemPrompt => "shared system prompt",
            Self::SharedTemplates => "shared templates 60 %",
            Self::Launch => "launch",
            Self::TtlExpiry => "ttl expiry",
            Self::Deploy => "deploy",
            Self::Stampede => "stampede",
            Self::RoutedAway => "routed away",
            Self::OwnPrefixChange => "own prefix change",
            Self::CacheReset => "cache reset",
            Self::PhantomHits => "phantom hits",
            Self::LostHits => "lost hits",
        }
    }
}

/// A story with its traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Which.
    pub case: Case,
    /// When its event happens.
    pub t0: Micros,
    /// The caches.
    pub setup: Setup,
    /// The requests.
    pub trace: Trace,
    /// What is known about each request beyond the trace, in the same order.
    pub facts: Vec<Facts>,
    /// How the engine misreports, if it does.
    pub bug: Option<Bug>,
    seed: u64,
}

/// What a gateway would know about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The conversation it continues.
    pub session: u64,
    /// The request before it in the session.
    pub previous: Option<usize>,
    /// Whether it would not be there without the launch, or the growth, at `t0`.
    pub is_launch: bool,
    /// Why it went to its replica.
    pub route: Route,
}

/// How an engine misreports from `t0` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Half of the requests that miss something report up to four hits more.
    PhantomHits,
    /// Three of ten requests report none.
    LostHits,
}

impl Scenario {
    /// The story over `length`, from `seed`. At [`LENGTH`] it has about 100,000 block accesses, more with a hog.
    pub fn new(case: Case, seed: u64, length: Micros) -> Self {
        cases::build(case, seed, length)
    }

    /// The trace as if nothing had grown and nobody launched. All other requests are the same.
    pub fn without_launch(&self) -> Trace {
        self.trace.only(|number| !self.facts[number].is_launch)
    }

    /// The same with caches of another size or kind.
    #[must_use]
    pub fn with(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    /// Replays it and says what each request found, what was reported, and what became of each of its blocks.
    pub fn play(&self) -> Vec<Played> {
        labels::play(self)
    }

    /// The capacity of each cache in blocks.
    pub const fn capacity_blocks(&self) -> NonZeroU32 {
        self.setup.capacity_blocks
    }
}

pub use cases::LENGTH;

#[cfg(test)]
mod tests;
