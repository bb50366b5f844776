//! A period's bill before it is an invoice: charges, discounts, minimum, corrections, credits and taxes, exact. Rounds nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::basis::Basis;
use crate::charges::{Charges, charges};
use crate::contract::Contract;
use crate::credits::{Drawn, draw};
use crate::currency::Currency;
use crate::digest::Digest;
use crate::exact::Exact;
use crate::exchange::{Exchanger, Rates};
use crate::line::{Kind, Line};
use crate::open::Open;
use crate::period::Period;
use crate::refusal::Refusal;
use crate::terms::{CachePolicy, Discount, Minimum, MinimumOver, Take};
use crate::usage::Usage;

/// What a period's bill knows of what was before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is left of each credit, by its id; one that is not here is untouched.
    pub balances: BTreeMap<String, Exact>,
    /// The charges less discounts of all earlier periods of the contract, and what was owed for commitments: for a minimum
    /// over the term.
    pub billed_before: Exact,
    /// What rounding left over on the newest invoice of the tenant that was not voided; see `Settlement::carried_out`.
    pub carried: Exact,
    /// Corrections of periods that were invoiced before; see `adjustment`.
    pub adjustments: Vec<Line>,
}

/// A bill that may still change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Who pays.
    pub tenant: String,
    /// The contract's id.
    pub contract: String,
    /// The digest of its terms.
    pub terms: Digest,
    /// Of all amounts but those that say otherwise.
    pub currency: Currency,
    /// The period.
    pub period: Period,
    /// Who bears what neighbours did.
    pub cache_policy: CachePolicy,
    /// The lines, in the order of their kinds.
    pub lines: Vec<Line>,
    /// Usage that has no price: as long as there is any, the bill is not whole.
    pub open: Vec<Open>,
    /// What was taken from which credit.
    pub drawn: Vec<Drawn>,
    /// The digest of the usage that the tenant bears.
    pub inputs: Digest,
}

impl Draft {
    /// The sum of all lines, which rounding has still to settle.
    pub fn total(&self) -> Exact {
        Exact::sum(self.lines.iter().map(|line| &line.amount))
    }

    /// Charges, discounts and commitment: what the period itself is worth, before corrections, credits and taxes.
    pub fn net(&self) -> Exact {
        let is_net = |kind: Kind| kind.is_charge() || matches!(kind, Kind::Discount | Kind::Commitment);
        Exact::sum(self.lines.iter().filter(|line| is_net(line.kind)).map(|line| &line.amount))
    }
}

/// The bill of a period. The same arguments give the same bytes, whenever and wherever it is reckoned.
///
/// # Errors
/// Any [`Refusal`] but those about months.
pub fn bill(contract: &Contract, usage: &Usage, standing: &Standing, rates: &Rates) -> Result<Draft, Refusal> {
    let terms = contract.terms();
    let period = usage.period();
    check_match(contract, usage)?;
    let basis = Basis::of(terms.cache_policy, usage)?;
    let Charges { mut lines, open } = charges(&basis, &Exchanger { contract, period, rates })?;
    lines.extend(discounts(&terms.discounts, &lines, period.share(terms.proration)));
    let days = crate::credits::by_day(&lines, period);
    let net = Exact::sum(lines.iter().map(|line| &line.amount));
    let commitment = terms.minimum.as_ref().and_then(|minimum| shortfall(minimum, &net, standing, contract, period));
    let commitment = commitment.map(|amount| Line::flat(Kind::Commitment, "minimum", amount));
    lines.extend(commitment.into_iter().chain(standing.adjustments.iter().cloned()));
    let due = Exact::sum(lines.iter().map(|line| &line.amount));
    let (drawn, credits) = draw(terms, &standing.balances, days, &due, period.last())?;
    lines.extend(credits);
    lines.extend(taxes(contract, period, &Exact::sum(lines.iter().map(|line| &line.amount))));
    if !standing.carried.is_zero() {
        lines.push(Line::flat(Kind::Carried, "rounding of the invoice before", standing.carried.clone()));
    }
    Ok(Draft {
        tenant: terms.tenant.clone(),
        contract: terms.id.clone(),
        terms: contract.digest(),
        currency: terms.currency,
        period: period.clone(),
        cache_policy: terms.cache_policy,
        lines,
        open,
        drawn,
        inputs: basis.digest(),
    })
}

fn check_match(contract: &Contract, usage: &Usage) -> Result<(), Refusal> {
    let (terms, period) = (contract.terms(), usage.period());
    let name = |tenant: &str, first: chrono::NaiveDate, zone: &str| format!("{tenant:?}, from {first} on in {zone}");
    let own = Period::at(contract, period.start).ok();
    if terms.tenant == usage.tenant() && own.as_ref() == Some(period) {
        return Ok(());
    }
    Err(Refusal::Mismatch {
        usage: name(usage.tenant(), period.first, period.zone.0.name()),
        contract: name(&terms.tenant, own.map_or(terms.start, |own| own.first), terms.zone.0.name()),
    })
}

/// The discounts, each on what the ones before left of the charges that it is on.
fn discounts(discounts: &[Discount], charges: &[Line], (part, whole): (u32, u32)) -> Vec<Line> {
    let mut left: Vec<Exact> = charges.iter().map(|line| line.amount.clone()).collect();
    let mut lines = Vec::new();
    for discount in discounts {
        let mut selected: Vec<_> = charges
            .iter()
            .zip(&mut left)
            .filter(|(line, _)| is_discounted(discount, line))
            .map(|(_, left)| left)
            .collect();
        let sum = Exact::sum(selected.iter().map(|left| &**left));
        let off = match &discount.take {
            Take::Percent(percent) => sum.percent(percent),
            Take::Fixed(amount) => amount.times(&Exact::ratio(part, whole).unwrap_or_default()).min(sum.clone()),
        };
        let Some(kept) = sum.minus(&off).over(&sum).filter(|_| off > Exact::zero()) else { continue };
        selected.iter_mut().for_each(|left| **left = left.times(&kept));
        lines.push(Line::flat(Kind::Discount, &discount.name, off.negated()));
    }
    lines
}

fn is_discounted(discount: &Discount, line: &Line) -> bool {
    let of_component = matches!(line.kind, Kind::Usage | Kind::Free | Kind::TierFee);
    discount.components.is_empty() || of_component && discount.components.contains(&line.name)
}

/// What is missing to the minimum.
fn shortfall(
    minimum: &Minimum,
    net: &Exact,
    standing: &Standing,
    contract: &Contract,
    period: &Period,
) -> Option<Exact> {
    let missing = match minimum.over {
        MinimumOver::Period => {
            let (part, whole) = period.share(contract.terms().proration);
            minimum.amount.times(&Exact::ratio(part, whole)?).minus(net)
        }
        MinimumOver::Term if contract.terms().end == Some(period.after) => {
            minimum.amount.minus(&standing.billed_before).minus(net)
        }
        MinimumOver::Term => return None,
    };
    (missing > Exact::zero()).then_some(missing)
}

/// Each tax on what is left after credits; a bill in the tenant's favour gives taxes back.
fn taxes(contract: &Contract, period: &Period, due: &Exact) -> Vec<Line> {
    let last = period.last();
    let in_force = contract.terms().taxes.iter().filter(|tax| tax.span().holds(last));
    in_force.map(|tax| Line::flat(Kind::Tax, &tax.name, due.percent(&tax.percent))).collect()
}
