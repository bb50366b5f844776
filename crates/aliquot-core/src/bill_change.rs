//! Why a bill changed from one period to another: the change in exact parts. Explains money that was rated before; bills nothing.
//!
//! The cost of a model in a period is taken apart as
//!
//! `requests × (prompt tokens per request × (read + Σ share of cause × extra of cause) + output tokens per request × price + other)`
//!
//! where `read` is what a prompt token costs however it came about, and `extra` is what a token of a cause costs beyond that (see
//! [`crate::blame::CausePart`]). One factor after the other then goes from its value before to its value after, in this order, and
//! the effect of a factor is what the bill changes while it does:
//!
//! | effect | factor | of what |
//! |---|---|---|
//! | price | `read`, `extra` and the price of output, in costs per token | the usage before |
//! | volume | requests of all models together | the mix before, at prices after |
//! | mix | each model's share of them | likewise |
//! | prompt length | prompt tokens per request of each model | the mix after |
//! | hit rate, by cause | the cause's share of the prompt tokens, cause by cause in the order of the rules | the prompts after |
//! | output | output tokens per request of each model | likewise |
//! | residual | everything else per request: fees, searches, media, GPU time that no cause carries | likewise |
//!
//! So the effects sum to the change whatever the numbers are: each is the difference of two stages, the first stage is the bill
//! before and the last one is the bill after. Within a stage amounts are rounded to the picodollar. What has no value on one side
//! keeps that of the other: a price of something that was not used before or after, the habits of a model that is new. Therefore a
//! new model is mix, a model that is gone is mix, a cause that is new or gone is hit rate, and a bill that begins or ends is volume.

use alloc::collections::BTreeMap;

use crate::cause::Cause;
use crate::money::{Usd, mul_div};

/// A quantity and what it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Tokens or requests.
    pub quantity: u64,
    /// Their cost.
    pub cost: Usd,
}

/// What was used of one model in one period, as it is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Requests, and their whole cost.
    pub requests: Amount,
    /// Prompt tokens, and the cost of the classes they are in.
    pub prompt: Amount,
    /// Output tokens and their cost.
    pub output: Amount,
    /// Prompt tokens by cause, and what they cost beyond a cache read; `None` = of requests about which nobody asked why. Of
    /// [`Cause::Hit`] nothing: its cost is what the others leave.
    pub causes: BTreeMap<Option<Cause>, Amount>,
}

/// The two periods of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Periods {
    /// The period before.
    pub before: Reported,
    /// The period after.
    pub after: Reported,
}

/// A change of a bill in parts, which sum to it exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BillChange {
    /// The bill before.
    pub before: Usd,
    /// The bill after.
    pub after: Usd,
    /// The effect of prices.
    pub price: Usd,
    /// The effect of the number of requests.
    pub volume: Usd,
    /// The effect of the choice of models.
    pub mix: Usd,
    /// The effect of the length of prompts.
    pub prompt_length: Usd,
    /// The effect of each cause's share of the prompts; `None` = of requests about which nobody asked why.
    pub hit_rate: BTreeMap<Option<Cause>, Usd>,
    /// The effect of the length of outputs.
    pub output: Usd,
    /// The effect of everything else.
    pub residual: Usd,
}

impl BillChange {
    /// The sum of all effects, which is `after - before`; `None` past the range of money.
    pub fn sum(&self) -> Option<Usd> {
        let fixed = [self.price, self.volume, self.mix, self.prompt_length, self.output, self.residual];
        fixed.into_iter().chain(self.hit_rate.values().copied()).try_fold(Usd::ZERO, Usd::checked_add)
    }
}

/// Takes the change of a bill apart; the models can be named in any way. `None` when an amount leaves the range of money.
pub fn bill_change<K>(models: &BTreeMap<K, Periods>) -> Option<BillChange> {
    let requests = |side: fn(&Periods) -> &Reported| {
        models.values().map(side).try_fold(0_u64, |sum, side| sum.checked_add(side.requests.quantity))
    };
    let all = Both { before: requests(|model| &model.before)?, after: requests(|model| &model.after)? };
    let mut change = BillChange::default();
    for model in models.values() {
        add_model(&mut change, model, all)?;
    }
    Some(change)
}

/// A value before and after.
#[derive(Clone, Copy, Debug)]
struct Both<T> {
    before: T,
    after: T,
}

/// The cost of a part of the bill after each factor that touches it.
struct Stages {
    before: Usd,
    price: Usd,
    volume: Usd,
    mix: Usd,
    prompt_length: Usd,
    after: Usd,
}

/// How the length of prompts bears on a part of the bill.
#[derive(Clone, Copy, Debug)]
enum Length {
    /// Not at all.
    Unmoved,
    /// It is all there is to it.
    Whole,
    /// In proportion to these prompt tokens.
    Proportional(Both<u64>),
}

fn add_model(change: &mut BillChange, model: &Periods, all: Both<u64>) -> Option<()> {
    let requests = Both { before: model.before.requests.quantity, after: model.after.requests.quantity };
    let (before, after) = (Parts::of(&model.before)?, Parts::of(&model.after)?);
    let prompt = Both { before: before.read, after: after.read };
    let stages = |part: Both<Amount>, priced: bool, length| Stages::of(part, priced, length, requests, all);
    let read = stages(prompt, true, Length::Whole)?;
    let last = add_common(change, &read)?;
    raise(&mut change.prompt_length, read.after, last)?;

    let lengths = Both { before: prompt.before.quantity, after: prompt.after.quantity };
    let causes = model.before.causes.keys().chain(model.after.causes.keys());
    let causes: BTreeMap<Option<Cause>, ()> = causes.map(|cause| (*cause, ())).collect();
    for cause in causes.into_keys() {
        let amount = |side: &Reported| side.causes.get(&cause).copied().unwrap_or_default();
        let part = Both { before: amount(&model.before), after: amount(&model.after) };
        let stages = stages(part, true, Length::Proportional(lengths))?;
        let last = add_common(change, &stages)?;
        raise(&mut change.prompt_length, stages.prompt_length, last)?;
        raise(change.hit_rate.entry(cause).or_default(), stages.after, stages.prompt_length)?;
    }

    let output = stages(Both { before: model.before.output, after: model.after.output }, true, Length::Unmoved)?;
    let last = add_common(change, &output)?;
    raise(&mut change.output, output.after, last)?;
    let other = stages(Both { before: before.other, after: after.other }, false, Length::Unmoved)?;
    let last = add_common(change, &other)?;
    raise(&mut change.residual, other.after, last)
}

/// Adds what every part of the bill has: its two ends, price, volume and mix. The answer is the stage they lead to.
fn add_common(change: &mut BillChange, stages: &Stages) -> Option<Usd> {
    change.before = change.before.checked_add(stages.before)?;
    change.after = change.after.checked_add(stages.after)?;
    raise(&mut change.price, stages.price, stages.before)?;
    raise(&mut change.volume, stages.volume, stages.price)?;
    raise(&mut change.mix, stages.mix, stages.volume)?;
    Some(stages.mix)
}

fn raise(effect: &mut Usd, to: Usd, from: Usd) -> Option<()> {
    *effect = effect.checked_add(to.checked_sub(from)?)?;
    Some(())
}

impl Stages {
    fn of(part: Both<Amount>, priced: bool, length: Length, requests: Both<u64>, all: Both<u64>) -> Option<Self> {
        let (before, after) = (part.before.cost, part.after.cost);
        let has_both_prices = priced && part.before.quantity > 0 && part.after.quantity > 0;
        let price = if has_both_prices { scaled(after, part.before.quantity, part.after.quantity)? } else { before };
        // Where nothing was before, there are no habits that could go on.
        let volume = if all.before == 0 { after } else { scaled(price, all.after, all.before)? };
        let is_new = requests.before == 0;
        let mix = if is_new { after } else { scaled(price, requests.after, requests.before)? };
        let prompt_length = match length {
            _ if is_new => after,
            Length::Unmoved => mix,
            Length::Whole => after,
            Length::Proportional(tokens) if tokens.before == 0 => after,
            Length::Proportional(tokens) => scaled(price, tokens.after, tokens.before)?,
        };
        Some(Self { before, price, volume, mix, prompt_length, after })
    }
}

/// What is left of a model's cost beside causes and output.
struct Parts {
    /// Prompt tokens, and what they cost however they came about.
    read: Amount,
    /// Requests, and what they cost beside their tokens.
    other: Amount,
}

impl Parts {
    fn of(reported: &Reported) -> Option<Self> {
        let extras = reported.causes.values().try_fold(Usd::ZERO, |sum, extra| sum.checked_add(extra.cost))?;
        // Where nodes are paid by time, tokens have no price of their own, and the extras are part of the time.
        let read = reported.prompt.cost.checked_sub(extras)?.max(Usd::ZERO);
        let other = reported.requests.cost.checked_sub(reported.output.cost)?.checked_sub(extras)?.checked_sub(read)?;
        Some(Self {
            read: Amount { quantity: reported.prompt.quantity, cost: read },
            other: Amount { quantity: reported.requests.quantity, cost: other },
        })
    }
}

/// The amount × `numerator` / `denominator` to the nearest picodollar, halves away from zero. Only to explain: a split of money
/// is [`Usd::split`].
fn scaled(amount: Usd, numerator: u64, denominator: u64) -> Option<Usd> {
    let divisor = u128::from(denominator);
    let (quotient, remainder) = mul_div(amount.pico().unsigned_abs(), numerator, divisor)?;
    let nearest = quotient.checked_add(u128::from(remainder >= divisor.div_ceil(2)))?;
    let magnitude = i128::try_from(nearest).ok()?;
    Some(Usd::from_pico(if amount < Usd::ZERO { magnitude.checked_neg()? } else { magnitude }))
}
