//! JSON to a price book: every error names the path and what to do. Conditions are never guessed; an unknown name is refused.

use std::collections::{BTreeMap, BTreeSet};

use aliquot_core::money::Rate;
use aliquot_core::prices::{Attribute, Band, BandRule, Calendar, Model, Multiplier, Price, PriceBook, Provider};
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};

use super::{VERSION, WEEKDAYS, named};
use crate::prices::Error;
use crate::prices::document::{Document, Node, Object, is_comment};
use crate::prices::matcher::{self, Case};
use crate::prices::rate_text;
use crate::timestamp;

/// Reads a book and names it by its contents, however they were laid out in the file.
///
/// # Errors
/// When the file is not a book of this version; [`Error`] says where and what to do.
pub fn decode(bytes: &[u8]) -> Result<PriceBook, Error> {
    let document = Document::read(bytes)?;
    let root = document.root().object()?;
    root.only(&["version", "currency", "holidays", "provider_aliases", "provider_matchers", "providers"])?;
    let version = root.required("version")?;
    if version.whole()? != VERSION {
        return Err(
            version.error(format!("this version reads books of version {VERSION} only: upgrade, or convert the book"))
        );
    }
    let currency = root.required("currency")?;
    if currency.text()? != "USD" {
        return Err(currency.error("prices are in USD: convert them first, so that the exchange rate is on record"));
    }
    let mut book = PriceBook::default();
    for (name, days) in root.object("holidays")? {
        book.holidays.insert(name.to_owned(), days.list()?.iter().map(day).collect::<Result<_, _>>()?);
    }
    let holidays: BTreeSet<&str> = book.holidays.keys().map(String::as_str).collect();
    let mut providers = BTreeMap::new();
    root.required("providers")?;
    for (name, node) in root.object("providers")? {
        providers.insert(name.to_owned(), provider(&node, &holidays)?);
    }
    book.providers = providers;
    refer(&root, &mut book)?;
    Ok(named(book))
}

/// Reads what refers to providers by name, and holds every such name against the book.
fn refer(root: &Object<'_>, book: &mut PriceBook) -> Result<(), Error> {
    let known = |node: &Node<'_>| match node.text()? {
        name if book.providers.contains_key(name) => Ok(name.to_owned()),
        name => Err(node.error(format!("there is no provider \"{name}\" in this book: add it under \"providers\""))),
    };
    let mut aliases = BTreeMap::new();
    for (alias, provider) in root.object("provider_aliases")? {
        aliases.insert(alias.to_owned(), known(&provider)?);
    }
    let mut matchers = Vec::new();
    for node in root.list("provider_matchers")? {
        let object = node.object()?;
        object.only(&["match", "provider"])?;
        matchers
            .push((matcher::read(object.required("match")?, Case::AsWritten)?, known(object.required("provider")?)?));
    }
    for (_, provider) in root.object("providers")? {
        provider.object()?.list("fallbacks")?.iter().try_for_each(|fallback| known(fallback).map(|_| ()))?;
    }
    book.provider_aliases = aliases;
    book.provider_matchers = matchers;
    Ok(())
}

fn provider(node: &Node<'_>, holidays: &BTreeSet<&str>) -> Result<Provider, Error> {
    let object = node.object()?;
    object.only(&["fallbacks", "multipliers", "models"])?;
    let fallbacks =
        object.list("fallbacks")?.iter().map(|name| name.text().map(ToOwned::to_owned)).collect::<Result<_, _>>()?;
    let mut models = Vec::new();
    let mut ids = BTreeSet::new();
    for node in object.required("models")?.list()? {
        let model = model(&node, holidays)?;
        if !ids.insert(model.id.clone()) {
            return Err(node.error(format!("there is a model \"{}\" already: put all its prices into one", model.id)));
        }
        models.push(model);
    }
    Ok(Provider { models, fallbacks, multipliers: multipliers(&object)? })
}

fn model(node: &Node<'_>, holidays: &BTreeSet<&str>) -> Result<Model, Error> {
    let object = node.object()?;
    object.only(&["id", "match", "multipliers", "prices"])?;
    let id = object.required("id")?;
    let matcher = matcher::read(object.get("match").unwrap_or(id), Case::AsWritten)?;
    let mut prices = Vec::new();
    for node in object.required("prices")?.list()? {
        let price = price(&node, holidays)?;
        let is_same = |other: &Price| {
            (&other.tier, &other.region, &other.calendar, other.effective_from)
                == (&price.tier, &price.region, &price.calendar, price.effective_from)
        };
        if prices.iter().any(is_same) {
            return Err(node.error("another row has the same conditions and the same \"from\": keep one of them"));
        }
        prices.push(price);
    }
    Ok(Model { id: id.text()?.to_owned(), matcher, prices, multipliers: multipliers(&object)? })
}

fn multipliers(object: &Object<'_>) -> Result<Vec<Multiplier>, Error> {
    object.list("multipliers")?.iter().map(multiplier).collect()
}

fn multiplier(node: &Node<'_>) -> Result<Multiplier, Error> {
    let object = node.object()?;
    object.only(&["service_tier", "region", "from", "factor"])?;
    let (attribute, value) = match (object.text("service_tier")?, object.text("region")?) {
        (Some(tier), None) => (Attribute::ServiceTier, tier),
        (None, Some(region)) => (Attribute::Region, region),
        _ => return Err(node.error("a multiplier hangs on one thing: give \"service_tier\" or \"region\"")),
    };
    let factor = object.required("factor")?;
    let (numerator, denominator) = rate_text::factor(factor.text()?)
        .ok_or_else(|| factor.error("must be a factor in quotes, such as \"1/2\" or \"1.1\""))?;
    let effective_from = object.get("from").map_or(Ok(EventTime::MIN), time)?;
    Ok(Multiplier { attribute, value: value.to_owned(), effective_from, numerator, denominator })
}

fn price(node: &Node<'_>, holidays: &BTreeSet<&str>) -> Result<Price, Error> {
    let object = node.object()?;
    object.only(&["from", "to", "tier", "region", "calendar", "rates", "bands", "band_rule"])?;
    let effective_from = object.get("from").map_or(Ok(EventTime::MIN), time)?;
    let effective_to = object.get("to").map(time).transpose()?;
    if effective_to.is_some_and(|end| end <= effective_from) {
        return Err(
            node.error("\"to\" must be later than \"from\": it is the first moment at which the row no longer holds")
        );
    }
    let band_rule = object.get("band_rule").map(rule).transpose()?;
    let bands = match (object.get("rates"), object.get("bands")) {
        (Some(node), None) => vec![Band { above_tokens: 0, rates: rates(node)? }],
        (None, Some(node)) => bands(node)?,
        _ => return Err(node.error("give \"rates\", or \"bands\" where the price depends on the prompt's length")),
    };
    if bands.len() > 1 && band_rule.is_none() {
        let fix = "say what a long prompt means: \"band_rule\": \"whole_request\" (all its tokens cost the higher price) or \"marginal\" (only those beyond)";
        return Err(node.error(fix));
    }
    Ok(Price {
        effective_from,
        effective_to,
        calendar: object.get("calendar").map(|node| calendar(node, holidays)).transpose()?,
        tier: object.text("tier")?.map(ToOwned::to_owned),
        region: object.text("region")?.map(ToOwned::to_owned),
        bands,
        band_rule: band_rule.unwrap_or(BandRule::WholeRequest),
    })
}

fn rule(node: &Node<'_>) -> Result<BandRule, Error> {
    match node.text()? {
        "whole_request" => Ok(BandRule::WholeRequest),
        "marginal" => Ok(BandRule::Marginal),
        _ => Err(node.error("must be \"whole_request\" or \"marginal\"")),
    }
}

fn bands(node: &Node<'_>) -> Result<Vec<Band>, Error> {
    let mut bands: Vec<Band> = Vec::new();
    for node in node.list()? {
        let object = node.object()?;
        object.only(&["above_tokens", "rates"])?;
        let above_tokens = object.get("above_tokens").map_or(Ok(0), Node::whole)?;
        let is_next = bands.last().map_or(above_tokens == 0, |last| last.above_tokens < above_tokens);
        if !is_next {
            return Err(node.error("bands go up from \"above_tokens\": 0, each beginning above the one before"));
        }
        bands.push(Band { above_tokens, rates: rates(object.required("rates")?)? });
    }
    if bands.is_empty() {
        return Err(node.error("there must be a band from 0 tokens on"));
    }
    Ok(bands)
}

fn rates(node: &Node<'_>) -> Result<ByClass<Option<Rate>>, Error> {
    let mut rates = ByClass::all(None);
    for (name, node) in node.object()?.members().filter(|(name, _)| !is_comment(name)) {
        let Some(class) = Class::from_name(name) else {
            let known: Vec<_> = Class::ALL.into_iter().map(Class::name).collect();
            return Err(node.error(format!("\"{name}\" is no class of usage: use one of {}", known.join(", "))));
        };
        rates.set(class, Some(rate(node, class)?));
    }
    Ok(rates)
}

/// `"0.000003"` for one unit, `"3/1M"` for a million, `"10/1k"` for a thousand, `"3.60/h"` for an hour of a GPU.
fn rate(node: &Node<'_>, class: Class) -> Result<Rate, Error> {
    const GPU_MICROS_PER_HOUR: u64 = 3_600_000_000;
    if !node.is_text() {
        return Err(node.error(
            "a price is a text in quotes, such as \"3/1M\": a bare number would pass through a float somewhere",
        ));
    }
    let (amount, per) = node.text()?.split_once('/').unwrap_or((node.text()?, "1"));
    let per = match per.trim() {
        "1" => 1,
        "1k" => 1_000,
        "1M" => 1_000_000,
        "h" if class == Class::GpuMicros => GPU_MICROS_PER_HOUR,
        _ => return Err(node.error("after the \"/\" comes 1, 1k or 1M units, or h for gpu_us only")),
    };
    rate_text::rate(amount.trim(), per).map_err(|bad| node.error(format!("\"{amount}\" is {}", bad.why())))
}

fn calendar(node: &Node<'_>, holidays: &BTreeSet<&str>) -> Result<Calendar, Error> {
    let object = node.object()?;
    object.only(&["weekdays", "windows", "holidays"])?;
    let weekdays = match object.get("weekdays") {
        Some(node) => node.list()?.iter().try_fold(0, |days, node| Ok(days | weekday(node)?))?,
        None => 0x7f,
    };
    let windows = object.required("windows")?;
    let windows = windows.list()?.iter().map(window).collect::<Result<Vec<_>, _>>()?;
    let table = object.get("holidays");
    if let Some(node) = table
        && !holidays.contains(node.text()?)
    {
        return Err(node.error("there is no such table in this book: add it under \"holidays\""));
    }
    Ok(Calendar { weekdays, windows, holidays: table.map(|node| node.text().map(ToOwned::to_owned)).transpose()? })
}

fn weekday(node: &Node<'_>) -> Result<u8, Error> {
    let name = node.text()?;
    let bit = WEEKDAYS.iter().position(|day| *day == name).and_then(|day| 1_u8.checked_shl(u32::try_from(day).ok()?));
    bit.ok_or_else(|| node.error(format!("must be one of {}", WEEKDAYS.join(", "))))
}

fn window(node: &Node<'_>) -> Result<(u16, u16), Error> {
    let window = || {
        let (from, to) = node.text().ok()?.split_once('-')?;
        Some((minute(from)?, minute(to)?))
    };
    let fix = "must be hours of UTC such as \"01:00-04:00\"; the whole day is \"00:00-24:00\"";
    window().filter(|(from, to)| from != to).ok_or_else(|| node.error(fix))
}

/// Minutes since midnight of `HH:MM`, up to 24:00.
pub(in crate::prices) fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() == 2 && !text.starts_with('+'));
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let minutes = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && minutes <= 1_440).then_some(minutes)
}

/// A moment, or a date for its first one in UTC.
fn time(node: &Node<'_>) -> Result<EventTime, Error> {
    let text = node.text()?;
    let time = if text.len() == 10 { timestamp::parse(&format!("{text}T00:00:00Z")) } else { timestamp::parse(text) };
    time.ok_or_else(|| node.error("must be a date such as \"2026-10-07\" or a time such as \"2026-10-07T16:00:00Z\""))
}

fn day(node: &Node<'_>) -> Result<i32, Error> {
    if node.text()?.len() != 10 {
        return Err(node.error("must be a date such as \"2026-10-01\""));
    }
    time(node).map(EventTime::day)
}
