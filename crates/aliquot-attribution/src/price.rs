//! What each token of a prompt cost beyond a cache read. Telescopes: the increments of neighbouring ranges sum to the increment of
//! both, whatever the shape of the prices, so that nothing is lost between the causes of one request.

use aliquot_core::event::Event;
use aliquot_core::money::{Rate, Usd};
use aliquot_core::rating::Rated;
use aliquot_core::usage::Class;

use crate::prefill::PrefillCurve;

/// The order in which the classes of a prompt follow one another: what was read stands first, then what was written, the longer
/// lifetime before the shorter, then the rest.
const ORDER: [Class; 10] = [
    Class::CacheRead,
    Class::AudioCacheRead,
    Class::ImageCacheRead,
    Class::CacheWrite1h,
    Class::CacheWriteOther,
    Class::CacheWrite5m,
    Class::Uncached,
    Class::AudioIn,
    Class::ImageIn,
    Class::VideoIn,
];

/// The classes of [`ORDER`] that were read from the cache.
const READ: [Class; 3] = [Class::CacheRead, Class::AudioCacheRead, Class::ImageCacheRead];

/// Prompt tokens of an event that were read from the cache.
pub fn read_tokens(event: &Event<'_>) -> u64 {
    event.usage.parts.sum_of(&READ).unwrap_or_default()
}

/// Prompt tokens of an event.
pub fn total_tokens(event: &Event<'_>) -> u64 {
    event.usage.parts.sum_of(&ORDER).unwrap_or_default()
}

/// The prices of one request's prompt.
#[derive(Clone, Copy, Debug)]
pub struct PromptPrice<'e> {
    rated: &'e Rated,
    parts: &'e aliquot_core::usage::ByClass<u64>,
    /// Tokens that were read.
    read: u64,
    /// All tokens.
    total: u64,
    /// How the GPU time of the request grows with what is computed; of requests that used none, nothing.
    prefill: Option<PrefillCurve>,
}

impl<'e> PromptPrice<'e> {
    /// The prices of this event, as it was rated.
    pub fn new(event: &'e Event<'_>, rated: &'e Rated, prefill: Option<PrefillCurve>) -> Self {
        let (read, total) = (read_tokens(event), total_tokens(event));
        Self { rated, parts: &event.usage.parts, read, total, prefill }
    }

    /// Prompt tokens that were read from the cache.
    pub const fn read(&self) -> u64 {
        self.read
    }

    /// Prompt tokens.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// What the tokens `from..to`, none of which was read, cost beyond reading them. `None` = a price is not known.
    pub fn increment(&self, from: u64, to: u64) -> Option<Usd> {
        let (from, to) = (from.clamp(self.read, self.total), to.clamp(self.read, self.total));
        let billed = self.billed_up_to(to)?.checked_sub(self.billed_up_to(from)?)?;
        let read = self.read_rate()?.times(to.saturating_sub(from))?;
        let tokens = billed.checked_sub(read)?.max(Usd::ZERO);
        tokens.checked_add(self.gpu_up_to(to)?.checked_sub(self.gpu_up_to(from)?)?)
    }

    /// What `tokens` that were read would have cost beyond that, had they been missed. An estimate: nobody was billed it.
    pub fn missed(&self, from: u64, to: u64) -> Option<Usd> {
        let tokens = to.saturating_sub(from);
        let written = [Class::CacheWrite1h, Class::CacheWriteOther, Class::CacheWrite5m, Class::Uncached];
        let used = written.into_iter().find_map(|class| self.rated.rates.get(class));
        let rate = used.or_else(|| self.has_no_token_price().then_some(Rate::FREE))?;
        let more = rate.times(tokens)?.checked_sub(self.read_rate()?.times(tokens)?)?.max(Usd::ZERO);
        let Some(gpu) = self.gpu() else { return Some(more) };
        let micros = self.prefill?.micros(from, to);
        more.checked_add(self.rated.rates.get(Class::GpuMicros)?.times(micros).filter(|_| gpu.0 > 0)?)
    }

    /// What the prompt's first tokens were billed as tokens.
    fn billed_up_to(&self, token: u64) -> Option<Usd> {
        let (mut start, mut sum) = (0_u64, Usd::ZERO);
        for class in ORDER {
            let count = self.parts.get(class);
            let taken = token.saturating_sub(start).min(count);
            sum = sum.checked_add(share(self.rated.costs.get(class), self.rated.rates.get(class), taken, count)?)?;
            start = start.checked_add(count)?;
        }
        Some(sum)
    }

    /// What the GPU time of the prompt's first tokens cost, of which those that were read took none.
    fn gpu_up_to(&self, token: u64) -> Option<Usd> {
        let Some((micros, cost)) = self.gpu() else { return Some(Usd::ZERO) };
        let prefill = self.prefill?.micros_within(self.read, token, (self.read, self.total), micros);
        share(cost, self.rated.rates.get(Class::GpuMicros), prefill, micros)
    }

    fn gpu(&self) -> Option<(u64, Usd)> {
        let micros = self.parts.get(Class::GpuMicros);
        (micros > 0).then_some((micros, self.rated.costs.get(Class::GpuMicros)))
    }

    /// A node that is billed by GPU time need not have prices for tokens: then reading costs nothing.
    fn read_rate(&self) -> Option<Rate> {
        self.rated.read_rate.or_else(|| self.has_no_token_price().then_some(Rate::FREE))
    }

    fn has_no_token_price(&self) -> bool {
        let is_free = |class: &Class| self.rated.costs.get(*class) == Usd::ZERO;
        self.gpu().is_some() && ORDER.iter().all(is_free)
    }
}

/// The part of `cost` that `taken` of `count` units make. A flat price says it; under marginal bands it is in proportion.
fn share(cost: Usd, rate: Option<Rate>, taken: u64, count: u64) -> Option<Usd> {
    if taken == 0 {
        return Some(Usd::ZERO);
    }
    match rate {
        Some(rate) if rate.times(count) == Some(cost) => rate.times(taken),
        _ => cost.split(&[taken, count.saturating_sub(taken)])?.first().copied(),
    }
}
