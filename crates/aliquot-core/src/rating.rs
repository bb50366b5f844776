//! From usage and a price book to money: the cost side, exact to the picodollar. What has no price stays `unpriced`.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;

use crate::event::Event;
use crate::money::{Rate, Usd};
use crate::prices::{Attribute, BandRule, BookId, Calendar, Model, Multiplier, Price, PriceBook, Provider};
use crate::reject::Reason;
use crate::usage::{ByClass, Class};

/// A request's cost by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rated {
    /// The version of the price book used.
    pub book: BookId,
    /// Cost per class; zero where nothing was used, where the price is zero, and where it is unknown.
    pub costs: ByClass<Usd>,
    /// The price each class was charged at; under a marginal band, the price of the highest band touched. `None` = unknown.
    pub rates: ByClass<Option<Rate>>,
    /// Why the request, or a part of it, has no price.
    pub unpriced: Option<Unpriced>,
}

/// Why something has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unpriced {
    /// The provider is not in the book.
    UnknownProvider,
    /// The provider has no such model.
    UnknownModel,
    /// The model has no price at that time.
    NotEffective,
    /// The model has prices, but none for a class that was used.
    UnknownClass,
    /// Multipliers make a price finer than a picodollar.
    TooFine,
}

impl Unpriced {
    /// The one spelling used in columns and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown_provider",
            Self::UnknownModel => "unknown_model",
            Self::NotEffective => "not_effective",
            Self::UnknownClass => "unknown_class",
            Self::TooFine => "too_fine",
        }
    }
}

/// The seller and the model that a name means.
type Found<'b> = Result<(&'b Provider, &'b Model), Unpriced>;

/// A price book with the answers it has already given. The memo changes speed, never an answer.
#[derive(Debug)]
pub struct Rater<'b> {
    book: &'b PriceBook,
    memo: BTreeMap<String, BTreeMap<String, Found<'b>>>,
    memo_len: usize,
}

/// Answers remembered. Model names come from outside, so their number is bounded; at the bound the memo starts anew.
const MEMO_MAX: usize = 16_384;

impl<'b> Rater<'b> {
    /// A rater over `book`.
    pub const fn new(book: &'b PriceBook) -> Self {
        Self { book, memo: BTreeMap::new(), memo_len: 0 }
    }

    /// What the event costs the operator. A part without a price is marked in [`Rated::unpriced`]; the others are charged.
    ///
    /// # Errors
    /// [`Reason::Overflow`] when a quantity times its price leaves 128 bits.
    pub fn rate(&mut self, event: &Event<'_>) -> Result<Rated, Reason> {
        let mut rated = Rated { book: self.book.id, ..Rated::default() };
        match self.price(event) {
            Ok((provider, price)) => charge(&mut rated, event, provider, price)?,
            Err(unpriced) => rated.unpriced = Some(unpriced),
        }
        Ok(rated)
    }

    fn price(&mut self, event: &Event<'_>) -> Result<(&'b Provider, &'b Price), Unpriced> {
        let name = event.response_model.as_deref().unwrap_or(&event.request_model);
        let (provider, model) = self.find(&event.provider, name)?;
        let holds = |price: &&Price| self.holds(price, event);
        let newest = |price: &&Price| {
            (price.tier.is_some(), price.region.is_some(), price.calendar.is_some(), price.effective_from)
        };
        let price = model.prices.iter().filter(holds).max_by_key(newest).ok_or(Unpriced::NotEffective)?;
        Ok((provider, price))
    }

    fn find(&mut self, provider: &str, model: &str) -> Found<'b> {
        if let Some(answer) = self.memo.get(provider).and_then(|models| models.get(model)) {
            return *answer;
        }
        if self.memo_len >= MEMO_MAX {
            self.memo.clear();
            self.memo_len = 0;
        }
        let answer = look_up(self.book, provider, model);
        self.memo.entry(provider.to_owned()).or_default().insert(model.to_owned(), answer);
        self.memo_len = self.memo_len.saturating_add(1);
        answer
    }

    fn holds(&self, price: &Price, event: &Event<'_>) -> bool {
        let asks = |condition: &Option<String>, value: Option<&str>| {
            condition.as_deref().is_none_or(|wanted| value.is_some_and(|value| value == wanted))
        };
        let open = |calendar: &Calendar| {
            let days_off = calendar.holidays.as_ref().and_then(|name| self.book.holidays.get(name));
            calendar.covers(event.time, days_off)
        };
        price.effective_from <= event.time
            && price.effective_to.is_none_or(|end| event.time < end)
            && asks(&price.tier, event.service_tier.as_deref())
            && asks(&price.region, event.region.as_deref())
            && price.calendar.as_ref().is_none_or(open)
    }
}

/// The model that `name` means at `provider`: its own models first, then those it resells.
fn look_up<'b>(book: &'b PriceBook, provider: &str, name: &str) -> Found<'b> {
    let canonical = book.provider_aliases.get(provider).map_or(provider, String::as_str);
    let home = book.providers.get(canonical).ok_or(Unpriced::UnknownProvider)?;
    let resold = home.fallbacks.iter().filter_map(|fallback| book.providers.get(fallback));
    core::iter::once(home)
        .chain(resold)
        .find_map(|seller| seller.models.iter().find(|model| model.matcher.accepts(name)))
        .map(|model| (home, model))
        .ok_or(Unpriced::UnknownModel)
}

fn charge(rated: &mut Rated, event: &Event<'_>, provider: &Provider, price: &Price) -> Result<(), Reason> {
    let prompt = event.usage.prompt_tokens()?;
    let band = price.bands.iter().rev().find(|band| band.above_tokens == 0 || prompt > band.above_tokens);
    let Some(top) = band else {
        rated.unpriced = Some(Unpriced::NotEffective);
        return Ok(());
    };
    let factor = factor_of(provider, price, event);
    for (class, quantity) in event.usage.parts.iter().filter(|(_, quantity)| *quantity > 0) {
        match scaled(top.rates.get(class), class, factor) {
            Ok(rate) => {
                rated.rates.set(class, Some(rate));
                rated.costs.set(class, rate.times(quantity).ok_or(Reason::Overflow)?);
            }
            Err(unpriced) => rated.unpriced = Some(unpriced),
        }
    }
    if price.band_rule == BandRule::Marginal && top.above_tokens > 0 {
        charge_marginally(rated, event, price, factor)?;
    }
    Ok(())
}

/// The price of `class`, scaled. A fee per call exists only where somebody states one; every other class must be stated.
fn scaled(rate: Option<Rate>, class: Class, factor: Option<(u64, u64)>) -> Result<Rate, Unpriced> {
    let rate = match class {
        Class::Requests => rate.unwrap_or(Rate::FREE),
        _ => rate.ok_or(Unpriced::UnknownClass)?,
    };
    let (numerator, denominator) = factor.ok_or(Unpriced::TooFine)?;
    rate.scaled(numerator, denominator).ok_or(Unpriced::TooFine)
}

/// The product of all multipliers that apply, or `None` when it leaves 64 bits. A row made for a tier or a region has that
/// factor in its prices already.
fn factor_of(provider: &Provider, price: &Price, event: &Event<'_>) -> Option<(u64, u64)> {
    let mut factor = (1_u64, 1_u64);
    for attribute in [Attribute::ServiceTier, Attribute::Region] {
        let (value, in_row) = match attribute {
            Attribute::ServiceTier => (event.service_tier.as_deref(), price.tier.is_some()),
            Attribute::Region => (event.region.as_deref(), price.region.is_some()),
        };
        let applies = |multiplier: &&Multiplier| {
            multiplier.attribute == attribute
                && Some(multiplier.value.as_str()) == value
                && multiplier.effective_from <= event.time
        };
        let newest = provider.multipliers.iter().filter(applies).max_by_key(|multiplier| multiplier.effective_from);
        if let Some(multiplier) = newest.filter(|_| !in_row) {
            factor = (factor.0.checked_mul(multiplier.numerator)?, factor.1.checked_mul(multiplier.denominator)?);
        }
    }
    Some(factor)
}

/// The order in which a prompt's classes fill the bands from below: what was cached stands at the start of a prompt.
const PROMPT_ORDER: [Class; 10] = [
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

/// Charges the prompt band by band: each token at the price of the band its place in the prompt falls in.
fn charge_marginally(
    rated: &mut Rated,
    event: &Event<'_>,
    price: &Price,
    factor: Option<(u64, u64)>,
) -> Result<(), Reason> {
    let mut start = 0_u64;
    for class in PROMPT_ORDER {
        let end = start.checked_add(event.usage.parts.get(class)).ok_or(Reason::Overflow)?;
        let mut cost = Usd::ZERO;
        let ends = price.bands.iter().skip(1).map(|band| band.above_tokens).chain(core::iter::once(u64::MAX));
        for (band, band_end) in price.bands.iter().zip(ends) {
            let quantity = end.min(band_end).saturating_sub(start.max(band.above_tokens));
            if quantity == 0 {
                continue;
            }
            match scaled(band.rates.get(class), class, factor) {
                Ok(rate) => {
                    let part = rate.times(quantity).ok_or(Reason::Overflow)?;
                    cost = cost.checked_add(part).ok_or(Reason::Overflow)?;
                }
                Err(unpriced) => rated.unpriced = Some(unpriced),
            }
        }
        rated.costs.set(class, cost);
        start = end;
    }
    Ok(())
}
