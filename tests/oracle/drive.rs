//! The model's answer: a trace as events, in the order in which a node would have sent them, through one cache domain.

use std::borrow::Cow;

use aliquot_attribution::domain::Domain;
use aliquot_attribution::judgement::Judgement;
use aliquot_attribution::recency::Resolution;
use aliquot_attribution::settings::DomainSettings;
use aliquot_attribution::solver::Solver;
use aliquot_core::cause::{Cause, Game};
use aliquot_core::event::{CacheReport, CacheUse, Event, PrefixChain, Usage};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::rating::Rated;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::{ByClass, Class};
use aliquot_sim::cache::Kind;
use aliquot_sim::coalition::{Request, Setup, Step, Trace};
use aliquot_sim::scenario::{Played, Scenario};

use crate::lines::{BLOCK_PICO, BLOCK_TOKENS, Line, Lines, Told};
use crate::stories::Story;

/// The prompt's last tokens, which no block covers: always computed, and of no interest.
const TAIL_TOKENS: u64 = 5;

/// The place of all those whom the model does not see, taken together.
pub(crate) const UNSEEN: usize = 7;

const READ_RATE: u64 = 35_000;
const MISS_RATE: u64 = READ_RATE + BLOCK_PICO as u64 / BLOCK_TOKENS as u64;

/// When events are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moments {
    /// A request is judged when it starts, and its uses count when the engine says.
    AsTheyHappen,
    /// All that there is of a request is its end.
    EndsOnly,
}

/// How a trace is driven.
#[derive(Clone, Debug)]
pub(crate) struct Drive<'t> {
    pub(crate) trace: &'t Trace,
    pub(crate) setup: Setup,
    /// What each request read, in blocks.
    pub(crate) reads: Vec<usize>,
    /// Leading blocks of each request that somebody had asked for before.
    pub(crate) known: Vec<usize>,
    /// The session of each request, if there are any.
    pub(crate) sessions: Vec<Option<u64>>,
    pub(crate) moments: Moments,
    pub(crate) resolution: Resolution,
    pub(crate) settings: DomainSettings,
    pub(crate) sampled_of: u32,
    /// How the engine says that it evicts.
    pub(crate) eviction: Option<&'static str>,
    /// Tenants whose events nobody sends.
    pub(crate) hidden: &'static [usize],
    pub(crate) provider: &'static str,
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) lines: Lines,
    pub(crate) told: Vec<Told>,
    pub(crate) domain: Domain,
}

impl<'t> Drive<'t> {
    /// As exact as can be, the capacity being known.
    pub(crate) fn new(story: &'t Story) -> Self {
        let Story { trace, setup, outcomes, facts, .. } = story;
        let requests = 0..outcomes.requests();
        let capacity = Some(u64::from(setup.capacity_blocks.get()));
        Self {
            trace,
            setup: *setup,
            reads: requests.clone().map(|request| outcomes.actual(request)).collect(),
            known: requests.map(|request| outcomes.known(request)).collect(),
            sessions: (0..trace.requests.len()).map(|number| Some(facts.get(number)?.session)).collect(),
            moments: Moments::AsTheyHappen,
            resolution: Resolution::Exact,
            settings: DomainSettings { capacity, ..DomainSettings::default() },
            sampled_of: 1,
            eviction: None,
            hidden: &[],
            provider: "self",
        }
    }

    /// A scenario with what its engine reports, as the ends of its requests tell it.
    pub(crate) fn scenario(scenario: &'t Scenario, played: &[Played]) -> Self {
        let setup = scenario.setup;
        let settings = match setup.kind {
            Kind::Ttl { lifetime } => DomainSettings { lifetime: Some(lifetime), ..DomainSettings::default() },
            _ => DomainSettings { capacity: Some(setup.capacity_blocks.get().into()), ..DomainSettings::default() },
        };
        Self {
            trace: &scenario.trace,
            setup,
            reads: played.iter().map(|played| played.reported_hits).collect(),
            known: scenario.trace.requests.iter().map(|request| request.blocks.len()).collect(),
            sessions: scenario.facts.iter().map(|facts| Some(facts.session)).collect(),
            moments: Moments::EndsOnly,
            resolution: Resolution::Epochs,
            settings,
            sampled_of: 1,
            eviction: None,
            hidden: &[],
            provider: "self",
        }
    }

    pub(crate) fn run(&self) -> Driven {
        let mut domain = Domain::new(self.resolution, time(Micros(0)));
        if let Some(eviction) = self.eviction {
            let replicas = (0..self.trace.replicas).map(|replica| replica.to_string());
            replicas.for_each(|replica| domain.node(&replica).unwrap().set_eviction(eviction));
        }
        let mut solver = Solver::default();
        let mut lines = vec![Line::default(); self.trace.requests.len()];
        let mut told = vec![Told::default(); lines.len()];
        for step in self.trace.steps() {
            if let Step::Start(number) | Step::Finish(number) = step
                && self.hidden.contains(&self.trace.requests[number].tenant)
            {
                continue;
            }
            let judged = match step {
                Step::Start(number) if self.moments == Moments::AsTheyHappen => {
                    told[number].predicted = self.predicted(number, &mut domain);
                    Some((number, self.start(number, &mut domain, &mut solver)))
                }
                Step::Finish(number) if self.moments == Moments::EndsOnly => {
                    let (event, rated) = (self.event(number), self.rated(number));
                    Some((number, domain.finished(&event, &rated, Some(&self.settings), &mut solver, false)))
                }
                Step::Finish(number) if self.setup.kind.touches_when_freed() => {
                    let event = self.event(number);
                    let arrived = domain.arrive(&event, Some(&self.settings)).unwrap();
                    domain.finish(&event, arrived);
                    None
                }
                Step::Restart(replica) => {
                    let report = CacheReport { cleared: true, ..CacheReport::default() };
                    domain.node(&replica.to_string()).unwrap().changed(&report);
                    None
                }
                Step::Start(_) | Step::Finish(_) => None,
            };
            if let Some((number, judgement)) = judged {
                lines[number] = self.line(number, &domain, &judgement);
                told[number].parts =
                    judgement.parts.iter().map(|part| (part.cause, part.tokens, pico(part.cost))).collect();
            }
        }
        Driven { lines: Lines(lines), told, domain }
    }

    fn start(&self, number: usize, domain: &mut Domain, solver: &mut Solver) -> Judgement {
        let (event, rated) = (self.event(number), self.rated(number));
        let arrived = domain.arrive(&event, Some(&self.settings)).unwrap();
        let judgement = domain.judge(&event, &rated, Some(&self.settings), solver, arrived, false);
        if self.setup.kind.touches_when_freed() {
            domain.begin(&event, arrived);
        } else {
            domain.record(&event, arrived);
        }
        judgement
    }

    /// Leading blocks that the model would have expected to be read.
    fn predicted(&self, number: usize, domain: &mut Domain) -> usize {
        let request = &self.trace.requests[number];
        let node = domain.node(&request.replica.to_string()).unwrap();
        request.blocks.iter().take_while(|hash| node.has(**hash) == Some(true)).count()
    }

    /// What the node sends when the request has ended.
    pub(crate) fn event(&self, number: usize) -> Event<'static> {
        let Request { tenant, replica, start, ready, end, blocks } = &self.trace.requests[number];
        let mut parts = ByClass::all(0);
        let tokens = |blocks: usize| blocks as u64 * u64::from(BLOCK_TOKENS);
        parts.set(Class::CacheRead, tokens(self.reads[number]));
        parts.set(Class::Uncached, tokens(blocks.len() - self.reads[number]) + TAIL_TOKENS);
        let limit = u64::MAX / u64::from(self.sampled_of);
        let listed = blocks.iter().copied().filter(|block| *block <= limit).collect();
        let own = |text: String| Some(Cow::Owned(text));
        Event {
            id: Cow::Owned(number.to_string()),
            source: Cow::Borrowed("engine"),
            time: time(*end),
            tenant: own(tenant.to_string()),
            domain: Cow::Borrowed("pool"),
            provider: Cow::Borrowed(self.provider),
            request_model: Cow::Borrowed("model"),
            usage: Usage { parts, cache_reported: true, ..Usage::default() },
            prefix: Some(PrefixChain { block_tokens: BLOCK_TOKENS, sampled_of: self.sampled_of, blocks: listed }),
            ttft: (ready != end).then_some(Micros(ready.0 - start.0)),
            duration: Some(Micros(end.0 - start.0)),
            cache: CacheUse {
                session: self.sessions[number].map(|session| Cow::Owned(session.to_string())),
                replica: own(replica.to_string()),
                ..CacheUse::default()
            },
            ..Event::default()
        }
    }

    /// Its price: every missed block costs the same.
    pub(crate) fn rated(&self, number: usize) -> Rated {
        let parts = self.event(number).usage.parts;
        let (mut costs, mut rates) = (ByClass::all(Usd::ZERO), ByClass::all(None));
        for (class, rate) in [(Class::CacheRead, READ_RATE), (Class::Uncached, MISS_RATE)] {
            let rate = Rate::from_pico(rate);
            costs.set(class, rate.times(parts.get(class)).unwrap());
            rates.set(class, Some(rate));
        }
        let read_rate = Some(Rate::from_pico(READ_RATE));
        Rated { book: Default::default(), costs, rates, read_rate, unpriced: None }
    }

    fn line(&self, number: usize, domain: &Domain, judgement: &Judgement) -> Line {
        let blocks = self.trace.requests[number].blocks.len();
        let victim = self.trace.requests[number].tenant;
        let mut line = Line { victim, ..Line::default() };
        let mut taken = 0;
        for part in &judgement.parts {
            match part.cause {
                Cause::Hit | Cause::Structural => {}
                Cause::EvictedNeighbour => taken += pico(part.cost),
                Cause::EvictedSelf
                | Cause::ColdFirst
                | Cause::NewContent
                | Cause::PrefixChanged
                | Cause::TtlExpired => {
                    line.missed.own += pico(part.cost);
                }
                _ => line.unexplained += pico(part.cost),
            }
        }
        line.missed.own -= (blocks - self.known[number]) as i64 * BLOCK_PICO;
        for blame in judgement.blames.iter().filter(|blame| blame.game == Game::NeighboursAbsent) {
            assert!(blame.culprit.tenant().is_some() || !self.hidden.is_empty(), "everybody is seen");
            let culprit = blame.culprit.tenant().and_then(|tenant| domain.tenants().culprit(tenant).tenant());
            let culprit = culprit.map_or(UNSEEN, |culprit| culprit.parse().unwrap());
            let side = if blame.cause == Cause::Hit { &mut line.read } else { &mut line.missed };
            side.add_share(culprit, pico(blame.cost));
            line.avoidable[culprit] += pico(blame.avoidable);
        }
        let missed = (blocks - self.reads[number]) as i64 * BLOCK_PICO;
        line.alone = judgement.alone.map(|more| missed + pico(more));
        // Of what it read, what it would have missed alone.
        line.read.own = judgement.alone.map_or(0, |more| pico(more) + taken);
        line
    }
}

fn pico(amount: Usd) -> i64 {
    i64::try_from(amount.pico()).unwrap()
}

/// Times of events begin somewhere.
pub(crate) fn time(at: Micros) -> EventTime {
    EventTime(1_700_000_000_000_000 + at.0)
}
