//! What is said of a trace, held against the truth: the replays of every coalition of tenants. Where the trace is too long for
//! that, a miniature of it takes its place, with one of so many blocks, chosen by hash, and a cache of as many times fewer.

use std::collections::HashMap;
use std::num::NonZeroU32;

use aliquot_attribution::attributor::Attributor;
use aliquot_core::blame::Attribution;
use aliquot_core::cause::{Cause, Game, Harm};
use aliquot_core::event::Event;
use aliquot_core::rating::Rater;
use aliquot_core::time::Micros;
use aliquot_core::usage::Class;
use aliquot_sim::cache::Kind;
use aliquot_sim::coalition::{self, Outcomes, Setup, Tier, Trace, Verdict};
use aliquot_sim::matrix::{Matrix, PARTS, misallocation};
use aliquot_sim::random::mix;
use aliquot_sim::replay::{Replay, Settings, Tenants};
use aliquot_sim::rules::{by_footprint, equally, last_evictor, observe};
use aliquot_sim::trace::{Error, Request};
use aliquot_wire::prices::book;
use anyhow::{Context, anyhow, ensure};

use super::settings_of;

/// How far each method is off, in percent of what was lost.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) one_of: NonZeroU32,
    /// Hits and references of blocks.
    pub(super) hits: (u128, u128),
    /// Blocks that somebody had asked for before and that missed.
    pub(super) lost: u128,
    /// What neighbours took, in percent of what was lost.
    pub(super) by_neighbours: f64,
    pub(super) model: f64,
    /// The last evictor, in proportion to different blocks, equally.
    pub(super) rules: [f64; 3],
}

/// A trace, what its nodes reported, and what every coalition would have found.
#[derive(Debug)]
pub(super) struct Miniature {
    one_of: NonZeroU32,
    setup: Setup,
    /// Tokens of a block.
    block_tokens: u32,
    trace: Trace,
    /// In the order in which they came, each with the number of its request.
    events: Vec<(usize, Event<'static>)>,
    outcomes: Outcomes,
}

impl Miniature {
    /// The same traffic with one of so many blocks, and as many times fewer of them in the cache.
    pub(super) fn new(
        requests: impl Iterator<Item = Result<Request, Error>>,
        settings: &Settings,
        one_of: NonZeroU32,
    ) -> anyhow::Result<Self> {
        let requests =
            requests.map(|request| request.map(|request| cut(request, one_of))).collect::<Result<Vec<_>, _>>()?;
        let whole = settings.capacity_blocks.context("without a capacity nobody takes anything from anybody")?;
        let capacity_blocks = NonZeroU32::new(whole.get() / one_of).context("there is nothing left of the cache")?;
        let setup = Setup { kind: Kind::Lru, capacity_blocks };
        let settings = Settings { capacity_blocks: Some(capacity_blocks), ..settings.clone() };
        let events = replayed(&requests, &settings)?;
        let trace = trace(&requests, &events, &settings)?;
        let block_tokens = requests.first().map_or(1, |request| request.block_tokens);
        let outcomes = Outcomes::of(&trace, &setup, Tier::Any);
        for (number, event) in &events {
            let read = outcomes.actual(*number) as u64 * u64::from(block_tokens);
            ensure!(
                event.usage.parts.get(Class::CacheRead) == read,
                "the judge's cache finds {read} tokens of {}",
                event.id
            );
        }
        Ok(Self { one_of, setup, block_tokens, trace, events, outcomes })
    }

    /// What the methods say of it, held against the truth.
    pub(super) fn held(&self) -> anyhow::Result<Held> {
        let verdict = Verdict::of(&self.outcomes);
        let (tenants, capacity) = (self.trace.tenants, self.setup.capacity_blocks);
        let (told, unexplained) = self.told()?;
        let lost = observe(&self.trace, &self.setup);
        let rules =
            [last_evictor(tenants, &lost), by_footprint(tenants, capacity, &lost), equally(tenants, capacity, &lost)];
        let (truth, scale) = (verdict.whole(), i64::from(self.block_tokens));
        let total = truth.total().max(1) as f64;
        // What is left without a cause is on a wrong line, and missing from the right one; the distance counts the latter.
        let unexplained = unexplained as f64 / (2.0 * total * scale as f64);
        let requests = 0..self.outcomes.requests();
        let hits = requests.map(|request| self.outcomes.actual(request) as u128).sum();
        let missed = (verdict.missed.charged() - verdict.missed.credited()) as f64;
        Ok(Held {
            one_of: self.one_of,
            hits: (hits, self.trace.accesses() as u128),
            lost: verdict.lost.iter().map(|blocks| u128::from(*blocks)).sum(),
            by_neighbours: 100.0 * missed / total,
            model: 100.0 * (misallocation(&times(&truth, scale), &told) + unexplained),
            // These speak of what was missed, and of no help.
            rules: rules.map(|rule| 100.0 * misallocation(&verdict.missed, &rule)),
        })
    }

    /// What attribution says of it, in parts of a token, and how much of it says nothing. The capacity is told.
    fn told(&self) -> anyhow::Result<(Matrix, i64)> {
        let (book, rules) = (book::builtin(), settings_of(Some(self.setup.capacity_blocks)));
        let (mut rater, mut attributor) = (Rater::new(&book), Attributor::default());
        let names: HashMap<String, usize> = self
            .events
            .iter()
            .map(|(number, event)| {
                (event.tenant.as_deref().unwrap_or_default().to_owned(), self.outcomes.victim(*number))
            })
            .collect();
        let (mut matrix, mut unexplained) = (Matrix::new(self.trace.tenants), 0);
        for (number, event) in &self.events {
            let rated = rater.rate(event).map_err(|reason| anyhow!("{} is refused: {}", event.id, reason.name()))?;
            let said = attributor.request(&rules, event, &rated, 0);
            let cold = self.outcomes.blocks(*number) - self.outcomes.known(*number);
            let cold = cold as i64 * i64::from(self.block_tokens);
            unexplained += note(&said, self.outcomes.victim(*number), cold, &names, &mut matrix)?;
        }
        Ok((matrix, unexplained))
    }
}

/// Puts what was said of one request into the matrix; what has no cause that a replay knows is returned.
fn note(
    said: &Attribution<'_>,
    victim: usize,
    cold: i64,
    names: &HashMap<String, usize>,
    matrix: &mut Matrix,
) -> anyhow::Result<i64> {
    let (mut own, mut by_neighbours, mut unexplained) = (-cold, 0, 0);
    for part in &said.parts {
        let tokens = part.tokens as i64;
        match part.cause {
            Cause::Hit | Cause::Structural => {}
            Cause::EvictedNeighbour => by_neighbours += tokens,
            Cause::EvictedSelf | Cause::ColdFirst | Cause::NewContent | Cause::PrefixChanged => own += tokens,
            _ => unexplained += tokens,
        }
    }
    for blame in said.blames.iter().filter(|blame| blame.game == Game::NeighboursAbsent && blame.harm == Harm::Miss) {
        let culprit = blame.culprit.tenant().and_then(|name| names.get(name)).context("a culprit that nobody knows")?;
        matrix.add_share(*culprit, victim, blame.quantity * PARTS);
        by_neighbours -= if blame.cause == Cause::EvictedNeighbour { blame.quantity } else { 0 };
        // Of what was read its tenant would have missed alone as much as the others saved it.
        own -= if blame.cause == Cause::Hit { blame.quantity } else { 0 };
    }
    matrix.add_own(victim, own * PARTS);
    Ok((unexplained + by_neighbours.max(0)) * PARTS)
}

/// Its blocks as far as they are listed, as if there were no others; its last tokens are in none.
fn cut(request: Request, one_of: NonZeroU32) -> Request {
    let is_listed = |block: &u64| mix(*block).is_multiple_of(u64::from(one_of.get()));
    let blocks: Vec<u64> = request.blocks.unwrap_or_default().into_iter().filter(is_listed).collect();
    let tail = request.prompt_tokens.checked_rem(u64::from(request.block_tokens)).unwrap_or_default().max(1);
    let block_tokens = request.block_tokens * one_of.get();
    let prompt_tokens = blocks.len() as u64 * u64::from(block_tokens) + tail;
    Request { blocks: Some(blocks), block_tokens, prompt_tokens, receipts: 1, ..request }
}

/// What the node reports, each with the number of its request.
fn replayed(requests: &[Request], settings: &Settings) -> anyhow::Result<Vec<(usize, Event<'static>)>> {
    let numbers: HashMap<&str, usize> =
        requests.iter().enumerate().map(|(number, request)| (request.id.as_str(), number)).collect();
    ensure!(numbers.len() == requests.len(), "two requests have the same id");
    let replay = Replay::new(requests.iter().cloned().map(Ok), settings.clone());
    let mut events = Vec::with_capacity(requests.len());
    for emitted in replay {
        let event = emitted?.event.into_request().context("a replay reports requests only")?;
        let number = numbers.get(event.id.as_ref()).context("an event of no request")?;
        events.push((*number, event));
    }
    Ok(events)
}

/// The requests as the judge takes them: when each began and ended is what was reported.
fn trace(requests: &[Request], events: &[(usize, Event<'static>)], settings: &Settings) -> anyhow::Result<Trace> {
    let tenants = Tenants::new(settings.tenants, settings.seed);
    let mut judged = Vec::with_capacity(requests.len());
    for request in requests {
        judged.push(coalition::Request {
            tenant: usize::try_from(tenants.of(request.session))?,
            replica: 0,
            start: request.at,
            ready: request.at,
            end: request.at,
            blocks: request.blocks.clone().unwrap_or_default(),
        });
    }
    for (number, event) in events {
        let end = Micros(event.time.0 - settings.start.0);
        (judged[*number].ready, judged[*number].end) = (end, end);
    }
    Ok(Trace { tenants: usize::try_from(settings.tenants.get())?, replicas: 1, requests: judged, restarts: Vec::new() })
}

/// The same in a finer unit.
fn times(matrix: &Matrix, factor: i64) -> Matrix {
    let tenants = 0..matrix.tenants();
    let mut finer = Matrix::new(matrix.tenants());
    for victim in tenants.clone() {
        finer.add_own(victim, matrix.own(victim) * factor);
        for culprit in tenants.clone() {
            finer.add_share(culprit, victim, matrix.charges(culprit, victim) * factor);
            finer.add_share(culprit, victim, -matrix.credits(culprit, victim) * factor);
        }
    }
    finer
}
