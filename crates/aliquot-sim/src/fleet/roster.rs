//! Who is in the fleet and what they send. Plain tables; all names are invented.

/// A tenant and how many of its users are active at any time, by where their requests go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenant {
    pub(super) name: &'static str,
    /// On the shared GPU nodes.
    pub(super) shared: u32,
    /// Through the proxy in front of Anthropic.
    pub(super) anthropic: u32,
    /// Through the proxy in front of `OpenAI`.
    pub(super) openai: u32,
    /// Through a reseller's gateway.
    pub(super) reseller: u32,
}

const fn tenant(name: &'static str, shared: u32, anthropic: u32, openai: u32, reseller: u32) -> Tenant {
    Tenant { name, shared, anthropic, openai, reseller }
}

/// Whose launch it is: the place of the largest tenant.
pub(super) const LAUNCHER: usize = 0;

/// The tenants, the largest first.
pub(super) const TENANTS: [Tenant; 24] = [
    tenant("northwind", 440, 24, 20, 0),
    tenant("bluefin", 90, 12, 14, 0),
    tenant("cobalt-labs", 76, 0, 18, 0),
    tenant("daybreak", 66, 16, 0, 0),
    tenant("evergreen", 58, 8, 10, 4),
    tenant("foxglove", 52, 0, 12, 0),
    tenant("granite-peak", 46, 14, 0, 0),
    tenant("harborline", 42, 6, 8, 0),
    tenant("ironwood", 38, 0, 10, 4),
    tenant("juniper", 35, 10, 0, 0),
    tenant("kestrel", 32, 0, 8, 0),
    tenant("lanternfish", 29, 8, 6, 0),
    tenant("meridian", 27, 0, 8, 0),
    tenant("nightjar", 25, 6, 0, 4),
    tenant("oakhurst", 23, 0, 8, 0),
    tenant("pinecone", 21, 6, 4, 0),
    tenant("quarry-lane", 19, 0, 6, 0),
    tenant("redshank", 17, 4, 0, 0),
    tenant("saltmarsh", 15, 4, 6, 0),
    tenant("tidewater", 13, 0, 6, 4),
    tenant("umberfield", 11, 4, 0, 0),
    tenant("violet-hour", 10, 0, 6, 0),
    tenant("windrose", 8, 4, 4, 0),
    tenant("yarrow", 7, 0, 4, 0),
];

/// Users that come with the launch.
pub(super) const LAUNCH_USERS: u32 = 200;

/// Of the launcher's users on the shared nodes, one of so many moves to the launched feature and sends nothing else.
pub(super) const MOVED_ONE_OF: u32 = 2;

/// Tokens per block, everywhere.
pub(super) const BLOCK_TOKENS: u32 = 64;

/// GPU nodes, each a cache domain.
pub(super) const NODES: usize = 4;

/// GPUs of one node.
pub(super) const NODE_GPUS: u32 = 8;

/// Blocks of one node's cache: 640,000 tokens, about 100 GB for a 70B model with 8-bit keys and values.
pub(super) const NODE_BLOCKS: u32 = 10_000;

/// The kind of requests a user sends. Lengths in blocks or tokens, ranges with both ends.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) feature: &'static str,
    pub(super) model: &'static str,
    /// Blocks at the start that all users of the tenant's feature share.
    pub(super) system_blocks: u64,
    /// Blocks after them that are the user's own and come again in each request: documents, the conversation so far.
    pub(super) context_blocks: u64,
    /// Tokens at the end that never come again.
    pub(super) fresh_tokens: (u64, u64),
    pub(super) output_tokens: (u64, u64),
    /// From one request of a user to the next.
    pub(super) pause_us: (u64, u64),
    /// Requests until the context is another.
    pub(super) requests_per_context: (u64, u64),
}

const LLAMA: &str = "llama-3.3-70b";

/// On the shared nodes; a user keeps to one of them.
pub(super) const SHARED: [Shape; 3] = [
    Shape {
        feature: "assistant",
        model: LLAMA,
        system_blocks: 8,
        context_blocks: 16,
        fresh_tokens: (370, 870),
        output_tokens: (120, 220),
        pause_us: (14_000_000, 26_000_000),
        requests_per_context: (15, 45),
    },
    Shape {
        feature: "search",
        model: LLAMA,
        system_blocks: 6,
        context_blocks: 17,
        fresh_tokens: (370, 870),
        output_tokens: (60, 160),
        pause_us: (15_000_000, 25_000_000),
        requests_per_context: (15, 45),
    },
    Shape {
        feature: "summaries",
        model: LLAMA,
        system_blocks: 7,
        context_blocks: 17,
        fresh_tokens: (370, 870),
        output_tokens: (120, 240),
        pause_us: (14_000_000, 26_000_000),
        requests_per_context: (15, 45),
    },
];

/// The launched feature: no two users share a block, because each prompt begins with the user's own profile and documents.
pub(super) const LAUNCHED: Shape = Shape {
    feature: "launch",
    model: LLAMA,
    system_blocks: 0,
    context_blocks: 70,
    fresh_tokens: (100, 300),
    output_tokens: (120, 220),
    pause_us: (9_000_000, 11_000_000),
    requests_per_context: (1_000, 1_000),
};

/// Through the proxy in front of Anthropic.
pub(super) const ANTHROPIC: [Shape; 1] = [Shape {
    feature: "copilot",
    model: "claude-sonnet-4-5",
    system_blocks: 24,
    context_blocks: 8,
    fresh_tokens: (300, 700),
    output_tokens: (150, 400),
    pause_us: (20_000_000, 40_000_000),
    requests_per_context: (10, 40),
}];

/// Through the proxy in front of `OpenAI`.
pub(super) const OPENAI: [Shape; 2] = [
    Shape {
        feature: "drafting",
        model: "gpt-5-mini",
        system_blocks: 18,
        context_blocks: 10,
        fresh_tokens: (300, 700),
        output_tokens: (200, 500),
        pause_us: (20_000_000, 40_000_000),
        requests_per_context: (10, 40),
    },
    Shape {
        feature: "triage",
        model: "gpt-4o-mini",
        system_blocks: 20,
        context_blocks: 4,
        fresh_tokens: (200, 500),
        output_tokens: (20, 80),
        pause_us: (20_000_000, 40_000_000),
        requests_per_context: (10, 40),
    },
];

/// Through the reseller, which neither counts its events nor knows what was cached.
pub(super) const RESELLER: [Shape; 1] = [Shape {
    feature: "translation",
    model: "gpt-4o-mini",
    system_blocks: 6,
    context_blocks: 0,
    fresh_tokens: (200, 600),
    output_tokens: (200, 500),
    pause_us: (20_000_000, 40_000_000),
    requests_per_context: (10, 40),
}];
