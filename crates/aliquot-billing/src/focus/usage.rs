//! CostAndUsage: a row for each line and local day, or for each line where it is of the whole period. What lines are as decimals
//! and what is payable differ by rounding, which is a row of its own, so that the rows sum to the invoice.

use std::collections::BTreeMap;

use aliquot_core::time::EventTime;
use num_bigint::BigInt;

use super::columns::{COST_AND_USAGE_1_2, COST_AND_USAGE_1_4};
use super::row::{Row, Value};
use super::words;
use crate::draft::Draft;
use crate::exact::Exact;
use crate::line::{DayPart, Kind, Line, Price};
use crate::period::Day;
use crate::settle::Settlement;

/// A version of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 1.2: what most tools read.
    V1_2,
    /// 1.4.
    V1_4,
}

/// A bill with the names around it.
#[derive(Clone, Copy, Debug)]
pub struct Bill<'b> {
    /// The bill.
    pub draft: &'b Draft,
    /// What is payable of it.
    pub settlement: &'b Settlement,
    /// The number of its invoice; `None` = it is provisional.
    pub number: Option<u64>,
    /// Who issues it, and provides the service.
    pub issuer: &'b str,
    /// The tenant's name.
    pub account_name: Option<&'b str>,
}

/// Amounts without an end as decimals are cut here; what is cut is in the row of the rounding.
const PLACES: u32 = 18;

/// The rows of a bill. Their `BilledCost` sums to what is payable.
pub fn cost_and_usage(version: Version, bill: &Bill<'_>) -> Vec<Row> {
    let days = bill.draft.period.days();
    let mut rows = Vec::new();
    for (line, place) in bill.draft.lines.iter().zip(1_u64..) {
        let row = LineRow { version, bill, line, place };
        let by_day = !line.days.is_empty() && !matches!(line.price, Price::Package { .. });
        if by_day {
            rows.extend(line.days.iter().map(|part| row.of_day(part, &days)));
        } else if !line.amount.is_zero() || line.kind == Kind::Adjustment {
            rows.push(row.of_period());
        }
    }
    let billed = Exact::sum(rows.iter().filter_map(|row| row.number("BilledCost")));
    let rounding = payable(bill).minus(&billed);
    if !rounding.is_zero() {
        let line = Line::flat(Kind::Carried, "rounding to the next invoice", rounding);
        let place = u64::try_from(bill.draft.lines.len()).unwrap_or(u64::MAX).saturating_add(1);
        rows.push(LineRow { version, bill, line: &line, place }.of_period());
    }
    rows
}

/// What is payable, in units of the currency.
pub(super) fn payable(bill: &Bill<'_>) -> Exact {
    Exact::ratio(bill.settlement.payable_minor, bill.draft.currency.minor_per_unit()).unwrap_or_default()
}

struct LineRow<'b> {
    version: Version,
    bill: &'b Bill<'b>,
    line: &'b Line,
    place: u64,
}

/// What a row's cost is made of.
struct Priced {
    quantity: Exact,
    unit: String,
    price: Exact,
}

impl LineRow<'_> {
    fn of_day(&self, part: &DayPart, days: &[Day]) -> Row {
        let period = &self.bill.draft.period;
        let day = days.iter().find(|day| day.date == part.date);
        let mut row = self.row(&part.amount, day.map_or((period.start, period.end), |day| (day.start, day.end)));
        let priced = match &self.line.price {
            Price::Cost(factor) => part.cost.clone().map(|cost| {
                let rate = part.exchange.clone().unwrap_or_else(|| Exact::whole(1));
                Priced { quantity: cost, unit: "USD of cost".to_owned(), price: factor.times(&rate) }
            }),
            Price::Unit(price) => Some(self.by_unit(part.quantity, price)),
            Price::Package { .. } | Price::Flat => None,
        };
        self.set_prices(&mut row, priced);
        if part.quantity > 0 {
            self.set_consumed(&mut row, part.quantity);
        }
        row
    }

    fn of_period(&self) -> Row {
        let period = &self.bill.draft.period;
        let mut row = self.row(&self.line.amount.cut(PLACES), (period.start, period.end));
        let priced = match &self.line.price {
            Price::Package { price, size } => {
                let consumed: u128 = self.line.days.iter().map(|day| day.quantity).fold(0, u128::saturating_add);
                self.set_consumed(&mut row, consumed);
                let quantity = Exact::whole(BigInt::from(self.line.quantity));
                Some(Priced { quantity, unit: format!("Packages of {size}"), price: price.clone() })
            }
            _ if words::category(self.line.kind) == words::PURCHASE => {
                let price = self.line.amount.cut(PLACES);
                Some(Priced { quantity: Exact::whole(1), unit: "Fees".to_owned(), price })
            }
            _ => None,
        };
        self.set_prices(&mut row, priced);
        row
    }

    fn by_unit(&self, quantity: u128, price: &Exact) -> Priced {
        let unit = words::unit(self.line.about.class.as_deref()).to_owned();
        Priced { quantity: Exact::whole(BigInt::from(quantity)), unit, price: price.clone() }
    }

    fn set_consumed(&self, row: &mut Row, quantity: u128) {
        row.set("ConsumedQuantity", Value::Decimal(Exact::whole(BigInt::from(quantity))));
        row.set("ConsumedUnit", Value::text(words::unit(self.line.about.class.as_deref())));
    }

    /// The columns that every row has.
    fn row(&self, amount: &Exact, (start, end): (EventTime, EventTime)) -> Row {
        let columns: &'static [_] = match self.version {
            Version::V1_2 => &COST_AND_USAGE_1_2,
            Version::V1_4 => &COST_AND_USAGE_1_4,
        };
        let mut row = Row::new(columns);
        let Bill { draft, number, issuer, account_name, .. } = *self.bill;
        let kind = self.line.kind;
        for name in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingCurrencyEffectiveCost"] {
            row.set(name, Value::Decimal(amount.clone()));
        }
        for name in ["BillingCurrency", "PricingCurrency"] {
            row.set(name, Value::text(draft.currency.code()));
        }
        for name in ["InvoiceIssuerName", "ProviderName", "ServiceProviderName"] {
            row.set(name, Value::text(issuer));
        }
        row.set("BillingAccountId", Value::text(&draft.tenant));
        row.set("BillingAccountName", Value::maybe(account_name));
        row.set("BillingAccountType", Value::text("Tenant"));
        row.set("BillingPeriodStart", Value::Time(draft.period.start));
        row.set("BillingPeriodEnd", Value::Time(draft.period.end));
        row.set("ChargePeriodStart", Value::Time(start));
        row.set("ChargePeriodEnd", Value::Time(end));
        row.set("ChargeCategory", Value::text(words::category(kind)));
        if kind == Kind::Adjustment {
            row.set("ChargeClass", Value::text(words::CORRECTION));
        }
        row.set("ChargeDescription", Value::text(words::description(self.line)));
        row.set("ChargeFrequency", Value::text(words::frequency(kind)));
        row.set("ServiceCategory", Value::text("AI and Machine Learning"));
        row.set("ServiceSubcategory", Value::text("Generative AI"));
        row.set("ServiceName", Value::text("LLM inference"));
        if let Some(number) = number {
            row.set("InvoiceId", Value::text(number.to_string()));
            row.set("InvoiceDetailId", Value::text(format!("{number}-{}", self.place)));
        }
        self.set_subject(&mut row);
        row
    }

    fn set_subject(&self, row: &mut Row) {
        let about = &self.line.about;
        let host = about.provider.as_deref().filter(|provider| *provider != aliquot_core::rating::OWN_PROVIDER);
        row.set("HostProviderName", Value::text(host.unwrap_or(self.bill.issuer)));
        row.set("PublisherName", Value::text(host.unwrap_or(self.bill.issuer)));
        if let Some(model) = &about.model {
            row.set("ResourceId", Value::text(model));
            row.set("ResourceName", Value::text(model));
            row.set("ResourceType", Value::text("Model"));
        }
        let feature = about.feature.clone().map(|feature| ("feature".to_owned(), feature));
        row.set("Tags", Value::json(feature.into_iter().collect()));
        if let Some(method) = words::allocation(self.line.kind) {
            let basis = if self.line.kind == Kind::Idle { "share of time" } else { "share of cost by blame" };
            row.set("AllocatedMethodId", Value::text(method));
            row.set("AllocatedMethodDetails", Value::Json(BTreeMap::from([("x_Basis".to_owned(), basis.to_owned())])));
            row.set("AllocatedResourceId", Value::text(&self.bill.draft.tenant));
            row.set("AllocatedResourceName", Value::maybe(self.bill.account_name));
        }
    }

    fn set_prices(&self, row: &mut Row, priced: Option<Priced>) {
        let Some(Priced { quantity, unit, price }) = priced else { return };
        let Line { name, about, .. } = self.line;
        let sku = about.provider.iter().zip(&about.model).map(|(provider, model)| format!("{provider}/{model}")).next();
        let sku = sku.unwrap_or_else(|| format!("{}/{name}", words::frequency(self.line.kind)));
        let meter = about.class.clone().unwrap_or_else(|| name.clone());
        row.set("SkuPriceId", Value::text(format!("{}/{name}/{sku}/{meter}/{price}", self.bill.draft.contract)));
        row.set("SkuId", Value::text(sku));
        row.set("SkuMeter", Value::text(meter));
        row.set("SkuPriceDetails", Value::json(words::price_details(about.class.as_deref())));
        let is_commitment = self.line.kind == Kind::Commitment;
        row.set("PricingCategory", Value::text(if is_commitment { "Committed" } else { "Standard" }));
        row.set("PricingQuantity", Value::Decimal(quantity));
        row.set("PricingUnit", Value::text(unit));
        for column in [
            "ListUnitPrice",
            "ContractedUnitPrice",
            "PricingCurrencyListUnitPrice",
            "PricingCurrencyContractedUnitPrice",
        ] {
            row.set(column, Value::Decimal(price.clone()));
        }
    }
}
