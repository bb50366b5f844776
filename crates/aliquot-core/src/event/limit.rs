//! A limit that several callers share, and what of a provider's headers about it can be true. Decides nothing about a request.

use alloc::borrow::Cow;

use super::QUANTITY_MAX;
use crate::time::Micros;

/// The longest time after which a limit is full again: some are monthly, a few yearly; beyond is a unit mistake.
pub const RESET_MAX: Micros = Micros(400 * Micros::DAY.0);

/// A limit that several callers share, as it stood when the request was answered. What a header did not say, or said
/// nonsensically, is `None`: never 0, never infinity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limit<'a> {
    /// Which bucket: an organisation, a key, a model's pool.
    pub bucket: Cow<'a, str>,
    /// What it counts: `requests`, `input_tokens`, `output_tokens`, `tokens`, `concurrency`, `spend`.
    pub counts: Cow<'a, str>,
    /// The most it holds.
    pub limit: Option<u64>,
    /// What was left.
    pub remaining: Option<u64>,
    /// Until it is full again.
    pub reset: Option<Micros>,
    /// Whether it is this limit that refused the request.
    pub refused: bool,
}

impl Limit<'_> {
    /// Takes out what cannot be true, so that nobody computes with it.
    ///
    /// | headers say | taken out |
    /// |---|---|
    /// | a limit, a rest or a time beyond all bounds, or a time below zero | that one: it stands for "none", or is a unit mistake |
    /// | a limit of 0 | limit and rest: a bucket that holds nothing is none, and what is left of it says nothing |
    /// | more left than there is | limit and rest: one of them is wrong, and nobody can say which |
    /// | full again in no time, and neither limit nor rest | the time: it came with the other two, which were no numbers |
    #[must_use]
    pub fn plausible(mut self) -> Self {
        self.limit = self.limit.filter(|limit| *limit <= QUANTITY_MAX);
        self.remaining = self.remaining.filter(|remaining| *remaining <= QUANTITY_MAX);
        self.reset = self.reset.filter(|reset| (Micros(0)..=RESET_MAX).contains(reset));
        if self.limit.is_some_and(|limit| limit == 0 || self.remaining.is_some_and(|remaining| remaining > limit)) {
            (self.limit, self.remaining) = (None, None);
        }
        if self.limit.is_none() && self.remaining.is_none() {
            self.reset = self.reset.filter(|reset| reset.0 != 0);
        }
        self
    }
}
