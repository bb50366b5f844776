//! The labelled stories: who is named, since when, and why blocks missed, beside what really happened. Each has a table in
//! `tests/scenarios`, which must not change by itself.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use aliquot_core::cause::Cause;
use aliquot_core::time::Micros;
use aliquot_sim::cache::Kind;
use aliquot_sim::coalition::Setup;
use aliquot_sim::scenario::{Case, HOG, LENGTH, Played, Scenario, TENANTS};

use crate::drive::{Drive, Driven};
use crate::lines::{BLOCK_TOKENS, Line};

/// The run of time over which harm is summed.
const WINDOW: Micros = Micros(60_000_000);

/// Below this part of what was computed, harm is nobody's.
const HARM_MIN: f64 = 0.001;

/// A story as it was and as it is told.
#[derive(Debug)]
pub(crate) struct Labelled {
    scenario: Scenario,
    played: Vec<Played>,
    driven: Driven,
}

impl Labelled {
    fn new(case: Case) -> Self {
        let scenario = Scenario::new(case, 1, LENGTH);
        // What engines do: pin what runs, touch it when it ends.
        let kind = if scenario.setup.kind == Kind::Lru { Kind::Vllm } else { scenario.setup.kind };
        let setup = Setup { kind, ..scenario.setup };
        let scenario = scenario.with(setup);
        let played = scenario.play();
        let driven = Drive::scenario(&scenario, &played).run();
        Self { scenario, played, driven }
    }

    /// Blocks by true cause and by the cause that is told. Within a request, what has the same cause is matched first.
    pub(crate) fn confusion(&self) -> BTreeMap<(Cause, Cause), u64> {
        let mut confusion = BTreeMap::new();
        for (played, told) in self.played.iter().zip(&self.driven.told) {
            let (mut truth, mut said) = (BTreeMap::new(), BTreeMap::new());
            played.causes.iter().for_each(|cause| *truth.entry(*cause).or_insert(0) += 1);
            for (cause, tokens, _) in told.parts.iter().filter(|(cause, _, _)| *cause != Cause::Structural) {
                *said.entry(*cause).or_insert(0) += tokens / u64::from(BLOCK_TOKENS);
            }
            for (cause, blocks) in &mut truth {
                let same = said.get_mut(cause).map_or(0, |said| {
                    let same = (*blocks).min(*said);
                    *said -= same;
                    same
                });
                *blocks -= same;
                *confusion.entry((*cause, *cause)).or_insert(0) += same;
            }
            for (cause, blocks) in truth {
                let mut left = blocks;
                for (other, said) in &mut said {
                    let both = left.min(*said);
                    (left, *said) = (left - both, *said - both);
                    *confusion.entry((cause, *other)).or_insert(0) += both;
                }
                assert_eq!(left, 0, "every block is told of once");
            }
        }
        confusion.retain(|_, blocks| *blocks > 0);
        confusion
    }

    /// What each tenant did to its neighbours, by window.
    fn harm(&self) -> Vec<Vec<i64>> {
        let windows = (LENGTH.0 / WINDOW.0) as usize;
        let mut harm = vec![vec![0; windows]; TENANTS];
        for (request, line) in self.scenario.trace.requests.iter().zip(&self.driven.lines.0) {
            let window = ((request.end.0 / WINDOW.0) as usize).min(windows - 1);
            for (culprit, harm) in harm.iter_mut().enumerate() {
                harm[window] += line.missed.charges[culprit];
            }
        }
        harm
    }

    /// The part of the money that was computed and not read which is charged to neighbours.
    fn harm_share(&self) -> f64 {
        let charged: i64 = self.driven.lines.0.iter().flat_map(|line| line.missed.charges).sum();
        let parts = self.driven.told.iter().flat_map(|told| &told.parts);
        let computed: i64 = parts.filter(|(cause, _, _)| *cause != Cause::Hit).map(|(_, _, cost)| cost).sum();
        charged as f64 / computed as f64
    }

    /// What each tenant's requests computed, by window.
    fn computed(&self, tenant: usize) -> Vec<i64> {
        let mut computed = vec![0; (LENGTH.0 / WINDOW.0) as usize];
        for (request, told) in self.scenario.trace.requests.iter().zip(&self.driven.told) {
            let window = ((request.start.0 / WINDOW.0) as usize).min(computed.len() - 1);
            if request.tenant == tenant {
                let parts = told.parts.iter().filter(|(cause, _, _)| *cause != Cause::Hit);
                computed[window] += parts.map(|(_, _, cost)| cost).sum::<i64>();
            }
        }
        computed
    }

    /// Whose harm rose most, and in which window what it computed itself rose: its harm comes later, when the cache is full.
    fn culprit(&self) -> Option<(usize, usize)> {
        if self.harm_share() < HARM_MIN {
            return None;
        }
        let rises = self.harm().into_iter().enumerate().map(|(tenant, harm)| (rise(&harm).0, tenant));
        let (_, culprit) = rises.max()?;
        Some((culprit, rise(&self.computed(culprit)).1))
    }

    /// The table for people, and for the next change to be compared with.
    fn table(&self) -> String {
        let confusion = self.confusion();
        let mut table = format!("story    {}\n", self.scenario.case.name());
        let culprit = self.culprit();
        let named =
            culprit.map_or("nobody".to_owned(), |(tenant, window)| format!("tenant {tenant}, from minute {window}"));
        writeln!(table, "culprit  {named}").unwrap();
        writeln!(table, "harm     {:.2} % of what was computed is charged to neighbours\n", 100.0 * self.harm_share())
            .unwrap();
        writeln!(table, "{:<18}{:>10}{:>10}{:>10}", "cause", "true %", "told %", "right %").unwrap();
        let total: u64 = confusion.values().sum();
        for cause in Cause::ALL {
            let sum = |of: &dyn Fn(&(Cause, Cause)) -> bool| {
                confusion.iter().filter(|(pair, _)| of(pair)).map(|(_, blocks)| blocks).sum::<u64>()
            };
            let (truth, told) = (sum(&|pair| pair.0 == cause), sum(&|pair| pair.1 == cause));
            let right = sum(&|pair| *pair == (cause, cause));
            if truth + told > 0 {
                let of = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
                let right = format!("{:.1}", of(right, truth.max(told)));
                writeln!(table, "{:<18}{:>10.2}{:>10.2}{right:>10}", cause.name(), of(truth, total), of(told, total))
                    .unwrap();
            }
        }
        table
    }

    fn path(&self) -> PathBuf {
        let name = self.scenario.case.name().replace(' ', "_");
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios").join(format!("{name}.txt"))
    }
}

/// By how much a series lies above its mean at most, from some place to its end, and from which.
fn rise(series: &[i64]) -> (i64, usize) {
    let mean = series.iter().sum::<i64>() / series.len() as i64;
    let above = |from: usize| series[from..].iter().map(|value| value - mean).sum::<i64>();
    let rises = (0..series.len()).map(|from| (above(from), from));
    rises.max_by_key(|(above, from)| (*above, std::cmp::Reverse(*from))).unwrap_or_default()
}

pub(crate) fn stories() -> Vec<Labelled> {
    std::iter::once(Case::Launch).chain(Case::BLAMELESS).map(Labelled::new).collect()
}

/// Causes that are one line of the bill: nobody could have read what never was.
const fn line_of(cause: Cause) -> Cause {
    match cause {
        // A new session on a known template: cold, or its new content? The line is the same.
        Cause::ColdFirst => Cause::NewContent,
        cause => cause,
    }
}

fn assert_told(story: &Labelled) {
    let case = story.scenario.case;
    let confusion = story.confusion();
    let (mut right, mut all, mut blamed) = (0, 0, 0);
    for ((truth, told), blocks) in &confusion {
        all += blocks;
        right += if line_of(*truth) == line_of(*told) { *blocks } else { 0 };
        blamed += if *told == Cause::EvictedNeighbour && truth != told { *blocks } else { 0 };
    }
    // Of hits that an engine makes up, only the engine knows; and one that denies some looks as if it computed them at that time.
    let bound = if [Case::PhantomHits, Case::LostHits].contains(&case) { 0.97 } else { 0.995 };
    let right = right as f64 / all as f64;
    assert!(right > bound, "{case:?}: {right}");
    if case == Case::Launch {
        let (culprit, window) = story.culprit().expect("somebody did it");
        let t0 = (story.scenario.t0.0 / WINDOW.0) as usize;
        assert_eq!(culprit, HOG, "{case:?}");
        assert!(window.abs_diff(t0) <= 1, "{case:?}: window {window}, not {t0}");
        assert!((blamed as f64) < 0.001 * all as f64, "{case:?}: {blamed} of {all}");
        let victims = |line: &&Line| (1..TENANTS).contains(&line.victim);
        let harmed: i64 = story.driven.lines.0.iter().filter(victims).map(|line| line.missed.charges[HOG]).sum();
        assert!(harmed > 0, "{case:?}: its neighbours are the victims");
    } else {
        assert_eq!(blamed, 0, "{case:?}: a neighbour is blamed");
        assert_eq!(story.culprit(), None, "{case:?}");
        assert!(story.harm_share() < HARM_MIN, "{case:?}: {}", story.harm_share());
    }
}

#[test]
fn each_story_is_told_as_it_was_and_as_its_table_says() {
    for story in stories() {
        println!("{}", story.scenario.case.name());
        for ((truth, told), blocks) in story.confusion() {
            println!("  {:<18} told as {:<18}{blocks:>8}", truth.name(), told.name());
        }
        assert_told(&story);
        let path = story.path();
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(story.table(), expected, "{} says otherwise", path.display());
    }
}

#[test]
#[ignore = "rewrites the tables that the other test reads"]
fn rewrite_tables() {
    for story in stories() {
        std::fs::write(story.path(), story.table()).unwrap();
    }
}
