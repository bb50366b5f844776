//! Whether the terms of a contract make sense: every row that does not is named, with what is wrong with it. Changes nothing.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike, NaiveDate};

use crate::exact::Exact;
use crate::pricing::{Pricing, Tier};
use crate::select;
use crate::terms::{Component, DatedPrice, Discount, Exchange, RateDay, Span, Take, Terms};

/// A row of a contract and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The row, as in `component "input" price[1]`.
    pub row: String,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.row, self.problem)
    }
}

/// What can be wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A name is needed.
    #[error("has no name")]
    Unnamed,
    /// Two rows have one name.
    #[error("has the name of another row")]
    SameName,
    /// It ends before it starts.
    #[error("ends on {end}, not after its start {start}")]
    Backwards {
        /// Its start.
        start: NaiveDate,
        /// Its end.
        end: NaiveDate,
    },
    /// Two rows hold on the same days.
    #[error("overlaps {with} from {from} on")]
    Overlap {
        /// The other row.
        with: String,
        /// The first day on which both hold.
        from: NaiveDate,
    },
    /// No row holds on some days of the contract.
    #[error("leaves days without a price, from {from} on")]
    Gap {
        /// The first such day.
        from: NaiveDate,
    },
    /// A number that must not be negative is.
    #[error("{field} is negative: {amount}")]
    Negative {
        /// Which number.
        field: String,
        /// The number.
        amount: Exact,
    },
    /// A number that must be positive is not.
    #[error("{field} must be more than nothing")]
    NotPositive {
        /// Which number.
        field: String,
    },
    /// A percentage beyond what it can be.
    #[error("percent is {0}, more than 100")]
    OverHundred(Exact),
    /// A percentage of costs that would pay the tenant for using.
    #[error("percent is {0}, less than -100")]
    UnderCost(Exact),
    /// The number for one unit has more decimals than are kept.
    #[error("{field} has more than {PLACES_MAX} decimals for one unit: {amount}")]
    TooFine {
        /// Which number.
        field: String,
        /// The number for one unit.
        amount: Exact,
    },
    /// No tiers at all.
    #[error("has no tiers")]
    NoTiers,
    /// A tier does not end above the one before.
    #[error("tiers[{tier}] ends at {up_to}, not above the tier before")]
    NotAscending {
        /// Its place.
        tier: usize,
        /// Its end.
        up_to: u64,
    },
    /// A tier without an end stands before others, or the last one has an end.
    #[error("tiers[{tier}]: the last tier, and no other, has no end")]
    TierEnd {
        /// Its place.
        tier: usize,
    },
    /// Nothing is priced.
    #[error("has no components")]
    NoComponents,
    /// A pattern of classes that no class has.
    #[error("selects the class {0:?}, which does not exist")]
    NoSuchClass(String),
    /// Free units of something that is not priced by units.
    #[error("has free units, but price[{price}] is a percentage of costs")]
    FreeCosts {
        /// The place of the price.
        price: usize,
    },
    /// A discount on a component that is not there.
    #[error("names the component {0:?}, which does not exist")]
    NoSuchComponent(String),
    /// Amounts per period, in a period of which the contract covers a part.
    #[error(
        "begins or ends inside the month of {day}, and {needs} is per period: say proration = \"daily\" or \"full\""
    )]
    PartOfPeriod {
        /// The first day of the contract, or the first one after it.
        day: NaiveDate,
        /// The row with the amount per period.
        needs: String,
    },
    /// A minimum over a term that has no end.
    #[error("is over the term, but the contract has no end")]
    EndlessTerm,
    /// A percentage of costs in a currency that costs do not accrue in.
    #[error("prices by cost, which is in USD, and the contract has no exchange")]
    NoExchange,
}

/// A price for one unit has no more decimals than this: picodollars, and six more for prices per million.
pub const PLACES_MAX: u32 = 18;

/// Everything that is wrong with the terms, in the order of the rows.
pub(crate) fn faults(terms: &Terms) -> Vec<Fault> {
    let mut found = Found::default();
    found.named("id", &terms.id);
    found.named("tenant", &terms.tenant);
    found.span("contract", terms.span());
    if terms.components.is_empty() {
        found.push("contract", Problem::NoComponents);
    }
    check_names(terms, &mut found);
    for component in &terms.components {
        check_component(component, terms, &mut found);
    }
    for discount in &terms.discounts {
        check_discount(discount, terms, &mut found);
    }
    check_minimum(terms, &mut found);
    for grant in &terms.credits {
        let row = format!("credit {:?}", grant.id);
        found.span(&row, grant.span());
        found.positive(&row, "amount", &grant.amount);
    }
    check_taxes(terms, &mut found);
    if let Some(Exchange { on: RateDay::Fixed(rate), .. }) = &terms.exchange {
        found.positive("exchange", "fixed", rate);
        found.fine_enough("exchange", "fixed", rate);
    }
    check_proration(terms, &mut found);
    found.0
}

#[derive(Default)]
struct Found(Vec<Fault>);

impl Found {
    fn push(&mut self, row: &str, problem: Problem) {
        self.0.push(Fault { row: row.to_owned(), problem });
    }

    fn named(&mut self, row: &str, name: &str) {
        if name.trim().is_empty() {
            self.push(row, Problem::Unnamed);
        }
    }

    fn span(&mut self, row: &str, span: Span) {
        if let Some(end) = span.end.filter(|end| *end <= span.start) {
            self.push(row, Problem::Backwards { start: span.start, end });
        }
    }

    fn not_negative(&mut self, row: &str, field: &str, amount: &Exact) {
        if amount.is_negative() {
            self.push(row, Problem::Negative { field: field.to_owned(), amount: amount.clone() });
        }
    }

    fn positive(&mut self, row: &str, field: &str, amount: &Exact) {
        self.not_negative(row, field, amount);
        if amount.is_zero() {
            self.push(row, Problem::NotPositive { field: field.to_owned() });
        }
    }

    fn fine_enough(&mut self, row: &str, field: &str, amount: &Exact) {
        if !amount.fits(PLACES_MAX) {
            self.push(row, Problem::TooFine { field: field.to_owned(), amount: amount.clone() });
        }
    }
}

fn check_names(terms: &Terms, found: &mut Found) {
    let components = terms.components.iter().map(|row| ("component", row.name.as_str()));
    let discounts = terms.discounts.iter().map(|row| ("discount", row.name.as_str()));
    let credits = terms.credits.iter().map(|row| ("credit", row.id.as_str()));
    let taxes = terms.taxes.iter().map(|row| ("tax", row.name.as_str()));
    let mut seen = BTreeMap::<(&str, &str), usize>::new();
    for (kind, name) in components.chain(discounts).chain(credits).chain(taxes) {
        let row = format!("{kind} {name:?}");
        found.named(&row, name);
        // A tax has a row for each of its rates.
        if seen.insert((kind, name), 0).is_some() && kind != "tax" {
            found.push(&row, Problem::SameName);
        }
    }
}

fn check_component(component: &Component, terms: &Terms, found: &mut Found) {
    let row = format!("component {:?}", component.name);
    for (list, pattern) in component.select.patterns() {
        if list == "class" && !select::names_a_class(pattern) {
            found.push(&row, Problem::NoSuchClass(pattern.to_owned()));
        }
    }
    let spans: Vec<_> = component.prices.iter().map(DatedPrice::span).collect();
    check_cover(&format!("{row} price"), &spans, Some(terms.span()), found);
    for (price, place) in component.prices.iter().zip(0_usize..) {
        let at = format!("{row} price[{place}]");
        check_pricing(&at, &price.pricing, found);
        if let Pricing::CostPlus(_) = price.pricing {
            if component.free_units > 0 {
                found.push(&row, Problem::FreeCosts { price: place });
            }
            if terms.currency != crate::currency::USD && terms.exchange.is_none() {
                found.push(&at, Problem::NoExchange);
            }
        }
    }
}

fn check_pricing(row: &str, pricing: &Pricing, found: &mut Found) {
    for (field, price, per) in pricing.prices() {
        found.not_negative(row, &field, price);
        found.fine_enough(row, &field, &price.per(per));
    }
    if let Pricing::CostPlus(markup) = pricing {
        found.fine_enough(row, "percent", &markup.percent);
        if markup.percent < Exact::whole(-100) {
            found.push(row, Problem::UnderCost(markup.percent.clone()));
        }
    }
    if let Some(tiers) = pricing.tiers() {
        check_tiers(row, tiers, found);
    }
}

fn check_tiers(row: &str, tiers: &[Tier], found: &mut Found) {
    if tiers.is_empty() {
        found.push(row, Problem::NoTiers);
    }
    let mut reached = 0_u64;
    let count_left = (0..tiers.len()).rev();
    for ((tier, place), after) in tiers.iter().zip(0_usize..).zip(count_left) {
        if tier.up_to.is_some() != (after > 0) {
            found.push(row, Problem::TierEnd { tier: place });
        }
        if let Some(up_to) = tier.up_to {
            if up_to <= reached {
                found.push(row, Problem::NotAscending { tier: place, up_to });
            }
            reached = reached.max(up_to);
        }
    }
}

/// Rows that must follow one another without overlap or gap, over all of `whole` where that is given.
fn check_cover(row: &str, spans: &[Span], whole: Option<Span>, found: &mut Found) {
    // The first day that no row so far covers; `None` = none is left.
    let mut reached = whole.map(|whole| whole.start).or_else(|| spans.first().map(|span| span.start));
    for (span, place) in spans.iter().zip(0_usize..) {
        let at = format!("{row}[{place}]");
        found.span(&at, *span);
        let before = || format!("{row}[{}]", place.saturating_sub(1));
        match reached {
            Some(day) if span.start > day => found.push(&at, Problem::Gap { from: day }),
            Some(day) if span.start < day && place > 0 => {
                found.push(&at, Problem::Overlap { with: before(), from: span.start });
            }
            None => found.push(&at, Problem::Overlap { with: before(), from: span.start }),
            Some(_) => {}
        }
        reached = span.end;
    }
    let Some(whole) = whole else { return };
    let missing = reached.filter(|day| whole.end.is_none_or(|end| *day < end));
    if let Some(from) = missing {
        found.push(row, Problem::Gap { from });
    }
}

fn check_discount(discount: &Discount, terms: &Terms, found: &mut Found) {
    let row = format!("discount {:?}", discount.name);
    match &discount.take {
        Take::Percent(percent) => check_percent(&row, percent, found),
        Take::Fixed(amount) => found.positive(&row, "fixed", amount),
    }
    for name in &discount.components {
        if !terms.components.iter().any(|component| component.name == *name) {
            found.push(&row, Problem::NoSuchComponent(name.clone()));
        }
    }
}

fn check_percent(row: &str, percent: &Exact, found: &mut Found) {
    found.not_negative(row, "percent", percent);
    found.fine_enough(row, "percent", percent);
    if *percent > Exact::whole(100) {
        found.push(row, Problem::OverHundred(percent.clone()));
    }
}

fn check_minimum(terms: &Terms, found: &mut Found) {
    let Some(minimum) = &terms.minimum else { return };
    found.positive("minimum", "amount", &minimum.amount);
    if minimum.over == crate::terms::MinimumOver::Term && terms.end.is_none() {
        found.push("minimum", Problem::EndlessTerm);
    }
}

fn check_taxes(terms: &Terms, found: &mut Found) {
    let mut by_name = BTreeMap::<&str, Vec<Span>>::new();
    for tax in &terms.taxes {
        check_percent(&format!("tax {:?}", tax.name), &tax.percent, found);
        by_name.entry(&tax.name).or_default().push(tax.span());
    }
    for (name, spans) in by_name {
        check_cover(&format!("tax {name:?}"), &spans, None, found);
    }
}

/// What is owed per period has no obvious meaning in a part of one.
fn check_proration(terms: &Terms, found: &mut Found) {
    let cut = [Some(terms.start), terms.end].into_iter().flatten().find(|day| day.day() != 1);
    let Some(day) = cut.filter(|_| terms.proration.is_none()) else { return };
    let minimum = terms.minimum.iter().filter(|minimum| minimum.over == crate::terms::MinimumOver::Period);
    let minimum = minimum.map(|_| "minimum".to_owned());
    let free = terms.components.iter().filter(|component| component.free_units > 0);
    let free = free.map(|component| format!("component {:?} free_units", component.name));
    let fixed = terms.discounts.iter().filter(|discount| matches!(discount.take, Take::Fixed(_)));
    let fixed = fixed.map(|discount| format!("discount {:?}", discount.name));
    for needs in minimum.chain(free).chain(fixed) {
        found.push("contract", Problem::PartOfPeriod { day, needs });
    }
}
