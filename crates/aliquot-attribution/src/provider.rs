//! What providers say of their caches, as far as it decides a cause: shortest prefix, step, promised lifetime, and whether reads count
//! against their limits. Tables; the sources are in their rows. An unknown provider is asked nothing, and an event that says better
//! is believed.

use aliquot_core::event::Event;
use aliquot_core::time::Micros;

/// The rules of one provider's prefix cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheRules {
    /// Shorter prompts are not cached; tokens.
    pub minimum: u64,
    /// Hits come in steps of so many tokens; 0 = the chain's own blocks.
    pub step: u64,
    /// For how long after its last use a prefix is promised to stay. A miss within it is nobody's eviction.
    pub promised: Option<Micros>,
}

const fn minutes(minutes: i64) -> Option<Micros> {
    Some(Micros(minutes.saturating_mul(60_000_000)))
}

const fn rules(minimum: u64, step: u64, promised: Option<Micros>) -> CacheRules {
    CacheRules { minimum, step, promised }
}

/// State of 2026-11: provider, beginning of the model's name, rules; the first row that fits.
const TABLE: [(&str, &str, CacheRules); 15] = [
    // Anthropic's prompt caching guide; five minutes unless the request asked for an hour. Not monotonic over generations.
    ("anthropic", "claude-opus-5", rules(512, 0, minutes(5))),
    ("anthropic", "claude-sonnet-5-5", rules(512, 0, minutes(5))),
    ("anthropic", "claude-fable-5-1", rules(512, 0, minutes(5))),
    ("anthropic", "claude-mythos-5-1", rules(512, 0, minutes(5))),
    ("anthropic", "claude-opus-4-7", rules(2_048, 0, minutes(5))),
    ("anthropic", "claude-3-5-haiku", rules(2_048, 0, minutes(5))),
    ("anthropic", "claude-opus-4-6", rules(4_096, 0, minutes(5))),
    ("anthropic", "claude-opus-4-5", rules(4_096, 0, minutes(5))),
    ("anthropic", "claude-haiku-4-5", rules(4_096, 0, minutes(5))),
    ("anthropic", "", rules(1_024, 0, minutes(5))),
    // OpenAI's prompt caching guide: from 5.6 no steps, and a least lifetime; before, five to ten minutes of idleness.
    ("openai", "gpt-5.6", rules(1_024, 0, minutes(30))),
    ("openai", "gpt-6", rules(1_024, 0, minutes(30))),
    ("openai", "", rules(1_024, 128, minutes(5))),
    // Gemini's context caching guide: implicit caching, evicted as memory is reclaimed.
    ("google", "", rules(2_048, 0, None)),
    ("deepseek", "", rules(0, 64, None)),
];

/// The rules that an event's request was served by.
pub fn rules_of(event: &Event<'_>) -> CacheRules {
    let model = event.response_model.as_deref().unwrap_or(&event.request_model);
    let fits =
        |(provider, start, _): &&(&str, &str, CacheRules)| event.provider == *provider && model.starts_with(start);
    let mut rules = TABLE.iter().find(fits).map(|(_, _, rules)| *rules).unwrap_or_default();
    if event.cache.lifetime.is_some() {
        rules.promised = event.cache.lifetime;
    }
    rules
}

/// Providers that promise nothing and cache for everybody in one memory, state of 2026-11: what pushes a block out there may be the
/// traffic of other organisations. Gemini's guide says of its implicit cache that it evicts as memory is reclaimed; DeepSeek's cache
/// is best effort. Of Mistral's no rules were found, and it is taken alike.
const OPAQUE: [&str; 3] = ["google", "deepseek", "mistral"];

/// Whether others than ours may fill the cache.
pub fn is_opaque(event: &Event<'_>) -> bool {
    OPAQUE.contains(&event.provider.as_ref()) && rules_of(event).promised.is_none()
}

/// Providers whose limits on input tokens do not count what was read from the cache, state of 2026-11: Anthropic's rate limit guide
/// (on most models), Bedrock's quota guide under each name that it goes by, Groq's prompt caching guide. `OpenAI`'s and Google's count
/// it, and of an unknown provider it is taken so: more is then its callers' own doing.
const READS_EXEMPT: [&str; 5] = ["anthropic", "aws.bedrock", "aws", "bedrock", "groq"];

/// Whether prompt tokens read from the cache are not counted against the provider's limits.
pub fn reads_exempt(provider: &str) -> bool {
    READS_EXEMPT.contains(&provider)
}
