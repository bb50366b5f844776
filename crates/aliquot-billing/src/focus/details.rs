//! InvoiceDetail: a row for each settled line of an invoice, and one for a note. BillingPeriod: whether a period is still open.

use std::collections::BTreeMap;

use aliquot_core::time::EventTime;
use num_bigint::BigInt;

use super::columns::{BILLING_PERIOD_1_4, INVOICE_DETAIL_1_4};
use super::row::{Row, Value};
use super::words;
use crate::currency::Currency;
use crate::draft::Draft;
use crate::exact::Exact;
use crate::invoice::{Billed, Content, Document, Issued, Note};
use crate::period::Period;

/// What an invoice says of its payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// When it is due.
    pub due: Option<EventTime>,
    /// As in `net 30`.
    pub terms: Option<String>,
    /// The tenant's own number for the order.
    pub purchase_order: Option<String>,
}

/// Whether a billing period is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodStatus {
    /// Charges may still come.
    Open,
    /// It is invoiced.
    Closed,
}

/// The rows of an invoice, whose `BilledCost` sums to what is payable; and of `note`, if a note on that invoice is meant.
pub fn invoice_detail(issued: &Issued, note: Option<&Document>, terms: &Terms) -> Vec<Row> {
    let Some(Billed { draft, settlement, .. }) = issued.billed() else { return Vec::new() };
    let detail = |document| Detail { document, draft, terms };
    let Some(document) = note else {
        let lines = draft.lines.iter().zip(&settlement.lines_minor).zip(1_u64..);
        let row = |((line, minor), place): ((&crate::line::Line, &i64), u64)| {
            let mut row = detail(&issued.document).row(*minor, place, words::category(line.kind));
            row.set("InvoiceDetailDescription", Value::text(words::description(line)));
            row.set("InvoiceDetailGrain", Value::json(grain(line)));
            row
        };
        return lines.map(row).collect();
    };
    let (sign, Note { invoice, amount_minor, reason, .. }) = match &document.content {
        Content::CreditNote(note) => (-1, note),
        Content::DebitNote(note) => (1, note),
        Content::Invoice(_) => return Vec::new(),
    };
    let mut row = detail(document).row(amount_minor.saturating_mul(sign), 1, words::ADJUSTMENT);
    row.set("InvoiceDetailDescription", Value::text(reason));
    row.set("ReferenceInvoiceId", Value::text(invoice.to_string()));
    vec![row]
}

fn grain(line: &crate::line::Line) -> BTreeMap<String, String> {
    let about = &line.about;
    let names = [("x_Model", &about.model), ("x_Class", &about.class), ("x_Feature", &about.feature)];
    names.into_iter().filter_map(|(name, word)| Some((name.to_owned(), word.clone()?))).collect()
}

struct Detail<'d> {
    document: &'d Document,
    draft: &'d Draft,
    terms: &'d Terms,
}

impl Detail<'_> {
    fn row(&self, minor: i64, place: u64, category: &str) -> Row {
        let Self { document, draft, terms } = self;
        let mut row = Row::new(&INVOICE_DETAIL_1_4);
        let billed = amount(minor, draft.currency);
        let id = format!("{}-{place}", document.number);
        for name in ["BilledCost", "PaymentCurrencyBilledCost"] {
            row.set(name, Value::Decimal(billed.clone()));
        }
        for name in ["BillingCurrency", "PaymentCurrency"] {
            row.set(name, Value::text(draft.currency.code()));
        }
        for name in ["InvoiceDetailId", "PaymentCurrencyInvoiceDetailId"] {
            row.set(name, Value::text(&id));
        }
        for name in ["InvoiceDetailCreated", "InvoiceDetailLastUpdated", "InvoiceIssueDate"] {
            row.set(name, Value::Time(document.issued_at));
        }
        row.set("BillingAccountId", Value::text(&draft.tenant));
        row.set("BillingPeriodStart", Value::Time(draft.period.start));
        row.set("BillingPeriodEnd", Value::Time(draft.period.end));
        row.set("ChargeCategory", Value::text(category));
        row.set("InvoiceId", Value::text(document.number.to_string()));
        row.set("InvoiceIssueStatus", Value::text("Issued"));
        row.set("InvoiceIssuerName", Value::text(&document.issuer));
        row.set("PaymentDueDate", terms.due.map_or(Value::Null, Value::Time));
        row.set("PaymentTerms", Value::maybe(terms.terms.as_deref()));
        row.set("PurchaseOrderNumber", Value::maybe(terms.purchase_order.as_deref()));
        row
    }
}

fn amount(minor: i64, currency: Currency) -> Exact {
    Exact::ratio(BigInt::from(minor), currency.minor_per_unit()).unwrap_or_default()
}

/// The row of a billing period.
pub fn billing_period(
    period: &Period,
    issuer: &str,
    status: PeriodStatus,
    (created, last_updated): (EventTime, EventTime),
) -> Row {
    let mut row = Row::new(&BILLING_PERIOD_1_4);
    row.set("BillingPeriodStart", Value::Time(period.start));
    row.set("BillingPeriodEnd", Value::Time(period.end));
    row.set("BillingPeriodStatus", Value::text(if status == PeriodStatus::Open { "Open" } else { "Closed" }));
    row.set("BillingPeriodCreated", Value::Time(created));
    row.set("BillingPeriodLastUpdated", Value::Time(last_updated));
    row.set("InvoiceIssuerName", Value::text(issuer));
    row
}
