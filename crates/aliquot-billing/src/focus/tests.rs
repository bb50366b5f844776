//! Rows of a bill with a line of nearly every kind, held against the rules of the specification.

use aliquot_core::capacity::LineKind;
use aliquot_core::money::Usd;
use aliquot_core::usage::Class;

use super::*;
use crate::digest::Digest;
use crate::draft::{Draft, Standing, bill};
use crate::exact::Exact;
use crate::exchange::Rates;
use crate::invoice::{ChainEnd, Change, Evidence, Issued, Slip, finalize};
use crate::line::{Kind, Line};
use crate::settle::settle;
use crate::terms::CachePolicy;
use crate::tests::cases::{at, contract, exact, harm, hour, march, used};
use crate::usage::{IdleKey, IdleRow, Side, Usage};

/// A German tenant in force on 22 of 31 days: at cost plus 7.5 %, at a day's rate; packages; tiers with fees; a minimum whose share has no
/// end as a decimal; harm, idle time, discount, credit, tax, correction and carry.
fn everything() -> Draft {
    let rows = "start = \"2026-03-10\"\nend = \"2026-07-01\"\nproration = \"daily\"\ncurrency = \"EUR\"\nzone = \"Europe/Berlin\"\n\
        cache_policy = \"causer_pays\"\nexchange = { on = \"usage_day\", max_age_days = 31 }\nminimum = { amount = \"100\" }\n\
        [[component]]\nname = \"cost\"\nselect = { class = [\"uncached\", \"cache_*\"] }\n[[component.price]]\n\
        start = \"2026-03-10\"\npricing = { cost_plus = { percent = \"7.5\" } }\n\
        [[component]]\nname = \"packages\"\nselect = { class = [\"requests\"] }\n[[component.price]]\n\
        start = \"2026-03-10\"\npricing = { package = { size = 10, price = \"0.3\" } }\n\
        [[component]]\nname = \"output\"\nfree_units = 310\n[[component.price]]\nstart = \"2026-03-10\"\n\
        pricing = { graduated = { per = 1000, tiers = [{ up_to = 500, price = \"2\", fee = \"1\" }, { price = \"1\" }] } }\n\
        [[discount]]\nname = \"ten\"\ntake = { percent = \"10\" }\n\
        [[credit]]\nid = \"gift\"\namount = \"5\"\nstart = \"2026-01-01\"\n\
        [[tax]]\nname = \"VAT\"\npercent = \"19\"\nstart = \"2026-01-01\"\n";
    let contract = contract(rows);
    let (first, second) = ("2026-03-10T10:00:00Z", "2026-03-31T10:00:00Z");
    let used = [
        used(first, Class::Uncached, 1000, 3_000_000),
        used(second, Class::CacheRead, 777, 300_001),
        used(first, Class::Requests, 11, 0),
        used(first, Class::Output, 400, 1),
        used(second, Class::Output, 900, 1),
    ];
    let harms =
        [Side::Suffered, Side::Caused].map(|side| harm(first, side, "rival", CachePolicy::CauserPays, 1_000_000_007));
    let key = IdleKey { slot: hour(second), kind: LineKind::Idle, gpu_type: "H100".to_owned() };
    let idle = IdleRow { key, cost: Usd::from_pico(123_456_789_012) };
    let usage = Usage::new("acme", march(&contract), used.to_vec(), harms.to_vec(), vec![idle]).unwrap();
    let mut rates = Rates::default();
    for (date, rate) in [("2026-03-09", "0.9137"), ("2026-03-31", "0.87")] {
        rates.insert("EUR".parse().unwrap(), date.parse().unwrap(), exact(rate)).unwrap();
    }
    let adjustments = vec![Line::flat(Kind::Adjustment, "invoice 3", exact("-1.25"))];
    let standing = Standing { adjustments, carried: exact("0.0011"), ..Standing::default() };
    bill(&contract, &usage, &standing, &rates).unwrap()
}

fn issued() -> Issued {
    let evidence = Evidence { watermark: at("2026-04-01T00:00:00Z"), gaps: vec![], override_: None };
    finalize(everything(), evidence, None, &ChainEnd::new("Operator"), at("2026-04-02T00:00:00Z")).unwrap()
}

fn rows(version: Version, number: Option<u64>) -> (Vec<Row>, Exact) {
    let draft = everything();
    let settlement = settle(&draft).unwrap();
    let bill = Bill { draft: &draft, settlement: &settlement, number, issuer: "Operator", account_name: Some("Acme") };
    (cost_and_usage(version, &bill), usage::payable(&bill))
}

fn sum(rows: &[Row]) -> Exact {
    Exact::sum(rows.iter().filter_map(|row| row.number("BilledCost")))
}

#[test]
fn every_rule_is_kept_and_the_rows_sum_to_the_invoice() {
    for version in [Version::V1_2, Version::V1_4] {
        let (rows, payable) = rows(version, Some(4));
        assert_eq!(broken(&rows), Vec::<String>::new());
        assert_eq!(sum(&rows), payable);
        for category in ["Usage", "Purchase", "Tax", "Credit", "Adjustment"] {
            let has = |row: &Row| *row.get("ChargeCategory") == Value::Text(category.to_owned());
            assert!(rows.iter().any(has), "no row of {category}");
        }
        let columns: Vec<_> = rows[0].columns().iter().map(|column| column.name).collect();
        assert!(columns.is_sorted() && columns.len() == if version == Version::V1_2 { 57 } else { 65 });
    }
}

#[test]
fn a_row_reads_as_the_specification_wants() {
    let (all, _) = rows(Version::V1_4, Some(4));
    let row = all.iter().find(|row| *row.get("SkuMeter") == Value::Text("cache_read".to_owned())).unwrap();
    let written = |name: &str| row.get(name).written().unwrap_or_default();
    // 777 × 300,001 picodollars = 0.000233100777 $; at 1.075 × 0.87 = 0.93525.
    for (name, expected) in [
        ("PricingQuantity", "0.000233100777"),
        ("ContractedUnitPrice", "0.93525"),
        ("BilledCost", "0.00021800750168925"),
        ("ConsumedQuantity", "777"),
        ("ConsumedUnit", "Tokens"),
        ("ChargePeriodStart", "2026-03-30T22:00:00Z"),
        ("ChargePeriodEnd", "2026-03-31T22:00:00Z"),
        ("BillingPeriodStart", "2026-03-09T23:00:00Z"),
        ("SkuPriceDetails", "{\"x_TokenCacheAction\":\"Read\",\"x_TokenDirection\":\"Input\"}"),
        ("InvoiceDetailId", "4-2"),
        ("HostProviderName", "anthropic"),
        ("ServiceProviderName", "Operator"),
    ] {
        assert_eq!(written(name), expected, "{name}");
    }
    let (provisional, _) = rows(Version::V1_4, None);
    assert!(provisional.iter().all(|row| *row.get("InvoiceId") == Value::Null));
}

#[test]
fn corrections_and_shared_costs_are_marked() {
    let (all, _) = rows(Version::V1_4, Some(4));
    let with = |column: &str, word: &str| {
        all.iter().filter(|row| row.get(column).written().as_deref() == Some(word)).collect::<Vec<_>>()
    };
    assert_eq!(with("ChargeClass", "Correction").len(), 1, "the adjustment, and neither carry nor rounding");
    let harm = with("AllocatedMethodId", "cache-thrash-shapley-shubik");
    assert_eq!(
        Exact::sum(harm.iter().filter_map(|row| row.number("BilledCost"))),
        Exact::zero(),
        "as much suffered as caused"
    );
    assert_eq!((harm.len(), with("AllocatedMethodId", "idle-time").len()), (2, 1));
}

#[test]
fn details_sum_to_the_invoice_and_notes_refer_to_it() {
    let issued = issued();
    let details = invoice_detail(&issued, None, &Terms::default());
    let payable = issued.billed().unwrap().settlement.payable_minor;
    assert_eq!((sum(&details), details.len()), (Exact::ratio(payable, 100).unwrap(), everything().lines.len()));
    let slip = Slip { key: "a".to_owned(), amount_minor: 100, reason: "goodwill".to_owned() };
    let change = issued.credit(&slip, &ChainEnd::after(&issued.document), at("2026-04-03T00:00:00Z")).unwrap();
    let Change::Done(_, Some(note)) = change else { panic!("{change:?}") };
    let [row] = &invoice_detail(&issued, Some(&note), &Terms::default())[..] else { panic!("one row") };
    let written = ["InvoiceId", "ReferenceInvoiceId", "BilledCost"].map(|name| row.get(name).written().unwrap());
    assert_eq!(written, ["2", "1", "-1"]);
    assert_ne!(issued.hash, Digest::NONE);
}

#[test]
fn a_period_is_open_or_closed() {
    let period = everything().period;
    let row = billing_period(&period, "Operator", PeriodStatus::Closed, (period.start, period.end));
    assert_eq!(row.values().filter(|value| **value != Value::Null).count(), 6);
    assert_eq!(row.get("BillingPeriodStatus").written().as_deref(), Some("Closed"));
}

#[test]
fn every_rule_can_be_broken() {
    let breaks = |alter: fn(&mut Row), rule: &str| {
        let (mut rows, _) = rows(Version::V1_4, Some(4));
        let row = rows.iter_mut().find(|row| row.get("SkuMeter").written().as_deref() == Some("cache_read")).unwrap();
        alter(row);
        let found = broken(&rows);
        assert!(found.iter().any(|found| found.contains(rule)), "no {rule:?} in {found:?}");
    };
    breaks(|row| row.set("BilledCost", Value::Null), "BilledCost is null");
    breaks(|row| row.set("ListCost", Value::Decimal(exact("1"))), "ListCost is not ListUnitPrice × PricingQuantity");
    breaks(|row| row.set("ListUnitPrice", Value::Decimal(exact("-1"))), "ListUnitPrice is negative");
    breaks(|row| row.set("ListUnitPrice", Value::Null), "ListUnitPrice is null with a price");
    breaks(|row| row.set("PricingUnit", Value::Null), "not null together");
    breaks(|row| row.set("ChargeCategory", Value::text("Other")), "none of the five");
    breaks(|row| row.set("ChargeCategory", Value::text("Tax")), "SkuId is not null for a tax");
    breaks(|row| row.set("ChargeCategory", Value::text("Purchase")), "a purchase is not usage-based");
    breaks(|row| row.set("SkuId", Value::Null), "SkuMeter without SkuId");
    breaks(|row| row.set("EffectiveCost", Value::Decimal(exact("1/3"))), "EffectiveCost is not of its type");
    breaks(
        |row| row.set("ChargePeriodStart", Value::Time(aliquot_core::time::EventTime(1))),
        "ChargePeriodStart is not of its type",
    );
}
