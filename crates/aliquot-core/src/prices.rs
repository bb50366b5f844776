//! The price book: what providers charge, by model, effective date, calendar, service tier, region and prompt length.
//!
//! Every number here is data somebody imported. A book is immutable; its [`BookId`] stands on every rated record.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use regex::Regex;

use crate::money::Rate;
use crate::time::EventTime;
use crate::usage::ByClass;

/// Names a version of a price book: the digest of its contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookId(pub u64);

/// Prices of all providers, as of one import.
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    /// The version.
    pub id: BookId,
    /// By provider name, as events spell it.
    pub providers: BTreeMap<String, Provider>,
    /// Other spellings of a provider → its name in `providers`.
    pub provider_aliases: BTreeMap<String, String>,
    /// Asked in order about a provider that is in neither map; the first that accepts it names the one in `providers`.
    pub provider_matchers: Vec<(Matcher, String)>,
    /// Dates on which a calendar's windows do not apply, by calendar name; days since 1970-01-01.
    pub holidays: BTreeMap<String, BTreeSet<i32>>,
}

/// One provider's models.
#[derive(Clone, Debug, Default)]
pub struct Provider {
    /// Asked in order; the first whose `matcher` accepts the served model's name prices it, unless its first price lies after
    /// the event: then the name meant another model at that time, and the next one is asked. So a later import that splits
    /// a model in two leaves the price of earlier events alone.
    pub models: Vec<Model>,
    /// Providers whose models are also sold here at their own prices, asked after `models`.
    pub fallbacks: Vec<String>,
    /// Factors on the prices of all models here (batch, geography, speed), for each value that the model has none of its own
    /// for; see [`Multiplier`].
    pub multipliers: Vec<Multiplier>,
}

/// A model and its prices.
#[derive(Clone, Debug)]
pub struct Model {
    /// The catalogue's name.
    pub id: String,
    /// Which served names mean this model.
    pub matcher: Matcher,
    /// All prices; [`crate::rating`] picks one per request.
    pub prices: Vec<Price>,
    /// Factors of this model alone; one with the same attribute and value beats the provider's.
    pub multipliers: Vec<Multiplier>,
}

/// A predicate over names. Case matters except inside [`Matcher::AnyCase`].
#[derive(Clone, Debug)]
pub enum Matcher {
    /// The whole name.
    Equals(String),
    /// The start of the name.
    StartsWith(String),
    /// The end of the name.
    EndsWith(String),
    /// Any part of the name.
    Contains(String),
    /// A regular expression, searched for anywhere in the name.
    Regex(Box<Regex>),
    /// Any of them.
    Or(Vec<Matcher>),
    /// All of them.
    And(Vec<Matcher>),
    /// The matcher inside, asked about the name in lower case; its patterns are lower case.
    AnyCase(Box<Matcher>),
}

impl Calendar {
    /// Whether the calendar's windows cover `time`; `days_off` are the dates of its holiday table.
    pub fn covers(&self, time: EventTime, days_off: Option<&BTreeSet<i32>>) -> bool {
        let weekday_bit = 1_u8.checked_shl(u32::from(time.weekday())).unwrap_or_default();
        if self.weekdays & weekday_bit == 0 || days_off.is_some_and(|days| days.contains(&time.day())) {
            return false;
        }
        let minute = time.minute_of_day();
        self.windows.iter().any(|(from, to)| match from <= to {
            true => (*from..*to).contains(&minute),
            false => minute >= *from || minute < *to,
        })
    }
}

impl Matcher {
    /// Whether `name` is meant.
    pub fn accepts(&self, name: &str) -> bool {
        match self {
            Self::Equals(whole) => name == whole,
            Self::StartsWith(start) => name.starts_with(start.as_str()),
            Self::EndsWith(end) => name.ends_with(end.as_str()),
            Self::Contains(part) => name.contains(part.as_str()),
            Self::Regex(pattern) => pattern.is_match(name),
            Self::Or(any) => any.iter().any(|matcher| matcher.accepts(name)),
            Self::And(all) => all.iter().all(|matcher| matcher.accepts(name)),
            Self::AnyCase(inner) => inner.accepts(&name.to_lowercase()),
        }
    }
}

/// One row of prices, with the conditions under which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Holds from this event time on.
    pub effective_from: EventTime,
    /// Holds until just before this event time; `None` = until a later row of the same kind takes over.
    pub effective_to: Option<EventTime>,
    /// Holds only at these hours; a row with a calendar beats one without.
    pub calendar: Option<Calendar>,
    /// Holds only for this service tier; a row with the tier beats one without.
    pub tier: Option<String>,
    /// Holds only in this region; a row with the region beats one without.
    pub region: Option<String>,
    /// By length of the whole prompt including cache; never empty, ascending, the first from 0.
    pub bands: Vec<Band>,
    /// What the bands mean.
    pub band_rule: BandRule,
}

/// Whether a long prompt is dearer as a whole, or only beyond the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandRule {
    /// Every token of the request costs the price of the band its prompt falls in.
    WholeRequest,
    /// Prompt tokens below the threshold keep the lower price.
    Marginal,
}

/// Prices for prompts of more than `above_tokens` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// The band holds for prompts with *more* tokens than this; 0 for the lowest band, which also holds for empty prompts.
    pub above_tokens: u64,
    /// A price per class; `None` = no price known, which is not zero.
    pub rates: ByClass<Option<Rate>>,
}

/// Hours of the week, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Calendar {
    /// Bit 0 = Monday … bit 6 = Sunday.
    pub weekdays: u8,
    /// Windows of minutes since midnight, `[from, to)`; `from > to` wraps over midnight, and each side of midnight goes by its
    /// own weekday. The whole day is `(0, 1440)`.
    pub windows: Vec<(u16, u16)>,
    /// The holiday table that switches the windows off, if any.
    pub holidays: Option<String>,
}

/// A factor on the prices of tokens and GPU time when an event has the given attribute. Those of different attributes multiply.
///
/// Fees per search and per call, and the rent of a cache, are the same in every tier and region: providers discount tokens. Where
/// a fee does differ, a row of its own with that tier or region says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// Which attribute of the event.
    pub attribute: Attribute,
    /// Its value.
    pub value: String,
    /// Holds from this event time on.
    pub effective_from: EventTime,
    /// The factor's numerator.
    pub numerator: u64,
    /// The factor's denominator, not 0.
    pub denominator: u64,
}

/// An attribute of an event that a multiplier can hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    /// `service_tier`: batch, flex, priority, fast.
    ServiceTier,
    /// `region`: a geography with a surcharge.
    Region,
}
