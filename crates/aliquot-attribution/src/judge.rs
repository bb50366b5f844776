//! From fates to money: walks a prompt, weighs what has aged, and sums the cost by cause and culprit. Every picodollar of a request
//! is in exactly one part, whatever the model says.

use alloc::vec::Vec;

use aliquot_core::blame::CausePart;
use aliquot_core::cause::{Cause, Evidence, Game};
use aliquot_core::event::Event;
use aliquot_core::money::Usd;
use aliquot_core::rating::Rated;

use crate::apportion::apportion;
use crate::background::Reuse;
use crate::fate::{Aged, Case, Fate};
use crate::judgement::{Judgement, Lost};
use crate::node::{Capacity, Node};
use crate::price::PromptPrice;
use crate::sharing::{SharedAccess, Signed};
use crate::solver::Solver;
use crate::tenants::Tenant;
use crate::walk::{Run, runs};
use crate::weigh::{Scale, Weighed};

/// What calibrates the capacity.
pub type Observed = Vec<Reuse>;

/// One request, ready to be judged.
#[derive(Debug)]
pub struct Judge<'j> {
    /// What the rules look at.
    pub case: Case<'j>,
    /// What tokens cost.
    pub price: PromptPrice<'j>,
    /// The domain's replicas.
    pub nodes: &'j [Node],
    /// How many tenants the domain has.
    pub tenants: usize,
    /// Blocks that each tenant is entitled to; empty = no such game.
    pub entitlements: Vec<u64>,
}

impl Judge<'_> {
    /// The judgement, and what was learned on the way.
    pub fn request(&self, rated: &Rated, solver: &mut Solver) -> (Judgement, Observed) {
        let mut judgement = Judgement { alone: Some(Usd::ZERO), ..Judgement::default() };
        let mut observed = Observed::new();
        let runs = runs(&self.case.layout, |stretch| self.case.fate(stretch));
        for run in &runs {
            match run.fate {
                Fate::Read => self.observe_read(run, &mut observed),
                Fate::ReadForeign => judgement.differs_alone(None),
                Fate::ReadShared(_) => self.read_shared(run, &mut judgement),
                Fate::Named(cause, evidence) => self.named(run, (cause, evidence), None, &mut judgement),
                Fate::Aged(aged) => self.aged(run, aged, solver, &mut judgement, &mut observed),
            }
        }
        judgement.close(self.case.layout.read(), rated);
        (judgement, observed)
    }

    fn observe_read(&self, run: &Run<Fate>, observed: &mut Observed) {
        // Of a prefix that was read, the last block is the oldest.
        let surely = run.last.and_then(|last| self.case.layout.surely_read(last.saturating_add(1)).checked_sub(1));
        let oldest = surely.and_then(|place| self.case.seen.get(place)).copied().flatten();
        if let Some((seen, stamp)) = oldest.and_then(|seen| Some((seen, seen.stamp?))) {
            let distance = self.case.replica.1.total_since(stamp);
            observed.push(Reuse { distance, idle: self.case.idle(&seen), was_read: true });
        }
    }

    /// It was read, and somebody else used it last: would it have been there without them? If not, they are to be thanked.
    fn read_shared(&self, run: &Run<Fate>, judgement: &mut Judgement) {
        if self.case.lifetime.is_some() {
            return self.read_alive(run, judgement);
        }
        let node = self.nodes.get(self.case.replica.0).filter(|node| !node.is_opaque());
        let Some(capacity) = node.and_then(Node::capacity) else { return judgement.differs_alone(None) };
        let Some(access) = self.access(run, capacity, false) else { return };
        if !capacity.is_lru {
            return judgement.differs_alone(None);
        }
        let own = access.users.iter().find(|user| user.tenant == self.case.tenant);
        if own.is_some_and(|own| access.replica.total_since(own.last()) < capacity.blocks) {
            // Nobody's traffic since would have pushed it out, and so no part of it.
            return;
        }
        let cost = self.price.missed(run.from, run.to);
        let Some(signed) = access.solve() else { return judgement.differs_alone(None) };
        if signed.is_miss_alone {
            judgement.differs_alone(cost);
        }
        let Some(cost) = cost else { return };
        let evidence = capacity.evidence;
        let lost = Lost { game: Game::NeighboursAbsent, cause: Cause::Hit, evidence, tokens: run.tokens(), cost };
        judgement.share(lost, &signed, false);
    }

    /// It was read before its time was over. If for its tenant it was over, those are to be thanked who used it since, all the same:
    /// one of them was enough.
    fn read_alive(&self, run: &Run<Fate>, judgement: &mut Judgement) {
        let (Some(place), Some((_, evidence))) = (run.last, self.case.lifetime) else { return };
        let users = self.case.users(place);
        let alive: Vec<Tenant> =
            users.iter().filter(|user| self.case.is_alive_by(user) == Some(true)).map(|user| user.tenant).collect();
        if alive.contains(&self.case.tenant) {
            return;
        }
        let cost = self.price.missed(run.from, run.to);
        let (Some(cost), false) = (cost, alive.is_empty()) else { return judgement.differs_alone(None) };
        judgement.differs_alone(Some(cost));
        let whole = i64::try_from(alive.len()).unwrap_or(i64::MAX);
        let parts = alive.into_iter().map(|tenant| (tenant, -1)).collect();
        let signed = Signed { is_miss_alone: true, parts, whole, decisive: Vec::new() };
        let evidence = evidence.max(Evidence::Modelled);
        let lost = Lost { game: Game::NeighboursAbsent, cause: Cause::Hit, evidence, tokens: run.tokens(), cost };
        judgement.share(lost, &signed, false);
    }

    /// The access to the blocks of a run, if it is known who used them.
    fn access<'a>(&'a self, run: &Run<Fate>, capacity: &Capacity, is_miss: bool) -> Option<SharedAccess<'a>> {
        let replica = self.case.replica.1;
        // Of a run whose blocks are of about the same age, the one in the middle speaks for all.
        let back = usize::try_from(run.blocks.saturating_sub(1) / 2).ok()?;
        let users = self.case.users(run.last?.checked_sub(back)?);
        let (tenant, tenants, capacity) = (self.case.tenant, self.tenants, capacity.blocks);
        (!users.is_empty()).then_some(SharedAccess { replica, tenant, users, tenants, capacity, is_miss })
    }

    /// A run whose cause is known. Without a price its tokens are counted and its money stays with the rest.
    fn named(
        &self,
        run: &Run<Fate>,
        (cause, evidence): (Cause, Evidence),
        runner_up: Option<Cause>,
        judgement: &mut Judgement,
    ) {
        let cost = self.cost(run);
        let evidence = if cost.is_some() { evidence } else { Evidence::Unattributable };
        if cause == Cause::NoEvidence {
            judgement.differs_alone(None);
        }
        let tokens = run.tokens();
        judgement.add(CausePart { cause, runner_up, evidence, tokens, cost: cost.unwrap_or_default() });
    }

    fn cost(&self, run: &Run<Fate>) -> Option<Usd> {
        self.price.increment(run.from, run.to)
    }

    /// A run that was seen and has aged: rules 12 to 14, and 10 and 11 before them.
    fn aged(
        &self,
        run: &Run<Fate>,
        aged: Aged,
        solver: &mut Solver,
        judgement: &mut Judgement,
        observed: &mut Observed,
    ) {
        let Some(node) = self.nodes.get(aged.replica) else { return };
        let scale = Scale::new(node, self.case.tenant, self.tenants, &aged);
        let weighed = scale.weigh(self.case.rules.promised.is_some());
        if let Some(before) = aged.before {
            return self.named(run, before, Some(weighed.cause), judgement);
        }
        if run.last.is_some_and(|last| self.case.layout.is_surely_missed(last)) {
            observed.push(Reuse { distance: scale.distance(), idle: aged.idle, was_read: false });
        }
        let signed = scale.capacity().filter(|_| weighed.is_weighed()).and_then(|capacity| {
            // Of a block that nobody else uses, neighbours that share others still count for less than their sum.
            let is_signed = aged.shared.is_some() || (capacity.quota.is_hard() && node.replica.sharers().count() > 0);
            let is_ours = is_signed && !node.is_opaque();
            let access = self.access(run, capacity, true).filter(|_| capacity.is_lru && is_ours);
            access?.solve()
        });
        if let Some(signed) = signed {
            return self.aged_shared(run, &scale, weighed, &signed, solver, judgement);
        }
        if let Some(division) = scale.division().filter(|_| weighed.is_eviction()) {
            let own = division.get(self.case.tenant.place()).copied().unwrap_or_default();
            let all = division.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
            return self.divide(run, [own, all.saturating_sub(own)], &scale, weighed.evidence, solver, judgement);
        }
        self.named(run, (weighed.cause, weighed.evidence), None, judgement);
        let lost = self.cost(run).map(|cost| Self::lost(weighed, run.tokens(), cost));
        if let Some(lost) = lost {
            self.blame(lost, &scale, solver, judgement);
        }
    }

    /// A run whose cause is in parts its tenant's own traffic and in parts its neighbours'.
    fn divide(
        &self,
        run: &Run<Fate>,
        parts: [u64; 2],
        scale: &Scale<'_>,
        evidence: Evidence,
        solver: &mut Solver,
        judgement: &mut Judgement,
    ) {
        let causes = [Cause::EvictedSelf, Cause::EvictedNeighbour];
        let (Some(cost), Some(tokens)) = (self.cost(run), apportion(run.tokens(), &parts)) else {
            return self.named(run, (Cause::EvictedNeighbour, evidence), None, judgement);
        };
        let costs = cost.split(&parts).unwrap_or_default();
        for ((cause, tokens), cost) in causes.into_iter().zip(tokens).zip(costs) {
            if tokens > 0 || cost != Usd::ZERO {
                judgement.add(CausePart { cause, runner_up: None, evidence, tokens, cost });
                self.blame(Self::lost(Weighed { cause, evidence }, tokens, cost), scale, solver, judgement);
            }
        }
    }

    const fn lost(weighed: Weighed, tokens: u64, cost: Usd) -> Lost {
        let Weighed { cause, evidence } = weighed;
        Lost { game: Game::NeighboursAbsent, cause, evidence, tokens, cost }
    }

    /// A run of blocks that several tenants use: alone, its tenant might not have had them either.
    fn aged_shared(
        &self,
        run: &Run<Fate>,
        scale: &Scale<'_>,
        weighed: Weighed,
        signed: &Signed,
        solver: &mut Solver,
        judgement: &mut Judgement,
    ) {
        let cause = match (signed.is_miss_alone, scale.is_known_to_tenant()) {
            (false, _) => Cause::EvictedNeighbour,
            (true, true) => Cause::EvictedSelf,
            (true, false) => Cause::ColdFirst,
        };
        self.named(run, (cause, weighed.evidence), None, judgement);
        let Some(cost) = self.cost(run) else { return };
        if cause == Cause::EvictedNeighbour {
            judgement.differs_alone(Usd::ZERO.checked_sub(cost));
        }
        let lost = Self::lost(Weighed { cause, ..weighed }, run.tokens(), cost);
        judgement.share(lost, signed, true);
        self.blame_beyond(lost, scale, solver, judgement);
    }

    fn blame(&self, lost: Lost, scale: &Scale<'_>, solver: &mut Solver, judgement: &mut Judgement) {
        let Lost { cause, cost, .. } = lost;
        if cause == Cause::EvictedNeighbour {
            let shares = scale.shares(Game::NeighboursAbsent, &[], solver);
            judgement.blame(lost, &shares, self.tenants, |tenant| scale.is_avoidable(tenant));
            judgement.differs_alone(Usd::ZERO.checked_sub(cost));
        }
        self.blame_beyond(lost, scale, solver, judgement);
        if matches!(cause, Cause::NoEvidence | Cause::ModelConflict) {
            judgement.differs_alone(None);
        }
    }
}

impl Judge<'_> {
    /// The same by the game of entitlements, if there are any.
    fn blame_beyond(&self, lost: Lost, scale: &Scale<'_>, solver: &mut Solver, judgement: &mut Judgement) {
        let is_pushed_out = matches!(lost.cause, Cause::EvictedNeighbour | Cause::EvictedSelf);
        if !is_pushed_out || self.entitlements.is_empty() {
            return;
        }
        let shares = scale.shares(Game::Entitlements, &self.entitlements, solver);
        let lost = Lost { game: Game::Entitlements, cause: Cause::EvictedNeighbour, ..lost };
        judgement.blame(lost, &shares, self.tenants, |tenant| scale.is_avoidable(tenant));
    }
}

impl Judgement {
    /// Puts the rest of the request's cost, and the tokens that were read, where they belong.
    fn close(&mut self, read: u64, rated: &Rated) {
        let cost: Usd = rated.costs.iter().map(|(_, cost)| cost).sum();
        let missed: Usd = self.parts.iter().map(|part| part.cost).sum();
        let rest = cost.checked_sub(missed).unwrap_or_default();
        let hit = CausePart { cause: Cause::Hit, runner_up: None, evidence: Evidence::Exact, tokens: read, cost: rest };
        self.parts.insert(0, hit);
    }

    /// Nothing can be said about the request but what it cost.
    pub fn unknown(event: &Event<'_>, rated: &Rated) -> Self {
        let price = PromptPrice::new(event, rated, None);
        let mut judgement = Self::default();
        let (cause, evidence) = (Cause::NoEvidence, Evidence::Unattributable);
        let tokens = price.total().saturating_sub(price.read());
        let cost = price.increment(price.read(), price.total()).unwrap_or_default();
        if tokens > 0 {
            judgement.add(CausePart { cause, runner_up: None, evidence, tokens, cost });
        }
        judgement.close(price.read(), rated);
        judgement
    }
}
