//! What computing a range of prompt tokens costs in GPU time, learnt from finished requests (attribution 1.2). Prices it not,
//! and does not say why the tokens had to be computed.
//!
//! A request that computes the tokens from `h` to `L` of its prompt and answers with `o` tokens takes
//! `base + alpha (L − h) + beta (L² − h²)/2 + gamma o`: each token once, each pair of tokens once for attention, each output
//! token once. One model serves one (domain, model): the engine, the GPUs and the weights make the numbers.

use aliquot_core::bytes::{Reader, Writer};

use crate::least_squares::LeastSquares;
use crate::number::{float, whole};

/// Fewer observations say nothing yet: sixteen for each of the four numbers.
const OBSERVATIONS_MIN: u64 = 64;

/// No prompt is longer; also keeps squares within 128 bits.
const TOKENS_MAX: u64 = 1 << 40;

/// Parts of a microsecond in which costs per token and per pair are held: 2³².
const PARTS: f64 = 4_294_967_296.0;
const PARTS_BITS: u32 = 32;

/// The sums behind the model of one (domain, model).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrefillModel {
    /// By computed tokens, pairs and output tokens; in this order, so that pairs are given up before tokens.
    sums: LeastSquares<3>,
}

/// What was learnt, in microseconds of one GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// Per request.
    pub base: f64,
    /// Per computed prompt token.
    pub alpha: f64,
    /// Per pair of a computed prompt token and one before it.
    pub beta: f64,
    /// Per output token.
    pub gamma: f64,
}

/// The cost of prefill as a function of the position in the prompt. Whole microseconds, monotone, and the cost of a range is the
/// sum of the costs of its parts, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefillCurve {
    alpha: u64,
    beta: u64,
}

impl PrefillModel {
    /// Learns from a finished request: prompt tokens computed and read from the cache, output tokens, GPU microseconds measured.
    /// A request without measured time says nothing.
    pub fn observe(&mut self, computed: u64, cached: u64, output: u64, gpu_us: u64) {
        if gpu_us == 0 || [computed, cached, output].iter().any(|tokens| *tokens > TOKENS_MAX) {
            return;
        }
        let (computed, cached) = (float(computed), float(cached));
        let pairs = computed * (computed + 2.0 * cached) * 0.5;
        self.sums.observe([computed, pairs, float(output)], float(gpu_us));
    }

    /// The model, or `None` until enough requests of different lengths were seen.
    pub fn coefficients(&self) -> Option<Coefficients> {
        if self.sums.count() < OBSERVATIONS_MIN {
            return None;
        }
        let fit = self.sums.fit()?;
        let [alpha, beta, gamma] = fit.slopes;
        let (beta, gamma) = (beta.unwrap_or_default(), gamma.unwrap_or_default());
        Some(Coefficients { base: fit.intercept, alpha: alpha?, beta, gamma })
    }

    /// The cost of prefill by position. Ask once per request: it solves the fit.
    pub fn curve(&self) -> Option<PrefillCurve> {
        let Coefficients { alpha, beta, .. } = self.coefficients()?;
        Some(PrefillCurve { alpha: whole(alpha * PARTS)?, beta: whole(beta * PARTS)? })
    }

    /// GPU microseconds to compute the prompt tokens `from..to`; see [`PrefillCurve::micros`].
    pub fn prefill_micros(&self, from: u64, to: u64) -> Option<u64> {
        self.curve().map(|curve| curve.micros(from, to))
    }

    /// Writes the state.
    pub fn save(&self, out: &mut Writer) {
        self.sums.save(out);
    }

    /// Reads what [`Self::save`] wrote; `None` if it is anything else.
    pub fn restore(from: &mut Reader<'_>) -> Option<Self> {
        LeastSquares::restore(from).map(|sums| Self { sums })
    }
}

impl PrefillCurve {
    /// GPU microseconds to compute the prompt tokens `from..to`. 0 for an empty or reversed range.
    pub fn micros(&self, from: u64, to: u64) -> u64 {
        self.up_to(to).saturating_sub(self.up_to(from))
    }

    /// The same for a range inside of the tokens `cached..prompt` that one request computed in `gpu_us` measured microseconds:
    /// if the model says that they take longer, every range of theirs is scaled down, so that all together take `gpu_us`.
    pub fn micros_within(&self, from: u64, to: u64, (cached, prompt): (u64, u64), gpu_us: u64) -> u64 {
        let all = self.micros(cached, prompt);
        if all <= gpu_us {
            return self.micros(from.max(cached), to.min(prompt));
        }
        let scaled = |position: u64| {
            let until = u128::from(self.micros(cached, position.clamp(cached, prompt.max(cached))));
            let product = until.saturating_mul(u128::from(gpu_us));
            product.checked_div(u128::from(all)).and_then(|micros| u64::try_from(micros).ok()).unwrap_or_default()
        };
        scaled(to).saturating_sub(scaled(from))
    }

    fn up_to(&self, position: u64) -> u64 {
        let position = u128::from(position.min(TOKENS_MAX));
        let pairs = position.saturating_mul(position) >> 1;
        let tokens = u128::from(self.alpha).saturating_mul(position);
        let parts = tokens.saturating_add(u128::from(self.beta).saturating_mul(pairs));
        u64::try_from(parts >> PARTS_BITS).unwrap_or(u64::MAX)
    }
}
