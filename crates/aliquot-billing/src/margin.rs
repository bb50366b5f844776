//! What is left of revenue: by tenant, feature, model and day, why it changed, and what it would be under other terms. In dollars. Explains
//! and overwrites nothing.

use std::collections::BTreeMap;

use aliquot_core::bill_change::{BillChange, Periods, Reported, bill_change};
use aliquot_core::money::Usd;
use chrono::NaiveDate;

use crate::contract::Contract;
use crate::credits::by_day;
use crate::currency::{Currency, USD};
use crate::draft::{Draft, Standing, bill};
use crate::exact::Exact;
use crate::exchange::Rates;
use crate::line::Kind;
use crate::refusal::Refusal;
use crate::usage::{Side, Usage};

/// What a margin is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarginKey {
    /// Whose.
    pub tenant: String,
    /// Of which feature; `None` also for what belongs to no single one.
    pub feature: Option<String>,
    /// Of which model; `None` for harm, idle time, packages, fees and minimums.
    pub model: Option<String>,
    /// On which local day; what is of the whole period is on its last one.
    pub date: NaiveDate,
}

/// Revenue and costs, in dollars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Margin {
    /// By contract, after discounts; corrections and minimums included, credits and taxes not.
    pub revenue: Exact,
    /// What the tenant's requests cost.
    pub incurred: Usd,
    /// What of that neighbours did.
    pub suffered: Usd,
    /// What the tenant did to neighbours.
    pub caused: Usd,
    /// Its share of idle time.
    pub idle: Usd,
}

impl Margin {
    /// What the tenant costs: its own part of what it incurred, what it caused, and idle time. `None` past the range of money.
    pub fn cost(&self) -> Option<Usd> {
        self.incurred.checked_sub(self.suffered)?.checked_add(self.caused)?.checked_add(self.idle)
    }

    /// Revenue less cost.
    pub fn margin(&self) -> Option<Exact> {
        self.cost().map(|cost| self.revenue.minus(&Exact::dollars(cost)))
    }
}

/// The margins of a bill. Revenue in another currency than dollars is exchanged at the newest rate of the last `max_age_days` days.
///
/// # Errors
/// [`Refusal::NoRate`], [`Refusal::OutOfRange`].
pub fn margins(
    draft: &Draft,
    usage: &Usage,
    rates: &Rates,
    max_age_days: u8,
) -> Result<BTreeMap<MarginKey, Margin>, Refusal> {
    let mut margins = Margins { tenant: draft.tenant.clone(), rows: BTreeMap::new() };
    for (date, (feature, model), amount) in revenues(draft) {
        let rate = per_dollar(rates, draft.currency, date, max_age_days)?;
        let dollars = amount.over(&rate).unwrap_or_default();
        margins.row(feature, model, date).revenue.add(&dollars);
    }
    let add = |sum: &mut Usd, amount: Usd| {
        *sum = sum.checked_add(amount).ok_or_else(|| Refusal::OutOfRange("a cost".to_owned()))?;
        Ok::<(), Refusal>(())
    };
    for (date, row) in usage.rows() {
        let subject = &row.key.subject;
        let margin = margins.row(subject.feature.clone(), Some(subject.model.clone()), *date);
        add(&mut margin.incurred, row.incurred.cost)?;
    }
    for (date, row) in usage.thrash() {
        let harm = row.charges.checked_sub(row.credits).ok_or_else(|| Refusal::OutOfRange("a harm".to_owned()))?;
        let margin = margins.row(None, None, *date);
        add(if row.key.side == Side::Suffered { &mut margin.suffered } else { &mut margin.caused }, harm)?;
    }
    for (date, row) in usage.idle() {
        add(&mut margins.row(None, None, *date).idle, row.cost)?;
    }
    Ok(margins.rows)
}

struct Margins {
    tenant: String,
    rows: BTreeMap<MarginKey, Margin>,
}

impl Margins {
    fn row(&mut self, feature: Option<String>, model: Option<String>, date: NaiveDate) -> &mut Margin {
        self.rows.entry(MarginKey { tenant: self.tenant.clone(), feature, model, date }).or_default()
    }
}

fn per_dollar(rates: &Rates, currency: Currency, date: NaiveDate, max_age_days: u8) -> Result<Exact, Refusal> {
    if currency == USD { Ok(Exact::whole(1)) } else { rates.on(currency, date, max_age_days) }
}

type Of = (Option<String>, Option<String>);

/// Revenue by day, feature and model, in the bill's currency. Discounts take the same part of every charge.
fn revenues(draft: &Draft) -> Vec<(NaiveDate, Of, Exact)> {
    let last = draft.period.last();
    let charged = |kind: Kind| kind.is_charge() || kind == Kind::Discount;
    let charges: Vec<_> = draft.lines.iter().filter(|line| charged(line.kind)).cloned().collect();
    let gross = Exact::sum(charges.iter().filter(|line| line.kind.is_charge()).map(|line| &line.amount));
    let net = Exact::sum(by_day(&charges, &draft.period).values());
    let kept = net.over(&gross).unwrap_or_else(|| Exact::whole(1));
    let mut revenues = Vec::new();
    for line in charges.into_iter().filter(|line| line.kind.is_charge()) {
        let of = (line.about.feature, line.about.model);
        if line.days.is_empty() {
            revenues.push((last, of.clone(), line.amount.times(&kept)));
        }
        let days = line.days.into_iter().map(|day| (day.date, of.clone(), day.amount.times(&kept)));
        revenues.extend(days);
    }
    let other = draft.lines.iter().filter(|line| matches!(line.kind, Kind::Commitment | Kind::Adjustment));
    revenues.extend(other.map(|line| (last, (None, None), line.amount.clone())));
    revenues
}

/// One side of a comparison of a model's margin: revenue and cost, as [`bill_change`] wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// What tenants pay for it, in picodollars.
    pub revenue: Reported,
    /// What it costs, without retries.
    pub cost: Reported,
    /// What retries cost.
    pub retries: Usd,
}

/// A change of a margin in parts, which sum to it exactly. Each is what the margin rose by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarginChange {
    /// The margin before.
    pub before: Usd,
    /// The margin after.
    pub after: Usd,
    /// Prices, those of the contracts and those of the providers.
    pub price: Usd,
    /// The number of requests.
    pub volume: Usd,
    /// The choice of models, and how long prompts and outputs are.
    pub mix: Usd,
    /// How much of the prompts was read from a cache.
    pub cache: Usd,
    /// Retries.
    pub retries: Usd,
    /// Everything else.
    pub residual: Usd,
}

impl MarginChange {
    /// The sum of all parts, which is `after - before`; `None` past the range of money.
    pub fn sum(&self) -> Option<Usd> {
        let parts = [self.price, self.volume, self.mix, self.cache, self.retries, self.residual];
        parts.into_iter().try_fold(Usd::ZERO, Usd::checked_add)
    }
}

/// Takes the change of a margin apart, by models named in any way, from the period before to the one after. `None` when an amount leaves the
/// range of money.
pub fn margin_change<K: Ord + Clone>(models: &BTreeMap<K, (Leg, Leg)>) -> Option<MarginChange> {
    let change = |side: fn(&Leg) -> &Reported| {
        let periods = models.iter().map(|(model, (before, after))| {
            (model.clone(), Periods { before: side(before).clone(), after: side(after).clone() })
        });
        bill_change(&periods.collect())
    };
    let (revenue, cost) = (change(|leg| &leg.revenue)?, change(|leg| &leg.cost)?);
    let retries = |side: fn(&(Leg, Leg)) -> Usd| models.values().map(side).try_fold(Usd::ZERO, Usd::checked_add);
    let (retries_before, retries_after) =
        (retries(|(before, _)| before.retries)?, retries(|(_, after)| after.retries)?);
    let less = |part: fn(&BillChange) -> Option<Usd>| part(&revenue)?.checked_sub(part(&cost)?);
    Some(MarginChange {
        before: less(|change| Some(change.before))?.checked_sub(retries_before)?,
        after: less(|change| Some(change.after))?.checked_sub(retries_after)?,
        price: less(|change| Some(change.price))?,
        volume: less(|change| Some(change.volume))?,
        mix: less(|change| change.mix.checked_add(change.prompt_length)?.checked_add(change.output))?,
        cache: less(|change| change.hit_rate.values().copied().try_fold(Usd::ZERO, Usd::checked_add))?,
        retries: retries_before.checked_sub(retries_after)?,
        residual: less(|change| Some(change.residual))?,
    })
}

/// What a closed period would have been worth otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// Whose.
    pub tenant: String,
    /// Of the amounts.
    pub currency: Currency,
    /// What it was worth: charges, discounts and minimum.
    pub actual: Exact,
    /// What it would have been worth.
    pub other: Exact,
    /// `other` less `actual`.
    pub difference: Exact,
}

/// What the period of a bill would have been worth under another contract, or with its usage rated by another price book, or both.
///
/// # Errors
/// As of [`bill`]; [`Refusal::Mismatch`] also if the other contract is in another currency.
pub fn what_if(
    actual: &Draft,
    contract: &Contract,
    usage: &Usage,
    standing: &Standing,
    rates: &Rates,
) -> Result<WhatIf, Refusal> {
    let other = bill(contract, usage, standing, rates)?;
    if (other.currency, &other.tenant) != (actual.currency, &actual.tenant) {
        let name = |draft: &Draft| format!("{:?} in {}", draft.tenant, draft.currency);
        return Err(Refusal::Mismatch { usage: name(actual), contract: name(&other) });
    }
    let (was, is) = (actual.net(), other.net());
    let difference = is.minus(&was);
    Ok(WhatIf { tenant: other.tenant, currency: other.currency, actual: was, other: is, difference })
}
