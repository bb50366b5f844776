//! Small lakes, written the way the pipeline writes them, and the ledger's totals of the same charges.

use std::path::Path;

use aliquot_core::blame::{Attribution, Blame, CausePart, Culprit};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::commit::{Commit, Rejected};
use aliquot_core::event::{Event, Usage};
use aliquot_core::externality::{CauseTotals, Externalities, cause_totals, externalities};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::ports::Sink;
use aliquot_core::position::{Offset, OffsetRange, Partition, Place};
use aliquot_core::prices::BookId;
use aliquot_core::rating::{Rated, Unpriced};
use aliquot_core::reject::Reason;
use aliquot_core::time::EventTime;
use aliquot_core::totals::{Totals, totals};
use aliquot_core::usage::{ByClass, Class};
use aliquot_lake::Lake;
use tempfile::TempDir;

use crate::{Engine, Limits};

/// One request as the tests think of it. Prices are a function of the class; [`Call::unpriced`] has none.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) time: EventTime,
    pub(super) tenant: Option<&'static str>,
    pub(super) domain: &'static str,
    pub(super) provider: &'static str,
    pub(super) model: &'static str,
    pub(super) feature: Option<&'static str>,
    pub(super) parts: Vec<(Class, u64)>,
    pub(super) reported: bool,
    pub(super) unpriced: Option<Unpriced>,
    pub(super) http_status: Option<u16>,
    pub(super) why: Why,
}

/// What attribution says of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Why {
    /// Prompt tokens that were not read from the cache, by cause; the rest is a hit. None at all = nobody asked.
    pub(super) missed: Vec<(Cause, Evidence, u64)>,
    pub(super) blames: Vec<Blame<&'static str>>,
    /// What it would have cost less, alone.
    pub(super) saved_alone: Option<Usd>,
}

/// What a token costs that is not read from the cache, beyond a read: $2.70 a million.
pub(super) const EXTRA: i128 = 2_700_000;

/// A share of a miss of so many tokens; negative = they were saved.
pub(super) fn blame(culprit: Culprit<&'static str>, tokens: i64, evidence: Evidence) -> Blame<&'static str> {
    let cost = Usd::from_pico(i128::from(tokens) * EXTRA);
    Blame {
        game: Game::NeighboursAbsent,
        harm: Harm::Miss,
        cause: if tokens < 0 { Cause::Hit } else { Cause::EvictedNeighbour },
        culprit,
        evidence,
        quantity: tokens,
        cost,
        avoidable: cost.max(Usd::ZERO),
    }
}

impl Call {
    /// A call of a tenant on one of our nodes that read `read` of its `prompt` tokens from the cache and computed the rest.
    pub(super) fn cached(time: EventTime, tenant: &'static str, domain: &'static str, read: u64, prompt: u64) -> Self {
        Self {
            time,
            tenant: Some(tenant),
            domain,
            provider: "self",
            model: "m-large",
            feature: Some("chat"),
            parts: vec![(Class::Uncached, prompt - read), (Class::CacheRead, read), (Class::Output, 100)],
            reported: true,
            unpriced: None,
            http_status: None,
            why: Why::default(),
        }
    }

    /// The attribution of a call that cost `cost`.
    fn attribution(&self, cost: Usd) -> Attribution<'static> {
        let Why { missed, blames, saved_alone } = &self.why;
        let part = |cause, evidence, tokens, cost| CausePart { cause, runner_up: None, evidence, tokens, cost };
        let extra = |tokens: u64| Usd::from_pico(i128::from(tokens) * EXTRA);
        let mut parts: Vec<_> =
            missed.iter().map(|(cause, evidence, tokens)| part(*cause, *evidence, *tokens, extra(*tokens))).collect();
        if !parts.is_empty() {
            let prompt: u64 =
                self.parts.iter().filter(|(class, _)| Class::PROMPT.contains(class)).map(|(_, n)| n).sum();
            let tokens = prompt - missed.iter().map(|(_, _, tokens)| tokens).sum::<u64>();
            let extras: Usd = parts.iter().map(|part| part.cost).sum();
            let rest = cost.checked_sub(extras).unwrap();
            parts.insert(0, part(Cause::Hit, Evidence::Exact, tokens, rest));
        }
        let standalone = saved_alone.map(|saved| cost.checked_sub(saved).unwrap());
        Attribution { parts, blames: blames.clone(), standalone }
    }
}

/// A time of day in March 2026, UTC.
pub(super) fn at(day: i64, hour: i64, minute: i64, second: i64) -> EventTime {
    /// 2026-03-01T00:00:00Z.
    const MARCH_US: i64 = 1_772_323_200_000_000;
    EventTime(MARCH_US + (((day - 1) * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000)
}

/// Picodollars for one unit: like a large model's prices, $3 a million tokens, a tenth of it from the cache.
fn rate(class: Class) -> Rate {
    Rate::from_pico(match class {
        Class::Uncached | Class::AudioIn | Class::ImageIn | Class::VideoIn => 3_000_000,
        Class::CacheRead | Class::AudioCacheRead | Class::ImageCacheRead => 300_000,
        Class::CacheWrite5m | Class::CacheWriteOther => 3_750_000,
        Class::CacheWrite1h => 6_000_000,
        Class::Output | Class::Reasoning | Class::AudioOut | Class::ImageOut | Class::VideoOut => 15_000_000,
        Class::WebSearches | Class::Requests => 10_000_000_001,
        Class::GpuMicros => 550,
        Class::CacheStorage => 1_000_000,
    })
}

fn rated(call: &Call) -> Rated {
    let mut rated = Rated { book: BookId(0xb00c), unpriced: call.unpriced, ..Rated::default() };
    for (class, quantity) in call.parts.iter().filter(|_| call.unpriced.is_none()) {
        rated.rates.set(*class, Some(rate(*class)));
        rated.costs.set(*class, rate(*class).times(*quantity).unwrap());
    }
    rated
}

/// The calls as one commit of partition 0, from offset 0 on.
pub(super) fn commit(calls: &[Call]) -> Commit {
    let mut commit = Commit::default();
    for (call, offset) in calls.iter().zip(0_i64..) {
        let mut parts = ByClass::all(0);
        for (class, quantity) in &call.parts {
            parts.set(*class, *quantity);
        }
        let event = Event {
            id: format!("request-{offset}").into(),
            source: "node-a".into(),
            time: call.time,
            tenant: call.tenant.map(Into::into),
            domain: call.domain.into(),
            provider: call.provider.into(),
            request_model: call.model.into(),
            feature: call.feature.map(Into::into),
            http_status: call.http_status,
            usage: Usage { parts, cache_reported: call.reported, ..Usage::default() },
            ..Event::default()
        };
        let place = Place { partition: Partition(0), offset: Offset(offset), index: 0 };
        commit.charges.push(place, call.time, &event, rated(call));
        let cost = commit.charges.cost(commit.charges.rows().last().unwrap());
        commit.charges.attribute_last(&call.attribution(cost));
    }
    let to = Offset(i64::try_from(calls.len()).unwrap());
    commit.ranges.insert(Partition(0), OffsetRange { from: Offset(0), to });
    commit
}

/// A directory with a lake of these calls.
pub(super) async fn lake_of(calls: &[Call]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    Lake::open(dir.path()).await.unwrap().commit(&commit(calls)).await.unwrap();
    dir
}

pub(super) fn open(dir: &Path) -> Engine {
    Engine::open(dir, Limits::default()).unwrap()
}

/// What the ledger would say of these calls.
pub(super) fn totals_of(calls: &[Call]) -> Totals {
    let commit = commit(calls);
    totals(&commit.charges, commit.charges.rows())
}

/// What the ledger would say of why these calls cost what they cost.
pub(super) fn attribution_of(calls: &[Call]) -> (Externalities, CauseTotals) {
    let Commit { charges, .. } = commit(calls);
    (externalities(&charges, charges.rows()), cause_totals(&charges, charges.rows()))
}

/// Two days of three tenants. On the first, at 9:47, a launch of the largest thrashes the cache of domain `d-1`: its hit rate
/// falls from 71 % to 18 %, its neighbour's from 60 % to 30 %, while `d-2` stays as it was. What the neighbour lost is the
/// largest one's doing, what it lost itself is its own. In `d-2` somebody without a tenant keeps a prefix warm.
pub(super) fn two_days() -> Vec<Call> {
    let mut calls = Vec::new();
    for minute in 20..70 {
        let time = |second| at(1, 9 + minute / 60, minute % 60, second);
        let thrashed = minute >= 47;
        let (acme, globex) = if thrashed { (18_000, 6_000) } else { (71_000, 12_000) };
        let lost = |cause, evidence, tokens| if thrashed { vec![(cause, evidence, tokens)] } else { Vec::new() };
        let new = |tokens| (Cause::NewContent, Evidence::Exact, tokens);
        let missed = lost(Cause::EvictedSelf, Evidence::Modelled, 53_000).into_iter().chain([new(29_000)]).collect();
        let why = Why { missed, saved_alone: Some(Usd::ZERO), ..Why::default() };
        calls.push(Call { why, ..Call::cached(time(5), "acme", "d-1", acme, 100_000) });
        let missed = lost(Cause::EvictedNeighbour, Evidence::Modelled, 6_000).into_iter().chain([new(8_000)]).collect();
        let by_acme = blame(Culprit::Tenant("acme"), 6_000, Evidence::Modelled);
        let within =
            Blame { game: Game::Entitlements, quantity: 2_000, cost: Usd::from_pico(2_000 * EXTRA), ..by_acme };
        let blames = if thrashed { vec![by_acme, within] } else { Vec::new() };
        let saved_alone = Some(if thrashed { by_acme.cost } else { Usd::ZERO });
        let why = Why { missed, blames, saved_alone };
        calls.push(Call { why, ..Call::cached(time(20), "globex", "d-1", globex, 20_000) });
        let warm = blame(Culprit::NoTenant, -1_000, Evidence::Inferred);
        let saved_alone = Usd::ZERO.checked_sub(Usd::from_pico(1_000 * EXTRA));
        let why = Why {
            missed: vec![new(14_000), (Cause::NoEvidence, Evidence::Unattributable, 1_000)],
            blames: vec![warm],
            saved_alone,
        };
        calls.push(Call { why, ..Call::cached(time(40), "initech", "d-2", 15_000, 30_000) });
    }
    let proxy = || Call {
        provider: "anthropic",
        model: "claude-x",
        domain: "workspace",
        feature: None,
        parts: vec![
            (Class::Uncached, 10),
            (Class::CacheRead, 2_000),
            (Class::CacheWrite5m, 300),
            (Class::CacheWrite1h, 40),
            (Class::Output, 7),
            (Class::Reasoning, 11),
            (Class::ImageIn, 64),
            (Class::WebSearches, 2),
        ],
        ..Call::cached(at(2, 0, 0, 0), "acme", "d-1", 0, 0)
    };
    let refusal = |culprit, quantity| Blame {
        harm: Harm::Refusal,
        cost: Usd::ZERO,
        avoidable: Usd::ZERO,
        quantity,
        ..blame(culprit, 1, Evidence::Inferred)
    };
    let blames = vec![refusal(Culprit::Tenant("globex"), 600_000), refusal(Culprit::Background, 250_000)];
    let silent = Call { reported: false, parts: vec![(Class::Uncached, 900_000)], ..proxy() };
    let why = Why { blames, ..Why::default() };
    let refused = || Call { http_status: Some(429), why: why.clone(), ..proxy() };
    let nobody = Call { tenant: None, time: at(2, 23, 59, 59), parts: vec![(Class::GpuMicros, 1_500)], ..refused() };
    let mystery = Call {
        model: "mystery-1",
        unpriced: Some(Unpriced::UnknownModel),
        reported: false,
        parts: silent.parts.clone(),
        ..refused()
    };
    calls.extend([proxy(), silent, nobody, mystery.clone(), Call { time: at(2, 8, 30, 0), ..mystery }]);
    calls
}

/// The two days with three messages that were not accepted, as a lake.
pub(super) async fn two_days_lake() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut commit = commit(&two_days());
    let next = commit.charges.rows().len();
    for (reason, index) in [(Reason::Malformed, 0_i64), (Reason::Malformed, 1), (Reason::Negative, 2)] {
        let offset = Offset(i64::try_from(next).unwrap() + index);
        commit.rejects.push(Rejected {
            place: Place { partition: Partition(0), offset, index: 0 },
            received_at: at(1, 12, 0, index),
            reason,
            detail: if reason == Reason::Negative { "usage.output_tokens".to_owned() } else { String::new() },
            content_type: "application/cloudevents+json".to_owned(),
            raw: vec![0x7b, 0xff],
        });
        commit.ranges.insert(Partition(0), OffsetRange { from: Offset(0), to: offset.next() });
    }
    Lake::open(dir.path()).await.unwrap().commit(&commit).await.unwrap();
    dir
}
