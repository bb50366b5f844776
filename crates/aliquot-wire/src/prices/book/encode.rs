//! A price book as JSON: the same book, the same bytes. Prices are dollars for one unit, times RFC 3339 in UTC.

use std::collections::BTreeMap;

use aliquot_core::money::Rate;
use aliquot_core::prices::{
    Attribute, Band, BandRule, Calendar, Matcher, Model, Multiplier, Price, PriceBook, Provider,
};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::ByClass;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{VERSION, WEEKDAYS};
use crate::prices::matcher::Written;
use crate::prices::rate_text;
use crate::timestamp;

/// Writes `book` without its id, which is the digest of these bytes.
///
/// # Panics
/// Never: texts, numbers and maps with text keys can always be written.
pub fn encode(book: &PriceBook) -> Vec<u8> {
    serde_json::to_vec(&BookText::from(book)).expect("texts, numbers and maps with text keys can always be written")
}

#[derive(Serialize)]
struct BookText<'b> {
    version: u64,
    currency: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    holidays: BTreeMap<&'b str, Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    provider_aliases: &'b BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    provider_matchers: Vec<ProviderMatcherText<'b>>,
    providers: BTreeMap<&'b str, ProviderText<'b>>,
}

impl<'b> From<&'b PriceBook> for BookText<'b> {
    fn from(book: &'b PriceBook) -> Self {
        let days = |days: &std::collections::BTreeSet<i32>| days.iter().map(|day| date(*day)).collect();
        let matchers = book.provider_matchers.iter();
        Self {
            version: VERSION,
            currency: "USD",
            holidays: book.holidays.iter().map(|(name, off)| (name.as_str(), days(off))).collect(),
            provider_aliases: &book.provider_aliases,
            provider_matchers: matchers
                .map(|(matcher, provider)| ProviderMatcherText { matcher: Written(matcher), provider })
                .collect(),
            providers: book.providers.iter().map(|(name, provider)| (name.as_str(), provider.into())).collect(),
        }
    }
}

#[derive(Serialize)]
struct ProviderMatcherText<'b> {
    #[serde(rename = "match")]
    matcher: Written<'b>,
    provider: &'b str,
}

#[derive(Serialize)]
struct ProviderText<'b> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    fallbacks: &'b [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    multipliers: Vec<MultiplierText<'b>>,
    models: Vec<ModelText<'b>>,
}

impl<'b> From<&'b Provider> for ProviderText<'b> {
    fn from(provider: &'b Provider) -> Self {
        Self {
            fallbacks: &provider.fallbacks,
            multipliers: provider.multipliers.iter().map(Into::into).collect(),
            models: provider.models.iter().map(Into::into).collect(),
        }
    }
}

#[derive(Serialize)]
struct MultiplierText<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    factor: String,
}

impl<'b> From<&'b Multiplier> for MultiplierText<'b> {
    fn from(multiplier: &'b Multiplier) -> Self {
        let of = |attribute| (multiplier.attribute == attribute).then_some(multiplier.value.as_str());
        Self {
            service_tier: of(Attribute::ServiceTier),
            region: of(Attribute::Region),
            from: time(multiplier.effective_from),
            factor: format!("{}/{}", multiplier.numerator, multiplier.denominator),
        }
    }
}

#[derive(Serialize)]
struct ModelText<'b> {
    id: &'b str,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    matcher: Option<Written<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    multipliers: Vec<MultiplierText<'b>>,
    prices: Vec<PriceText<'b>>,
}

impl<'b> From<&'b Model> for ModelText<'b> {
    fn from(model: &'b Model) -> Self {
        let is_its_id = matches!(&model.matcher, Matcher::Equals(name) if *name == model.id);
        Self {
            id: &model.id,
            matcher: (!is_its_id).then_some(Written(&model.matcher)),
            multipliers: model.multipliers.iter().map(Into::into).collect(),
            prices: model.prices.iter().map(Into::into).collect(),
        }
    }
}

#[derive(Serialize)]
struct PriceText<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calendar: Option<CalendarText<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rates: Option<RatesText<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    band_rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bands: Vec<BandText<'b>>,
}

impl<'b> From<&'b Price> for PriceText<'b> {
    fn from(price: &'b Price) -> Self {
        let (rates, bands, band_rule) = match (price.bands.as_slice(), price.band_rule) {
            ([only], BandRule::WholeRequest) if only.above_tokens == 0 => {
                (Some(RatesText(&only.rates)), Vec::new(), None)
            }
            (bands, rule) => (None, bands.iter().map(Into::into).collect(), Some(rule)),
        };
        Self {
            from: time(price.effective_from),
            to: price.effective_to.and_then(time),
            tier: price.tier.as_deref(),
            region: price.region.as_deref(),
            calendar: price.calendar.as_ref().map(Into::into),
            rates,
            band_rule: band_rule.map(|rule| match rule {
                BandRule::WholeRequest => "whole_request",
                BandRule::Marginal => "marginal",
            }),
            bands,
        }
    }
}

#[derive(Serialize)]
struct BandText<'b> {
    above_tokens: u64,
    rates: RatesText<'b>,
}

impl<'b> From<&'b Band> for BandText<'b> {
    fn from(band: &'b Band) -> Self {
        Self { above_tokens: band.above_tokens, rates: RatesText(&band.rates) }
    }
}

struct RatesText<'b>(&'b ByClass<Option<Rate>>);

impl Serialize for RatesText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (class, rate) in self.0.iter() {
            if let Some(rate) = rate {
                map.serialize_entry(class.name(), &rate_text::write(rate))?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
struct CalendarText<'b> {
    weekdays: Vec<&'static str>,
    windows: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holidays: Option<&'b str>,
}

impl<'b> From<&'b Calendar> for CalendarText<'b> {
    fn from(calendar: &'b Calendar) -> Self {
        let is_on = |day: usize| calendar.weekdays.checked_shr(u32::try_from(day).unwrap_or(8)).unwrap_or(0) & 1 == 1;
        Self {
            weekdays: WEEKDAYS.into_iter().enumerate().filter(|(day, _)| is_on(*day)).map(|(_, name)| name).collect(),
            windows: calendar.windows.iter().map(|(from, to)| format!("{}-{}", clock(*from), clock(*to))).collect(),
            holidays: calendar.holidays.as_deref(),
        }
    }
}

fn clock(minute: u16) -> String {
    let (hour, minute) = (minute.checked_div(60).unwrap_or_default(), minute.checked_rem(60).unwrap_or_default());
    format!("{hour:02}:{minute:02}")
}

/// The time in RFC 3339; `None` for one before or after all that this can write, which is "always" or "never".
fn time(time: EventTime) -> Option<String> {
    let mut text = Vec::new();
    timestamp::is_writable(time).then(|| timestamp::write(time, &mut text))?;
    String::from_utf8(text).ok()
}

fn date(day: i32) -> String {
    let midnight = EventTime(i64::from(day).saturating_mul(Micros::DAY.0));
    time(midnight).and_then(|text| text.split('T').next().map(ToOwned::to_owned)).unwrap_or_default()
}
