//! What any back end must do with what attribution says: sums of every offset once, exact, in pages, and the newest fits. Names no
//! back end.

use std::collections::BTreeMap;

use aliquot_core::blame::Culprit;
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::commit::Commit;
use aliquot_core::externality::{CauseKey, Externality, ExternalityKey, Fit, Tier};
use aliquot_core::money::Usd;
use aliquot_core::ports::{Fault, Kind, Sink};
use aliquot_core::position::{Offset, Partition};
use aliquot_core::time::{EventTime, Micros};

use super::fixture::{START, attribution, commit, contents, event, fit, range, report, single};
use aliquot_ledger::{CauseFilter, Error, ExternalityFilter, Ledger};

use crate::Store;

const P0: Partition = Partition(0);
const P1: Partition = Partition(1);

/// A filter, and which keys pass it.
type Case<F, K> = (F, fn(&K) -> bool);

fn hour(number: i64) -> EventTime {
    EventTime(START.0 + number * Micros::HOUR.0)
}

/// Blame spelled out: hour, domain, harm, evidence, victim, culprit → quantity, credit quantity, charges, credits, avoidable.
type SpelledBlame = BTreeMap<(i64, String, &'static str, &'static str, String, String), [i128; 5]>;

/// Causes spelled out: hour, domain, tenant, model, cause, evidence → tokens, cost.
type SpelledCauses = BTreeMap<(i64, String, String, String, &'static str, &'static str), [i128; 2]>;

/// What `from..to` of each partition comes to, blame by blame.
fn slow_blame(ranges: &[(i32, i64, i64)]) -> SpelledBlame {
    let mut sum = SpelledBlame::new();
    for (partition, offset) in offsets(ranges) {
        let (event, rated) = event(partition, offset);
        for blame in attribution(offset, whole(&rated)).blames {
            let key = (
                hour(offset / 10).0,
                event.domain.clone().into_owned(),
                blame.harm.name(),
                blame.evidence.name(),
                format!("{:?}", event.tenant.as_deref()),
                format!("{:?}", blame.culprit),
            );
            let sums = sum.entry(key).or_default();
            let (quantity, cost) = (i128::from(blame.quantity), blame.cost.pico());
            sums[if quantity < 0 { 1 } else { 0 }] += quantity.abs();
            sums[if cost < 0 { 3 } else { 2 }] += cost.abs();
            sums[4] += blame.avoidable.pico();
        }
    }
    sum
}

fn slow_causes(ranges: &[(i32, i64, i64)]) -> SpelledCauses {
    let mut sum = SpelledCauses::new();
    for (partition, offset) in offsets(ranges) {
        let (event, rated) = event(partition, offset);
        for part in attribution(offset, whole(&rated)).parts {
            let tenant = format!("{:?}", event.tenant.as_deref());
            let (domain, model) = (event.domain.clone().into_owned(), event.request_model.clone().into_owned());
            let key = (hour(offset / 10).0, domain, tenant, model, part.cause.name(), part.evidence.name());
            let sums = sum.entry(key).or_default();
            sums[0] += i128::from(part.tokens);
            sums[1] += part.cost.pico();
        }
    }
    sum
}

fn offsets(ranges: &[(i32, i64, i64)]) -> impl Iterator<Item = (i32, i64)> {
    ranges.iter().flat_map(|(partition, from, to)| (*from..*to).map(move |offset| (*partition, offset)))
}

fn whole(rated: &aliquot_core::rating::Rated) -> Usd {
    rated.costs.iter().map(|(_, cost)| cost).sum()
}

async fn spelled_blame(ledger: &Ledger) -> SpelledBlame {
    let spell = |(key, sum): (ExternalityKey, Externality)| {
        assert_eq!((key.game, key.cause), (Game::NeighboursAbsent, Cause::EvictedNeighbour));
        let (victim, culprit) = (format!("{:?}", key.victim.as_deref()), format!("{:?}", key.culprit));
        let quantities = [sum.quantity, sum.credit_quantity].map(|quantity| i128::try_from(quantity).unwrap());
        let [quantity, credit] = quantities;
        let amounts = [quantity, credit, sum.charges.pico(), sum.credits.pico(), sum.avoidable.pico()];
        ((key.hour.0, key.domain, key.harm.name(), key.evidence.name(), victim, culprit), amounts)
    };
    ledger.all_externalities(None, None).await.unwrap().into_iter().map(spell).collect()
}

async fn spelled_causes(ledger: &Ledger) -> SpelledCauses {
    let causes = ledger.all_causes(None, None).await.unwrap().into_iter();
    causes
        .map(|(key, sum)| {
            let tenant = format!("{:?}", key.tenant.as_deref());
            let amounts = [i128::try_from(sum.tokens).unwrap(), sum.cost.pico()];
            ((key.hour.0, key.domain, tenant, key.model, key.cause.name(), key.evidence.name()), amounts)
        })
        .collect()
}

#[tokio::test]
async fn sums_are_the_slow_sums_after_restarts_and_replays() {
    let store = Store::new().await;
    let steps = [(0, 0, 40), (1, 0, 7), (0, 40, 41), (1, 7, 90)];
    for (partition, from, to) in steps {
        // A process of its own for each commit, which also says again what was said before.
        let mut ledger = store.open().await;
        ledger.commit(&commit(partition, from, to)).await.unwrap();
        for (partition, from, to) in steps.into_iter().take_while(|step| *step != (partition, from, to)) {
            ledger.commit(&commit(partition, from, to)).await.unwrap();
        }
        ledger.close().await;
    }
    let ledger = store.open().await;
    let whole = [(0, 0, 41), (1, 0, 90)];
    assert_eq!(spelled_blame(&ledger).await, slow_blame(&whole));
    assert_eq!(spelled_causes(&ledger).await, slow_causes(&whole));
    assert_eq!(ledger.fits(None).await.unwrap(), [(fit(0, 41), Offset(41)), (fit(1, 90), Offset(90))]);
}

#[tokio::test]
async fn rows_below_the_position_add_nothing() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    ledger.commit(&commit(0, 0, 30)).await.unwrap();
    let before = contents(&ledger).await;
    ledger.commit(&commit(0, 10, 30)).await.unwrap();
    assert_eq!(contents(&ledger).await, before);
    // Without counts there is nothing to divide, and the rows from the position on are taken.
    let mut uncounted = commit(0, 10, 40);
    uncounted.tallies.clear();
    ledger.commit(&uncounted).await.unwrap();
    assert_eq!(spelled_blame(&ledger).await, slow_blame(&[(0, 0, 40)]));
    assert_eq!(spelled_causes(&ledger).await, slow_causes(&[(0, 0, 40)]));
}

#[tokio::test]
async fn a_number_out_of_range_refuses_the_whole_commit() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let (event, rated) = event(0, 1);
    let huge = Usd::from_pico(i128::MAX / 2 + 1);
    for (offset, expected) in [(0, true), (1, false)] {
        let mut commit = single(0, offset, &event, rated);
        let mut attribution = attribution(1, Usd::ZERO);
        attribution.parts.clear();
        attribution.blames.truncate(1);
        attribution.blames.iter_mut().for_each(|blame| blame.cost = huge);
        commit.charges.attribute_last(&attribution);
        let outcome = ledger.commit(&commit).await;
        assert_eq!(outcome.is_ok(), expected, "{outcome:?}");
        if let Err(error) = outcome {
            assert!(matches!(error, Error::Overflow { .. }) && error.kind() == Kind::Halt, "{error}");
        }
    }
    let held = contents(&ledger).await;
    assert_eq!(held.held, [(P0, Offset(1))].into());
    assert_eq!(held.externalities.into_values().map(|sum| sum.charges).collect::<Vec<_>>(), [huge]);
}

#[tokio::test]
async fn pages_filters_and_hours_are_the_whole_in_order() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    ledger.commit(&commit(0, 0, 100)).await.unwrap();
    ledger.commit(&commit(1, 0, 30)).await.unwrap();
    let all: Vec<_> = ledger.all_externalities(None, None).await.unwrap().into_iter().collect();
    let none = ExternalityFilter::default();
    for rows in [1, 7, all.len(), all.len() + 1] {
        let mut paged: Vec<(ExternalityKey, Externality)> = Vec::new();
        loop {
            let after = paged.last().map(|(key, _)| key.clone());
            let page = ledger.externalities(None, None, &none, after.as_ref(), rows).await.unwrap();
            let last = page.len() < rows;
            paged.extend(page);
            if last {
                break;
            }
        }
        assert!(paged.is_sorted_by_key(|(key, _)| order(key)), "{paged:?}");
        paged.sort_by(|left, right| left.0.cmp(&right.0));
        assert_eq!(paged, all);
    }
    let filters: [Case<ExternalityFilter, ExternalityKey>; 5] = [
        (ExternalityFilter { harm: Some(Harm::Refusal), ..none.clone() }, |key| key.harm == Harm::Refusal),
        (ExternalityFilter { game: Some(Game::Entitlements), ..none.clone() }, |_| false),
        (ExternalityFilter { domain: Some("domain-1".to_owned()), ..none.clone() }, |key| key.domain == "domain-1"),
        (ExternalityFilter { victim: Some("acme".to_owned()), ..none.clone() }, |key| {
            key.victim.as_deref() == Some("acme")
        }),
        (ExternalityFilter { culprit: Some("umbrella".to_owned()), ..none }, |key| {
            key.culprit == Culprit::Tenant("umbrella".to_owned())
        }),
    ];
    for (filter, passes) in filters {
        for (from, to) in [(0, 100), (2, 5), (5, 2), (9, 20), (-3, 0)] {
            let page = ledger.externalities(Some(hour(from)), Some(hour(to)), &filter, None, 10_000).await.unwrap();
            let wanted = all.iter().filter(|(key, _)| hour(from) <= key.hour && key.hour < hour(to) && passes(key));
            let page: BTreeMap<_, _> = page.into_iter().collect();
            assert_eq!(page, wanted.cloned().collect(), "{filter:?} {from}..{to}");
        }
    }
    let hours: Vec<_> = ledger.hours_attributed().await.unwrap().into_iter().collect();
    assert_eq!(hours, (0..10).map(hour).collect::<Vec<_>>());
    let few = ledger.all_externalities(Some(hour(2)), Some(hour(4))).await.unwrap();
    assert_eq!(few, all.iter().filter(|(key, _)| (hour(2)..hour(4)).contains(&key.hour)).cloned().collect());
    causes_are_read_likewise(&ledger).await;
}

async fn causes_are_read_likewise(ledger: &Ledger) {
    let all: Vec<_> = ledger.all_causes(None, None).await.unwrap().into_iter().collect();
    let none = CauseFilter::default();
    let mut paged = Vec::new();
    loop {
        let after: Option<CauseKey> = paged.last().map(|(key, _): &(CauseKey, _)| key.clone());
        let page = ledger.causes(None, None, &none, after.as_ref(), 3).await.unwrap();
        let last = page.len() < 3;
        paged.extend(page);
        if last {
            break;
        }
    }
    paged.sort_by(|left, right| left.0.cmp(&right.0));
    assert_eq!(paged, all);
    let few = ledger.all_causes(Some(hour(2)), None).await.unwrap();
    assert_eq!(few, all.iter().filter(|(key, _)| hour(2) <= key.hour).cloned().collect());
    let filters: [Case<CauseFilter, CauseKey>; 4] = [
        (CauseFilter { cause: Some(Cause::Hit), ..none.clone() }, |key| key.cause == Cause::Hit),
        (CauseFilter { tenant: Some("acme".to_owned()), ..none.clone() }, |key| key.tenant.as_deref() == Some("acme")),
        (CauseFilter { model: Some("m-new".to_owned()), ..none.clone() }, |key| key.model == "m-new"),
        (CauseFilter { domain: Some("domain-0".to_owned()), ..none }, |key| key.domain == "domain-0"),
    ];
    for (filter, passes) in filters {
        let page = ledger.causes(Some(hour(1)), Some(hour(3)), &filter, None, 10_000).await.unwrap();
        let wanted = all.iter().filter(|(key, _)| hour(1) <= key.hour && key.hour < hour(3) && passes(key));
        assert_eq!(page.into_iter().collect::<BTreeMap<_, _>>(), wanted.cloned().collect(), "{filter:?}");
    }
}

/// The ledger's order, said the plain way.
fn order(key: &ExternalityKey) -> impl Ord + use<> {
    let ExternalityKey { hour, domain, game, harm, cause, evidence, victim, culprit } = key.clone();
    let kind = culprit.kind();
    (hour, domain, game.name(), harm.name(), cause.name(), evidence.name(), victim, kind, culprit.tenant())
}

#[tokio::test]
async fn culprits_that_are_no_tenant_are_not_the_tenant_of_that_name() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let culprits = [Culprit::NoTenant, Culprit::Background, Culprit::Tenant(""), Culprit::Tenant("background")];
    let (event, rated) = event(0, 1);
    for (culprit, offset) in culprits.into_iter().zip(0..) {
        let mut commit = single(0, offset, &event, rated);
        let mut attribution = attribution(1, Usd::ZERO);
        attribution.blames.truncate(1);
        attribution.blames.iter_mut().for_each(|blame| blame.culprit = culprit);
        commit.charges.attribute_last(&attribution);
        ledger.commit(&commit).await.unwrap();
    }
    let found: Vec<_> =
        ledger.all_externalities(None, None).await.unwrap().into_keys().map(|key| key.culprit).collect();
    assert_eq!(found.len(), 4);
    assert!(culprits.iter().all(|culprit| found.contains(&culprit.map(str::to_owned))), "{found:?}");
}

#[tokio::test]
async fn the_newest_fit_of_each_cache_is_kept() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let mut step = async |at: i64, fits: Vec<Fit>| {
        let ranges = [(P0, range(at, at + 1)), (P1, range(at, at + 1))].into();
        ledger.commit(&Commit { ranges, fits, streams: vec![report(0, 1, &[])], ..Commit::default() }).await.unwrap();
    };
    let replica = |name: &str| Fit { replica: Some(name.to_owned()), ..fit(0, 1) };
    let full = Fit {
        capacity_blocks: Some(u64::MAX),
        evidence: Evidence::Exact,
        error_ppm: Some(u32::MAX),
        tier: Tier::HardQuota,
        ..replica("b")
    };
    let unknown = Fit { capacity_blocks: None, tier: Tier::Unattributable, ..fit(1, 9) };
    step(0, vec![replica("b"), fit(0, 1), replica(""), unknown.clone()]).await;
    step(1, vec![full.clone()]).await;
    let reader = store.open().await;
    let of_first = [(fit(0, 1), Offset(1)), (replica(""), Offset(1)), (full, Offset(2))];
    assert_eq!(reader.fits(Some("domain-0")).await.unwrap(), of_first);
    assert_eq!(reader.fits(Some("domain-1")).await.unwrap(), [(unknown, Offset(1))]);
    assert_eq!(reader.fits(None).await.unwrap().len(), 4);
    assert_eq!(reader.fits(Some("domain")).await.unwrap(), []);
}
