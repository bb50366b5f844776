//! Dollars, in which costs accrue, in the currency of a contract: by the rates of dates, as the contract says.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use crate::check::PLACES_MAX;
use crate::contract::Contract;
use crate::currency::{Currency, USD};
use crate::exact::Exact;
use crate::period::Period;
use crate::refusal::Refusal;
use crate::terms::{Exchange, RateDay};

/// Rates by currency and date: units of the currency for one dollar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    by_date: BTreeMap<(Currency, NaiveDate), Exact>,
}

/// A rate that is nothing or less, or has no end as a decimal number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rate of {currency} on {date} is {rate}: a rate is more than nothing, with at most {PLACES_MAX} decimals")]
pub struct NotARate {
    /// The currency.
    pub currency: Currency,
    /// The date.
    pub date: NaiveDate,
    /// What was given.
    pub rate: Exact,
}

impl Rates {
    /// Adds a rate, or replaces the one of that date.
    ///
    /// # Errors
    /// [`NotARate`].
    pub fn insert(&mut self, currency: Currency, date: NaiveDate, rate: Exact) -> Result<(), NotARate> {
        if rate <= Exact::zero() || !rate.fits(PLACES_MAX) {
            return Err(NotARate { currency, date, rate });
        }
        self.by_date.insert((currency, date), rate);
        Ok(())
    }

    pub(crate) fn on(&self, currency: Currency, day: NaiveDate, max_age_days: u8) -> Result<Exact, Refusal> {
        let oldest = day.checked_sub_days(Days::new(u64::from(max_age_days))).unwrap_or(day);
        let mut rates = self.by_date.range((currency, oldest)..=(currency, day));
        let missing = Refusal::NoRate { currency, day, max_age_days };
        rates.next_back().map(|(_, rate)| rate.clone()).ok_or(missing)
    }
}

/// The exchange of one contract in one period. A rate is looked for only when a cost needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchanger<'c> {
    pub(crate) contract: &'c Contract,
    pub(crate) period: &'c Period,
    pub(crate) rates: &'c Rates,
}

impl Exchanger<'_> {
    /// Units of the contract's currency for a dollar of cost on a local day.
    pub(crate) fn on(&self, date: NaiveDate) -> Result<Exact, Refusal> {
        let terms = self.contract.terms();
        let currency = terms.currency;
        if currency == USD {
            return Ok(Exact::whole(1));
        }
        let Some(Exchange { on, max_age_days }) = &terms.exchange else {
            return Err(Refusal::NoExchange { contract: terms.id.clone(), currency });
        };
        match on {
            RateDay::Fixed(rate) => Ok(rate.clone()),
            RateDay::UsageDay => self.rates.on(currency, date, *max_age_days),
            RateDay::PeriodEnd => self.rates.on(currency, self.period.last(), *max_age_days),
        }
    }
}
