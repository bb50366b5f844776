//! Months of zones whose clocks do unusual things.

use aliquot_core::usage::Class;

use super::cases::{AT_COST, at, component, contract, hour, used};
use crate::contract::Contract;
use crate::period::Period;
use crate::refusal::Refusal;
use crate::slot::{Grain, Slot};
use crate::spelling::rfc3339;
use crate::usage::Usage;

fn in_zone(zone: &str) -> Contract {
    let rows = format!("zone = \"{zone}\"\nstart = \"2000-01-01\"\nend = \"2040-01-01\"\n{}", component(AT_COST));
    contract(
        &rows.replace("[[component.price]]\nstart = \"2026-01-01\"", "[[component.price]]\nstart = \"2000-01-01\""),
    )
}

/// Zone, month, its first instant and the one after it, its days, and its hours: by the clocks' history.
/// Santiago goes back at the end of Saturday, 2026-04-04 (30 × 24 + 1) and forward over the midnight of Sunday, 2026-09-06 (30 × 24 − 1);
/// Kathmandu is 5:45 ahead; Apia had no 2011-12-30; Asunción's October 2017 began at 01:00; Havana's November 2020 had two first
/// midnights, an hour apart; Lord Howe's clock moves by half an hour.
#[test]
fn months_begin_and_end_where_the_clocks_say() {
    let cases = [
        ("UTC", 2026, 2, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", 28, 28 * 24 * 60),
        ("America/Santiago", 2026, 4, "2026-04-01T03:00:00Z", "2026-05-01T04:00:00Z", 30, 721 * 60),
        ("America/Santiago", 2026, 9, "2026-09-01T04:00:00Z", "2026-10-01T03:00:00Z", 30, 719 * 60),
        ("Asia/Kathmandu", 2026, 3, "2026-02-28T18:15:00Z", "2026-03-31T18:15:00Z", 31, 744 * 60),
        ("Pacific/Apia", 2011, 12, "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z", 30, 720 * 60),
        ("America/Asuncion", 2017, 10, "2017-10-01T04:00:00Z", "2017-11-01T03:00:00Z", 31, 743 * 60),
        ("America/Havana", 2020, 11, "2020-11-01T04:00:00Z", "2020-12-01T05:00:00Z", 30, 721 * 60),
        ("Australia/Lord_Howe", 2026, 4, "2026-03-31T13:00:00Z", "2026-04-30T13:30:00Z", 30, 720 * 60 + 30),
        ("Europe/Berlin", 2026, 3, "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", 31, 743 * 60),
    ];
    for (zone, year, month, start, end, days, minutes) in cases {
        let period = Period::of(&in_zone(zone), year, month).unwrap();
        assert_eq!((rfc3339(period.start), rfc3339(period.end)), (start.to_owned(), end.to_owned()), "{zone} {month}");
        assert_eq!((period.days, (period.end.0 - period.start.0) / 60_000_000), (days, minutes), "{zone} {month}");
        let borders: Vec<_> = period.days().iter().flat_map(|day| [day.start, day.end]).collect();
        let inner: Vec<_> = borders[1..borders.len() - 1].chunks(2).map(|pair| (pair[0] == pair[1], pair[0])).collect();
        assert!(inner.iter().all(|(meets, _)| *meets), "{zone}: days leave no instant out and share none");
        assert_eq!((borders[0], borders[borders.len() - 1]), (period.start, period.end));
    }
}

#[test]
fn periods_of_a_zone_follow_one_another() {
    for zone in ["America/Santiago", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"] {
        let contract = in_zone(zone);
        let months = (2009..2030).flat_map(|year| (1..=12).map(move |month| (year, month)));
        let periods: Vec<_> = months.map(|(year, month)| Period::of(&contract, year, month).unwrap()).collect();
        for pair in periods.windows(2) {
            assert_eq!(pair[0].end, pair[1].start, "{zone} {}", pair[1].first);
            assert_eq!(Period::at(&contract, pair[1].start).unwrap(), pair[1]);
        }
    }
}

#[test]
fn a_border_inside_an_hour_asks_for_quarters() {
    let contract = in_zone("Asia/Kathmandu");
    let period = Period::of(&contract, 2026, 3).unwrap();
    let splits = period.splits();
    assert_eq!((splits.len(), splits[0]), (32, hour("2026-02-28T18:00:00Z")));
    let with = |slot: Slot| {
        let mut row = used("2026-03-10T00:00:00Z", Class::Output, 1, 1);
        row.key.slot = slot;
        Usage::new("acme", period.clone(), vec![row], vec![], vec![])
    };
    for (start, is_in) in [("18:00", None), ("18:15", Some("2026-03-01")), ("18:45", Some("2026-03-01"))] {
        let slot = Slot::new(at(&format!("2026-02-28T{start}:00Z")), Grain::Quarter).unwrap();
        let date = with(slot).ok().map(|usage| usage.rows()[0].0.to_string());
        assert_eq!(date.as_deref(), is_in, "{start}");
    }
    let midnight = at("2026-02-28T18:15:00Z");
    assert!(
        matches!(with(hour("2026-02-28T18:00:00Z")), Err(Refusal::Straddles { midnight: at, .. }) if at == midnight)
    );
    assert!(matches!(with(hour("2026-03-05T18:00:00Z")), Err(Refusal::Straddles { .. })), "any day's border");
    assert!(matches!(with(hour("2026-03-31T18:00:00Z")), Err(Refusal::Straddles { .. })), "the last one too");
    assert!(matches!(with(hour("2026-03-31T19:00:00Z")), Err(Refusal::Outside { .. })));
    assert_eq!(with(hour("2026-03-05T19:00:00Z")).unwrap().rows()[0].0.to_string(), "2026-03-06");
    assert!(Period::of(&in_zone("America/Santiago"), 2026, 9).unwrap().splits().is_empty());
}

/// A contract from the 10th to before the 20th of March covers 10 of 31 days; usage on the 20th is refused by name.
#[test]
fn a_contract_that_ends_inside_a_month_cuts_the_period() {
    let contract = contract(&format!("start = \"2026-03-10\"\nend = \"2026-03-20\"\n{}", component(AT_COST)));
    let period = Period::of(&contract, 2026, 3).unwrap();
    assert_eq!((period.days, period.month_days, rfc3339(period.end).as_str()), (10, 31, "2026-03-20T00:00:00Z"));
    let late = used("2026-03-20T00:00:00Z", Class::Output, 1, 1);
    let error = Usage::new("acme", period, vec![late], vec![], vec![]).unwrap_err().to_string();
    assert_eq!(
        error,
        "anthropic/opus output at 2026-03-20T00:00:00Z/2026-03-20T01:00:00Z is outside of the period \
         2026-03-10T00:00:00Z/2026-03-20T00:00:00Z"
    );
    assert!(matches!(Period::of(&contract, 2026, 4), Err(Refusal::NotInForce { .. })));
    assert!(matches!(Period::of(&contract, 2026, 13), Err(Refusal::NoSuchMonth { .. })));
}
