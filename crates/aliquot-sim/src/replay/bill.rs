//! As what a replayed request's tokens are reported. The cache that decides is the node's own in either case; only the classes
//! and the seller differ, so that one trace can be rated by a provider's prices and by GPU time.

use aliquot_core::event::Usage;
use aliquot_core::usage::Class;

use crate::node::Demand;
use crate::pace;

/// Who would have sold the request.
///
/// | prompt tokens | `Anthropic` | `OwnGpus` |
/// |---|---|---|
/// | of hit blocks | `cache_read` | `cache_read` |
/// | of the other full blocks | `cache_write_5m`: the client marks the end of its prompt as a breakpoint, and the API writes what it did not read | `uncached` |
/// | after the last full block | `uncached` | `uncached` |
/// | GPU time | not reported | `gpu_us`, of all tokens that were no hits and of the output |
///
/// Where the trace records no blocks the prompt is `uncached`, and nothing is said about the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// A proxy in front of Anthropic's API.
    Anthropic,
    /// A node of one's own, provider `self`.
    OwnGpus,
}

impl Billing {
    /// The provider's name in events.
    pub const fn provider(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OwnGpus => "self",
        }
    }

    pub(super) fn usage(self, demand: &Demand<'_>, cached: Option<u64>) -> Usage {
        let prompt = demand.prompt_tokens;
        let read = cached.unwrap_or_default();
        let rest = prompt.saturating_sub(read);
        let (written, gpu_us) = match self {
            Self::Anthropic => {
                let full = prompt - prompt.checked_rem(u64::from(demand.block_tokens)).unwrap_or(prompt);
                (full.saturating_sub(read).min(rest), 0)
            }
            Self::OwnGpus => (0, pace::gpu_us(rest, demand.output_tokens)),
        };
        let parts = [
            (Class::Uncached, rest - written),
            (Class::CacheRead, read),
            (Class::CacheWrite5m, written),
            (Class::Output, demand.output_tokens),
            (Class::GpuMicros, gpu_us),
        ];
        pace::usage(&parts, cached.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(billing: Billing, prompt_tokens: u64, cached: Option<u64>) -> [u64; 4] {
        let demand = Demand { blocks: &[], block_tokens: 64, prompt_tokens, output_tokens: 10, owner: 0 };
        let usage = billing.usage(&demand, cached);
        assert_eq!(usage.check(), Ok(()));
        assert_eq!((usage.input_total, usage.output_total), (Some(prompt_tokens), Some(10)));
        assert_eq!((usage.cache_reported, usage.parts.get(Class::Requests)), (cached.is_some(), 1));
        [Class::CacheRead, Class::CacheWrite5m, Class::Uncached, Class::GpuMicros].map(|class| usage.parts.get(class))
    }

    #[test]
    fn every_prompt_token_has_one_class() {
        assert_eq!(parts(Billing::Anthropic, 200, Some(64)), [64, 128, 8, 0]);
        assert_eq!(parts(Billing::Anthropic, 128, Some(127)), [127, 1, 0, 0], "the last token is never read");
        assert_eq!(parts(Billing::Anthropic, 40, Some(0)), [0, 0, 40, 0], "no full block");
        assert_eq!(parts(Billing::Anthropic, 40, Some(39)), [39, 0, 1, 0], "the hit was a partial block");
        assert_eq!(parts(Billing::OwnGpus, 200, Some(64)), [64, 0, 136, 136 * 112 + 4_800]);
        assert_eq!(parts(Billing::OwnGpus, 200, None), [0, 0, 200, 200 * 112 + 4_800]);
    }
}
