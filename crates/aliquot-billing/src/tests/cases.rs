//! Contracts and usage that several tests begin with.

use aliquot_core::blame::Culprit;
use aliquot_core::cause::{Cause, Evidence};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::prices::BookId;
use aliquot_core::time::EventTime;
use aliquot_core::usage::Class;
use chrono::DateTime;

use crate::contract::Contract;
use crate::draft::{Draft, Standing, bill};
use crate::exact::Exact;
use crate::exchange::Rates;
use crate::line::Kind;
use crate::period::Period;
use crate::select::Subject;
use crate::slot::{Grain, Slot};
use crate::terms::CachePolicy;
use crate::usage::{Amount, Side, ThrashKey, ThrashRow, Usage, UsageKey, UsageRow};

pub(crate) fn at(rfc3339: &str) -> EventTime {
    EventTime(DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_micros())
}

pub(crate) fn hour(rfc3339: &str) -> Slot {
    Slot::new(at(rfc3339), Grain::Hour).unwrap()
}

pub(crate) fn exact(text: &str) -> Exact {
    text.parse().unwrap()
}

/// A contract of the tenant `acme` for 2026 in dollars and UTC with these further rows.
pub(crate) fn contract(rows: &str) -> Contract {
    try_contract(rows).unwrap_or_else(|error| panic!("{error}\n{rows}"))
}

pub(crate) fn try_contract(rows: &str) -> Result<Contract, String> {
    let defaults = [
        ("id", "acme-2026"),
        ("tenant", "acme"),
        ("start", "2026-01-01"),
        ("end", "2027-01-01"),
        ("currency", "USD"),
        ("zone", "UTC"),
        ("cache_policy", "pass_through"),
    ];
    let names =
        |key: &str| rows.split("[[").next().unwrap().lines().any(|line| line.trim().starts_with(&format!("{key} =")));
    let lines = defaults.iter().filter(|(key, _)| !names(key)).map(|(key, value)| format!("{key} = {value:?}\n"));
    let text = format!("{}{rows}", lines.collect::<String>());
    toml::from_str(&text).map_err(|error| error.message().to_owned())
}

/// A component that prices all usage so.
pub(crate) fn component(pricing: &str) -> String {
    format!("[[component]]\nname = \"all\"\n[[component.price]]\nstart = \"2026-01-01\"\npricing = {pricing}\n")
}

pub(crate) const AT_COST: &str = "{ cost_plus = { percent = \"0\" } }";

pub(crate) fn march(contract: &Contract) -> Period {
    Period::of(contract, 2026, 3).unwrap()
}

pub(crate) fn subject(class: Class) -> Subject {
    Subject { provider: "anthropic".into(), model: "opus".into(), class, feature: None }
}

/// Usage of a class in an hour: quantity × a rate in picodollars, alone as it was.
pub(crate) fn used(start: &str, class: Class, quantity: u64, rate: u64) -> UsageRow {
    let key =
        UsageKey { slot: hour(start), subject: subject(class), rate: Some(Rate::from_pico(rate)), book: BookId(7) };
    let cost = Rate::from_pico(rate).times(quantity).unwrap();
    let amount = Amount { quantity: quantity.into(), cost };
    UsageRow { key, incurred: amount, standalone: Some(amount) }
}

pub(crate) fn harm(start: &str, side: Side, neighbour: &str, policy: CachePolicy, charges: i128) -> ThrashRow {
    let key = ThrashKey {
        slot: hour(start),
        side,
        neighbour: Culprit::Tenant(neighbour.to_owned()),
        neighbour_policy: policy,
        domain: "d".into(),
        cause: Cause::EvictedNeighbour,
        evidence: Evidence::Modelled,
    };
    ThrashRow { key, charges: Usd::from_pico(charges), credits: Usd::ZERO }
}

pub(crate) fn usage(contract: &Contract, rows: Vec<UsageRow>) -> Usage {
    Usage::new("acme", march(contract), rows, vec![], vec![]).unwrap()
}

pub(crate) fn draft(contract: &Contract, rows: Vec<UsageRow>) -> Draft {
    bill(contract, &usage(contract, rows), &Standing::default(), &Rates::default()).unwrap()
}

/// Kind, name, quantity and amount of each line.
pub(crate) fn lines(draft: &Draft) -> Vec<(Kind, String, u128, String)> {
    let line = |line: &crate::line::Line| (line.kind, line.name.clone(), line.quantity, line.amount.to_string());
    draft.lines.iter().map(line).collect()
}
