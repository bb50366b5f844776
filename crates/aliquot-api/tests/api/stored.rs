//! A small lake and ledger in a directory, filled by one commit.

use std::path::Path;

use aliquot_api::Readers;
use aliquot_core::blame::Attribution;
use aliquot_core::charge::Charges;
use aliquot_core::commit::{Commit, Rejected};
use aliquot_core::event::{Event, Usage};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::ports::Sink;
use aliquot_core::position::{Offset, OffsetRange, Partition, Place};
use aliquot_core::rating::{Rated, Unpriced};
use aliquot_core::reject::Reason;
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};
use aliquot_lake::Lake;
use aliquot_ledger::Ledger;
use aliquot_query::{Engine, Limits};

/// What one unit costs: 0.075, 0.0075, 0.09375 and 0.3 dollars for a million.
const RATES: [(Class, u64); 4] =
    [(Class::Uncached, 75_000), (Class::CacheRead, 7_500), (Class::CacheWrite5m, 93_750), (Class::Output, 300_000)];

/// One request: when, of whom, of which model and feature, and what it used.
pub(crate) type Request<'a> = (&'a str, Option<&'a str>, &'a str, Option<&'a str>, &'a [(Class, u64)]);

/// Stores with this commit in them.
pub(crate) async fn readers(directory: &Path, commit: &Commit) -> Readers {
    Box::pin(Lake::open(&directory.join("lake"))).await.unwrap().commit(commit).await.unwrap();
    let mut ledger = Ledger::open(&directory.join("ledger.sqlite")).await.unwrap();
    ledger.commit(commit).await.unwrap();
    Readers { engine: Engine::open(&directory.join("lake"), Limits::default()).unwrap(), ledger }
}

/// A commit of these requests and rejects; nobody asked why the requests cost what they cost.
pub(crate) fn commit(requests: &[Request<'_>], rejects: &[(&str, Reason)]) -> Commit {
    attributed(requests, rejects, |_, _| Attribution::default())
}

/// A commit of these requests, with what attribution says of the one at a place that cost so much. Models whose name begins with `new` have no price; requests that name a cache class report their
/// cache.
pub(crate) fn attributed(
    requests: &[Request<'_>],
    rejects: &[(&str, Reason)],
    why: impl Fn(usize, Usd) -> Attribution<'static>,
) -> Commit {
    let mut places = (0..).map(|offset| Place { partition: Partition(0), offset: Offset(offset), index: 0 });
    let mut charges = Charges::default();
    for ((time, tenant, model, feature, used), place) in requests.iter().zip(places.by_ref()) {
        let (usage, rated) = rated(model, used);
        let event = Event {
            id: format!("r{}", place.offset.0).into(),
            source: "node-1".into(),
            time: at(time),
            tenant: tenant.map(Into::into),
            domain: "pool".into(),
            provider: if model.starts_with("new") { "self" } else { "openai" }.into(),
            request_model: (*model).into(),
            feature: feature.map(Into::into),
            usage,
            ..Event::default()
        };
        charges.push(place, at(time), &event, rated);
        let cost = charges.cost(charges.rows().last().unwrap());
        charges.attribute_last(&why(charges.rows().len() - 1, cost));
    }
    let rejects: Vec<_> = rejects
        .iter()
        .zip(places)
        .map(|((time, reason), place)| Rejected {
            place,
            received_at: at(time),
            reason: *reason,
            detail: String::new(),
            content_type: String::new(),
            raw: b"the prompt".to_vec(),
        })
        .collect();
    let to = Offset(i64::try_from(requests.len() + rejects.len()).unwrap());
    let range = OffsetRange { from: Offset(0), to };
    Commit { ranges: [(Partition(0), range)].into(), charges, rejects, ..Commit::default() }
}

fn rated(model: &str, used: &[(Class, u64)]) -> (Usage, Rated) {
    let mut usage = Usage::default();
    let mut rated = Rated { unpriced: model.starts_with("new").then_some(Unpriced::UnknownModel), ..Rated::default() };
    let rates = ByClass::all(Rate::FREE);
    usage.parts.set(Class::Requests, 1);
    for (class, quantity) in used {
        usage.parts.set(*class, *quantity);
        usage.cache_reported |= matches!(class, Class::CacheRead | Class::CacheWrite5m);
        let rate = RATES
            .iter()
            .find(|(priced, _)| priced == class)
            .map_or(rates.get(*class), |(_, pico)| Rate::from_pico(*pico));
        if rated.unpriced.is_none() {
            rated.rates.set(*class, Some(rate));
            rated.costs.set(*class, rate.times(*quantity).unwrap());
        }
    }
    (usage, rated)
}

fn at(text: &str) -> EventTime {
    let time = chrono::DateTime::parse_from_rfc3339(text).unwrap();
    EventTime(time.timestamp_micros())
}
