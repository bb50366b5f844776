//! Prepaid credits: which pays how much of a period's bill. A credit pays for the charges of the days on which it holds, so one
//! that expires inside the period pays for the days before.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::exact::Exact;
use crate::line::{Kind, Line};
use crate::period::Period;
use crate::refusal::Refusal;
use crate::terms::{Drawdown, Grant, Terms};

/// What was taken from a credit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// The credit's id.
    pub grant: String,
    /// How much.
    pub amount: Exact,
    /// What is left of it.
    pub left: Exact,
}

/// What there is to pay, by day.
pub(crate) type ByDay = BTreeMap<NaiveDate, Exact>;

/// What charges and discounts come to, by day: discounts are spread in proportion, and what is of no day is of the last one.
pub(crate) fn by_day(lines: &[Line], period: &Period) -> ByDay {
    let mut days = ByDay::new();
    for line in lines.iter().filter(|line| line.kind.is_charge()) {
        line.days.iter().for_each(|day| days.entry(day.date).or_default().add(&day.amount));
        if line.days.is_empty() {
            days.entry(period.last()).or_default().add(&line.amount);
        }
    }
    let (net, gross) = (Exact::sum(lines.iter().map(|line| &line.amount)), Exact::sum(days.values()));
    match net.over(&gross) {
        Some(kept) => days.into_iter().map(|(date, amount)| (date, amount.times(&kept))).collect(),
        None => days,
    }
}

/// Uses credits in the order of the contract for what is `due`, of which `days` says what is of which day and the rest is of the
/// day `last`.
///
/// # Errors
/// [`Refusal::CreditBalance`].
pub(crate) fn draw(
    terms: &Terms,
    balances: &BTreeMap<String, Exact>,
    mut days: ByDay,
    due: &Exact,
    last: NaiveDate,
) -> Result<(Vec<Drawn>, Vec<Line>), Refusal> {
    let dated = Exact::sum(days.values());
    days.entry(last).or_default().add(&due.minus(&dated));
    let mut due = due.clone();
    let (mut drawn, mut lines) = (Vec::new(), Vec::new());
    for grant in in_order(terms) {
        let balance = balance(grant, balances)?;
        let mut taken = Exact::zero();
        let span = grant.span();
        for (_, owed) in days.iter_mut().filter(|(date, _)| span.holds(**date)) {
            let most = balance.minus(&taken).min(due.clone());
            let part = owed.clone().min(most).max(Exact::zero());
            *owed = owed.minus(&part);
            due = due.minus(&part);
            taken.add(&part);
        }
        if !taken.is_zero() {
            lines.push(Line::flat(Kind::Credit, &grant.id, taken.negated()));
            let left = balance.minus(&taken);
            drawn.push(Drawn { grant: grant.id.clone(), amount: taken, left });
        }
    }
    Ok((drawn, lines))
}

fn in_order(terms: &Terms) -> Vec<&Grant> {
    let mut grants: Vec<_> = terms.credits.iter().collect();
    let end = |grant: &Grant| grant.end.unwrap_or(NaiveDate::MAX);
    match terms.drawdown {
        Drawdown::FirstExpiry => grants.sort_by_key(|grant| (end(grant), grant.start, &grant.id)),
        Drawdown::FirstGranted => grants.sort_by_key(|grant| (grant.start, end(grant), &grant.id)),
        Drawdown::AsListed => {}
    }
    grants
}

fn balance(grant: &Grant, balances: &BTreeMap<String, Exact>) -> Result<Exact, Refusal> {
    let left = balances.get(&grant.id).unwrap_or(&grant.amount);
    if left.is_negative() || *left > grant.amount {
        let (left, granted) = (left.to_string(), grant.amount.to_string());
        return Err(Refusal::CreditBalance { grant: grant.id.clone(), left, granted });
    }
    Ok(left.clone())
}
