//! Bills worked out by hand.

use std::collections::BTreeMap;

use aliquot_core::capacity::LineKind;
use aliquot_core::money::Usd;
use aliquot_core::usage::Class;

use super::cases::{AT_COST, component, contract, draft, exact, hour, lines, march, used};
use crate::draft::{Standing, bill};
use crate::exact::Exact;
use crate::exchange::Rates;
use crate::line::{Kind, Price};
use crate::open::Why;
use crate::refusal::Refusal;
use crate::usage::{IdleKey, IdleRow, Usage};

const EARLY: &str = "2026-03-01T00:00:00Z";
const LATE: &str = "2026-03-31T23:00:00Z";

fn amounts(pricing: &str, quantities: [u64; 2]) -> Vec<(Kind, u128, String)> {
    let [early, late] = quantities;
    let rows = vec![used(EARLY, Class::Output, early, 1), used(LATE, Class::Output, late, 1)];
    let draft = draft(&contract(&component(pricing)), rows);
    lines(&draft).into_iter().map(|(kind, _, quantity, amount)| (kind, quantity, amount)).collect()
}

/// 1,500,000 tokens at 3 per million are 4.5. Graduated to 1,000,000 at 3, then at 2 and a fee of 10: 1,000,000 × 3 + 500,000 × 2
/// per million and the fee = 3 + 1 + 10. By volume all are in the second tier: 1.5 × 2 + 10. In packages of 400,000 at 2: four, 8.
/// Cost plus 7.5 %: 1,500,000 picodollars × 1.075.
#[test]
fn each_pricing_comes_to_what_it_says() {
    let tiers = "per = 1000000, tiers = [{ up_to = 1000000, price = \"3\" }, { price = \"2\", fee = \"10\" }]";
    let text = |amount: &str| amount.to_owned();
    let cases = [
        ("{ per_unit = { price = \"3\", per = 1000000 } }".to_owned(), vec![(Kind::Usage, 1_500_000, text("4.5"))]),
        (
            format!("{{ graduated = {{ {tiers} }} }}"),
            vec![
                (Kind::Usage, 1_000_000, text("3")),
                (Kind::Usage, 500_000, text("1")),
                (Kind::TierFee, 0, text("10")),
            ],
        ),
        (
            format!("{{ volume = {{ {tiers} }} }}"),
            vec![(Kind::Usage, 1_500_000, text("3")), (Kind::TierFee, 0, text("10"))],
        ),
        ("{ package = { size = 400000, price = \"2\" } }".to_owned(), vec![(Kind::Usage, 4, text("8"))]),
        ("{ cost_plus = { percent = \"7.5\" } }".to_owned(), vec![(Kind::Usage, 1_500_000, text("0.0000016125"))]),
    ];
    for (pricing, expected) in cases {
        assert_eq!(amounts(&pricing, [900_000, 600_000]), expected, "{pricing}");
    }
}

/// The border of a tier belongs to the tier below it, and a package that is not begun is not owed.
#[test]
fn borders_belong_to_the_tier_below() {
    let tiers = "tiers = [{ up_to = 10, price = \"1\", fee = \"5\" }, { price = \"2\", fee = \"7\" }]";
    let sum = |pricing: &str, quantities| {
        let drafted = amounts(pricing, quantities);
        Exact::sum(&drafted.iter().map(|(_, _, amount)| exact(amount)).collect::<Vec<_>>()).to_string()
    };
    let (graduated, volume) = (format!("{{ graduated = {{ {tiers} }} }}"), format!("{{ volume = {{ {tiers} }} }}"));
    for (quantities, by_tier, by_volume) in [([4, 6], "15", "15"), ([4, 7], "24", "29"), ([0, 0], "0", "0")] {
        assert_eq!((sum(&graduated, quantities).as_str(), sum(&volume, quantities).as_str()), (by_tier, by_volume));
    }
    for (quantities, owed) in [([4, 6], "3"), ([4, 7], "6"), ([0, 0], "0")] {
        assert_eq!(sum("{ package = { size = 10, price = \"3\" } }", quantities), owed);
    }
}

/// Free are the first 100 units of the month, by time: 60 + 40; 10 are left at 2. Of a contract in force on 10 of 31 days,
/// prorated, 100 × 10/31 = 32 whole units are free.
#[test]
fn the_first_units_are_free() {
    let rows =
        component("{ per_unit = { price = \"2\" } }").replace("name = \"all\"", "name = \"all\"\nfree_units = 100");
    let used_twice =
        |first: &str, second: &str| vec![used(first, Class::Output, 60, 1), used(second, Class::Output, 50, 1)];
    let whole = draft(&contract(&rows), used_twice(EARLY, LATE));
    let expected =
        [(Kind::Usage, "all".to_owned(), 10, "20".to_owned()), (Kind::Free, "all".to_owned(), 100, "0".to_owned())];
    assert_eq!(lines(&whole), expected);
    let cut = format!("start = \"2026-03-10\"\nend = \"2026-03-20\"\nproration = \"daily\"\n{rows}");
    let cut = draft(&contract(&cut), used_twice("2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"));
    assert_eq!(lines(&cut)[0].3, "156", "78 at 2");
}

/// A price that changes on the 15th: 10 at 1 before, 10 at 2 from then on.
#[test]
fn prices_change_on_their_date() {
    let rows = "[[component]]\nname = \"c\"\n[[component.price]]\nstart = \"2026-01-01\"\nend = \"2026-03-15\"\n\
                pricing = { per_unit = { price = \"1\" } }\n[[component.price]]\nstart = \"2026-03-15\"\n\
                pricing = { per_unit = { price = \"2\" } }\n";
    let usage = ["2026-03-14T23:00:00Z", "2026-03-15T00:00:00Z"].map(|start| used(start, Class::Output, 10, 1));
    let amounts: Vec<_> = lines(&draft(&contract(rows), usage.to_vec())).into_iter().map(|line| line.3).collect();
    assert_eq!(amounts, ["10", "20"]);
}

/// 1000 at 1; −10 % = 900; −50 = 850; minimum 1000: +150. Credits: `old` 30 until the 2nd of March pays for the 1st only, of which
/// 400/1000 of 850 = 340 is, so all of it; `new` 300 pays the rest it can. Left: 670; VAT 19 % = 127.3. Sum 797.3.
#[test]
fn discounts_minimum_credits_and_taxes_follow_one_another() {
    let rows = "minimum = { amount = \"1000\" }\n".to_owned()
        + &component("{ per_unit = { price = \"1\" } }")
        + "[[discount]]\nname = \"ten\"\ntake = { percent = \"10\" }\n[[discount]]\nname = \"fifty\"\ntake = { fixed = \"50\" }\n\
           [[credit]]\nid = \"new\"\namount = \"300\"\nstart = \"2026-03-01\"\n\
           [[credit]]\nid = \"old\"\namount = \"30\"\nstart = \"2026-01-01\"\nend = \"2026-03-02\"\n\
           [[tax]]\nname = \"VAT\"\npercent = \"7\"\nstart = \"2026-01-01\"\nend = \"2026-03-31\"\n\
           [[tax]]\nname = \"VAT\"\npercent = \"19\"\nstart = \"2026-03-31\"\n";
    let usage = vec![used(EARLY, Class::Output, 400, 1), used(LATE, Class::Output, 600, 1)];
    let draft = draft(&contract(&rows), usage);
    let amounts: Vec<_> = lines(&draft).into_iter().map(|(kind, name, _, amount)| (kind, name, amount)).collect();
    let expected = [
        (Kind::Usage, "all", "1000"),
        (Kind::Discount, "ten", "-100"),
        (Kind::Discount, "fifty", "-50"),
        (Kind::Commitment, "minimum", "150"),
        (Kind::Credit, "old", "-30"),
        (Kind::Credit, "new", "-300"),
        (Kind::Tax, "VAT", "127.3"),
    ];
    let expected = expected.map(|(kind, name, amount)| (kind, name.to_owned(), amount.to_owned()));
    assert_eq!((amounts, draft.total().to_string()), (expected.to_vec(), "797.3".to_owned()));
    assert_eq!((draft.net().to_string(), draft.drawn[1].left.to_string()), ("1000".to_owned(), "0".to_owned()));
}

/// A credit that expired pays nothing, one that expires on the 2nd pays for the 1st only, and one that was used is not used twice.
#[test]
fn credits_pay_only_for_their_days_and_only_once() {
    let credit = |dates: &str| {
        contract(
            &(component("{ per_unit = { price = \"1\" } }")
                + &format!("[[credit]]\nid = \"c\"\namount = \"500\"\n{dates}\n")),
        )
    };
    let drawn = |dates: &str, left: Option<&str>| {
        let contract = credit(dates);
        let usage =
            super::cases::usage(&contract, vec![used(EARLY, Class::Output, 40, 1), used(LATE, Class::Output, 600, 1)]);
        let balances = left.map(|left| ("c".to_owned(), exact(left)));
        let standing = Standing { balances: balances.into_iter().collect(), ..Standing::default() };
        let draft = bill(&contract, &usage, &standing, &Rates::default());
        draft.map(|draft| draft.drawn.first().map_or_else(|| "0".to_owned(), |drawn| drawn.amount.to_string()))
    };
    assert_eq!(drawn("start = \"2026-01-01\"\nend = \"2026-03-01\"", None).unwrap(), "0");
    assert_eq!(drawn("start = \"2026-01-01\"\nend = \"2026-03-02\"", None).unwrap(), "40");
    assert_eq!(drawn("start = \"2026-03-31\"", None).unwrap(), "500");
    assert_eq!(drawn("start = \"2026-01-01\"", Some("7.5")).unwrap(), "7.5");
    assert_eq!(drawn("start = \"2026-01-01\"", Some("0")).unwrap(), "0");
    assert!(matches!(drawn("start = \"2026-01-01\"", Some("501")), Err(Refusal::CreditBalance { .. })));
}

/// A minimum of 310 in a contract in force on 10 of 31 days is 100, prorated; over the term, what is missing comes last.
#[test]
fn minimums_are_prorated_or_reached_over_the_term() {
    let owed = |rows: &str, before: &str| {
        let contract = contract(&(rows.to_owned() + &component("{ per_unit = { price = \"1\" } }")));
        let usage = super::cases::usage(&contract, vec![used("2026-03-10T00:00:00Z", Class::Output, 60, 1)]);
        let standing = Standing { billed_before: exact(before), ..Standing::default() };
        let draft = bill(&contract, &usage, &standing, &Rates::default()).unwrap();
        draft.lines.iter().find(|line| line.kind == Kind::Commitment).map(|line| line.amount.to_string())
    };
    let cut = "start = \"2026-03-10\"\nend = \"2026-03-20\"\nminimum = { amount = \"310\" }\n";
    assert_eq!(owed(&format!("{cut}proration = \"daily\"\n"), "0").as_deref(), Some("40"));
    assert_eq!(owed(&format!("{cut}proration = \"full\"\n"), "0").as_deref(), Some("250"));
    let term = "minimum = { amount = \"100\", over = \"term\" }\n";
    assert_eq!(owed(&format!("end = \"2026-04-01\"\n{term}"), "15").as_deref(), Some("25"));
    assert_eq!(owed(&format!("end = \"2026-05-01\"\n{term}"), "15"), None, "not the last period");
}

/// A million picodollars each on Sunday the 1st and Monday the 2nd. With Friday's 0.9 and Monday's 0.8: 0.9 + 0.8 millionths of a euro.
#[test]
fn costs_are_exchanged_by_the_day_and_never_without_a_rate() {
    let drafted = |exchange: &str, dates: &[(&str, &str)]| {
        let contract = contract(&format!("currency = \"EUR\"\nexchange = {{ {exchange} }}\n{}", component(AT_COST)));
        let rows = [EARLY, "2026-03-02T00:00:00Z"].map(|start| used(start, Class::Output, 1000, 1000)).to_vec();
        let mut rates = Rates::default();
        for (date, rate) in dates {
            rates.insert("EUR".parse().unwrap(), date.parse().unwrap(), exact(rate)).unwrap();
        }
        bill(&contract, &super::cases::usage(&contract, rows), &Standing::default(), &rates)
            .map(|draft| draft.total().to_string())
    };
    let rates = [("2026-02-27", "0.9"), ("2026-03-02", "0.8")];
    assert_eq!(drafted("on = \"usage_day\", max_age_days = 2", &rates).unwrap(), "0.0000017");
    assert_eq!(drafted("on = { fixed = \"0.5\" }", &[]).unwrap(), "0.000001");
    let refused = drafted("on = \"usage_day\", max_age_days = 1", &rates).unwrap_err().to_string();
    assert_eq!(refused, "no rate of EUR for USD on 2026-03-01, nor within 1 days before");
    let refused = drafted("on = \"period_end\"", &rates).unwrap_err().to_string();
    assert_eq!(refused, "no rate of EUR for USD on 2026-03-31, nor within 0 days before");
    assert!(Rates::default().insert("EUR".parse().unwrap(), "2026-03-01".parse().unwrap(), exact("0")).is_err());
}

#[test]
fn what_has_no_price_is_listed_and_not_charged() {
    let rows = component(AT_COST).replace("name = \"all\"", "name = \"all\"\nselect = { class = [\"output\"] }");
    let mut unpriced = used(EARLY, Class::Output, 5, 1);
    unpriced.key.rate = None;
    let draft =
        draft(&contract(&rows), vec![unpriced, used(LATE, Class::Output, 7, 2), used(LATE, Class::Uncached, 3, 1)]);
    let open: Vec<_> = draft.open.iter().map(|open| (open.why, open.subject.as_str(), open.quantity)).collect();
    let expected = [(Why::NoComponent, "anthropic/opus uncached", 3), (Why::Unpriced, "anthropic/opus output", 5)];
    assert_eq!((open, draft.total().to_string()), (expected.to_vec(), "0.000000000014".to_owned()));
}

#[test]
fn every_line_opens_to_its_hours() {
    let hours = ["2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z", "2026-03-01T03:00:00Z"];
    let rows = hours.iter().map(|start| used(start, Class::Output, 1, 1)).collect();
    let draft = draft(&contract(&component(AT_COST)), rows);
    let [line] = draft.lines.as_slice() else { panic!("{:?}", draft.lines) };
    let runs: Vec<_> = line.covers.runs.iter().map(|run| (run.start, run.end)).collect();
    let expected = [(hour(hours[0]).start(), hour(hours[1]).end()), (hour(hours[2]).start(), hour(hours[2]).end())];
    assert_eq!(runs, expected);
    assert_eq!(line.covers.books.iter().collect::<Vec<_>>(), ["0000000000000007"]);
    assert_eq!((line.about.class.as_deref(), &line.price), (Some("output"), &Price::Cost(Exact::whole(1))));
}

/// Idle time is charged at cost and shown by itself, reserved and not.
#[test]
fn idle_time_has_its_own_lines() {
    let contract = contract(&component(AT_COST));
    let idle = [(LineKind::Idle, 5), (LineKind::ReservedIdle, 7), (LineKind::Idle, 1)].map(|(kind, cost)| IdleRow {
        key: IdleKey { slot: hour(EARLY), kind, gpu_type: "H100".to_owned() },
        cost: Usd::from_pico(cost),
    });
    let usage = Usage::new("acme", march(&contract), vec![], vec![], idle.to_vec()).unwrap();
    let draft = bill(&contract, &usage, &Standing::default(), &Rates::default()).unwrap();
    let amounts: BTreeMap<_, _> = draft.lines.iter().map(|line| (line.kind, line.amount.to_string())).collect();
    let expected = [(Kind::Idle, "0.000000000006"), (Kind::ReservedIdle, "0.000000000007")];
    assert_eq!(amounts, expected.map(|(kind, amount)| (kind, amount.to_owned())).into_iter().collect());
}

#[test]
fn the_usage_of_another_tenant_or_month_is_refused() {
    let contract = contract(&component(AT_COST));
    let usage = Usage::new("other", march(&contract), vec![], vec![], vec![]).unwrap();
    assert!(matches!(bill(&contract, &usage, &Standing::default(), &Rates::default()), Err(Refusal::Mismatch { .. })));
    let elsewhere = super::cases::contract(&format!("zone = \"Asia/Tokyo\"\n{}", component(AT_COST)));
    let usage = Usage::new("acme", march(&elsewhere), vec![], vec![], vec![]).unwrap();
    assert!(matches!(bill(&contract, &usage, &Standing::default(), &Rates::default()), Err(Refusal::Mismatch { .. })));
}

/// Rows of one key are summed, and neither their order nor how they are cut makes a difference.
#[test]
fn the_order_and_the_cut_of_rows_make_no_difference() {
    let contract = contract(&component("{ package = { size = 7, price = \"1\" } }"));
    let (early, late) = (used(EARLY, Class::Output, 10, 3), used(LATE, Class::Uncached, 5, 2));
    let whole = draft(&contract, vec![early, late.clone()]);
    let cut = draft(&contract, vec![used(EARLY, Class::Output, 4, 3), late, used(EARLY, Class::Output, 6, 3)]);
    assert_eq!(whole, cut);
}
