//! What serves the requests: GPU nodes whose cache is shared by everybody on them, and providers whose cache belongs to one
//! workspace for a promised time. Makes the event, but for its id, its time and its number.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use aliquot_core::event::{CacheUse, Event, PrefixChain};
use aliquot_core::time::Micros;
use aliquot_core::usage::Class;

use super::roster::{BLOCK_TOKENS, NODE_BLOCKS, NODES, TENANTS};
use super::users::{Prompt, Route, User};
use crate::cache::{Lifetimes, OnEvict, Owner};
use crate::node::{Demand, Engine, Node};
use crate::pace::{self, plus};

/// Both providers promise about five minutes after the last use.
const PROVIDER_LIFETIME: Micros = Micros(300_000_000);

/// Neither provider caches a shorter prefix: 1,024 tokens.
const PROVIDER_BLOCKS_MIN: usize = 16;

/// `OpenAI` counts cached tokens in steps of 128.
const OPENAI_STEP_BLOCKS: usize = 2;

/// Nodes and providers.
#[derive(Debug)]
pub(super) struct Plant {
    nodes: Vec<Node>,
    /// By provider and tenant.
    workspaces: BTreeMap<(&'static str, Owner), Lifetimes>,
}

/// What became of a request's blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks {
    pub(super) refs: usize,
    pub(super) hits: usize,
    pub(super) reinserted: usize,
}

/// A request that was served.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) event: Event<'static>,
    pub(super) end: Micros,
    pub(super) blocks: Blocks,
}

impl Plant {
    pub(super) fn new() -> Self {
        let node = |_| Node::new(Engine::Vllm, NonZeroU32::new(NODE_BLOCKS));
        Self { nodes: (0..NODES).map(node).collect(), workspaces: BTreeMap::new() }
    }

    /// Serves a request that arrives `at`. Requests come in order of time.
    pub(super) fn serve(&mut self, at: Micros, user: &User, prompt: Prompt, on_evict: OnEvict<'_>) -> Served {
        match user.route {
            Route::Home(node_idx) => self.on_node(at, node_idx, user, prompt, on_evict),
            Route::EveryNode(turn) => self.on_node(at, turn % NODES, user, prompt, on_evict),
            Route::Anthropic => self.at_anthropic(at, user, prompt),
            Route::OpenAi => self.at_openai(at, user, prompt),
            Route::Reseller => at_reseller(at, user, &prompt),
        }
    }

    fn on_node(&mut self, at: Micros, node_idx: usize, user: &User, prompt: Prompt, on_evict: OnEvict<'_>) -> Served {
        let demand = Demand {
            blocks: &prompt.blocks,
            block_tokens: BLOCK_TOKENS,
            prompt_tokens: prompt.prompt_tokens,
            output_tokens: prompt.output_tokens,
            owner: user.tenant,
        };
        let node = &mut self.nodes[node_idx];
        let admitted = node.admit(at, &demand, on_evict);
        let read = demand.cached_tokens(admitted.outcome.hits);
        let computed = prompt.prompt_tokens - read;
        let queue = Micros(admitted.start.0.saturating_sub(at.0));
        let name = format!("gpu-{node_idx}");
        let parts = [
            (Class::Uncached, computed),
            (Class::CacheRead, read),
            (Class::Output, prompt.output_tokens),
            (Class::GpuMicros, pace::gpu_us(computed, prompt.output_tokens)),
        ];
        let blocks =
            Blocks { refs: prompt.blocks.len(), hits: admitted.outcome.hits, reinserted: admitted.outcome.reinserted };
        let (event, end) = finished(at, queue, computed, user, &prompt, "self");
        node.run_until(end, admitted);
        let event = Event {
            source: name.clone().into(),
            domain: name.into(),
            usage: pace::usage(&parts, true),
            prefix: Some(chain(prompt.blocks)),
            queue: Some(queue),
            cache: CacheUse { session: Some(format!("{:016x}", prompt.session).into()), ..CacheUse::default() },
            ..event
        };
        Served { event, end, blocks }
    }

    /// The client marks the end of what will come again; up to there the API reads what lives and writes the rest.
    fn at_anthropic(&mut self, at: Micros, user: &User, prompt: Prompt) -> Served {
        let breakpoint = prompt.stable;
        let hits = self.workspace("anthropic", user.tenant).request(at, &prompt.blocks[..breakpoint]);
        let (read, written) = (tokens(hits), tokens(breakpoint - hits));
        let parts = [
            (Class::Uncached, prompt.prompt_tokens - read - written),
            (Class::CacheRead, read),
            (Class::CacheWrite5m, written),
            (Class::Output, prompt.output_tokens),
        ];
        let mut served = proxied(at, user, prompt, "anthropic", &parts, hits);
        served.event.cache.cacheable_tokens = Some(tokens(breakpoint));
        served
    }

    /// The API caches every prompt by itself and charges nothing for writing.
    fn at_openai(&mut self, at: Micros, user: &User, prompt: Prompt) -> Served {
        let live = self.workspace("openai", user.tenant).request(at, &prompt.blocks);
        let hits = if live < PROVIDER_BLOCKS_MIN { 0 } else { live - live % OPENAI_STEP_BLOCKS };
        let read = tokens(hits);
        let parts = [
            (Class::Uncached, prompt.prompt_tokens - read),
            (Class::CacheRead, read),
            (Class::Output, prompt.output_tokens),
        ];
        proxied(at, user, prompt, "openai", &parts, hits)
    }

    fn workspace(&mut self, provider: &'static str, tenant: Owner) -> &mut Lifetimes {
        self.workspaces.entry((provider, tenant)).or_insert_with(|| Lifetimes::new(PROVIDER_LIFETIME))
    }
}

/// The reseller says how long the prompt was, and nothing else about it.
fn at_reseller(at: Micros, user: &User, prompt: &Prompt) -> Served {
    let parts = [(Class::Uncached, prompt.prompt_tokens), (Class::Output, prompt.output_tokens)];
    let (event, end) = finished(at, Micros(0), prompt.prompt_tokens, user, prompt, "openai");
    let event = Event {
        source: "reseller".into(),
        domain: "reseller".into(),
        usage: pace::usage(&parts, false),
        ttft: None,
        ..event
    };
    Served { event, end, blocks: Blocks::default() }
}

fn proxied(
    at: Micros,
    user: &User,
    prompt: Prompt,
    provider: &'static str,
    parts: &[(Class, u64)],
    hits: usize,
) -> Served {
    let (event, end) = finished(at, Micros(0), prompt.prompt_tokens - tokens(hits), user, &prompt, provider);
    let blocks = Blocks { refs: prompt.blocks.len(), hits, reinserted: 0 };
    let event = Event {
        source: format!("proxy-{provider}").into(),
        domain: format!("{provider}/{}", TENANTS[tenant_idx(user)].name).into(),
        usage: pace::usage(parts, true),
        prefix: Some(chain(prompt.blocks)),
        cache: CacheUse { lifetime: Some(PROVIDER_LIFETIME), ..CacheUse::default() },
        ..event
    };
    Served { event, end, blocks }
}

/// What all events have in common, and when the request ended.
fn finished(
    at: Micros,
    queue: Micros,
    computed: u64,
    user: &User,
    prompt: &Prompt,
    provider: &'static str,
) -> (Event<'static>, Micros) {
    let ttft = plus(queue, pace::ttft(computed));
    let duration = plus(ttft, pace::decode(prompt.output_tokens));
    let event = Event {
        tenant: Some(TENANTS[tenant_idx(user)].name.into()),
        provider: provider.into(),
        request_model: user.shape.model.into(),
        response_model: Some(user.shape.model.into()),
        operation: Some("chat".into()),
        feature: Some(user.shape.feature.into()),
        traffic_class: Some("prod".into()),
        http_status: Some(200),
        ttft: Some(ttft),
        duration: Some(duration),
        ..Event::default()
    };
    (event, plus(at, duration))
}

fn chain(blocks: Vec<u64>) -> PrefixChain {
    PrefixChain { block_tokens: BLOCK_TOKENS, sampled_of: 1, blocks }
}

fn tokens(blocks: usize) -> u64 {
    u64::from(BLOCK_TOKENS) * u64::try_from(blocks).unwrap_or_default()
}

fn tenant_idx(user: &User) -> usize {
    usize::try_from(user.tenant).unwrap_or_default()
}
