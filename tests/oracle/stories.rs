//! Stories with the truth about them, worked out once for all tests that ask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use aliquot_core::time::Micros;
use aliquot_sim::cache::Kind;
use aliquot_sim::coalition::{Outcomes, Setup, Trace};
use aliquot_sim::scenario::{Case, Facts, Scenario};

use crate::lines::Lines;
use crate::truth;

/// A story on some cache.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) trace: Trace,
    pub(crate) setup: Setup,
    pub(crate) facts: Vec<Facts>,
    pub(crate) outcomes: Outcomes,
    pub(crate) truth: Lines,
}

/// Each told story, once.
type Told = Mutex<BTreeMap<String, Arc<OnceLock<Arc<Story>>>>>;

impl Story {
    /// The first seed's story. Where uses count from the start of a request, it is over at once.
    pub(crate) fn new(case: Case, kind: Kind, length: Micros) -> Arc<Self> {
        let scenario = Scenario::new(case, 1, length);
        let setup = Setup { kind, ..scenario.setup };
        Self::on(&scenario, setup)
    }

    /// The story on these caches.
    pub(crate) fn on(scenario: &Scenario, setup: Setup) -> Arc<Self> {
        static TOLD: OnceLock<Told> = OnceLock::new();
        let name = format!("{:?} {setup:?} {:?}", scenario.case, scenario.t0);
        let told = TOLD.get_or_init(Mutex::default);
        let place = Arc::clone(told.lock().unwrap().entry(name).or_default());
        Arc::clone(place.get_or_init(|| {
            let trace = scenario.trace.clone();
            let trace = if setup.kind.touches_when_freed() { trace } else { trace.instant() };
            Arc::new(Self::of(trace, setup, scenario.facts.clone()))
        }))
    }

    /// The truth about any trace.
    pub(crate) fn of(trace: Trace, setup: Setup, facts: Vec<Facts>) -> Self {
        let outcomes = truth::outcomes(&trace, &setup);
        let truth = truth::lines(&outcomes);
        Self { trace, setup, facts, outcomes, truth }
    }
}
