//! How long a request takes and how much GPU it uses, by stated formulas. They stand for a 70B model on a node of eight GPUs
//! and are linear, so that a miss costs its tokens; no queue and no batch is modelled.

use aliquot_core::event::Usage;
use aliquot_core::time::Micros;
use aliquot_core::usage::{ByClass, Class};

/// GPU microseconds to compute one prompt token: eight GPUs at 14 µs, about 71,000 tokens a second for the node.
pub const GPU_US_PER_PREFILL_TOKEN: u64 = 112;

/// GPU microseconds for one output token, shared as it is with the other requests of its batch.
pub const GPU_US_PER_DECODE_TOKEN: u64 = 480;

/// From arrival to the first token, if nothing had to be computed.
pub const FIRST_TOKEN_US: u64 = 180_000;

/// Added for each prompt token that has to be computed.
pub const WALL_US_PER_PREFILL_TOKEN: u64 = 14;

/// From one output token to the next.
pub const WALL_US_PER_DECODE_TOKEN: u64 = 20_000;

/// GPU time of a request that computes `prefill` prompt tokens.
pub const fn gpu_us(prefill: u64, output: u64) -> u64 {
    let prefill = prefill.saturating_mul(GPU_US_PER_PREFILL_TOKEN);
    prefill.saturating_add(output.saturating_mul(GPU_US_PER_DECODE_TOKEN))
}

/// From start to the first token.
pub fn ttft(prefill: u64) -> Micros {
    micros(FIRST_TOKEN_US.saturating_add(prefill.saturating_mul(WALL_US_PER_PREFILL_TOKEN)))
}

/// From the first token to the last.
pub fn decode(output: u64) -> Micros {
    micros(output.saturating_mul(WALL_US_PER_DECODE_TOKEN))
}

/// Usage of one request with these parts and the totals they make.
pub fn usage(parts: &[(Class, u64)], cache_reported: bool) -> Usage {
    let mut by_class = ByClass::all(0);
    by_class.set(Class::Requests, 1);
    for (class, quantity) in parts {
        by_class.set(*class, *quantity);
    }
    usage_of(by_class, cache_reported)
}

/// Usage with these parts, all of them, and the totals they make.
pub fn usage_of(parts: ByClass<u64>, cache_reported: bool) -> Usage {
    let (input_total, output_total) = (parts.sum_of(&Class::PROMPT), parts.sum_of(&Class::OUTPUT));
    Usage { parts, input_total, output_total, cache_reported }
}

/// The sum of two times.
pub const fn plus(first: Micros, second: Micros) -> Micros {
    Micros(first.0.saturating_add(second.0))
}

fn micros(micros: u64) -> Micros {
    Micros(i64::try_from(micros).unwrap_or(i64::MAX))
}
