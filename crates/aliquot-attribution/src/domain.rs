//! One cache domain: its replicas, their queues, tenants and sessions, and what happens to them with each finished request. The order of a
//! request's end is the order of its uses: a block is freed, and so becomes a candidate for eviction, when its request ends.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::cause::Evidence;
use aliquot_core::event::Event;
use aliquot_core::externality::Fit;
use aliquot_core::position::Partition;
use aliquot_core::rating::Rated;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;

use crate::fate::Case;
use crate::judge::Judge;
use crate::judgement::Judgement;
use crate::layout::{Layout, Listed};
use crate::node::Node;
use crate::prefill::PrefillModel;
use crate::price::PromptPrice;
use crate::provider;
use crate::recency::Resolution;
use crate::replica::{Seen, Use};
use crate::sessions::{Previous, Sessions};
use crate::settings::DomainSettings;
use crate::solver::Solver;
use crate::tenants::{Tenant, Tenants};
use crate::tick::Tick;
use crate::waits::{Finished, Waits};

/// An event that ends so much before the latest one is late: its uses would be put behind others that came after them.
const LATE: Micros = Micros(60_000_000);

/// Replicas of one domain.
pub const REPLICAS_MAX: usize = 64;

/// Models of one domain whose GPU time is learned.
const MODELS_MAX: usize = 64;

/// See the module.
#[derive(Clone, Debug)]
pub struct Domain {
    resolution: Resolution,
    base: EventTime,
    latest: EventTime,
    tenants: Tenants,
    sessions: Sessions,
    names: BTreeMap<String, usize>,
    nodes: Vec<Node>,
    /// The weights that each replica served last.
    weights: Vec<Option<String>>,
    /// The queue of each replica.
    waits: Vec<Waits>,
    prefill: BTreeMap<String, PrefillModel>,
}

impl Domain {
    /// A domain whose first event ends at `base`.
    pub fn new(resolution: Resolution, base: EventTime) -> Self {
        Self {
            resolution,
            // The first request began earlier, and so may others.
            base: EventTime(base.0.saturating_sub(Micros::DAY.0)),
            latest: EventTime::MIN,
            tenants: Tenants::default(),
            sessions: Sessions::default(),
            names: BTreeMap::new(),
            nodes: Vec::new(),
            weights: Vec::new(),
            waits: Vec::new(),
            prefill: BTreeMap::new(),
        }
    }

    /// The tenants, by number.
    pub const fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// The replica of that name, which is made if it is new; `None` past [`REPLICAS_MAX`].
    pub fn node(&mut self, name: &str) -> Option<&mut Node> {
        let place = self.place(name)?;
        self.nodes.get_mut(place)
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.names.get(name) {
            return Some(*place);
        }
        if self.nodes.len() >= REPLICAS_MAX {
            return None;
        }
        let place = self.nodes.len();
        self.names.insert(name.to_string(), place);
        self.nodes.push(Node::new(self.resolution));
        self.weights.push(None);
        self.waits.push(Waits::default());
        Some(place)
    }

    /// The replicas, with their names.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.names.iter().filter_map(|(name, place)| Some((name.as_str(), self.nodes.get(*place)?)))
    }

    /// How well the models of its replicas fit, as far as that has changed since it was last asked.
    pub fn take_news(&mut self, partition: Partition, domain: &str, into: &mut Vec<Fit>) {
        for (name, place) in &self.names {
            let news = self.nodes.get_mut(*place).and_then(|node| node.take_news(partition, domain, name));
            into.extend(news);
        }
    }

    /// Blocks that are remembered.
    pub fn blocks(&self) -> u64 {
        let sum = self.nodes.iter().fold(0_usize, |sum, node| sum.saturating_add(node.replica.len()));
        u64::try_from(sum).unwrap_or(u64::MAX)
    }

    /// Says why a finished request cost what it did, and takes its uses in. `is_doubtful`: events before it are missing.
    pub fn finished(
        &mut self,
        event: &Event<'_>,
        rated: &Rated,
        settings: Option<&DomainSettings>,
        solver: &mut Solver,
        is_doubtful: bool,
    ) -> Judgement {
        let Some(arrived) = self.arrive(event, settings) else { return Judgement::unknown(event, rated) };
        let is_late = self.latest.since(event.time) > LATE;
        let mut judgement = self.judge(event, rated, settings, solver, arrived, is_doubtful || is_late);
        if !is_late {
            self.record(event, arrived);
            self.wait(event, arrived, &mut judgement);
        }
        self.latest = self.latest.max(event.time);
        judgement
    }

    /// What a request that is about to run, or has run, would be judged; changes nothing but what is learned of caches.
    pub fn judge(
        &mut self,
        event: &Event<'_>,
        rated: &Rated,
        settings: Option<&DomainSettings>,
        solver: &mut Solver,
        arrived: Arrived,
        is_doubtful: bool,
    ) -> Judgement {
        let model = event.response_model.as_deref().unwrap_or(&event.request_model);
        let curve = self.prefill.get(model).and_then(PrefillModel::curve);
        let price = PromptPrice::new(event, rated, curve);
        if let Some(node) = self.nodes.get_mut(arrived.replica).filter(|_| !is_doubtful) {
            node.simulate(event, arrived.tenant);
        }
        let Some(node) = self.nodes.get(arrived.replica) else { return Judgement::unknown(event, rated) };
        let rules = provider::rules_of(event);
        let previous = event.cache.session.as_deref().and_then(|session| self.sessions.previous(session));
        let layout = node.layout(event, previous.map(|previous| previous.tokens));
        let seen = layout.blocks().iter().enumerate().map(|(place, hash)| {
            let is_missed = place >= layout.read_blocks();
            if is_missed { node.replica.seen_before(*hash, arrived.start) } else { node.replica.seen(*hash) }
        });
        let seen: Vec<Option<Seen>> = seen.collect();
        let case = Case {
            event,
            tenant: arrived.tenant,
            start: arrived.start,
            layout,
            known: self.known(&layout, &seen),
            elsewhere: self.elsewhere(&layout, arrived.replica),
            replica: (arrived.replica, &node.replica),
            seen: &seen,
            rules,
            lifetime: settings
                .and_then(|settings| settings.lifetime)
                .or(rules.promised)
                .map(|lifetime| (lifetime, Evidence::Exact))
                .or_else(|| Some((node.lifetime()?, Evidence::Inferred))),
            previous,
            is_doubtful,
            is_opaque: node.is_opaque(),
        };
        let entitlements = settings.map(|settings| self.entitlements(settings)).unwrap_or_default();
        let judge = Judge { case, price, nodes: &self.nodes, tenants: self.tenants.count(), entitlements };
        let (judgement, observed) = judge.request(rated, solver);
        if let Some(node) = self.nodes.get_mut(arrived.replica) {
            observed.into_iter().for_each(|reuse| node.observe(reuse));
        }
        judgement
    }

    /// Numbers whoever is new. `None` if there are too many of them.
    pub fn arrive(&mut self, event: &Event<'_>, settings: Option<&DomainSettings>) -> Option<Arrived> {
        let tenant = self.tenants.number(event.tenant.as_deref())?;
        let replica = self.place(event.cache.replica.as_deref().unwrap_or_default())?;
        if let (Some(node), Some(capacity)) = (self.nodes.get_mut(replica), settings.and_then(|known| known.capacity)) {
            node.set_reported(capacity);
        }
        if let (Some(node), Some(chain)) = (self.nodes.get_mut(replica), &event.prefix) {
            node.set_sampling(chain.sampled_of);
        }
        if let Some(node) = self.nodes.get_mut(replica).filter(|_| provider::is_opaque(event)) {
            node.set_opaque();
        }
        if let (Some(last), Some(now)) = (self.weights.get_mut(replica), event.cache.weights.as_deref())
            && last.as_deref() != Some(now)
        {
            let is_change = last.replace(now.to_string()).is_some();
            if let Some(node) = self.nodes.get_mut(replica).filter(|_| is_change) {
                node.reset();
            }
        }
        let start = EventTime(event.time.0.saturating_sub(running_time(event).0));
        let (start, end) = (Tick::of(start, self.base), Tick::of(event.time, self.base));
        let readable = event.ttft.map(|ttft| {
            let waited = event.queue.unwrap_or_default();
            Micros(ttft.0.saturating_sub(waited.0).max(0))
        });
        let computed = readable.map_or(end, |after| {
            let began = event.time.0.saturating_sub(running_time(event).0);
            Tick::of(EventTime(began.saturating_add(after.0)), self.base)
        });
        Some(Arrived { tenant, replica, start, end, computed })
    }

    /// Takes in that a request begins, of which it is known already what it will read: its blocks are in use until
    /// [`Domain::finish`].
    pub fn begin(&mut self, event: &Event<'_>, arrived: Arrived) {
        if let Some(node) = self.nodes.get_mut(arrived.replica) {
            let layout = node.layout(event, None);
            for (place, hash) in layout.blocks().iter().enumerate() {
                node.replica.pin(*hash, arrived.one_use(&layout, place));
            }
        }
    }

    /// Takes in that a request ends that began by [`Domain::begin`].
    pub fn finish(&mut self, event: &Event<'_>, arrived: Arrived) {
        if let Some(node) = self.nodes.get_mut(arrived.replica) {
            let layout = node.layout(event, None);
            for (place, hash) in layout.blocks().iter().enumerate().rev() {
                node.replica.unpin(*hash, arrived.one_use(&layout, place));
            }
        }
        self.remember(event, arrived);
    }

    /// Takes in the uses of a request: its blocks are free from now on, the last of them first.
    pub fn record(&mut self, event: &Event<'_>, arrived: Arrived) {
        if let Some(node) = self.nodes.get_mut(arrived.replica) {
            let layout = node.layout(event, None);
            let capacity = node.capacity().map(|known| known.blocks);
            // What is read without having been there was brought by a request that still runs. No block is older than what
            // continues it, so after the first that was there, all were.
            let mut is_brought = true;
            for (place, hash) in layout.blocks().iter().enumerate().rev() {
                let one = arrived.one_use(&layout, place);
                is_brought = is_brought && (one.computed.is_some() || node.replica.read(*hash, one.at, capacity));
                node.replica.touch(*hash, one);
            }
        }
        self.remember(event, arrived);
    }

    fn remember(&mut self, event: &Event<'_>, arrived: Arrived) {
        if let Some(session) = &event.cache.session {
            // What follows whole blocks can go on in any way without being changed.
            let tokens = Layout::new(event, None, |_| Listed::Held).blocks_end();
            self.sessions.record(session, Previous { at: arrived.end, tokens });
        }
        self.learn(event);
    }

    /// Blames neighbours for the time that a request waited in its replica's queue. What is not theirs is nobody's blame.
    fn wait(&mut self, event: &Event<'_>, arrived: Arrived, judgement: &mut Judgement) {
        let (Some(queue), Some(duration)) = (event.queue, event.duration) else { return };
        let Some(waits) = self.waits.get_mut(arrived.replica) else { return };
        let arrival = EventTime(event.time.0.saturating_sub(duration.0));
        let start = EventTime(arrival.0.saturating_add(queue.0));
        let tenant = u32::from(arrived.tenant.0);
        let split = waits.finish(Finished { tenant, arrival, start, end: event.time });
        for (neighbour, micros) in split.neighbours {
            judgement.delay(Tenant(u16::try_from(neighbour).unwrap_or(u16::MAX)), micros);
        }
    }

    fn learn(&mut self, event: &Event<'_>) {
        let parts = &event.usage.parts;
        let (micros, output) = (parts.get(Class::GpuMicros), event.usage.output_tokens().unwrap_or_default());
        if micros == 0 {
            return;
        }
        let model = event.response_model.as_deref().unwrap_or(&event.request_model);
        if !self.prefill.contains_key(model) {
            if self.prefill.len() >= MODELS_MAX {
                return;
            }
            self.prefill.insert(model.to_string(), PrefillModel::default());
        }
        if let Some(prefill) = self.prefill.get_mut(model) {
            let read = parts.get(Class::CacheRead);
            let computed = event.usage.prompt_tokens().unwrap_or_default().saturating_sub(read);
            prefill.observe(computed, read, output, micros);
        }
    }

    /// Tokens up to the end of the longest prefix that anybody was seen to use, on any replica.
    fn known(&self, layout: &Layout<'_>, seen: &[Option<Seen>]) -> u64 {
        let is_single = self.nodes.len() < 2;
        let anywhere = |hash: &u64| self.nodes.iter().any(|node| node.replica.seen(*hash).is_some());
        let blocks = layout.blocks().iter().zip(seen);
        layout.tokens(blocks.take_while(|(hash, seen)| seen.is_some() || (!is_single && anywhere(hash))).count())
    }

    /// The longest prefix that another replica holds, if it is longer than what was read.
    fn elsewhere(&self, layout: &Layout<'_>, own: usize) -> Option<(u64, usize)> {
        if self.nodes.len() < 2 || layout.read() >= layout.total() {
            return None;
        }
        let held = |node: &Node| {
            let blocks = layout.blocks().iter().take_while(|hash| node.has(**hash) == Some(true));
            layout.tokens(blocks.count())
        };
        let others = self.nodes.iter().enumerate().filter(|(place, _)| *place != own);
        let prefixes = others.map(|(place, node)| (held(node), place));
        prefixes
            .max_by_key(|(tokens, place)| (*tokens, core::cmp::Reverse(*place)))
            .filter(|(tokens, _)| *tokens > layout.read())
    }

    /// Events are lost: what was used before is no longer known.
    pub fn doubt(&mut self) {
        self.nodes.iter_mut().for_each(Node::doubt);
    }

    /// Appends the domain to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        out.u8(u8::from(self.resolution == Resolution::Exact));
        out.i64(self.base.0);
        out.i64(self.latest.0);
        self.tenants.save(out);
        self.sessions.save(out);
        out.length(self.nodes.len());
        for (name, place) in &self.names {
            out.text(name);
            out.length(*place);
        }
        for ((node, weights), waits) in self.nodes.iter().zip(&self.weights).zip(&self.waits) {
            node.save(out);
            waits.save(out);
            out.u8(u8::from(weights.is_some()));
            out.text(weights.as_deref().unwrap_or_default());
        }
        out.length(self.prefill.len());
        for (model, prefill) in &self.prefill {
            out.text(model);
            prefill.save(out);
        }
    }

    /// Reads what [`Domain::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let resolution = if reader.u8()? == 1 { Resolution::Exact } else { Resolution::Epochs };
        let (base, latest) = (EventTime(reader.i64()?), EventTime(reader.i64()?));
        let (tenants, sessions) = (Tenants::restore(reader)?, Sessions::restore(reader)?);
        let count = reader.length()?;
        let mut names = BTreeMap::new();
        for _ in 0..count {
            let (name, place) = (reader.text()?.to_string(), reader.length()?);
            if place >= count || names.insert(name, place).is_some() {
                return None;
            }
        }
        let (mut nodes, mut weights, mut waits) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            nodes.push(Node::restore(reader)?);
            waits.push(Waits::restore(reader)?);
            let is_known = reader.u8()? == 1;
            let text = reader.text()?;
            weights.push(is_known.then(|| text.to_string()));
        }
        let mut prefill = BTreeMap::new();
        for _ in 0..reader.length()? {
            let model = reader.text()?.to_string();
            prefill.insert(model, PrefillModel::restore(reader)?);
        }
        Some(Self { resolution, base, latest, tenants, sessions, names, nodes, weights, waits, prefill })
    }

    fn entitlements(&self, settings: &DomainSettings) -> Vec<u64> {
        if settings.entitlements.is_empty() {
            return Vec::new();
        }
        let of = |place: usize| {
            let tenant = Tenant(u16::try_from(place).unwrap_or(u16::MAX));
            let name = self.tenants.culprit(tenant).tenant().unwrap_or_default();
            settings.entitlements.get(name).copied().unwrap_or_default()
        };
        (0..self.tenants.count()).map(of).collect()
    }
}

/// A request whose tenant and replica have numbers.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Whose it is.
    pub tenant: Tenant,
    /// Where it ran.
    pub replica: usize,
    /// When it began to run.
    pub start: Tick,
    /// When it ended.
    pub end: Tick,
    /// When what it computed could be read by others.
    pub computed: Tick,
}

impl Arrived {
    /// Its use of the block at that place of its chain.
    fn one_use(&self, layout: &Layout<'_>, place: usize) -> Use {
        let is_missed = place >= layout.read_blocks();
        Use { tenant: self.tenant, at: self.start, computed: is_missed.then_some(self.computed) }
    }
}

/// From the moment that a request began to run, after it had waited.
fn running_time(event: &Event<'_>) -> Micros {
    let (whole, waited) = (event.duration.unwrap_or_default(), event.queue.unwrap_or_default());
    Micros(whole.0.saturating_sub(waited.0.max(0)).max(0))
}
