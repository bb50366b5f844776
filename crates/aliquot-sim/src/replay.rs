//! A recorded trace on nodes with real block caches: what such engines would have reported, with the truth beside it.
//!
//! | what | rule |
//! |---|---|
//! | node of a request | hash of its session, one of `nodes`: a session stays on its node |
//! | tenant of a request | hash of its session and the seed, one of `tenants`, the k-th with weight 1/k; an assignment of ours, never the source's |
//! | service time | the trace's, else the formula of [`crate::pace`] on the tokens that were no hits |
//! | time of an event | end of its request, from `start` on |
//! | order of events | by end; those that end together in the order of their requests |
//! | sequence | one epoch; consecutive per node, whose only cache domain bears its name |
//! | a request with two receipts | one touch of the cache, two events of the same content, each with a number of its own |

mod bill;
mod tenants;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;

use aliquot_core::event::{Event, PrefixChain, Sequence};
use aliquot_core::time::{EventTime, Micros};
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use bill::Billing;
pub use tenants::Tenants;

use crate::node::{Admitted, Demand, Engine, Node};
use crate::pace::{self, plus};
use crate::random::{hash, pair, scaled};
use crate::trace::{Error, Format, Request};
use crate::truth::Truth;
use crate::{Emitted, Reported};

/// From the end of a request to the log's taking its event.
const DELAY: Micros = Micros(20_000);

/// How a trace is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How the nodes keep their blocks.
    pub engine: Engine,
    /// Blocks of one node; `None` = nothing is ever evicted.
    pub capacity_blocks: Option<NonZeroU32>,
    /// How many nodes.
    pub nodes: NonZeroU32,
    /// How many tenants.
    pub tenants: NonZeroU32,
    /// Chooses tenants and the key of the block hashes.
    pub seed: u64,
    /// When the trace begins.
    pub start: EventTime,
    /// The nodes' epoch.
    pub epoch: u64,
    /// One of so many blocks is listed in an event, chosen by hash.
    pub sampled_of: NonZeroU32,
    /// As what the usage is reported.
    pub billing: Billing,
    /// The nodes' common name: two traces come from different nodes.
    pub fleet: String,
    /// The model's name where the trace gives none.
    pub model: String,
}

impl Settings {
    /// What suits a format: one unbounded LRU node, eight tenants, from 2026-11-17T00:00:00Z, billed as the traffic was.
    pub fn of(format: Format) -> Self {
        Self {
            engine: Engine::Lru,
            capacity_blocks: None,
            nodes: NonZeroU32::MIN,
            tenants: NonZeroU32::MIN.saturating_add(7),
            seed: 0,
            start: EventTime(1_794_873_600_000_000),
            epoch: 1,
            sampled_of: NonZeroU32::MIN,
            billing: match format {
                Format::ClaudeCode => Billing::Anthropic,
                Format::Mooncake | Format::Azure => Billing::OwnGpus,
            },
            fleet: format.name().to_owned(),
            model: match format {
                Format::ClaudeCode => "claude",
                Format::Mooncake => "kimi",
                Format::Azure => "azure-conversation",
            }
            .to_owned(),
        }
    }
}

/// The replay: an iterator of events in order of their time.
#[derive(Debug)]
pub struct Replay<R> {
    requests: R,
    /// Read ahead: requests that end before it arrives can be reported.
    ahead: Option<Request>,
    is_read: bool,
    settings: Settings,
    tenants: Tenants,
    block_key: u64,
    nodes: Vec<Lane>,
    running: BinaryHeap<Reverse<Ended>>,
    started: u64,
    truth: Truth,
}

/// A node and its count of events.
#[derive(Debug)]
struct Lane {
    name: String,
    node: Node,
    next_seq: u64,
}

/// A request whose end is known.
#[derive(Debug)]
struct Ended {
    end: Micros,
    number: u64,
    lane_idx: usize,
    /// Events still to come, this one included.
    receipts: u32,
    is_resend: bool,
    event: Event<'static>,
}

impl<R: Iterator<Item = Result<Request, Error>>> Replay<R> {
    /// A replay of `requests`, which come in order of arrival.
    pub fn new(requests: R, settings: Settings) -> Self {
        let lane = |number: u32| Lane {
            name: format!("{}/node-{number}", settings.fleet),
            node: Node::new(settings.engine, settings.capacity_blocks),
            next_seq: 0,
        };
        Self {
            requests,
            ahead: None,
            is_read: false,
            tenants: Tenants::new(settings.tenants, settings.seed),
            block_key: hash(settings.seed, "block key"),
            nodes: (0..settings.nodes.get()).map(lane).collect(),
            running: BinaryHeap::new(),
            started: 0,
            truth: Truth::default(),
            settings,
        }
    }

    /// The truth about all events so far.
    pub const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The time of the trace that has been read so far.
    pub fn read_until(&self) -> Option<Micros> {
        self.ahead.as_ref().map(|request| request.at)
    }

    fn read_ahead(&mut self) -> Result<(), Error> {
        if self.ahead.is_none() && !self.is_read {
            self.ahead = self.requests.next().transpose()?;
            self.is_read = self.ahead.is_none();
        }
        Ok(())
    }

    fn start(&mut self, request: &Request) {
        let tenant = self.tenants.of(request.session);
        let lane_idx =
            usize::try_from(scaled(pair(0, request.session), u64::from(self.settings.nodes.get()))).unwrap_or_default();
        let demand = Demand {
            blocks: request.blocks.as_deref().unwrap_or_default(),
            block_tokens: request.block_tokens,
            prompt_tokens: request.prompt_tokens,
            output_tokens: request.output_tokens,
            owner: tenant,
        };
        let admitted = self.nodes[lane_idx].node.admit(request.at, &demand, &mut |_, _| {});
        self.truth.block_refs += count(demand.blocks.len());
        self.truth.block_hits += count(admitted.outcome.hits);
        self.truth.blocks_reinserted += count(admitted.outcome.reinserted);
        let (event, end) = self.event(request, &demand, &admitted, lane_idx);
        self.nodes[lane_idx].node.run_until(end, admitted);
        let (number, receipts) = (self.started, request.receipts);
        self.running.push(Reverse(Ended { end, number, lane_idx, receipts, is_resend: false, event }));
        self.started += 1;
    }

    /// The event of a request, still without its number, and when the request ends.
    fn event(
        &self,
        request: &Request,
        demand: &Demand<'_>,
        admitted: &Admitted,
        lane_idx: usize,
    ) -> (Event<'static>, Micros) {
        let cached = request.blocks.as_ref().map(|_| demand.cached_tokens(admitted.outcome.hits));
        let computed = request.prompt_tokens.saturating_sub(cached.unwrap_or_default());
        let queue = Micros(admitted.start.0.saturating_sub(request.at.0));
        let service = request.duration.unwrap_or_else(|| {
            let first = request.ttft.unwrap_or_else(|| pace::ttft(computed));
            plus(first, pace::decode(request.output_tokens))
        });
        let ttft = request.ttft.or_else(|| request.duration.is_none().then(|| pace::ttft(computed)));
        let end = plus(admitted.start, service);
        let name = &self.nodes[lane_idx].name;
        let model = if request.model.is_empty() { &self.settings.model } else { &request.model };
        let event = Event {
            id: request.id.clone().into(),
            source: name.clone().into(),
            time: EventTime(self.settings.start.0.saturating_add(end.0)),
            tenant: Some(self.tenants.name(demand.owner)),
            domain: name.clone().into(),
            provider: self.settings.billing.provider().into(),
            request_model: model.clone().into(),
            response_model: Some(model.clone().into()),
            operation: Some("chat".into()),
            http_status: Some(200),
            usage: self.settings.billing.usage(demand, cached),
            prefix: request.blocks.as_deref().map(|blocks| self.prefix(blocks, request.block_tokens)),
            queue: (self.settings.engine == Engine::Vllm).then_some(queue),
            ttft: ttft.map(|ttft| plus(queue, ttft)),
            duration: Some(plus(queue, service)),
            ..Event::default()
        };
        (event, end)
    }

    fn prefix(&self, blocks: &[u64], block_tokens: u32) -> PrefixChain {
        let sampled_of = self.settings.sampled_of.get();
        let threshold = u64::MAX / u64::from(sampled_of);
        let keyed = blocks.iter().map(|block| xxh3_64_with_seed(&block.to_le_bytes(), self.block_key));
        PrefixChain { block_tokens, sampled_of, blocks: keyed.filter(|hash| *hash <= threshold).collect() }
    }

    /// One event of a request that has ended; its next receipt, if it has one, comes right after.
    fn report(&mut self, mut ended: Ended) -> Emitted {
        let lane = &mut self.nodes[ended.lane_idx];
        ended.event.sequence = Some(Sequence { epoch: self.settings.epoch, seq: lane.next_seq });
        lane.next_seq += 1;
        if ended.is_resend {
            self.truth.count_resend();
        } else {
            self.truth.count(&ended.event);
        }
        let received_at = EventTime(ended.event.time.0.saturating_add(DELAY.0));
        ended.receipts = ended.receipts.saturating_sub(1);
        if ended.receipts == 0 {
            return Emitted { event: Reported::Request(ended.event), received_at };
        }
        let event = Reported::Request(ended.event.clone());
        self.running.push(Reverse(Ended { is_resend: true, ..ended }));
        Emitted { event, received_at }
    }

    fn step(&mut self) -> Result<Option<Emitted>, Error> {
        loop {
            self.read_ahead()?;
            let arrival = self.ahead.as_ref().map(|request| request.at);
            let ends_first = |ended: &Reverse<Ended>| arrival.is_none_or(|arrival| ended.0.end <= arrival);
            if self.running.peek().is_some_and(ends_first)
                && let Some(Reverse(ended)) = self.running.pop()
            {
                return Ok(Some(self.report(ended)));
            }
            let Some(request) = self.ahead.take() else { return Ok(None) };
            self.start(&request);
        }
    }
}

impl<R: Iterator<Item = Result<Request, Error>>> Iterator for Replay<R> {
    type Item = Result<Emitted, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl Ord for Ended {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.end, self.number).cmp(&(other.end, other.number))
    }
}

impl PartialOrd for Ended {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ended {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ended {}

#[cfg(test)]
mod tests;
