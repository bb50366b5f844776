//! Questions about causes and blame, with numbers that can be checked by hand: what is wrong is found, what is right adds up.

use aliquot_core::blame::{Attribution, CausePart, Culprit};
use aliquot_core::cause::{Cause, Evidence};
use aliquot_core::commit::Commit;
use aliquot_core::money::Usd;
use aliquot_core::ports::Sink;
use aliquot_core::usage::Class;
use aliquot_lake::Lake;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Decimal128Type, Float64Type};

use super::fixture::{Call, EXTRA, Why, at, attribution_of, blame, commit, lake_of, open, two_days};
use crate::{Answer, BillAsk, Engine, Error, TenantBill};

/// The texts of a column, empty where it is null.
fn texts(answer: &Answer, column: &str) -> Vec<String> {
    let columns = answer.batches.iter().map(|batch| batch.column_by_name(column).unwrap().as_string::<i32>());
    columns.flat_map(|column| column.iter().map(|text| text.unwrap_or_default().to_owned())).collect()
}

/// The amounts of a column in picodollars.
fn picos(answer: &Answer, column: &str) -> Vec<i128> {
    let columns = answer.batches.iter().map(|batch| batch.column_by_name(column).unwrap());
    columns.flat_map(|column| column.as_primitive::<Decimal128Type>().values().to_vec()).collect()
}

/// An engine over the commit and the ledger's sums of these calls.
async fn engine_of(commit: &Commit, ledger: &[Call]) -> (tempfile::TempDir, Engine) {
    let dir = tempfile::tempdir().unwrap();
    Lake::open(dir.path()).await.unwrap().commit(commit).await.unwrap();
    let (blame, causes) = attribution_of(ledger);
    let engine = open(dir.path()).with_attribution(&blame, &causes).unwrap();
    (dir, engine)
}

async fn reconciled(engine: &Engine) -> Answer {
    engine.named("reports/reconcile_attribution", &[]).await.unwrap()
}

#[tokio::test]
async fn equal_stores_reconcile_and_every_missing_sum_is_found() {
    let calls = two_days();
    let (dir, engine) = engine_of(&commit(&calls), &calls).await;
    let answer = reconciled(&engine).await;
    assert_eq!(texts(&answer, "line"), ["total"]);
    assert_eq!(picos(&answer, "lake"), picos(&answer, "ledger"), "both views have one total");

    // Every second sum is missing: each of its amounts is found, and no other.
    for parity in [0, 1] {
        let (mut blame, mut causes) = attribution_of(&calls);
        let keep = |place: &mut usize| {
            *place += 1;
            *place % 2 == parity
        };
        let (mut place, mut expected) = (0, 0);
        causes.retain(|_, sum| {
            let kept = keep(&mut place);
            let amounts = [sum.tokens > 0, sum.cost != Usd::ZERO];
            expected += if kept { 0 } else { amounts.iter().filter(|there| **there).count() };
            kept
        });
        blame.retain(|_, sum| {
            let kept = keep(&mut place);
            let money = [sum.charges, sum.credits, sum.avoidable].map(|amount| amount != Usd::ZERO);
            let amounts = [sum.quantity > 0, sum.credit_quantity > 0].into_iter().chain(money);
            expected += if kept { 0 } else { amounts.filter(|there| *there).count() };
            kept
        });
        let answer = reconciled(&open(dir.path()).with_attribution(&blame, &causes).unwrap()).await;
        let lines = texts(&answer, "line");
        assert_eq!(lines.iter().filter(|line| *line == "difference").count(), expected);
        assert_eq!((lines.len(), expected > 10), (expected + 1, true));
    }
}

/// A call of globex that lost 100 tokens to acme.
fn victim() -> Call {
    let missed = vec![(Cause::EvictedNeighbour, Evidence::Exact, 100)];
    let blames = vec![blame(Culprit::Tenant("acme"), 100, Evidence::Exact)];
    Call { why: Why { missed, blames, saved_alone: None }, ..Call::cached(at(1, 9, 0, 0), "globex", "d-1", 900, 1_000) }
}

#[tokio::test]
async fn parts_that_are_not_the_whole_and_blame_that_is_not_the_part_are_found() {
    let call = victim();
    let charges = commit(std::slice::from_ref(&call)).charges;
    let cost = charges.cost(&charges.rows()[0]);
    let evicted = Usd::from_pico(100 * EXTRA);
    let attribution = |hit: Usd, blamed: i64| Attribution {
        parts: [(Cause::Hit, 900, hit), (Cause::EvictedNeighbour, 100, evicted)]
            .map(|(cause, tokens, cost)| CausePart { cause, runner_up: None, evidence: Evidence::Exact, tokens, cost })
            .to_vec(),
        blames: if blamed == 0 { Vec::new() } else { vec![blame(Culprit::Tenant("acme"), blamed, Evidence::Exact)] },
        standalone: None,
    };
    let rest = cost.checked_sub(evicted).unwrap();
    let off = rest.checked_sub(Usd::from_pico(1)).unwrap();
    for (attribution, expected, difference) in [
        (attribution(rest, 100), "total", 0),
        (attribution(off, 100), "request", 1),
        (attribution(rest, 99), "blame", EXTRA),
        (attribution(rest, 0), "blame", evicted.pico()),
    ] {
        let mut commit = commit(std::slice::from_ref(&call));
        commit.charges.attribute_last(&attribution);
        let dir = tempfile::tempdir().unwrap();
        Lake::open(dir.path()).await.unwrap().commit(&commit).await.unwrap();
        let sums = aliquot_core::externality::externalities(&commit.charges, commit.charges.rows());
        let causes = aliquot_core::externality::cause_totals(&commit.charges, commit.charges.rows());
        let answer = reconciled(&open(dir.path()).with_attribution(&sums, &causes).unwrap()).await;
        assert_eq!(texts(&answer, "line")[0], expected, "{attribution:?}");
        assert_eq!(picos(&answer, "difference")[0], difference, "{attribution:?}");
        // The totals of the two views differ by what nobody is blamed for.
        let (incurred, caused) = (*picos(&answer, "lake").last().unwrap(), *picos(&answer, "ledger").last().unwrap());
        assert_eq!(incurred - caused, if expected == "blame" { difference } else { 0 });
    }
}

#[tokio::test]
async fn both_views_have_one_total_under_either_game() {
    let dir = lake_of(&two_days()).await;
    for game in ["g1", "e"] {
        let params = [("game".to_owned(), game.to_owned())];
        let answer = open(dir.path()).named("reports/incurred_and_caused", &params).await.unwrap();
        let (incurred, caused) = (picos(&answer, "incurred_usd"), picos(&answer, "caused_usd"));
        assert_eq!(texts(&answer, "line").last().unwrap(), "total");
        let rows = incurred.len() - 1;
        assert_eq!(incurred[..rows].iter().sum::<i128>(), incurred[rows]);
        assert_eq!(caused[..rows].iter().sum::<i128>(), incurred[rows], "{game}");
        assert_eq!(caused[rows], incurred[rows], "{game}");
        let acme = texts(&answer, "tenant").iter().position(|tenant| tenant == "acme").unwrap();
        // 23 requests of globex lost 6,000 tokens, of which the neighbour's entitlement excuses 4,000.
        let tokens = if game == "g1" { 6_000 } else { 2_000 };
        assert_eq!(picos(&answer, "to_others_usd")[acme], 23 * tokens * EXTRA, "{game}");
    }
}

#[tokio::test]
async fn a_flood_of_short_requests_is_told_from_a_large_neighbour() {
    let flood = |output, read| Call {
        parts: vec![(Class::Uncached, 5_000), (Class::CacheRead, read), (Class::Output, output)],
        ..Call::cached(at(1, 9, 0, 30), "acme", "d-1", 0, 5_000)
    };
    for (own, ratio, is_flood) in [
        (vec![flood(1, 50)], 2.0, true),
        (vec![flood(1, 200)], 0.5, false),
        (vec![flood(900, 50)], 2.0, false),
        (vec![flood(1, 25), flood(900, 25)], 2.0, true),
        (vec![flood(1, 10), flood(900, 20), flood(900, 20)], 2.0, false),
    ] {
        let calls: Vec<_> = own.into_iter().chain([victim()]).collect();
        let dir = lake_of(&calls).await;
        let params = [("bucket".to_owned(), "minute".to_owned())];
        let answer = open(dir.path()).named("reports/noisy_neighbour", &params).await.unwrap();
        assert_eq!(texts(&answer, "culprit"), ["acme"]);
        let batch = answer.batches.first().unwrap();
        let found = batch.column_by_name("harm_ratio").unwrap().as_primitive::<Float64Type>().value(0);
        assert!((found - ratio).abs() < 1e-9, "{found} is not {ratio}");
        assert_eq!(batch.column_by_name("is_flood").unwrap().as_boolean().value(0), is_flood, "{calls:?}");
    }
}

/// A small generator of numbers; the seed is the case.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn random_call(numbers: &mut Numbers) -> Call {
    let prompt = 1 + numbers.below(5_000);
    let read = numbers.below(prompt);
    let tenant = [Some("acme"), Some("globex"), None][usize::try_from(numbers.below(3)).unwrap()];
    let model = ["m-large", "m-small"][usize::try_from(numbers.below(2)).unwrap()];
    let minute = i64::try_from(numbers.below(60)).unwrap();
    let mut missed = Vec::new();
    let mut left = prompt - read;
    for cause in [Cause::NewContent, Cause::TtlExpired, Cause::EvictedNeighbour] {
        let tokens = numbers.below(left + 1);
        missed.push((cause, Evidence::Exact, tokens));
        left -= tokens;
    }
    if numbers.below(4) == 0 {
        missed.clear();
    }
    let parts = vec![
        (Class::Uncached, prompt - read),
        (Class::CacheRead, read),
        (Class::Output, numbers.below(900)),
        (Class::WebSearches, numbers.below(3)),
    ];
    let why = Why { missed, ..Why::default() };
    Call { tenant, model, parts, why, ..Call::cached(at(1, 9, minute, 0), "acme", "d-1", 0, 0) }
}

fn half_hours() -> BillAsk {
    let [before_from, from, to] = [at(1, 9, 0, 0), at(1, 9, 30, 0), at(1, 10, 0, 0)];
    BillAsk { before_from, before_to: from, from, to, tenant: None }
}

#[tokio::test]
async fn effects_of_random_bills_sum_to_their_changes() {
    for seed in 0..4 {
        let mut numbers = Numbers(seed);
        let calls: Vec<_> = (0..60).map(|_| random_call(&mut numbers)).collect();
        let dir = lake_of(&calls).await;
        let bills = open(dir.path()).bill_change(&half_hours()).await.unwrap();
        assert_eq!(
            bills.iter().map(|(tenant, _)| tenant.as_deref()).collect::<Vec<_>>(),
            [None, Some("acme"), Some("globex")]
        );
        let whole = commit(&calls);
        for (tenant, bill) in &bills {
            let cost = |is_after: bool| -> Usd {
                let rows = whole.charges.rows().iter();
                let own = rows.filter(|row| row.tenant.map(|name| whole.charges.names.text(name)) == tenant.as_deref());
                own.filter(|row| (row.time >= half_hours().from) == is_after).map(|row| whole.charges.cost(row)).sum()
            };
            assert_eq!((bill.before, bill.after), (cost(false), cost(true)), "{tenant:?}");
            assert_eq!(bill.sum(), bill.after.checked_sub(bill.before), "{tenant:?}: {bill:?}");
            assert!(bill.hit_rate.contains_key(&None) && bill.hit_rate.contains_key(&Some(Cause::EvictedNeighbour)));
        }
        let ask = BillAsk { tenant: Some("acme".to_owned()), ..half_hours() };
        let alone: Vec<TenantBill> = open(dir.path()).bill_change(&ask).await.unwrap();
        assert_eq!(alone, bills[1..2]);
    }
}

#[tokio::test]
async fn sums_over_causes_know_nothing_from_unknown() {
    let unasked = Call::cached(at(1, 9, 0, 0), "acme", "d-1", 1, 2);
    let dir = lake_of(&[victim(), unasked]).await;
    let engine = open(dir.path());
    let sql = "SELECT cause_cost(causes) = cost_usd AS whole, cause_cost(causes, 'evicted_neighbour') AS evicted, \
               cause_tokens(causes, 'reset') AS reset, cause_tokens(causes) AS tokens FROM requests ORDER BY tenant DESC";
    let answer = engine.sql(sql, &[]).await.unwrap();
    let mut csv = Vec::new();
    answer.write(crate::Format::Csv, &mut csv).unwrap();
    assert_eq!(String::from_utf8(csv).unwrap(), "whole,evicted,reset,tokens\ntrue,0.000270000000,0,1000\n,,,\n");
    for wrong in ["cause_cost(tenant)", "cause_cost()", "cause_tokens(causes, 1)", "bill_effects(1)"] {
        let error = engine.sql(&format!("SELECT {wrong} FROM requests"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::Sql(_)), "{wrong}: {error}");
    }
    let error = engine.sql("SELECT bill_effects(causes) FROM requests", &[]).await.unwrap_err();
    assert!(error.to_string().contains("reports/bill_change"), "{error}");
}
