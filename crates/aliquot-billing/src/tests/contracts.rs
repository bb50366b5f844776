//! What is refused of a contract, and by which words.

use super::cases::{AT_COST, component, contract, try_contract};
use crate::contract::{Contract, overlaps};

fn priced(prices: &str) -> String {
    format!("[[component]]\nname = \"c\"\n{prices}")
}

fn price(start: &str, end: &str, pricing: &str) -> String {
    let end = if end.is_empty() { String::new() } else { format!("end = \"{end}\"\n") };
    format!("[[component.price]]\nstart = \"{start}\"\n{end}pricing = {pricing}\n")
}

const UNIT: &str = "{ per_unit = { price = \"3\", per = 1000000 } }";

fn check(cases: &[(String, &str)]) {
    for (rows, expected) in cases {
        let error = try_contract(rows).expect_err(expected);
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
    }
}

#[test]
fn every_fault_of_a_price_names_its_row() {
    let tiers = |tiers: &str| component(&format!("{{ graduated = {{ tiers = [{tiers}] }} }}"));
    let cases = [
        (
            priced(&(price("2026-01-01", "2026-03-01", UNIT) + &price("2026-02-15", "", UNIT))),
            "component \"c\" price[1]: overlaps component \"c\" price[0] from 2026-02-15 on",
        ),
        (
            priced(&(price("2026-01-01", "2026-02-01", UNIT) + &price("2026-03-01", "", UNIT))),
            "component \"c\" price[1]: leaves days without a price, from 2026-02-01 on",
        ),
        (priced(&price("2026-02-01", "", UNIT)), "price[0]: leaves days without a price, from 2026-01-01 on"),
        (
            priced(&price("2026-01-01", "2026-12-01", UNIT)),
            "component \"c\" price: leaves days without a price, from 2026-12-01 on",
        ),
        (
            priced(&(price("2026-01-01", "", UNIT) + &price("2026-05-01", "", UNIT))),
            "price[1]: overlaps component \"c\" price[0] from 2026-05-01",
        ),
        (
            priced(&price("2026-05-01", "2026-04-01", UNIT)),
            "price[0]: ends on 2026-04-01, not after its start 2026-05-01",
        ),
        (component("{ per_unit = { price = \"-3\" } }"), "component \"all\" price[0]: price is negative: -3"),
        (component("{ package = { size = 10, price = \"-1\" } }"), "price[0]: price is negative: -1"),
        (component("{ per_unit = { price = \"1\", per = 3 } }"), "price has more than 18 decimals for one unit: 1/3"),
        (
            tiers("{ up_to = 10, price = \"1\" }, { up_to = 10, price = \"1\" }, { price = \"1\" }"),
            "tiers[1] ends at 10, not above",
        ),
        (tiers("{ up_to = 10, price = \"1\" }"), "tiers[0]: the last tier, and no other, has no end"),
        (tiers("{ price = \"1\" }, { price = \"1\" }"), "tiers[0]: the last tier"),
        (tiers(""), "has no tiers"),
        (tiers("{ price = \"1\", fee = \"-1\" }"), "tiers[0].fee is negative"),
    ];
    check(&cases);
}

#[test]
fn every_fault_of_a_row_names_it() {
    let with = |rows: &str| format!("{}{rows}", component(UNIT));
    let cases = [
        (component("{ cost_plus = { percent = \"-101\" } }"), "percent is -101, less than -100"),
        ("currency = \"XYZ\"\n".to_owned() + &component(UNIT), "unknown currency \"XYZ\""),
        ("zone = \"Europe/Atlantis\"\n".to_owned() + &component(UNIT), "no time zone \"Europe/Atlantis\""),
        ("end = \"2025-01-01\"\n".to_owned() + &component(UNIT), "contract: ends on 2025-01-01"),
        ("surprise = 1\n".to_owned() + &component(UNIT), "unknown field `surprise`"),
        (component("{ per_unit = { price = 3.5 } }"), "floating point"),
        (component("{ per_unit = { price = \"3,5\" } }"), "not an exact number"),
        ("component = []\n".to_owned(), "has no components"),
        ("currency = \"EUR\"\n".to_owned() + &component(AT_COST), "prices by cost, which is in USD"),
        (
            "end = \"2026-06-15\"\nminimum = { amount = \"10\" }\n".to_owned() + &component(UNIT),
            "inside the month of 2026-06-15, and minimum is per period",
        ),
        ("minimum = { amount = \"0\" }\n".to_owned() + &component(UNIT), "minimum: amount must be more than nothing"),
        (
            with("[[discount]]\nname = \"x\"\ntake = { percent = \"101\" }\n"),
            "discount \"x\": percent is 101, more than 100",
        ),
        (
            with("[[discount]]\nname = \"x\"\ntake = { percent = \"1\" }\ncomponents = [\"nope\"]\n"),
            "names the component \"nope\"",
        ),
        (
            with("[[credit]]\nid = \"a\"\namount = \"-5\"\nstart = \"2026-01-01\"\n"),
            "credit \"a\": amount is negative: -5",
        ),
        (
            with(
                "[[tax]]\nname = \"VAT\"\npercent = \"19\"\nstart = \"2026-01-01\"\n[[tax]]\nname = \"VAT\"\npercent = \"20\"\nstart = \"2026-07-01\"\n",
            ),
            "tax \"VAT\"[1]: overlaps tax \"VAT\"[0] from 2026-07-01",
        ),
        (component(UNIT) + &component(UNIT), "component \"all\": has the name of another row"),
        (
            component(UNIT).replace("name = \"all\"", "name = \"all\"\nselect = { class = [\"cached\"] }"),
            "selects the class \"cached\"",
        ),
        (
            component(AT_COST).replace("name = \"all\"", "name = \"all\"\nfree_units = 5"),
            "has free units, but price[0] is a percentage",
        ),
    ];
    check(&cases);
}

#[test]
fn a_term_minimum_needs_an_end() {
    let error = toml::from_str::<Contract>(
        &("id = \"a\"\ntenant = \"t\"\nstart = \"2026-01-01\"\ncurrency = \"USD\"\nzone = \"UTC\"\ncache_policy = \"standalone\"\n\
           minimum = { amount = \"1\", over = \"term\" }\n"
            .to_owned()
            + &component(UNIT)),
    )
    .unwrap_err();
    assert!(error.message().contains("minimum: is over the term, but the contract has no end"), "{error}");
}

#[test]
fn toml_and_json_say_the_same() {
    let rows = "proration = \"daily\"\nexchange = { on = { fixed = \"0.9\" }, max_age_days = 3 }\n".to_owned()
        + &component(
            "{ volume = { per = 1000, tiers = [{ up_to = 5, price = \"1\" }, { price = \"0.5\", fee = \"2\" }] } }",
        )
        + "[[credit]]\nid = \"a\"\namount = \"5\"\nstart = \"2026-01-01\"\nend = \"2026-02-01\"\n";
    let contract = contract(&rows);
    let json = serde_json::to_string(&contract).unwrap();
    let again: Contract = serde_json::from_str(&json).unwrap();
    assert_eq!((&again, again.digest()), (&contract, contract.digest()));
    assert_ne!(super::cases::contract(&component(UNIT)).digest(), contract.digest());
}

/// `b` begins a day before `a` ends; `c` lies within the open end of `b`; another tenant's contracts are another matter.
#[test]
fn contracts_of_one_tenant_must_not_overlap() {
    let dated = |id: &str, tenant: &str, start: &str, end: &str| {
        let end = if end.is_empty() { "2050-01-01" } else { end };
        let rows =
            format!("id = \"{id}\"\ntenant = \"{tenant}\"\nstart = \"{start}\"\nend = \"{end}\"\n{}", component(UNIT));
        contract(&rows)
    };
    let a = dated("a", "t", "2026-01-01", "2026-03-01");
    let b = dated("b", "t", "2026-02-28", "");
    let c = dated("c", "t", "2026-05-01", "2026-06-01");
    let d = dated("d", "t", "2026-03-01", "2026-04-01");
    let other = dated("o", "u", "2026-01-01", "");
    let found = |contracts: &[&Contract]| overlaps(contracts).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        found(&[&a, &d, &c, &other]),
        Vec::<String>::new(),
        "one may begin on the day on which the other has ended"
    );
    let expected = [
        "contract \"b\": overlaps contract \"a\" from 2026-02-28 on",
        "contract \"d\": overlaps contract \"b\" from 2026-03-01 on",
        "contract \"c\": overlaps contract \"b\" from 2026-05-01 on",
    ];
    assert_eq!(found(&[&c, &b, &d, &a]), expected);
}

#[test]
fn the_example_is_a_contract() {
    let example: Contract = toml::from_str(include_str!("../../../../schemas/contracts/example.toml")).unwrap();
    let terms = example.terms();
    assert_eq!((terms.components.len(), terms.discounts.len(), terms.credits.len(), terms.taxes.len()), (4, 2, 1, 1));
}
