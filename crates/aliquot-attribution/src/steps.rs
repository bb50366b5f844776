//! Splits a measured engine step among the requests that were in it (attribution 3.3). Decides whose the time was, not what it
//! costs; idle time between steps is not its business.
//!
//! The model is `T = a0 + a1 Σx + a2 Σk + a3 Σxk`, with `x` the prompt tokens a request computes in the step and `k` the tokens
//! of context it attends to. Its fixed leg is everybody's alike, the rest each request's own (the Shapley value of a fixed cost
//! plus additive ones); what was measured beyond the model, or short of it, is shared in the same proportion.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

use crate::apportion::apportion;
use crate::least_squares::{Fit, LeastSquares};
use crate::number::{float, whole};

/// Fewer steps say nothing yet: sixteen for each of the four numbers.
const OBSERVATIONS_MIN: u64 = 64;

/// No request has more tokens in a step; keeps products exact enough and sums finite.
const TOKENS_MAX: u64 = 1 << 40;

/// Parts of a microsecond in which weights are held: 2¹⁰. A step of an hour then still fits 64 bits.
const PARTS: f64 = 1_024.0;

/// One request's part in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InStep {
    /// Prompt tokens computed in the step.
    pub prefill: u64,
    /// Tokens of context attended to.
    pub context: u64,
}

/// The sums behind the model of one engine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepModel {
    /// By Σx, Σk and Σxk.
    sums: LeastSquares<3>,
}

impl StepModel {
    /// Learns from a step with these requests that took so many microseconds.
    pub fn observe(&mut self, requests: &[InStep], micros: u64) {
        if requests.is_empty() {
            return;
        }
        let mut sums = [0.0; 3];
        for request in requests {
            sums.iter_mut().zip(request.terms()).for_each(|(sum, term)| *sum += term);
        }
        self.sums.observe(sums, float(micros));
    }

    /// Microseconds of each request, in the order given, which sum to `micros` exactly. `None` if nobody was in the step, or
    /// until enough steps were seen.
    pub fn split(&self, requests: &[InStep], micros: u64) -> Option<Vec<u64>> {
        if self.sums.count() < OBSERVATIONS_MIN {
            return None;
        }
        let fit = self.sums.fit()?;
        let present = float(u64::try_from(requests.len()).ok()?);
        let weight = |request: &InStep| {
            let own = request.own(&fit) + fit.intercept / present;
            whole(own * PARTS).unwrap_or(u64::MAX)
        };
        let weights: Vec<u64> = requests.iter().map(weight).collect();
        // A model that gives the step no time at all gives nobody more of it than another.
        let same = requests.iter().map(|_| 1).collect::<Vec<_>>();
        apportion(micros, &weights).or_else(|| apportion(micros, &same))
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

impl InStep {
    fn terms(self) -> [f64; 3] {
        let (prefill, context) = (float(self.prefill.min(TOKENS_MAX)), float(self.context.min(TOKENS_MAX)));
        [prefill, context, prefill * context]
    }

    fn own(self, fit: &Fit<3>) -> f64 {
        self.terms().into_iter().zip(fit.slopes).map(|(term, slope)| term * slope.unwrap_or_default()).sum()
    }
}
