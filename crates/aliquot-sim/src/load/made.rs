//! The event with a given number. Names are made once; an event borrows them.

use aliquot_core::event::{Event, PrefixChain, Sequence};
use aliquot_core::time::Micros;
use aliquot_core::usage::{ByClass, Class};

use super::Load;
use crate::pace;
use crate::random::{Random, pair, scaled};

/// Provider and model, one in as many events each.
pub(super) const MODELS: [(&str, &str); 4] = [
    ("self", "llama-3.3-70b"),
    ("anthropic", "claude-sonnet-4-5"),
    ("openai", "gpt-4o-mini"),
    ("self", "llama-3.3-70b-canary"),
];

/// One event of so many names no tenant.
const NAMELESS_ONE_OF: u64 = 1_000;

const BLOCK_TOKENS: u32 = 64;

/// Makes events.
#[derive(Debug)]
pub(super) struct Maker {
    load: Load,
    tenants: Vec<String>,
    nodes: Vec<String>,
    domains: Vec<String>,
}

/// What an event is about.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) tenant: Option<u32>,
    pub(super) model_idx: usize,
    pub(super) parts: ByClass<u64>,
}

impl Maker {
    pub(super) fn new(load: Load) -> Self {
        Self {
            load,
            tenants: (0..load.tenants.get()).map(|number| format!("tenant-{number:05}")).collect(),
            nodes: (0..load.nodes.get()).map(|number| format!("node-{number:03}")).collect(),
            domains: (0..load.domains.get()).map(|number| format!("domain-{number:03}")).collect(),
        }
    }

    pub(super) fn tenant(&self, tenant: u32) -> &str {
        name(&self.tenants, tenant)
    }

    pub(super) fn domain(&self, domain: u32) -> &str {
        name(&self.domains, domain)
    }

    /// Which count of events the event is in: one of a node and a domain.
    pub(super) fn stream(&self, number: u64) -> usize {
        let streams = self.load.nodes.max(self.load.domains).get();
        usize::try_from(self.load.draw(number, "stream", u64::from(streams))).unwrap_or_default()
    }

    pub(super) fn domain_idx(&self, number: u64) -> u32 {
        self.place_of(number, self.load.domains.get())
    }

    fn place_of(&self, number: u64, count: u32) -> u32 {
        u32::try_from(self.stream(number)).unwrap_or_default() % count
    }

    pub(super) fn draft(&self, number: u64) -> Draft {
        let mut random = self.random(number);
        let is_nameless = random.below(NAMELESS_ONE_OF) == 0;
        // The square of an even draw prefers small numbers, as tenants differ in size.
        let even = random.draw();
        let tenant = scaled(scaled(even, even), u64::from(self.load.tenants.get()));
        let model_idx = usize::try_from(random.below(4)).unwrap_or_default();
        let read = random.below(60) * u64::from(BLOCK_TOKENS);
        let fresh = random.within((1, 4_000));
        let output = random.within((1, 800));
        let mut parts = ByClass::all(0);
        let rest = match MODELS[model_idx].0 {
            "anthropic" => {
                parts.set(Class::CacheWrite5m, fresh / 2);
                fresh - fresh / 2
            }
            "self" => {
                parts.set(Class::GpuMicros, pace::gpu_us(fresh, output));
                fresh
            }
            _ => fresh,
        };
        for (class, quantity) in
            [(Class::Requests, 1), (Class::Uncached, rest), (Class::CacheRead, read), (Class::Output, output)]
        {
            parts.set(class, quantity);
        }
        Draft { tenant: (!is_nameless).then(|| u32::try_from(tenant).unwrap_or_default()), model_idx, parts }
    }

    pub(super) fn event(&self, number: u64, seq: u64) -> Event<'_> {
        let Draft { tenant, model_idx, parts } = self.draft(number);
        let (provider, model) = MODELS[model_idx];
        let output = parts.get(Class::Output);
        let ttft = pace::ttft(parts.get(Class::Uncached));
        let usage = pace::usage_of(parts, true);
        Event {
            id: format!("{:016x}", pair(self.load.seed, number)).into(),
            source: name(&self.nodes, self.place_of(number, self.load.nodes.get())).into(),
            time: self.load.time(number),
            tenant: tenant.map(|tenant| self.tenant(tenant).into()),
            sequence: Some(Sequence { epoch: self.load.epoch, seq }),
            domain: self.domain(self.domain_idx(number)).into(),
            provider: provider.into(),
            request_model: model.into(),
            response_model: Some(model.into()),
            operation: Some("chat".into()),
            feature: Some("load".into()),
            http_status: Some(200),
            usage,
            prefix: (self.load.blocks_per_event > 0).then(|| self.prefix(number, tenant)),
            queue: Some(Micros(0)),
            ttft: Some(ttft),
            duration: Some(pace::plus(ttft, pace::decode(output))),
            ..Event::default()
        }
    }

    /// A root per tenant, the rest the event's own.
    fn prefix(&self, number: u64, tenant: Option<u32>) -> PrefixChain {
        let root = pair(self.load.seed, u64::from(tenant.unwrap_or(u32::MAX)));
        let own = (1..u64::from(self.load.blocks_per_event)).map(|place| pair(number, place));
        PrefixChain { block_tokens: BLOCK_TOKENS, sampled_of: 1, blocks: std::iter::once(root).chain(own).collect() }
    }

    fn random(&self, number: u64) -> Random {
        Random::numbered(self.load.seed, number)
    }
}

fn name(names: &[String], place: u32) -> &str {
    usize::try_from(place).ok().and_then(|place| names.get(place)).map_or("", String::as_str)
}
