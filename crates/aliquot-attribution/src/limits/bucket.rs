//! One shared bucket: how large it is and how fast it fills, and who takes from it. Whole numbers.

use alloc::string::ToString;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::event::{Limit, QUANTITY_MAX};
use aliquot_core::time::{EventTime, Micros};

use super::alone::Alone;
use super::window::{Consumption, Known, Window, slice};
use super::worlds::{Takes, Worlds};
use super::{Amount, BucketView, Counts, Forecast};
use crate::apportion::apportion;

/// Published limits are per minute.
const FILLS_IN: Micros = Micros(60_000_000);

/// A reset that says otherwise is believed between a second and a day.
const FILLS_IN_MIN: Micros = Micros::SECOND;
const FILLS_IN_MAX: Micros = Micros::DAY;

/// Consumption counts over so many fillings (section 3.2).
const FILLINGS: i64 = 4;

/// Parts of a unit in which levels are held, so that a slow bucket gains something every microsecond: 2³².
const PARTS_BITS: u32 = 32;

/// A bucket that several callers share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    limit: Option<u64>,
    remaining: Option<u64>,
    /// `None` until a reset says it.
    fills_in: Option<Micros>,
    heard: EventTime,
    latest: EventTime,
    /// Up to when the worlds are filled.
    filled: EventTime,
    window: Window,
    alone: Alone,
    worlds: Worlds,
}

/// One attempt at a bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) at: EventTime,
    pub(super) tenant: u32,
    /// The logical request.
    pub(super) id: u64,
    pub(super) is_refused: bool,
}

/// Whose doing a refusal was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nothing is known of the bucket.
    Unknown,
    /// Its tenant would have been refused alone.
    Own,
    /// In proportion; nobody if the list is empty.
    Neighbours(Vec<(Option<u32>, u128)>),
}

/// How large a bucket is and how fast it fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// In parts of a unit.
    pub(super) full: u128,
    fills_in: Micros,
}

impl Size {
    /// What comes back in that time, in parts of a unit.
    pub(super) fn gain(self, time: Micros) -> u128 {
        let fills_in = u128::try_from(self.fills_in.0).unwrap_or(1);
        mul_div(self.full, u128::try_from(time.0).unwrap_or_default().min(fills_in), fills_in)
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            limit: None,
            remaining: None,
            fills_in: None,
            heard: EventTime::MIN,
            latest: EventTime::MIN,
            filled: EventTime::MIN,
            window: Window::default(),
            alone: Alone::default(),
            worlds: Worlds::default(),
        }
    }
}

impl Bucket {
    pub(super) const fn heard(&self) -> EventTime {
        self.heard
    }

    fn fills_in(&self) -> Micros {
        self.fills_in.unwrap_or(FILLS_IN)
    }

    fn window_length(&self) -> Micros {
        Micros(self.fills_in().0.saturating_mul(FILLINGS))
    }

    /// Learns from a header. What it does not say, or says nonsensically, changes nothing.
    pub(super) fn hear(&mut self, header: &Limit<'_>, at: EventTime) {
        if at < self.heard {
            return;
        }
        self.heard = at;
        if let Some(limit @ 1..=QUANTITY_MAX) = header.limit {
            self.limit = Some(limit);
        }
        let remaining = header.remaining.filter(|remaining| self.limit.is_none_or(|limit| *remaining <= limit));
        self.remaining = remaining.or(self.remaining);
        if let (Some(limit), Some(remaining), Some(reset)) = (self.limit, remaining, header.reset) {
            self.learn_rate(limit, limit.saturating_sub(remaining), reset);
        }
    }

    /// `missing` units come back within `reset`. Few units say little: headers round.
    fn learn_rate(&mut self, limit: u64, missing: u64, reset: Micros) {
        let (Ok(reset), true) = (u128::try_from(reset.0), missing.saturating_mul(10) >= limit) else {
            return;
        };
        let whole = reset.saturating_mul(u128::from(limit)).checked_div(u128::from(missing));
        let Some(fills_in) = whole.and_then(|whole| i64::try_from(whole).ok()).map(Micros) else {
            return;
        };
        if (FILLS_IN_MIN..=FILLS_IN_MAX).contains(&fills_in) {
            let before = self.fills_in.unwrap_or(fills_in).0;
            let step = fills_in.0.saturating_sub(before).checked_div(8).unwrap_or_default();
            self.fills_in = Some(Micros(before.saturating_add(step)));
        }
    }

    fn size(&self) -> Option<Size> {
        let full = u128::from(self.limit?) << PARTS_BITS;
        Some(Size { full, fills_in: self.fills_in() })
    }

    /// Takes an attempt of a tenant at the logical request `id`. If it was refused, whose doing that was.
    pub(super) fn take(&mut self, request: &Request, amount: Amount<'_>) -> Option<Doing> {
        let Request { at, tenant, id, is_refused } = *request;
        self.latest = self.latest.max(at);
        let length = self.window_length();
        self.window.forget_before(EventTime(self.latest.0.saturating_sub(length.0)));
        let is_untold = is_refused && amount.all == 0;
        let asked = if is_untold { self.alone.typical(tenant) } else { amount.all };
        let caused = caused(asked, amount.caused, tenant);
        let others: u64 = caused.iter().map(|(_, units)| *units).sum();
        let base = asked.saturating_sub(others);
        let known = self.window.known(tenant, id).unwrap_or(Known { at, ..Known::default() });
        let own = Consumption { attempted: base.saturating_sub(known.amount), retried: base.min(known.amount) };
        self.window.add(at, length, tenant, own);
        for (culprit, units) in &caused {
            self.window.add(at, length, *culprit, Consumption { attempted: *units, retried: 0 });
        }
        let (known, doing) = match self.size() {
            Some(size) => self.judge(size, request, base, &caused, known),
            None => (known, Doing::Unknown),
        };
        if !is_refused {
            self.alone.learn(tenant, asked);
        }
        self.window.remember(tenant, id, Known { amount: known.amount.max(base), ..known });
        is_refused.then_some(doing)
    }

    /// Takes the attempt from the tenant's own bucket, and in every world; whose doing a refusal is by them.
    fn judge(
        &mut self,
        size: Size,
        request: &Request,
        base: u64,
        caused: &[(u32, u64)],
        known: Known,
    ) -> (Known, Doing) {
        let Request { at, tenant, is_refused, .. } = *request;
        let asked = caused.iter().fold(base, |sum, (_, units)| sum.saturating_add(*units));
        let parts = |units: u64| u128::from(units) << PARTS_BITS;
        let caused: Vec<(u32, u128)> = caused.iter().map(|(tenant, units)| (*tenant, parts(*units))).collect();
        self.worlds.fill(size.gain(at.since(self.filled)), size.full);
        self.filled = self.filled.max(at);
        let missing_alone = self.alone.missing(tenant, at, size);
        let takes = Takes { tenant, base: parts(base), caused: &caused, missing_alone, passed: known.passed };
        let verdict = self.worlds.take(&takes);
        // What passed already is not asked again, but for what it takes more than was known.
        let more = parts(if known.passed_alone { base.saturating_sub(known.amount) } else { base });
        let passes = self.alone.take(tenant, more);
        let known = Known { passed: verdict.passed, passed_alone: known.passed_alone || passes, ..known };
        if !is_refused {
            return (known, Doing::Unknown);
        }
        if !known.passed_alone {
            return (known, Doing::Own);
        }
        let attempted = self.attempted();
        let blame = self.worlds.blame(&verdict, tenant, &attempted);
        self.worlds.rank(&attempted);
        if !blame.is_empty() {
            return (known, Doing::Neighbours(blame));
        }
        let others = attempted.into_iter().filter(|(other, units)| *other != Some(tenant) && *units > 0);
        let unseen = [(None, self.unseen(asked))].into_iter().filter(|(_, units)| *units > 0);
        (known, Doing::Neighbours(others.map(|(other, units)| (other, u128::from(units))).chain(unseen).collect()))
    }

    /// What callers must have taken of whom nothing is told here, over the window: at the time of a refusal a bucket holds less than
    /// was asked, and within one filling a whole limit comes back, so that no less than the rest of the limit went out in that time.
    /// What is not told of the last filling is taken to have gone out in those before, too.
    fn unseen(&self, asked: u64) -> u128 {
        let Some(limit) = self.limit else { return 0 };
        // A filling and a slice of the window, so that nothing at the edge is missed.
        let back = self.fills_in().0.saturating_add(slice(self.window_length()).0);
        let told = self.window.sums_since(EventTime(self.latest.0.saturating_sub(back)));
        let told: u128 = told.values().map(|sum| u128::from(sum.attempted)).sum();
        let fillings = u128::try_from(FILLINGS).unwrap_or(1);
        u128::from(limit.saturating_sub(asked)).saturating_sub(told).saturating_mul(fillings)
    }

    /// What was attempted within the window, by tenant.
    pub(super) fn attempted(&self) -> Vec<(Option<u32>, u64)> {
        let since = EventTime(self.latest.0.saturating_sub(self.window_length().0));
        self.window.sums_since(since).into_iter().map(|(tenant, sum)| (tenant, sum.attempted)).collect()
    }

    pub(super) fn view(&self, bucket: &str, counts: Counts) -> BucketView {
        let since = EventTime(self.latest.0.saturating_sub(self.window_length().0));
        let consumers = self.window.sums_since(since).into_iter().filter_map(|(tenant, sum)| Some((tenant?, sum)));
        BucketView {
            bucket: bucket.to_string(),
            counts,
            limit: self.limit,
            remaining: self.remaining,
            fills_in: self.fills_in(),
            consumers: consumers.collect(),
        }
    }

    /// See [`super::Limits::forecast`].
    pub(super) fn forecast(&self, now: EventTime) -> Option<Forecast> {
        let (limit, remaining, fills_in) = (self.limit?, self.remaining?, self.fills_in());
        let turn = EventTime(now.0.saturating_sub(fills_in.0));
        let start = EventTime(now.0.saturating_sub(self.window_length().0));
        let (lately, before) = (self.window.sums_since(turn), self.window.sums_between(start, turn));
        let drained: u128 = lately.values().map(|sum| u128::from(sum.attempted)).sum();
        let excess = drained.checked_sub(u128::from(limit)).filter(|excess| *excess > 0)?;
        let length = u128::try_from(fills_in.0).ok()?;
        let empty_in = i64::try_from(mul_div(u128::from(remaining), length, excess)).ok()?;
        let rise = |(tenant, sum): (&Option<u32>, &Consumption)| {
            let usual = before.get(tenant).map_or(0, |sum| sum.attempted).checked_div(3).unwrap_or_default();
            Some((sum.attempted.checked_sub(usual).filter(|rise| *rise > 0)?, core::cmp::Reverse((*tenant)?)))
        };
        let climbing = lately.iter().filter_map(rise).max().map(|(_, tenant)| tenant.0);
        Some(Forecast { empty_in: Micros(empty_in), climbing })
    }

    pub(super) fn save(&self, out: &mut Writer) {
        let optional = |out: &mut Writer, number: Option<u64>| {
            out.u8(u8::from(number.is_some()));
            out.u64(number.unwrap_or_default());
        };
        optional(out, self.limit);
        optional(out, self.remaining);
        optional(out, self.fills_in.and_then(|time| u64::try_from(time.0).ok()));
        out.i64(self.heard.0);
        out.i64(self.latest.0);
        out.i64(self.filled.0);
        self.window.save(out);
        self.alone.save(out);
        self.worlds.save(out);
    }

    pub(super) fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let mut optional = || {
            let (known, number) = (from.u8()?, from.u64()?);
            Some((known == 1).then_some(number))
        };
        let (limit, remaining, fills_in) = (optional()?, optional()?, optional()?);
        let fills_in = match fills_in {
            Some(time) => Some(Micros(i64::try_from(time).ok()?)),
            None => None,
        };
        let [heard, latest, filled] = [from.i64()?, from.i64()?, from.i64()?].map(EventTime);
        let window = Window::restore(from)?;
        let (alone, worlds) = (Alone::restore(from)?, Worlds::restore(from)?);
        Some(Self { limit, remaining, fills_in, heard, latest, filled, window, alone, worlds })
    }
}

/// What neighbours caused of an amount: no more than all of it.
fn caused(all: u64, caused: &[(u32, u64)], own: u32) -> Vec<(u32, u64)> {
    let others = || caused.iter().copied().filter(|(tenant, _)| *tenant != own);
    let sum: u128 = others().map(|(_, tokens)| u128::from(tokens)).sum();
    if sum <= u128::from(all) {
        return others().collect();
    }
    let weights: Vec<u64> = others().map(|(_, tokens)| tokens).collect();
    let parts = apportion(all, &weights).unwrap_or_default();
    others().map(|(tenant, _)| tenant).zip(parts).collect()
}

/// `amount * part / whole`, the amount far below 2⁹⁶ and the part not above the whole.
fn mul_div(amount: u128, part: u128, whole: u128) -> u128 {
    amount.saturating_mul(part).checked_div(whole).unwrap_or_default()
}
