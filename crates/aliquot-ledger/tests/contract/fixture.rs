//! What the ledger's tests share: messages whose meaning follows from their offset, and the slow way to add them up.

use std::collections::BTreeMap;

use aliquot_core::blame::{Attribution, Blame, CausePart, Culprit};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::charge::Charges;
use aliquot_core::commit::{Commit, StreamReport, Tally};
use aliquot_core::event::{Event, Usage};
use aliquot_core::externality::{CauseTotals, Externalities, Fit, Tier};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::ports::Snapshots;
use aliquot_core::position::{Offset, OffsetRange, Partition, Place, Positions};
use aliquot_core::prices::BookId;
use aliquot_core::rating::{Rated, Unpriced};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::totals::Totals;
use aliquot_core::usage::Class;

use aliquot_ledger::{Gap, Ledger};

/// 2026-03-01T00:00:00Z.
pub(crate) const START: EventTime = EventTime(1_772_323_200_000_000);

pub(crate) fn place(partition: i32, offset: i64) -> Place {
    Place { partition: Partition(partition), offset: Offset(offset), index: 0 }
}

pub(crate) fn range(from: i64, to: i64) -> OffsetRange {
    OffsetRange { from: Offset(from), to: Offset(to) }
}

/// The message at `offset`: four tenants of whom one is unknown, two models of which one has no price, one hour per ten.
pub(crate) fn event(partition: i32, offset: i64) -> (Event<'static>, Rated) {
    let number = offset.unsigned_abs();
    let mut usage = Usage::default();
    let mut rated = Rated { book: BookId(0xb00c), ..Rated::default() };
    let priced = !number.is_multiple_of(3);
    for (class, quantity) in [(Class::Uncached, number * 7 + 1), (Class::Output, number), (Class::CacheRead, 5)] {
        usage.parts.set(class, quantity);
        if priced {
            let rate = Rate::from_pico(75_000 + number % 2);
            rated.rates.set(class, Some(rate));
            rated.costs.set(class, rate.times(quantity).unwrap());
        } else {
            rated.unpriced = Some(Unpriced::UnknownModel);
        }
    }
    let tenant = ["globex", "acme", "initech"].get(usize::try_from(number % 4).unwrap()).map(|name| (*name).into());
    let event = Event {
        id: format!("request-{partition}-{offset}").into(),
        source: "node-a".into(),
        time: EventTime(START.0 + (offset / 10) * Micros::HOUR.0 + 17),
        tenant,
        domain: format!("domain-{partition}").into(),
        provider: "self".into(),
        request_model: if priced { "m-1".into() } else { "m-new".into() },
        usage,
        ..Event::default()
    };
    (event, rated)
}

/// What attribution says of the message at `offset`, which cost `cost`: of every fifth nothing; of the others two parts, a charge of
/// a tenant, and by turns a credit of traffic that we cannot see and a refusal for which a caller without a tenant is to blame.
pub(crate) fn attribution(offset: i64, cost: Usd) -> Attribution<'static> {
    let number = offset.unsigned_abs();
    if number.is_multiple_of(5) {
        return Attribution::default();
    }
    let evidence = if number.is_multiple_of(2) { Evidence::Exact } else { Evidence::Inferred };
    let part = |cause, tokens, pico| CausePart { cause, runner_up: None, evidence, tokens, cost: Usd::from_pico(pico) };
    let blame = |harm, culprit, quantity: i64, pico| Blame {
        game: Game::NeighboursAbsent,
        harm,
        cause: Cause::EvictedNeighbour,
        culprit,
        evidence,
        quantity,
        cost: Usd::from_pico(pico),
        avoidable: Usd::from_pico(3),
    };
    let pico = i128::from(offset);
    let other = match number % 2 {
        0 => blame(Harm::Miss, Culprit::Background, -offset, -2 * pico),
        _ => blame(Harm::Refusal, Culprit::NoTenant, 500_000, 0),
    };
    Attribution {
        parts: vec![
            part(Cause::Hit, 5, cost.pico() - 7 * pico),
            part(Cause::EvictedNeighbour, number * 7 + 1, 7 * pico),
        ],
        blames: vec![blame(Harm::Miss, Culprit::Tenant("umbrella"), offset, 9 * pico), other],
        standalone: None,
    }
}

/// How well the model of a partition's domain fits after `to` messages.
pub(crate) fn fit(partition: i32, to: i64) -> Fit {
    Fit {
        partition: Partition(partition),
        domain: format!("domain-{partition}"),
        replica: None,
        capacity_blocks: Some(to.unsigned_abs()),
        evidence: Evidence::Inferred,
        error_ppm: None,
        tier: Tier::SoftQuota,
    }
}

/// All there is to say about `from..to`: a charge per message, one duplicate, a stream without gaps, the state after it.
pub(crate) fn commit(partition: i32, from: i64, to: i64) -> Commit {
    let mut commit = Commit::default();
    let id = Partition(partition);
    commit.ranges.insert(id, range(from, to));
    for offset in from..to {
        let (event, rated) = event(partition, offset);
        push(&mut commit.charges, place(partition, offset), &event, rated);
    }
    commit.fits.push(fit(partition, to));
    let charged = u64::try_from(to - from).unwrap();
    commit.tallies.insert(id, Tally { charged, duplicates: 1, rejected: 0, reports: 2 });
    commit.streams.push(report(partition, u64::try_from(to).unwrap(), &[]));
    commit.snapshots.insert(id, format!("state {partition} {to}").into_bytes());
    commit
}

/// Appends a charge with what attribution says of it.
pub(crate) fn push(charges: &mut Charges, place: Place, event: &Event<'_>, rated: Rated) {
    charges.push(place, START, event, rated);
    let cost = charges.cost(charges.rows().last().unwrap());
    charges.attribute_last(&attribution(place.offset.0, cost));
}

pub(crate) fn report(partition: i32, end: u64, gaps: &[(u64, u64)]) -> StreamReport {
    let missing: u64 = gaps.iter().map(|(from, to)| to - from).sum();
    StreamReport {
        partition: Partition(partition),
        source: "node-a".to_owned(),
        epoch: u64::MAX,
        domain: format!("domain-{partition}"),
        end,
        received: end - missing,
        gaps: gaps.to_vec(),
    }
}

/// A total, spelled out: hour, tenant, model, class, rate → quantity, cost.
pub(crate) type Spelled = BTreeMap<(i64, String, String, &'static str, String), (u128, i128)>;

/// What `0..to` of each partition comes to, request by request.
pub(crate) fn slow_sum(ends: &[(i32, i64)]) -> Spelled {
    let mut sum = Spelled::new();
    for (partition, to) in ends {
        for offset in 0..*to {
            let (event, rated) = event(*partition, offset);
            for class in Class::ALL {
                let quantity = event.usage.parts.get(class);
                if quantity == 0 {
                    continue;
                }
                let hour = START.0 + (offset / 10) * Micros::HOUR.0;
                let key = (
                    hour,
                    format!("{:?}", event.tenant.as_deref()),
                    event.request_model.clone().into_owned(),
                    class.name(),
                    format!("{:?}", rated.rates.get(class)),
                );
                let total = sum.entry(key).or_default();
                total.0 += u128::from(quantity);
                total.1 += rated.costs.get(class).pico();
            }
        }
    }
    sum
}

pub(crate) fn spelled(totals: &Totals) -> Spelled {
    let spell = |(key, total): (&aliquot_core::totals::TotalKey, &aliquot_core::totals::WindowTotal)| {
        assert_eq!((key.provider.as_str(), key.book), ("self", BookId(0xb00c)));
        let rate = format!("{:?}", key.rate);
        let key = (key.hour.0, format!("{:?}", key.tenant.as_deref()), key.model.clone(), key.class.name(), rate);
        (key, (total.quantity, total.cost.pico()))
    };
    totals.iter().map(spell).collect()
}

/// Everything a commit can change.
#[derive(Debug, PartialEq)]
pub(crate) struct Contents {
    pub(crate) totals: Totals,
    pub(crate) externalities: Externalities,
    pub(crate) causes: CauseTotals,
    pub(crate) fits: Vec<(Fit, Offset)>,
    pub(crate) streams: Vec<StreamReport>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) tallies: BTreeMap<Partition, Tally>,
    pub(crate) held: Positions,
    pub(crate) snapshots: Vec<(Offset, Vec<u8>)>,
}

pub(crate) async fn contents(ledger: &Ledger) -> Contents {
    let held = ledger.held().await.unwrap();
    let mut snapshots = Vec::new();
    for partition in held.keys() {
        snapshots.extend(ledger.clone().load(*partition, Offset(i64::MAX)).await.unwrap());
    }
    Contents {
        totals: ledger.totals(None, None).await.unwrap(),
        externalities: ledger.all_externalities(None, None).await.unwrap(),
        causes: ledger.all_causes(None, None).await.unwrap(),
        fits: ledger.fits(None).await.unwrap(),
        streams: ledger.streams().await.unwrap(),
        gaps: ledger.gaps(1_000).await.unwrap(),
        tallies: ledger.tallies().await.unwrap(),
        held,
        snapshots,
    }
}

/// A commit of one charge, for tests that choose its parts themselves.
pub(crate) fn single(partition: i32, offset: i64, event: &Event<'_>, rated: Rated) -> Commit {
    let mut charges = Charges::default();
    charges.push(place(partition, offset), START, event, rated);
    let ranges = BTreeMap::from([(Partition(partition), range(offset, offset + 1))]);
    Commit { ranges, charges, ..Commit::default() }
}
