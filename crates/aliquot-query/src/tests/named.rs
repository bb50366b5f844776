//! Every named query against its expected table, its header against its columns, and the list against the files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aliquot_core::cause::Cause;
use aliquot_core::money::Usd;
use aliquot_core::usage::Class;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Decimal128Type, Int64Type};

use super::fixture::{Call, at, attribution_of, lake_of, open, totals_of, two_days, two_days_lake};
use crate::{Answer, Engine, Error, Format, Named, named_queries};

fn queries_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../queries")
}

fn expected(name: &str) -> PathBuf {
    queries_dir().join("expected").join(format!("{name}.txt"))
}

/// What a query is asked with, where the whole fixture would be too long to read.
fn params(name: &str) -> Vec<(String, String)> {
    let given: &[(&str, &str)] = match name {
        "reports/hit_rate_by_tenant_minute" => &[("from", "2026-03-01T09:46:00Z"), ("to", "2026-03-01T09:48:00Z")],
        "reports/tenants_before_after" => &[("split", "2026-03-01T09:47:00Z")],
        "reports/bill_change" => {
            &[("before_to", "2026-03-01T09:47:00Z"), ("from", "2026-03-01T09:47:00Z"), ("to", "2026-03-02T00:00:00Z")]
        }
        "reports/noisy_neighbour" => &[("flood_short_share", "0")],
        "reports/rate_limit_blame" => &[("from", "2026-03-02T00:00:00Z")],
        "reports/cost_by_tenant_day" => &[("time_zone", "America/New_York")],
        _ => &[],
    };
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The two days, and a ledger in which one amount is a picodollar off and one is missing, of the money and of its causes.
async fn engine(dir: &Path) -> Engine {
    let mut totals = totals_of(&two_days());
    let off = totals.keys().find(|key| key.class == Class::CacheRead).unwrap().clone();
    let off = totals.get_mut(&off).unwrap();
    off.cost = off.cost.checked_add(Usd::from_pico(1)).unwrap();
    totals.retain(|key, _| key.tenant.is_some());
    let (mut blame, mut causes) = attribution_of(&two_days());
    let off = blame.values_mut().find(|sum| sum.charges > Usd::ZERO).unwrap();
    off.charges = off.charges.checked_add(Usd::from_pico(1)).unwrap();
    causes.retain(|key, _| key.cause != Cause::EvictedSelf);
    open(dir).with_totals(&totals).unwrap().with_attribution(&blame, &causes).unwrap()
}

async fn table(engine: &Engine, name: &str) -> String {
    let mut text = Vec::new();
    let answer = engine.named(name, &params(name)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    answer.write(Format::Table, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn every_query_answers_as_expected() {
    let dir = two_days_lake().await;
    let engine = engine(dir.path()).await;
    for query in named_queries() {
        let path = expected(&query.name);
        let expected = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let found = table(&engine, &query.name).await;
        assert_eq!(found, expected, "{}; if the change is meant, run the ignored test that rewrites", query.name);
    }
}

#[tokio::test]
#[ignore = "rewrites the expected tables; read the difference before it is committed"]
async fn rewrite_the_expected_tables() {
    let dir = two_days_lake().await;
    // The files as they are now, which need not be built in first.
    let engine = engine(dir.path()).await.with_queries(&queries_dir()).unwrap();
    for query in engine.queries() {
        let path = expected(&query.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, table(&engine, &query.name).await).unwrap();
    }
}

#[tokio::test]
async fn on_a_lake_without_rows_every_query_has_its_documented_columns() {
    let dir = lake_of(&[]).await;
    let (blame, causes) = attribution_of(&[]);
    let engine = open(dir.path()).with_totals(&totals_of(&[])).unwrap().with_attribution(&blame, &causes).unwrap();
    for query in named_queries() {
        let answer = engine.named(&query.name, &[]).await.unwrap_or_else(|error| panic!("{}: {error}", query.name));
        let has_total =
            ["reports/reconcile_lake_ledger", "reports/reconcile_attribution", "reports/incurred_and_caused"];
        let rows = usize::from(has_total.contains(&query.name.as_ref()));
        assert_eq!(answer.rows(), rows, "{}", query.name);
        let columns: Vec<_> = answer.schema.fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(documented_columns(query), columns, "{}", query.name);
    }
}

fn documented_columns(query: &Named) -> Vec<String> {
    let header = query.header();
    let lines = header.lines().skip_while(|line| *line != "Columns:").skip(1).take_while(|line| line.starts_with("  "));
    let first = lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    first.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn every_file_is_listed_and_every_header_is_whole() {
    let files: BTreeSet<_> = Named::read(&queries_dir()).unwrap().into_iter().map(|query| query.name).collect();
    let listed: BTreeSet<_> = named_queries().iter().map(|query| query.name.clone()).collect();
    assert_eq!(files, listed);
    assert!(named_queries().is_sorted_by(|left, right| left.name < right.name));
    for query in named_queries() {
        let header = query.header();
        let mut rest = header.lines();
        for part in ["Question: ", "Grain: ", "Inputs: ", "param: ", "Columns:", "Who acts: "] {
            assert!(rest.any(|line| line.starts_with(part)), "{} has no `{part}` in its place", query.name);
        }
        assert!(query.question().ends_with('?'), "{}", query.name);
        for parameter in query.parameters().unwrap() {
            assert!(query.sql.contains(&format!("${}", parameter.name)), "{}: {}", query.name, parameter.name);
            assert!(!parameter.meaning.is_empty(), "{}: {}", query.name, parameter.name);
        }
    }
}

#[test]
fn the_reconciliation_knows_every_class() {
    let query = named_queries().iter().find(|query| query.name == "reports/reconcile_lake_ledger").unwrap();
    let names: Vec<_> = Class::ALL.iter().map(|class| format!("'{}'", class.name())).collect();
    let listed = query.sql.split_once("unnest(make_array(").unwrap().1.split_once(')').unwrap().0;
    let listed: Vec<_> = listed.split(',').map(str::trim).take(names.len()).collect();
    assert_eq!(listed, names, "in the order of the sums");
    let summed = query.sql.split_once(") AS quantities").unwrap().0;
    let place = |class| summed.find(&format!("sum({})", aliquot_lake::quantity_column(class))).unwrap();
    assert!(Class::ALL.map(place).is_sorted());
}

fn last<'a>(answer: &'a Answer, column: &str) -> &'a dyn datafusion::arrow::array::Array {
    answer.batches.last().unwrap().column_by_name(column).unwrap().as_ref()
}

#[tokio::test]
async fn equal_stores_reconcile_to_one_line() {
    let mut calls = two_days();
    let every_class = Class::ALL.into_iter().zip(1_u64..).map(|(class, number)| (class, number * 1_000_003));
    calls.push(Call { parts: every_class.collect(), ..calls[0].clone() });
    let dir = lake_of(&calls).await;
    let engine = open(dir.path()).with_totals(&totals_of(&calls)).unwrap();
    let answer = engine.named("reports/reconcile_lake_ledger", &[]).await.unwrap();
    assert_eq!(answer.rows(), 1);
    assert_eq!(last(&answer, "different").as_primitive::<Int64Type>().values(), &[0]);
    let whole: Usd = totals_of(&calls).values().map(|total| total.cost).sum();
    for side in ["lake", "ledger"] {
        assert_eq!(last(&answer, side).as_primitive::<Decimal128Type>().values(), &[whole.pico()]);
    }
    // Of each hour with its tenants and models: quantities by class, and costs by part.
    assert_eq!(last(&answer, "compared").as_primitive::<Int64Type>().values(), &[71]);

    // Each class alone must be missed, in quantity and, where it has a price, in money.
    for class in Class::ALL {
        let mut totals = totals_of(&calls);
        totals.retain(|key, _| key.class != class);
        let answer = open(dir.path()).with_totals(&totals).unwrap().named("reports/reconcile_lake_ledger", &[]).await;
        assert!(answer.unwrap().rows() >= 3, "{}", class.name());
    }
}

#[tokio::test]
async fn a_fall_is_dated_to_its_minute_and_noise_is_not_a_fall() {
    // The rate of each minute varies by a few points around 60 %, and falls to 20 % within minute 30.
    let noisy = |falls: bool| {
        let calls = (0..60_i64).map(move |minute| {
            let noise = (minute.unsigned_abs() * 7_919) % 700;
            let base = if falls && minute >= 30 { 2_000 } else { 6_000 };
            Call::cached(at(5, 7, minute, 30), "acme", "d-1", base + noise, 10_000)
        });
        calls.collect::<Vec<_>>()
    };
    let since = |answer: &Answer| {
        let column = answer.batches.first().unwrap().column_by_name("since").unwrap();
        column.as_primitive::<datafusion::arrow::datatypes::TimestampMicrosecondType>().value(0)
    };
    let few = [("min_tokens".to_owned(), "50000".to_owned())];
    let dir = lake_of(&noisy(true)).await;
    let answer = open(dir.path()).named("anomalies/hit_rate_drop", &few).await.unwrap();
    assert_eq!(answer.rows(), 3, "the fleet, its one domain and its one tenant");
    assert_eq!(since(&answer), at(5, 7, 30, 0).0);
    let many = [("min_tokens".to_owned(), "500000".to_owned())];
    assert_eq!(open(dir.path()).named("anomalies/hit_rate_drop", &many).await.unwrap().rows(), 0);
    let dir = lake_of(&noisy(false)).await;
    assert_eq!(open(dir.path()).named("anomalies/hit_rate_drop", &few).await.unwrap().rows(), 0);
}

#[tokio::test]
async fn queries_of_a_directory_replace_our_own() {
    let dir = lake_of(&two_days()).await;
    let queries = tempfile::tempdir().unwrap();
    std::fs::create_dir(queries.path().join("mine")).unwrap();
    std::fs::write(queries.path().join("mine/count.sql"), "-- Question: how many?\nSELECT count(*) AS n FROM requests")
        .unwrap();
    let engine = open(dir.path()).with_queries(queries.path()).unwrap();
    assert_eq!(engine.queries().iter().map(|query| query.question()).collect::<Vec<_>>(), ["how many?"]);
    let answer = engine.named("mine/count", &[]).await.unwrap();
    assert_eq!(last(&answer, "n").as_primitive::<Int64Type>().values(), &[i64::try_from(two_days().len()).unwrap()]);
    let error = engine.named("reports/cost_by_tenant_day", &[]).await.unwrap_err();
    assert!(matches!(&error, Error::UnknownQuery { known, .. } if known == "mine/count"), "{error}");
}
