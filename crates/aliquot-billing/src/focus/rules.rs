//! The rules of the specification that rows of usage have to keep, as a validator checks them. Mends nothing.

use std::collections::BTreeMap;

use super::columns::{Column, Type};
use super::row::{Row, Value};
use super::words;

const NEVER_NULL: [&str; 16] = [
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingCurrency",
    "ServiceCategory",
    "ServiceName",
];

const WITH_A_PRICE: [&str; 7] = [
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "SkuId",
    "SkuPriceId",
];

const CATEGORIES: [&str; 5] = [words::USAGE, words::PURCHASE, words::TAX, words::CREDIT, words::ADJUSTMENT];

/// The rules that rows of CostAndUsage break, each with the number of its row; empty if all is well.
pub fn broken(rows: &[Row]) -> Vec<String> {
    let mut found = Vec::new();
    let mut skus = BTreeMap::<String, String>::new();
    for (row, number) in rows.iter().zip(1_usize..) {
        let rules = [types(row), nulls(row), prices(row), charges(row)];
        found.extend(rules.into_iter().flatten().map(|rule| format!("row {number}: {rule}")));
        let sku = |name| row.get(name).written();
        if let Some((price, sku)) = sku("SkuPriceId").zip(sku("SkuId"))
            && skus.entry(price.clone()).or_insert_with(|| sku.clone()) != &sku
        {
            found.push(format!("row {number}: {price} is of two SkuId"));
        }
    }
    found
}

fn types(row: &Row) -> Vec<String> {
    let fits = |column: &Column| match (column.holds, row.get(column.name)) {
        (_, Value::Null) => true,
        (Type::Text, Value::Text(text)) => !text.trim().is_empty(),
        (Type::Decimal, Value::Decimal(number)) => number.fits(u32::MAX),
        (Type::Time, Value::Time(time)) => time.0.rem_euclid(1_000_000) == 0,
        (Type::Json, Value::Json(names)) => !names.is_empty(),
        _ => false,
    };
    let wrong = row.columns().iter().filter(|column| !fits(column));
    wrong.map(|column| format!("{} is not of its type", column.name)).collect()
}

fn nulls(row: &Row) -> Vec<String> {
    let is_null = |name: &str| *row.get(name) == Value::Null;
    let mut found: Vec<_> =
        NEVER_NULL.iter().filter(|name| is_null(name)).map(|name| format!("{name} is null")).collect();
    for (quantity, unit) in [("PricingQuantity", "PricingUnit"), ("ConsumedQuantity", "ConsumedUnit")] {
        if is_null(quantity) != is_null(unit) {
            found.push(format!("{quantity} and {unit} are not null together"));
        }
    }
    for (needed, name) in [("SkuId", "SkuMeter"), ("SkuPriceId", "SkuPriceDetails")] {
        if is_null(needed) && !is_null(name) {
            found.push(format!("{name} without {needed}"));
        }
    }
    found
}

fn prices(row: &Row) -> Vec<String> {
    let mut found = Vec::new();
    for (cost, price) in [("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice")] {
        let product =
            row.number(price).zip(row.number("PricingQuantity")).map(|(price, quantity)| price.times(quantity));
        if product.is_some_and(|product| Some(&product) != row.number(cost))
            && !is(row, "ChargeClass", words::CORRECTION)
        {
            found.push(format!("{cost} is not {price} × PricingQuantity"));
        }
        if row.number(price).is_some_and(crate::exact::Exact::is_negative) {
            found.push(format!("{price} is negative"));
        }
    }
    found
}

fn is(row: &Row, name: &str, word: &str) -> bool {
    matches!(row.get(name), Value::Text(text) if text == word)
}

fn charges(row: &Row) -> Vec<String> {
    let mut found = Vec::new();
    let is_null = |name: &&&str| *row.get(name) == Value::Null;
    let category = CATEGORIES.iter().find(|word| is(row, "ChargeCategory", word));
    let has_a_price = [words::USAGE, words::PURCHASE].iter().any(|word| category == Some(word));
    if category.is_none() {
        found.push("ChargeCategory is none of the five".to_owned());
    }
    if has_a_price && !is(row, "ChargeClass", words::CORRECTION) {
        found.extend(WITH_A_PRICE.iter().filter(is_null).map(|name| format!("{name} is null with a price")));
    }
    if is(row, "ChargeCategory", words::TAX) {
        let there = WITH_A_PRICE.iter().filter(|name| !is_null(name));
        found.extend(there.map(|name| format!("{name} is not null for a tax")));
    }
    if !is(row, "ChargeCategory", words::USAGE) && !is_null(&&"ConsumedQuantity") {
        found.push("ConsumedQuantity is not null, and it is no usage".to_owned());
    }
    if is(row, "ChargeCategory", words::PURCHASE) && is(row, "ChargeFrequency", "Usage-Based") {
        found.push("a purchase is not usage-based".to_owned());
    }
    found
}
