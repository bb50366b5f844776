//! The limits that `OpenAI` sets the proxy's organisation, and what its headers say of them: requests and tokens per minute, which all
//! tenants share. Whom it refuses is decided by what is left, and by nothing else.

use aliquot_core::event::Limit;
use aliquot_core::time::Micros;

/// Per minute. The usual traffic takes two thirds of the tokens and a thirtieth of the requests.
const TOKENS: i64 = 1_200_000;
const REQUESTS: i64 = 10_000;

const MINUTE: i64 = 60_000_000;

/// What is left of both, in units × microseconds, so that each microsecond gives something back.
#[derive(Debug)]
pub(super) struct Allowance {
    tokens: i64,
    requests: i64,
    at: Micros,
}

impl Allowance {
    /// Full.
    pub(super) const fn new(at: Micros) -> Self {
        Self { tokens: TOKENS * MINUTE, requests: REQUESTS * MINUTE, at }
    }

    /// Takes a request, if it is within the limits, and says so. Requests come in order of time.
    pub(super) fn admit(&mut self, at: Micros, tokens: u64) -> bool {
        let passed = at.0.saturating_sub(self.at.0).clamp(0, MINUTE);
        self.at = at;
        self.tokens = (self.tokens + TOKENS * passed).min(TOKENS * MINUTE);
        self.requests = (self.requests + REQUESTS * passed).min(REQUESTS * MINUTE);
        let tokens = i64::try_from(tokens).unwrap_or(i64::MAX).saturating_mul(MINUTE);
        let is_within = tokens <= self.tokens && MINUTE <= self.requests;
        if is_within {
            self.tokens -= tokens;
            self.requests -= MINUTE;
        }
        is_within
    }

    /// What the headers of an answer say now.
    pub(super) fn headers(&self, is_refused: bool) -> Vec<Limit<'static>> {
        let short = if self.requests < MINUTE { "requests" } else { "tokens" };
        let header = |counts: &'static str, limit: i64, left: i64| Limit {
            bucket: "org-shared".into(),
            counts: counts.into(),
            limit: u64::try_from(limit).ok(),
            remaining: u64::try_from(left / MINUTE).ok(),
            reset: Some(Micros((limit * MINUTE - left) / limit)),
            refused: is_refused && counts == short,
        };
        vec![header("requests", REQUESTS, self.requests), header("tokens", TOKENS, self.tokens)]
    }
}
