//! From usage and a price book to money: the cost side, exact to the picodollar. What has no price stays `unpriced`.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::event::Event;
use crate::money::{Rate, Usd};
use crate::prices::{Attribute, BandRule, BookId, Calendar, Model, Multiplier, Price, PriceBook, Provider};
use crate::reject::Reason;
use crate::rent;
use crate::time::EventTime;
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
    /// The price of one token read from the cache, whether or not any was: what a miss is compared with. `None` = unknown.
    pub read_rate: Option<Rate>,
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
    /// The book knows service tiers for this model, but not this one at that time.
    UnknownTier,
    /// The book knows regions for this model, but not this one at that time.
    UnknownRegion,
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
            Self::UnknownTier => "unknown_tier",
            Self::UnknownRegion => "unknown_region",
        }
    }
}

/// The seller, and the models that a name means: one for each time.
type Found<'b> = Result<(&'b Provider, Vec<&'b Model>), Unpriced>;

/// Where an event's price is found.
#[derive(Clone, Copy, Debug)]
struct Offer<'b> {
    provider: &'b Provider,
    model: &'b Model,
    price: &'b Price,
}

/// A price book with the answers it has already given. The memo changes speed, never an answer.
#[derive(Debug)]
pub struct Rater<'b> {
    book: &'b PriceBook,
    /// Provider → model → place in `answers`.
    memo: BTreeMap<String, BTreeMap<String, usize>>,
    answers: Vec<Found<'b>>,
}

/// Answers remembered. Model names come from outside, so their number is bounded; at the bound the memo starts anew.
const MEMO_MAX: usize = 16_384;

impl<'b> Rater<'b> {
    /// A rater over `book`.
    pub const fn new(book: &'b PriceBook) -> Self {
        Self { book, memo: BTreeMap::new(), answers: Vec::new() }
    }

    /// What the event costs the operator. A part without a price is marked in [`Rated::unpriced`]; the others are charged.
    ///
    /// Tiers and regions that the book does not name:
    ///
    /// | the event says | the book knows for the model | price |
    /// |---|---|---|
    /// | nothing, or a word for "nothing special" ([`STANDARD_TIERS`], [`GLOBAL_REGIONS`]) | anything | the standard one |
    /// | `priority` | `priority`: a row or a multiplier in effect | that one |
    /// | `priority` | other tiers by that time | none: [`Unpriced::UnknownTier`] |
    /// | `priority` | no tiers by that time | the standard one: the book says that tiers make no difference |
    ///
    /// A book that knows tiers and is asked about another one does not know the price: the standard one would be a guess that
    /// nobody sees, while an unpriced request is counted and listed, and one line in the book mends it (a multiplier of 1/1
    /// where the tier really costs the same).
    ///
    /// # Errors
    /// [`Reason::Overflow`] when a quantity times its price leaves 128 bits.
    pub fn rate(&mut self, event: &Event<'_>) -> Result<Rated, Reason> {
        let mut rated = Rated { book: self.book.id, ..Rated::default() };
        match self.offer(event).and_then(|offer| Ok((offer.price, factor_of(offer, event)?))) {
            Ok((price, factor)) => charge(&mut rated, event, price, factor)?,
            Err(unpriced) => rated.unpriced = Some(unpriced),
        }
        Ok(rated)
    }

    fn offer(&mut self, event: &Event<'_>) -> Result<Offer<'b>, Unpriced> {
        let name = event.response_model.as_deref().unwrap_or(&event.request_model);
        let (provider, models) = self.find(&event.provider, name).as_ref().map_err(|unpriced| *unpriced)?;
        let known = |model: &&&Model| {
            model.prices.is_empty() || model.prices.iter().any(|price| price.effective_from <= event.time)
        };
        let model = *models.iter().find(known).ok_or(Unpriced::NotEffective)?;
        let provider = *provider;
        let holds = |price: &&Price| self.holds(price, event);
        let newest = |price: &&Price| {
            (price.tier.is_some(), price.region.is_some(), price.calendar.is_some(), price.effective_from)
        };
        let price = model.prices.iter().filter(holds).max_by_key(newest).ok_or(Unpriced::NotEffective)?;
        Ok(Offer { provider, model, price })
    }

    fn find(&mut self, provider: &str, model: &str) -> &Found<'b> {
        let place = match self.memo.get(provider).and_then(|models| models.get(model)) {
            Some(place) => *place,
            None => self.learn(provider, model),
        };
        self.answers.get(place).expect("a place in the memo is that of an answer: both are filled and emptied together")
    }

    fn learn(&mut self, provider: &str, model: &str) -> usize {
        if self.answers.len() >= MEMO_MAX {
            self.memo.clear();
            self.answers.clear();
        }
        let place = self.answers.len();
        self.answers.push(look_up(self.book, provider, model));
        self.memo.entry(provider.to_owned()).or_default().insert(model.to_owned(), place);
        place
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

/// The provider an event's `provider` means, and the models its model's `name` means there: its own first, then those it resells.
/// Which of them prices an event depends on the event's time.
///
/// # Errors
/// [`Unpriced::UnknownProvider`] or [`Unpriced::UnknownModel`].
pub fn look_up<'b>(
    book: &'b PriceBook,
    provider: &str,
    name: &str,
) -> Result<(&'b Provider, Vec<&'b Model>), Unpriced> {
    let home = provider_of(book, provider).ok_or(Unpriced::UnknownProvider)?;
    let resold = home.fallbacks.iter().filter_map(|fallback| book.providers.get(fallback));
    let models: Vec<_> = core::iter::once(home)
        .chain(resold)
        .flat_map(|seller| seller.models.iter().filter(|model| model.matcher.accepts(name)))
        .collect();
    if models.is_empty() { Err(Unpriced::UnknownModel) } else { Ok((home, models)) }
}

/// A provider by its name in the book, by another spelling of it, or by the first matcher that accepts it.
fn provider_of<'b>(book: &'b PriceBook, name: &str) -> Option<&'b Provider> {
    let canonical = book.provider_aliases.get(name).map_or(name, String::as_str);
    book.providers.get(canonical).or_else(|| {
        let (_, matched) = book.provider_matchers.iter().find(|(matcher, _)| matcher.accepts(name))?;
        book.providers.get(matched)
    })
}

/// A factor, as numerator and denominator.
type Factor = (u64, u64);

fn charge(rated: &mut Rated, event: &Event<'_>, price: &Price, factor: Factor) -> Result<(), Reason> {
    let prompt = event.usage.prompt_tokens()?;
    let band = price.bands.iter().rev().find(|band| band.above_tokens == 0 || prompt > band.above_tokens);
    let Some(top) = band else {
        rated.unpriced = Some(Unpriced::NotEffective);
        return Ok(());
    };
    rated.read_rate = scaled(top.rates.get(Class::CacheRead), Class::CacheRead, factor).ok();
    // Rent is no request, so it owes no fee per call.
    let is_rent = event.operation.as_deref() == Some(rent::OPERATION);
    let is_owed = |class: Class| class != Class::Requests || !is_rent;
    for (class, quantity) in event.usage.parts.iter().filter(|(class, quantity)| *quantity > 0 && is_owed(*class)) {
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

/// Classes whose price no tier and no region changes; see [`Multiplier`].
const FEES: [Class; 3] = [Class::WebSearches, Class::Requests, Class::CacheStorage];

/// The price of `class`, scaled. A fee per call exists only where somebody states one; every other class must be stated.
fn scaled(rate: Option<Rate>, class: Class, factor: Factor) -> Result<Rate, Unpriced> {
    let rate = match class {
        Class::Requests => rate.unwrap_or(Rate::FREE),
        _ => rate.ok_or(Unpriced::UnknownClass)?,
    };
    if FEES.contains(&class) {
        return Ok(rate);
    }
    let (numerator, denominator) = factor;
    rate.scaled(numerator, denominator).ok_or(Unpriced::TooFine)
}

/// Service tiers that mean nothing special: the words providers answer with when a request had none.
pub const STANDARD_TIERS: [&str; 3] = ["standard", "default", "on_demand"];

/// Regions that mean no particular one.
pub const GLOBAL_REGIONS: [&str; 2] = ["global", "not_available"];

/// The product of all multipliers that apply. A row made for a tier or a region has that factor in its prices already.
fn factor_of(offer: Offer<'_>, event: &Event<'_>) -> Result<Factor, Unpriced> {
    let mut factor = (1_u64, 1_u64);
    for attribute in [Attribute::ServiceTier, Attribute::Region] {
        let (value, in_row, plain, unknown) = match attribute {
            Attribute::ServiceTier => {
                (event.service_tier.as_deref(), offer.price.tier.is_some(), &STANDARD_TIERS[..], Unpriced::UnknownTier)
            }
            Attribute::Region => {
                (event.region.as_deref(), offer.price.region.is_some(), &GLOBAL_REGIONS[..], Unpriced::UnknownRegion)
            }
        };
        let Some(value) = value.filter(|_| !in_row) else { continue };
        if let Some(multiplier) = multiplier_of(offer, attribute, value, event) {
            let product = |(numerator, denominator): Factor| {
                Some((numerator.checked_mul(multiplier.numerator)?, denominator.checked_mul(multiplier.denominator)?))
            };
            factor = product(factor).ok_or(Unpriced::TooFine)?;
        } else if !plain.contains(&value) && knows(offer, attribute, event.time) {
            return Err(unknown);
        }
    }
    Ok(factor)
}

/// The newest multiplier in effect, the model's own before the provider's.
fn multiplier_of<'b>(offer: Offer<'b>, attribute: Attribute, value: &str, event: &Event<'_>) -> Option<&'b Multiplier> {
    let applies = |multiplier: &&Multiplier| {
        multiplier.attribute == attribute && multiplier.value == value && multiplier.effective_from <= event.time
    };
    [&offer.model.multipliers, &offer.provider.multipliers]
        .into_iter()
        .find_map(|multipliers| multipliers.iter().filter(applies).max_by_key(|multiplier| multiplier.effective_from))
}

/// Whether the book says, by that time, that the attribute changes this model's price. What a later import adds makes no
/// difference to an earlier event.
fn knows(offer: Offer<'_>, attribute: Attribute, time: EventTime) -> bool {
    let names = |price: &Price| match attribute {
        Attribute::ServiceTier => price.tier.is_some(),
        Attribute::Region => price.region.is_some(),
    };
    let mut multipliers = offer.model.multipliers.iter().chain(&offer.provider.multipliers);
    offer.model.prices.iter().any(|price| names(price) && price.effective_from <= time)
        || multipliers.any(|multiplier| multiplier.attribute == attribute && multiplier.effective_from <= time)
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
fn charge_marginally(rated: &mut Rated, event: &Event<'_>, price: &Price, factor: Factor) -> Result<(), Reason> {
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

/// What another price book makes of a charge (B12). The old charge stays as it is; the difference is booked beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rerating {
    /// The book of the charge on record.
    pub from: BookId,
    /// The book it was rated by again.
    pub to: BookId,
    /// Per class, what has to be added to the recorded cost; negative where it was too high.
    pub differences: ByClass<Usd>,
    /// Why the charge on record has no price, or a part of it has none.
    pub unpriced_before: Option<Unpriced>,
    /// The same, of the new one. A difference that is `None` before and `Some` here is not a credit but a price that was lost.
    pub unpriced_after: Option<Unpriced>,
}

impl Rerating {
    /// `new` less `old`, or `None` when a difference leaves 128 bits.
    pub fn between(old: &Rated, new: &Rated) -> Option<Self> {
        let mut differences = ByClass::all(Usd::ZERO);
        for (class, cost) in new.costs.iter() {
            differences.set(class, cost.checked_sub(old.costs.get(class))?);
        }
        Some(Self {
            from: old.book,
            to: new.book,
            differences,
            unpriced_before: old.unpriced,
            unpriced_after: new.unpriced,
        })
    }
}
