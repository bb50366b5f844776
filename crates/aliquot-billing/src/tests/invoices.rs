//! The life of an invoice: issued once, chained, paid, voided, noted, corrected and proved.
#![expect(clippy::arithmetic_side_effects, reason = "numbers of tests are small")]

use std::collections::BTreeSet;

use aliquot_core::money::Usd;
use aliquot_core::time::EventTime;
use aliquot_core::usage::Class;
use proptest::prelude::*;

use super::cases::{AT_COST, at, component, contract, draft, exact, used};
use crate::adjustment::adjustment;
use crate::contract::Contract;
use crate::digest::canonical;
use crate::draft::{Draft, Standing, bill};
use crate::exchange::Rates;
use crate::invoice::{
    ChainEnd, Change, Content, Document, Evidence, Issued, Override, Refused, Slip, Status, finalize,
};
use crate::line::Kind;
use crate::settle::settle;
use crate::usage::{Usage, UsageRow};
use crate::verify::{Difference, verify, verify_chain};

const NOW: EventTime = EventTime(1_775_100_000_000_000);
const UNIT: &str = "{ per_unit = { price = \"0.01\" } }";

fn complete() -> Evidence {
    Evidence { watermark: at("2026-04-01T00:00:00Z"), gaps: vec![], override_: None }
}

fn at_one_cent(quantity: u64) -> (Contract, Draft) {
    let contract = contract(&component(UNIT));
    let draft = draft(&contract, vec![used("2026-03-01T00:00:00Z", Class::Output, quantity, 1)]);
    (contract, draft)
}

fn issue(draft: Draft, chain: &ChainEnd) -> Issued {
    finalize(draft, complete(), None, chain, NOW).unwrap()
}

fn done(change: Change) -> (Issued, Option<Document>) {
    match change {
        Change::Done(issued, note) => (*issued, note.map(|note| *note)),
        Change::WasDone => panic!("done before"),
    }
}

fn slip(key: &str, amount_minor: i64) -> Slip {
    Slip { key: key.to_owned(), amount_minor, reason: "a reason".to_owned() }
}

#[test]
fn an_invoice_is_issued_only_once_and_only_when_its_usage_is_complete() {
    let chain = ChainEnd::new("us");
    let (_, draft) = at_one_cent(500);
    let with = |evidence| finalize(draft.clone(), evidence, None, &chain, NOW);
    let early = Evidence { watermark: at("2026-03-31T23:59:59Z"), ..complete() };
    assert!(matches!(with(early), Err(Refused::NotComplete { .. })));
    let gaps = Evidence { gaps: vec!["node-1 7..9".to_owned()], ..complete() };
    assert_eq!(with(gaps.clone()), Err(Refused::Gaps(vec!["node-1 7..9".to_owned()])));
    let by = |by: &str| Some(Override { by: by.to_owned(), reason: "node lost for good".to_owned() });
    assert_eq!(with(Evidence { override_: by(" "), ..gaps.clone() }), Err(Refused::EmptyOverride));
    let overridden = with(Evidence { override_: by("ann"), ..gaps }).unwrap();
    let printed = String::from_utf8(canonical(&overridden.document)).unwrap();
    assert!(printed.contains("node lost for good") && printed.contains("node-1 7..9"), "the override is printed on it");

    let issued = with(complete()).unwrap();
    let again = |draft| finalize(draft, complete(), Some(&issued), &ChainEnd::after(&issued.document), NOW);
    assert_eq!(again(draft.clone()), Err(Refused::AlreadyFinalized { number: 1, same: true }));
    assert_eq!(again(at_one_cent(501).1), Err(Refused::AlreadyFinalized { number: 1, same: false }));
    let (void, _) = done(issued.void("typo", NOW).unwrap());
    let second =
        finalize(at_one_cent(501).1, complete(), Some(&void), &ChainEnd::after(&issued.document), NOW).unwrap();
    assert_eq!((second.document.number, second.document.previous), (2, issued.hash));
}

#[test]
fn usage_without_a_price_is_in_the_way() {
    let mut row = used("2026-03-01T00:00:00Z", Class::Output, 5, 1);
    row.key.rate = None;
    let draft = draft(&contract(&component(AT_COST)), vec![row]);
    let refused = finalize(draft, complete(), None, &ChainEnd::new("us"), NOW);
    assert_eq!(refused, Err(Refused::Open(vec!["anthropic/opus output".to_owned()])));
}

#[test]
fn payments_and_notes_never_exceed_what_there_is() {
    let chain = ChainEnd::new("us");
    let issued = issue(at_one_cent(500).1, &chain);
    let end = ChainEnd::after(&issued.document);
    assert_eq!((issued.owed_minor(), issued.status()), (500, Status::Finalized));
    assert!(matches!(issued.pay(501), Err(Refused::Overpaid { open_minor: 500, .. })));
    assert_eq!(issued.pay(0), Err(Refused::NotPositive(0)));
    assert!(matches!(issued.credit(&slip("a", 501), &end, NOW), Err(Refused::Overcredited { left_minor: 500, .. })));
    let (credited, note) = done(issued.credit(&slip("a", 300), &end, NOW).unwrap());
    let note = note.unwrap();
    assert_eq!((note.number, note.previous, credited.owed_minor()), (2, issued.hash, 200));
    assert!(matches!(&note.content, Content::CreditNote(note) if note.invoice == 1 && note.amount_minor == 300));
    let end = ChainEnd::after(&note);
    assert_eq!(credited.credit(&slip("a", 300), &end, NOW), Ok(Change::WasDone), "a retry");
    assert!(matches!(credited.credit(&slip("a", 7), &end, NOW), Err(Refused::OtherNote { .. })));
    assert!(matches!(credited.credit(&slip("b", 201), &end, NOW), Err(Refused::Overcredited { left_minor: 200, .. })));
    let (debited, _) = done(credited.debit(&slip("c", 50), &end, NOW).unwrap());
    let (paid, _) = done(debited.pay(250).unwrap());
    assert_eq!((paid.status(), paid.void("x", NOW)), (Status::Paid, Err(Refused::InUse(1))));
    assert_eq!(credited.void("x", NOW), Err(Refused::InUse(1)), "a note is enough");
    let (void, _) = done(issued.void("x", NOW).unwrap());
    assert_eq!(
        (void.status(), void.void("x", NOW), void.pay(1)),
        (Status::Void, Ok(Change::WasDone), Err(Refused::IsVoid(1)))
    );
    assert_eq!(void.credit(&slip("a", 1), &end, NOW), Err(Refused::IsVoid(1)));
}

#[test]
fn a_chain_shows_what_was_taken_out_or_changed() {
    let mut end = ChainEnd::new("us");
    let mut documents = Vec::new();
    for quantity in [1, 2, 3] {
        let issued = issue(at_one_cent(quantity).1, &end);
        end = ChainEnd::after(&issued.document);
        documents.push(issued.document);
    }
    assert_eq!(verify_chain(ChainEnd::new("us"), &documents), Ok(end));
    let without = [documents[0].clone(), documents[2].clone()];
    assert!(matches!(verify_chain(ChainEnd::new("us"), &without), Err(Difference::Chain { number: 3, after: 1, .. })));
    let mut changed = documents.clone();
    changed[0].issued_at = EventTime(changed[0].issued_at.0 + 1_000_000);
    assert!(matches!(verify_chain(ChainEnd::new("us"), &changed), Err(Difference::Chain { number: 2, .. })));
}

#[test]
fn a_document_is_read_back_from_its_bytes() {
    let issued = issue(at_one_cent(5).1, &ChainEnd::new("us"));
    let bytes = canonical(&issued.document);
    let read: Document = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((canonical(&read), read.hash()), (bytes, issued.hash));
    let whole: Issued = serde_json::from_slice(&canonical(&issued)).unwrap();
    assert_eq!(whole, issued);
}

/// Three months of a third of a cent: 0, 0 and 1 cent, and nothing is left over.
#[test]
fn what_rounding_leaves_is_carried_to_the_next_invoice_and_shown() {
    let contract = contract(&component("{ cost_plus = { percent = \"0\" } }"));
    let mut carried = exact("0");
    let mut payable = Vec::new();
    for month in 1..=3 {
        let period = crate::period::Period::of(&contract, 2026, month).unwrap();
        let start = format!("2026-0{month}-01T00:00:00Z");
        let row = used(&start, Class::Output, 1, 3_333_333_333 + u64::from(month == 3));
        let usage = Usage::new("acme", period, vec![row], vec![], vec![]).unwrap();
        let standing = Standing { carried: carried.clone(), ..Standing::default() };
        let draft = bill(&contract, &usage, &standing, &Rates::default()).unwrap();
        let shown = draft.lines.iter().any(|line| line.kind == Kind::Carried && line.amount == carried);
        assert_eq!(shown, month > 1);
        let settlement = settle(&draft).unwrap();
        payable.push(settlement.payable_minor);
        carried = settlement.carried_out;
    }
    assert_eq!((payable, carried.to_string()), (vec![0, 1, 0], "0".to_owned()));
}

#[test]
fn a_voided_invoice_gives_back_what_it_carried_in() {
    let contract = contract(&component(UNIT));
    let usage = super::cases::usage(&contract, vec![used("2026-03-01T00:00:00Z", Class::Output, 5, 1)]);
    let standing = Standing { carried: exact("0.003"), ..Standing::default() };
    let draft = bill(&contract, &usage, &standing, &Rates::default()).unwrap();
    let issued = issue(draft, &ChainEnd::new("us"));
    assert_eq!(issued.carries().to_string(), "0.003", "0.05 and 0.003 leave 0.003 over");
    let (void, _) = done(issued.void("x", NOW).unwrap());
    assert_eq!(void.carries().to_string(), "0.003");
}

fn rows() -> Vec<UsageRow> {
    vec![
        used("2026-03-01T00:00:00Z", Class::Uncached, 1_000, 3_000_000),
        used("2026-03-01T00:00:00Z", Class::Output, 200, 15_000_000),
        used("2026-03-09T05:00:00Z", Class::Output, 77, 15_000_000),
    ]
}

fn verified(pricing: &str, invoiced: Vec<UsageRow>, found: Vec<UsageRow>) -> Result<(), Difference> {
    let contract = contract(&component(pricing));
    let issued = issue(draft(&contract, invoiced), &ChainEnd::new("us"));
    let usage = super::cases::usage(&contract, found);
    verify(&issued, &contract, &usage, &Standing::default(), &Rates::default())
}

#[test]
fn verification_finds_a_single_picodollar() {
    assert_eq!(verified(AT_COST, rows(), rows()), Ok(()));
    let mut altered = rows();
    altered[2].incurred.cost = Usd::from_pico(altered[2].incurred.cost.pico() + 1);
    let Err(Difference::Field { field, says, comes_to }) = verified(AT_COST, rows(), altered.clone()) else { panic!() };
    assert_eq!(
        (field.as_str(), says.as_str(), comes_to.as_str()),
        ("lines[1].amount", "\"0.004155\"", "\"0.004155000001\"")
    );
    // A price that does not depend on the cost still has its digest of the usage.
    let Err(Difference::Field { field, .. }) = verified(UNIT, rows(), altered) else { panic!() };
    assert_eq!(field, "draft.inputs");
    let fewer = verified(AT_COST, rows(), rows()[..1].to_vec());
    assert!(matches!(fewer, Err(Difference::Field { field, .. }) if field == "lines.len"));
}

#[test]
fn verification_finds_an_altered_invoice() {
    let contract = contract(&component(AT_COST));
    let usage = super::cases::usage(&contract, rows());
    let issued = issue(draft(&contract, rows()), &ChainEnd::new("us"));
    let field = |alter: fn(&mut Issued)| {
        let mut altered = issued.clone();
        alter(&mut altered);
        match verify(&altered, &contract, &usage, &Standing::default(), &Rates::default()) {
            Err(Difference::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    };
    fn billed(issued: &mut Issued) -> &mut crate::invoice::Billed {
        match &mut issued.document.content {
            Content::Invoice(billed) => billed,
            _ => panic!("an invoice"),
        }
    }
    assert_eq!(field(|issued| billed(issued).draft.lines[0].days[0].amount = exact("1")), "lines[0].days[0].amount");
    assert_eq!(field(|issued| billed(issued).draft.tenant = "rival".to_owned()), "draft.tenant");
    assert_eq!(field(|issued| billed(issued).settlement.payable_minor += 1), "settlement.payable_minor");
    assert_eq!(field(|issued| billed(issued).evidence.gaps.push("x".to_owned())), "hash");
    assert_eq!(field(|issued| issued.document.number = 9), "hash");
}

proptest! {
    /// Any alteration of any row by any amount is found, whatever the price is by.
    #[test]
    fn every_alteration_of_usage_is_found(row in 0_usize..3, more in 1_i128..1_000_000, by_cost: bool, quantity: bool) {
        let mut altered = rows();
        let amount = &mut altered[row].incurred;
        if quantity { amount.quantity += 1 } else { amount.cost = Usd::from_pico(amount.cost.pico() + more) }
        let found = verified(if by_cost { AT_COST } else { UNIT }, rows(), altered);
        prop_assert!(found.is_err());
    }
}

/// 100 tokens come late to a month of 1,000 in tiers of 1,000 at 2 and then 1: the correction is 100, not 200. With −10 % it is 90.
#[test]
fn late_usage_becomes_a_line_that_names_it() {
    let tiers = "{ graduated = { tiers = [{ up_to = 1000, price = \"2\" }, { price = \"1\" }] } }";
    let rows = component(tiers) + "[[discount]]\nname = \"ten\"\ntake = { percent = \"10\" }\n";
    let contract = contract(&rows);
    let early = used("2026-03-01T00:00:00Z", Class::Output, 1000, 1);
    let late = used("2026-03-09T05:00:00Z", Class::Output, 100, 1);
    let invoiced = super::cases::usage(&contract, vec![early.clone()]);
    let current = super::cases::usage(&contract, vec![early, late.clone()]);
    let events: BTreeSet<_> = ["node-1/42/0".to_owned()].into();
    let adjusted = |before, after| {
        adjustment(&contract, (before, after), &Standing::default(), &Rates::default(), 17, events.clone()).unwrap()
    };
    let found = adjusted(&invoiced, &current).unwrap();
    assert_eq!((found.line.kind, found.line.name.as_str()), (Kind::Adjustment, "invoice 17"));
    assert_eq!((found.line.amount.to_string(), &found.line.covers.events), ("90".to_owned(), &events));
    assert_eq!(
        (found.line.covers.runs[0].start, found.changes[0].after),
        (late.key.slot.start(), (100, Usd::from_pico(100)))
    );
    assert_eq!(adjusted(&current, &invoiced).unwrap().line.amount.to_string(), "-90", "a correction by less");
    assert_eq!(adjusted(&current, &current), None);
    // A cost that was corrected moves no money where prices do not go by it; it is shown all the same.
    let dearer = used("2026-03-09T05:00:00Z", Class::Output, 100, 2);
    let recosted = super::cases::usage(&contract, vec![used("2026-03-01T00:00:00Z", Class::Output, 1000, 1), dearer]);
    let shown = adjusted(&current, &recosted).unwrap();
    assert_eq!((shown.line.amount.to_string(), shown.changes[0].after.1), ("0".to_owned(), Usd::from_pico(200)));
    // The next bill has the line, and taxes it.
    let standing = Standing { adjustments: vec![found.line], ..Standing::default() };
    let next = bill(&contract, &super::cases::usage(&contract, vec![]), &standing, &Rates::default()).unwrap();
    assert_eq!((next.total().to_string(), next.net().to_string()), ("90".to_owned(), "0".to_owned()));
}
