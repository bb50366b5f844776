//! The twelve requirements on a price book (`facts/providers.md`, section 5), one test or more for each, by number.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};

use aliquot_core::charge::Charges;
use aliquot_core::event::{Event, Usage};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::position::{Offset, Partition, Place};
use aliquot_core::prices::{
    Attribute, Band, BandRule, BookId, Calendar, Matcher, Model, Multiplier, Price, PriceBook, Provider,
};
use aliquot_core::rating::{Rated, Rater, Rerating, Unpriced};
use aliquot_core::reject::Reason;
use aliquot_core::rent;
use aliquot_core::time::EventTime;
use aliquot_core::totals::totals;
use aliquot_core::usage::{ByClass, Class};
use proptest::prelude::*;

use Class::{CacheRead, CacheWrite1h, CacheWrite5m, GpuMicros, Output, Reasoning, Uncached, WebSearches};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Midnight of a day after 1970-01-01, and hours after it.
const fn at(day: i64, hours: i64) -> EventTime {
    EventTime(day * DAY + hours * HOUR)
}

/// 2026-10-01, a Thursday.
const OCTOBER: i64 = 20_727;

type Rates<'r> = &'r [(Class, u64)];

fn rates(rates: Rates<'_>) -> ByClass<Option<Rate>> {
    let mut by_class = ByClass::all(None);
    rates.iter().for_each(|(class, pico)| by_class.set(*class, Some(Rate::from_pico(*pico))));
    by_class
}

fn row(price: Rates<'_>) -> Price {
    banded(BandRule::WholeRequest, &[(0, price)])
}

fn banded(band_rule: BandRule, bands: &[(u64, Rates<'_>)]) -> Price {
    let bands = bands.iter().map(|(above, price)| Band { above_tokens: *above, rates: rates(price) }).collect();
    let (effective_from, effective_to) = (EventTime::MIN, None);
    Price { effective_from, effective_to, calendar: None, tier: None, region: None, bands, band_rule }
}

fn model(name: &str, prices: Vec<Price>) -> Model {
    let (id, matcher) = (name.to_owned(), Matcher::Equals(name.to_owned()));
    Model { id, matcher, prices, multipliers: Vec::new() }
}

/// A book with one provider, `p`.
fn book(models: Vec<Model>) -> PriceBook {
    let provider = Provider { models, ..Provider::default() };
    PriceBook { id: BookId(7), providers: BTreeMap::from([("p".to_owned(), provider)]), ..PriceBook::default() }
}

fn factor(attribute: Attribute, value: &str, numerator: u64, denominator: u64) -> Multiplier {
    Multiplier { attribute, value: value.to_owned(), effective_from: EventTime::MIN, numerator, denominator }
}

fn event(parts: &[(Class, u64)]) -> Event<'static> {
    let mut usage = Usage { cache_reported: true, ..Usage::default() };
    parts.iter().for_each(|(class, quantity)| usage.parts.set(*class, *quantity));
    Event { provider: "p".into(), request_model: "m".into(), time: at(OCTOBER, 12), usage, ..Event::default() }
}

fn rate(book: &PriceBook, event: &Event<'_>) -> Rated {
    Rater::new(book).rate(event).unwrap()
}

/// The whole cost in picodollars, or why there is no price.
fn cost(book: &PriceBook, event: &Event<'_>) -> Result<i128, Unpriced> {
    let rated = rate(book, event);
    let total: Usd = rated.costs.iter().map(|(_, cost)| cost).sum();
    rated.unpriced.map_or(Ok(total.pico()), Err)
}

#[test]
fn b1_rows_are_effective_dated() {
    // Sonnet 5.5: reads halve on 2026-10-07.
    let before = Price { effective_to: Some(at(OCTOBER + 6, 0)), ..row(&[(CacheRead, 200_000)]) };
    let after = Price { effective_from: at(OCTOBER + 6, 0), ..row(&[(CacheRead, 100_000)]) };
    let first = Price { effective_from: at(OCTOBER - 30, 0), ..before };
    let book = book(vec![model("m", vec![first.clone(), after.clone()])]);
    let read = |time| cost(&book, &Event { time, ..event(&[(CacheRead, 10)]) });
    assert_eq!(read(at(OCTOBER + 5, 0)), Ok(2_000_000));
    assert_eq!(read(EventTime(at(OCTOBER + 6, 0).0 - 1)), Ok(2_000_000), "the last microsecond");
    assert_eq!(read(at(OCTOBER + 6, 0)), Ok(1_000_000));
    assert_eq!(read(at(OCTOBER + 7, 0)), Ok(1_000_000));
    assert_eq!(read(at(OCTOBER - 31, 0)), Err(Unpriced::NotEffective), "before the first row");

    // Without an end, the row that began last counts, wherever it stands in the book.
    let open = Price { effective_to: None, ..first };
    for rows in [vec![open.clone(), after.clone()], vec![after, open]] {
        let book = self::book(vec![model("m", rows)]);
        assert_eq!(cost(&book, &Event { time: at(OCTOBER + 7, 0), ..event(&[(CacheRead, 10)]) }), Ok(1_000_000));
    }
}

#[test]
fn b1_a_model_is_not_asked_before_its_first_price() {
    let since = Price { effective_from: at(OCTOBER, 0), ..row(&[(Uncached, 9)]) };
    let broad = Model { matcher: Matcher::StartsWith("m".to_owned()), ..model("broad", vec![row(&[(Uncached, 1)])]) };
    let ended = Price { effective_to: Some(at(OCTOBER, 0)), ..row(&[(Uncached, 5)]) };
    let splits = book(vec![model("m", vec![since]), broad.clone()]);
    let ends = book(vec![model("m", vec![ended]), broad]);
    let on = |book, day| cost(book, &Event { time: at(day, 0), ..event(&[(Uncached, 1)]) });
    assert_eq!((on(&splits, OCTOBER - 1), on(&splits, OCTOBER)), (Ok(1), Ok(9)), "split off from the broad one");
    assert_eq!(
        (on(&ends, OCTOBER - 1), on(&ends, OCTOBER)),
        (Ok(5), Err(Unpriced::NotEffective)),
        "no other price stands in"
    );
}

#[test]
fn b2_haiku_goes_by_the_whole_prompt_with_its_cache() {
    let low: Rates<'_> = &[(Uncached, 100_000), (CacheRead, 10_000), (CacheWrite5m, 125_000), (Output, 500_000)];
    let high: Rates<'_> = &[(Uncached, 500_000), (CacheRead, 50_000), (CacheWrite5m, 625_000), (Output, 2_500_000)];
    let book = book(vec![model("m", vec![banded(BandRule::WholeRequest, &[(0, low), (100_000, high)])])]);
    //        uncached  read    write   output    cost
    let cases = [
        (1, 99_999, 0, 1, 100_000 + 999_990_000 + 500_000),
        (1, 99_999, 1, 1, 500_000 + 4_999_950_000 + 625_000 + 2_500_000),
        (0, 100_000, 0, 1, 1_000_000_000 + 500_000),
        (0, 0, 100_001, 0, 62_500_625_000),
        (100_000, 0, 0, 1_000_000, 10_000_000_000 + 500_000_000_000), // output is no part of the length
        (0, 0, 0, 1, 500_000),
    ];
    for (uncached, read, write, output, expected) in cases {
        let parts = [(Uncached, uncached), (CacheRead, read), (CacheWrite5m, write), (Output, output)];
        assert_eq!(cost(&book, &event(&parts)), Ok(expected), "{parts:?}");
    }
}

#[test]
fn b2_openai_above_272k_is_dearer_as_a_whole() {
    let low: Rates<'_> = &[(Uncached, 2_000_000), (CacheRead, 100_000), (Output, 10_000_000)];
    let high: Rates<'_> = &[(Uncached, 4_000_000), (CacheRead, 200_000), (Output, 15_000_000)];
    let book = book(vec![model("m", vec![banded(BandRule::WholeRequest, &[(0, low), (272_000, high)])])]);
    let request = |uncached| cost(&book, &event(&[(Uncached, uncached), (CacheRead, 200_000), (Output, 1_000)]));
    assert_eq!(request(72_000), Ok(72_000 * 2_000_000 + 200_000 * 100_000 + 1_000 * 10_000_000));
    assert_eq!(request(72_001), Ok(72_001 * 4_000_000 + 200_000 * 200_000 + 1_000 * 15_000_000));
}

#[test]
fn b2_a_marginal_band_is_declared_and_charges_only_beyond() {
    let low: Rates<'_> = &[(Uncached, 10), (CacheRead, 1), (Output, 100)];
    let high: Rates<'_> = &[(Uncached, 20), (CacheRead, 2), (Output, 200)];
    let marginal = book(vec![model("m", vec![banded(BandRule::Marginal, &[(0, low), (100, high)])])]);
    let whole = book(vec![model("m", vec![banded(BandRule::WholeRequest, &[(0, low), (100, high)])])]);
    //     read  uncached  whole                  marginal: what is cached stands first
    let cases = [
        (60, 40, 60 + 400, 60 + 400),
        (60, 50, 120 + 1_000, 60 + 400 + 200),
        (120, 10, 240 + 200, 100 + 40 + 200),
        (0, 150, 3_000, 1_000 + 1_000),
    ];
    for (read, uncached, by_whole, by_margin) in cases {
        let parts = [(CacheRead, read), (Uncached, uncached)];
        assert_eq!(cost(&whole, &event(&parts)), Ok(by_whole), "{parts:?}");
        assert_eq!(cost(&marginal, &event(&parts)), Ok(by_margin), "{parts:?}");
    }
    assert_eq!(
        cost(&marginal, &event(&[(Uncached, 101), (Output, 1)])),
        Ok(1_000 + 20 + 200),
        "output by the band reached"
    );
}

#[test]
fn b3_deepseek_peaks_by_hour_weekday_and_holiday() {
    let calendar =
        Calendar { weekdays: 0b001_1111, windows: vec![(60, 240), (360, 600)], holidays: Some("china".to_owned()) };
    let peak = Price { calendar: Some(calendar), ..row(&[(Uncached, 300_000)]) };
    let mut book = book(vec![model("m", vec![peak, row(&[(Uncached, 150_000)])])]);
    book.holidays.insert("china".to_owned(), BTreeSet::from([20_727, 20_728]));
    let minute = |day: i64, minute: i64| {
        let time = EventTime(at(day, 0).0 + minute * 60_000_000);
        cost(&book, &Event { time, ..event(&[(Uncached, 1)]) }).unwrap() == 300_000
    };
    //     day (October 2026)      minute  peak
    let cases = [
        (OCTOBER + 4, 60, true), // Monday
        (OCTOBER + 4, 59, false),
        (OCTOBER + 4, 239, true),
        (OCTOBER + 4, 240, false),
        (OCTOBER + 4, 359, false),
        (OCTOBER + 4, 360, true),
        (OCTOBER + 4, 599, true),
        (OCTOBER + 4, 600, false),
        (OCTOBER, 60, false),     // Thursday, but a holiday
        (OCTOBER + 1, 60, false), // Friday, the same
        (OCTOBER + 2, 60, false), // Saturday
        (OCTOBER + 3, 60, false), // Sunday
        (OCTOBER - 1, 60, true),  // Wednesday before
    ];
    for (day, at_minute, expected) in cases {
        assert_eq!(minute(day, at_minute), expected, "October {} minute {at_minute}", day - OCTOBER + 1);
    }

    let night = Calendar { weekdays: 0x7f, windows: vec![(990, 30)], holidays: None };
    let covers = |minute: i64| night.covers(EventTime(minute * 60_000_000), None);
    assert_eq!([989, 990, 1_439, 1_440, 1_469, 1_470].map(covers), [false, true, true, true, true, false]);
}

#[test]
fn b4_each_lifetime_has_its_write_price() {
    let book = book(vec![model("m", vec![row(&[(CacheWrite5m, 1_250_000), (CacheWrite1h, 2_000_000)])])]);
    assert_eq!(cost(&book, &event(&[(CacheWrite5m, 2), (CacheWrite1h, 3)])), Ok(2_500_000 + 6_000_000));
    let rated = rate(&book, &event(&[(CacheWrite5m, 1), (Class::CacheWriteOther, 1)]));
    assert_eq!(rated.unpriced, Some(Unpriced::UnknownClass), "another lifetime is not charged as one of these");
    assert_eq!(rated.costs.get(CacheWrite5m).pico(), 1_250_000, "and takes nothing else along");
}

#[test]
fn b5_rent_is_charged_by_the_token_hour_and_owes_no_fee() {
    // Gemini 2.5 Pro: $4.50 per million tokens and hour, half price for batches, and a fee per call.
    let price = row(&[(Uncached, 1_250_000), (Class::CacheStorage, 4_500_000), (Class::Requests, 1_000)]);
    let mut book = book(vec![model("m", vec![price])]);
    book.providers.get_mut("p").unwrap().multipliers.push(factor(Attribute::ServiceTier, "batch", 1, 2));
    let rent = Event {
        operation: Some(rent::OPERATION.into()),
        service_tier: Some("batch".into()),
        ..event(&[(Class::CacheStorage, 1_000_000), (Class::Requests, 1)])
    };
    let rated = rate(&book, &rent);
    assert_eq!(rated.costs.get(Class::CacheStorage), Usd::parse("4.50").unwrap(), "no tier changes the rent");
    assert_eq!((rated.costs.get(Class::Requests), rated.unpriced), (Usd::ZERO, None));
    let request = Event { operation: Some("chat".into()), ..rent };
    assert_eq!(rate(&book, &request).costs.get(Class::Requests).pico(), 1_000, "a fee is not halved either");
}

#[test]
fn b5_rent_is_shared_by_the_tokens_read() {
    let readers = |list: &[(&str, u64)]| -> BTreeMap<Option<String>, u64> {
        list.iter().map(|(name, tokens)| ((!name.is_empty()).then(|| (*name).to_owned()), *tokens)).collect()
    };
    //     rent  readers                             shares            unread
    type Case<'c> = (i128, &'c [(&'c str, u64)], &'c [i128], i128);
    let cases: [Case<'_>; 7] = [
        (100, &[], &[], 100),
        (100, &[("a", 0)], &[], 100),
        (100, &[("a", 7)], &[100], 0),
        (100, &[("a", 1), ("b", 1), ("c", 1)], &[34, 33, 33], 0),
        (100, &[("a", 0), ("b", 3), ("c", 1)], &[75, 25], 0),
        (10, &[("", 1), ("a", 2)], &[3, 7], 0),
        (0, &[("a", 1), ("b", 1)], &[0, 0], 0),
    ];
    for (pico, list, shares, unread) in cases {
        let allocation = rent::allocate(Usd::from_pico(pico), &readers(list));
        assert_eq!(allocation.shares.values().map(|share| share.pico()).collect::<Vec<_>>(), shares, "{list:?}");
        assert_eq!(allocation.unread.pico(), unread, "{list:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn b5_rent_is_never_created_or_lost(pico in 0..i128::from(u64::MAX), tokens in prop::collection::vec(0..u64::from(u32::MAX), 0..20)) {
        let readers = tokens.iter().enumerate().map(|(name, tokens)| (Some(format!("{name:02}")), *tokens)).collect();
        let allocation = rent::allocate(Usd::from_pico(pico), &readers);
        let shared: Usd = allocation.shares.values().copied().sum();
        prop_assert_eq!(shared.checked_add(allocation.unread), Some(Usd::from_pico(pico)));
    }
}

#[test]
fn b6_what_has_no_price_is_unpriced_and_never_free() {
    let unknown = book(vec![model("m", vec![row(&[(Uncached, 1), (Output, 0)])]), model("known", Vec::new())]);
    let named = |provider: &'static str, model: &'static str, class| {
        let event = Event { provider: provider.into(), request_model: model.into(), ..event(&[(class, 5)]) };
        let rated = rate(&unknown, &event);
        (rated.unpriced, rated.rates.get(class), rated.costs.get(class).pico())
    };
    let cases = [
        ("p", "m", Uncached, (None, Some(Rate::from_pico(1)), 5)),
        ("p", "m", Output, (None, Some(Rate::FREE), 0)),
        ("p", "m", Reasoning, (Some(Unpriced::UnknownClass), None, 0)),
        ("p", "m", GpuMicros, (Some(Unpriced::UnknownClass), None, 0)),
        ("p", "M", Uncached, (Some(Unpriced::UnknownModel), None, 0)),
        ("p", "known", Uncached, (Some(Unpriced::NotEffective), None, 0)),
        ("q", "m", Uncached, (Some(Unpriced::UnknownProvider), None, 0)),
    ];
    for (provider, model, class, expected) in cases {
        assert_eq!(named(provider, model, class), expected, "{provider} {model} {}", class.name());
    }
    assert_eq!(
        cost(&unknown, &event(&[(Class::Requests, 1)])),
        Ok(0),
        "a call costs nothing where nobody states a fee"
    );
}

#[test]
fn b7_the_served_model_sets_the_price() {
    let or = Matcher::Or(vec![Matcher::Equals("old".to_owned()), Matcher::StartsWith("new-".to_owned())]);
    let any_case = Matcher::AnyCase(Box::new(Matcher::And(vec![
        Matcher::Contains("llama".to_owned()),
        Matcher::EndsWith("-70b".to_owned()),
    ])));
    let pattern = Matcher::Regex(Box::new(regex::Regex::new("^o[0-9]$").unwrap()));
    let with = |matcher, pico| Model { matcher, ..model("x", vec![row(&[(Uncached, pico)])]) };
    let mut book =
        book(vec![model("m", vec![row(&[(Uncached, 1)])]), with(or, 2), with(any_case, 3), with(pattern, 4)]);
    book.provider_aliases.insert("P-Inc".to_owned(), "p".to_owned());
    book.provider_matchers.push((Matcher::AnyCase(Box::new(Matcher::Contains("vertex".to_owned()))), "p".to_owned()));
    let sold_elsewhere = Provider { fallbacks: vec!["p".to_owned()], ..Provider::default() };
    book.providers.insert("reseller".to_owned(), sold_elsewhere);
    //     provider     asked  served          cost
    let cases = [
        ("p", "m", None, Ok(1)),
        ("p", "m", Some("old"), Ok(2)), // a retired name is served by another model, and billed as it
        ("p", "old", Some("m"), Ok(1)),
        ("p", "m", Some("new-2026"), Ok(2)),
        ("p", "m", Some("meta/Llama-3-70B"), Ok(3)),
        ("p", "m", Some("o3"), Ok(4)),
        ("p", "m", Some("o30"), Err(Unpriced::UnknownModel)),
        ("P-Inc", "m", None, Ok(1)),
        ("GCP-Vertex", "m", None, Ok(1)),
        ("reseller", "m", None, Ok(1)),
        ("resell", "m", None, Err(Unpriced::UnknownProvider)),
    ];
    let mut rater = Rater::new(&book);
    for (provider, asked, served, expected) in cases.into_iter().chain(cases) {
        let (provider, asked) = (provider.into(), asked.into());
        let event =
            Event { provider, request_model: asked, response_model: served.map(Into::into), ..event(&[(Uncached, 1)]) };
        let rated = rater.rate(&event).unwrap();
        let cost = rated.unpriced.map_or(Ok(rated.costs.get(Uncached).pico()), Err);
        assert_eq!(cost, expected, "{event:?}");
    }
}

#[test]
fn b8_multipliers_stack_and_what_the_book_does_not_know_is_unpriced() {
    let contract = Price { tier: Some("contract".to_owned()), ..row(&[(Uncached, 700)]) };
    let flat = model("flat", vec![row(&[(Uncached, 1_000)])]);
    let mut tiered = model("m", vec![row(&[(Uncached, 1_000), (WebSearches, 50)]), contract]);
    tiered.multipliers = vec![factor(Attribute::Region, "us", 11, 10), factor(Attribute::ServiceTier, "fast", 6, 1)];
    let mut book = book(vec![tiered, flat]);
    let later = Multiplier { effective_from: at(OCTOBER + 30, 0), ..factor(Attribute::ServiceTier, "flex", 1, 2) };
    let provider = book.providers.get_mut("p").unwrap();
    provider.multipliers =
        vec![factor(Attribute::ServiceTier, "batch", 1, 2), factor(Attribute::ServiceTier, "fast", 2, 1), later];
    //     model  tier               region          one token
    let cases = [
        ("m", None, None, Ok(1_000)),
        ("m", Some("standard"), Some("global"), Ok(1_000)),
        ("m", Some("default"), Some("not_available"), Ok(1_000)),
        ("m", Some("batch"), None, Ok(500)),
        ("m", Some("batch"), Some("us"), Ok(550)),
        ("m", Some("fast"), Some("us"), Ok(6_600)), // the model's own factor beats the provider's
        ("m", Some("contract"), None, Ok(700)),
        ("m", Some("contract"), Some("us"), Ok(770)), // the row has its tier in it, not the region
        ("m", Some("priority"), None, Err(Unpriced::UnknownTier)),
        ("m", Some("flex"), None, Err(Unpriced::UnknownTier)), // not yet
        ("m", None, Some("eu"), Err(Unpriced::UnknownRegion)),
        ("m", Some("batch"), Some("eu"), Err(Unpriced::UnknownRegion)),
        ("flat", Some("batch"), Some("eu"), Ok(500)), // regions make no difference to this model
        ("flat", Some("priority"), None, Err(Unpriced::UnknownTier)),
    ];
    for (model, tier, region, expected) in cases {
        let (service_tier, region) = (tier.map(Into::into), region.map(Into::into));
        let event = Event { request_model: model.into(), service_tier, region, ..event(&[(Uncached, 1)]) };
        assert_eq!(cost(&book, &event), expected, "{event:?}");
    }
    let batch = Event { service_tier: Some("batch".into()), ..event(&[(WebSearches, 2)]) };
    assert_eq!(cost(&book, &batch), Ok(100), "a fee is a fee in every tier");

    let newer = Multiplier { effective_from: at(OCTOBER, 0), ..factor(Attribute::ServiceTier, "batch", 1, 2) };
    let learnt = self::book(vec![Model { multipliers: vec![newer], ..model("m", vec![row(&[(Uncached, 1_000)])]) }]);
    let flex =
        |day| cost(&learnt, &Event { service_tier: Some("flex".into()), time: at(day, 0), ..event(&[(Uncached, 1)]) });
    assert_eq!(
        (flex(OCTOBER - 1), flex(OCTOBER)),
        (Ok(1_000), Err(Unpriced::UnknownTier)),
        "what is learnt later counts later"
    );

    let ignorant = self::book(vec![model("m", vec![row(&[(Uncached, 1_000)])])]);
    let anything = Event { service_tier: Some("x".into()), region: Some("y".into()), ..event(&[(Uncached, 1)]) };
    assert_eq!(cost(&ignorant, &anything), Ok(1_000), "a book without tiers says that they make no difference");
    let mut fine = self::book(vec![model("m", vec![row(&[(Uncached, 1)])])]);
    fine.providers.get_mut("p").unwrap().multipliers.push(factor(Attribute::ServiceTier, "x", 1, 2));
    assert_eq!(cost(&fine, &anything), Err(Unpriced::TooFine), "half a picodollar is not rounded");
}

#[test]
fn b9_parts_that_do_not_make_the_total_are_refused() {
    let usage = |uncached: u64, read: u64, write: u64, input_total: u64| {
        let parts = [(Uncached, uncached), (CacheRead, read), (CacheWrite5m, write), (Output, 5), (Reasoning, 2)];
        Usage { input_total: Some(input_total), output_total: Some(7), ..event(&parts).usage }
    };
    //     uncached  read  write  total (inclusive)
    let cases = [
        (usage(100, 900, 50, 1_050), Ok(())),
        (usage(1_000, 900, 0, 1_000), Err(Reason::PartsDoNotAddUp)), // an inclusive count taken for the remainder
        (usage(100, 900, 0, 100), Err(Reason::PartsDoNotAddUp)),     // an exclusive count taken for the total
        (Usage { output_total: Some(5), ..usage(1, 0, 0, 1) }, Err(Reason::PartsDoNotAddUp)),
        (Usage { input_total: None, output_total: None, ..usage(1, 2, 3, 0) }, Ok(())),
        (usage(u64::MAX, 1, 0, 0), Err(Reason::Overflow)),
    ];
    for (usage, expected) in cases {
        assert_eq!(usage.check(), expected, "{usage:?}");
    }
}

#[test]
fn b10_not_reported_is_not_zero() {
    let book = book(vec![model("m", vec![row(&[(Uncached, 10), (CacheRead, 1)])])]);
    let states = [(Some(4), true), (Some(0), true), (None, false)];
    let mut charges = Charges::default();
    for (place, (read, is_reported)) in states.into_iter().enumerate() {
        let mut event = event(&[(Uncached, 6), (CacheRead, read.unwrap_or_default())]);
        event.usage.cache_reported = is_reported;
        let place = Place { partition: Partition(0), offset: Offset(i64::try_from(place).unwrap()), index: 0 };
        let rated = rate(&book, &event);
        assert_eq!(rated.costs.get(CacheRead).pico(), i128::from(read.unwrap_or_default()));
        charges.push(place, event.time, &event, rated);
    }
    let kept: Vec<_> =
        charges.rows().iter().map(|row| (charges.parts(row).get(CacheRead), row.cache_reported)).collect();
    assert_eq!(kept, [(4, true), (0, true), (0, false)], "three states reach the stores");
}

#[test]
fn b11_a_read_at_price_zero_still_counts() {
    let book = book(vec![model("m", vec![row(&[(Uncached, 10), (CacheRead, 0)])])]);
    let event = event(&[(Uncached, 1), (CacheRead, 1_000)]);
    let rated = rate(&book, &event);
    assert_eq!((rated.rates.get(CacheRead), rated.unpriced), (Some(Rate::FREE), None), "free is a price");
    let mut charges = Charges::default();
    let place = Place { partition: Partition(0), offset: Offset(0), index: 0 };
    charges.push(place, event.time, &event, rated);
    let totals = totals(&charges, charges.rows());
    let reads: Vec<_> = totals.iter().filter(|(key, _)| key.class == CacheRead).collect();
    assert_eq!(reads.len(), 1);
    assert_eq!((reads[0].0.rate, reads[0].1.quantity, reads[0].1.cost), (Some(Rate::FREE), 1_000, Usd::ZERO));
}

#[test]
fn b12_rating_again_yields_a_difference_and_overwrites_nothing() {
    let old_book = book(vec![model("m", vec![row(&[(Uncached, 10), (CacheRead, 5)])])]);
    let new_book =
        PriceBook { id: BookId(8), ..book(vec![model("m", vec![row(&[(Uncached, 7), (CacheRead, 6), (Output, 2)])])]) };
    let event = event(&[(Uncached, 100), (CacheRead, 100), (Output, 1)]);
    let (old, new) = (rate(&old_book, &event), rate(&new_book, &event));
    assert_eq!((old.book, new.book), (BookId(7), BookId(8)), "every rated record names its book");
    let again = Rerating::between(&old, &new).unwrap();
    assert_eq!((again.from, again.to), (BookId(7), BookId(8)));
    assert_eq!((again.unpriced_before, again.unpriced_after), (Some(Unpriced::UnknownClass), None));
    let pico = |class| again.differences.get(class).pico();
    assert_eq!([pico(Uncached), pico(CacheRead), pico(Output), pico(Reasoning)], [-300, 100, 2, 0]);
    for class in Class::ALL {
        let sum = old.costs.get(class).checked_add(again.differences.get(class));
        assert_eq!(sum, Some(new.costs.get(class)), "old + difference = new for {}", class.name());
    }
    assert_eq!(Rerating::between(&new, &new).unwrap().differences, ByClass::all(Usd::ZERO));
    let mut impossible = old;
    impossible.costs.set(Uncached, Usd::from_pico(i128::MIN));
    assert_eq!(Rerating::between(&impossible, &new), None);
}
