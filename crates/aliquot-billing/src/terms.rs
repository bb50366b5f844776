//! The terms of a contract as they are written in TOML or JSON. Whether they make sense is decided in `check`.
//!
//! Numbers that are money, percentages or rates are texts (`"0.30"`), never floats. Dates are local dates of the contract's zone;
//! every span of dates is `[start, end)`, and an end that is left out means "until further notice".

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::currency::Currency;
use crate::exact::Exact;
use crate::pricing::Pricing;
use crate::select::Selector;
use crate::spelling;

/// What a tenant and the operator agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Names this version of the contract.
    pub id: String,
    /// Who pays.
    pub tenant: String,
    /// The first day.
    #[serde(with = "spelling::date")]
    pub start: NaiveDate,
    /// The day after the last one; absent = until further notice.
    #[serde(default, with = "spelling::end", skip_serializing_if = "Option::is_none")]
    pub end: Option<NaiveDate>,
    /// In which it is priced and invoiced.
    pub currency: Currency,
    /// Whose calendar months are the billing periods.
    pub zone: Zone,
    /// Who bears what neighbours do to a shared cache.
    pub cache_policy: CachePolicy,
    /// What becomes of amounts per period where the contract covers a part of the period. A contract that begins or ends inside a month and
    /// has such amounts must say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proration: Option<Proration>,
    /// How costs in dollars become the contract's currency; needed only if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
    /// In which order prepaid credits are used.
    #[serde(default)]
    pub drawdown: Drawdown,
    /// Asked in order about each piece of usage; the first one that selects it prices it.
    #[serde(rename = "component")]
    pub components: Vec<Component>,
    /// What is owed at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Minimum>,
    /// Taken off in order, each from what the one before left.
    #[serde(default, rename = "discount", skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// Prepaid credits.
    #[serde(default, rename = "credit", skip_serializing_if = "Vec::is_empty")]
    pub credits: Vec<Grant>,
    /// Taxes on what is left after credits; each by itself, none on another one.
    #[serde(default, rename = "tax", skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<Tax>,
}

/// Dates `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first day.
    pub start: NaiveDate,
    /// The day after the last one; `None` = until further notice.
    pub end: Option<NaiveDate>,
}

impl Span {
    /// Whether the date is in it.
    pub fn holds(self, date: NaiveDate) -> bool {
        self.start <= date && self.end.is_none_or(|end| date < end)
    }
}

macro_rules! spans {
    ($($type:ty),*) => {$(
        impl $type {
            /// The dates on which it holds.
            pub const fn span(&self) -> Span {
                Span { start: self.start, end: self.end }
            }
        }
    )*};
}

spans!(Terms, DatedPrice, Grant, Tax);

/// An IANA time zone, written by its name: `America/Santiago`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(pub Tz);

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || format!("there is no time zone {name:?}; name one as in \"Europe/Berlin\"");
        name.parse().map(Self).map_err(|_| serde::de::Error::custom(unknown()))
    }
}

/// Who bears what neighbours do to a shared cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CachePolicy {
    /// The tenant pays what its requests cost, whoever is to blame.
    PassThrough,
    /// The tenant pays what its requests would have cost had it been alone; the operator's pool bears the difference, and no line
    /// of the invoice depends on a neighbour.
    Standalone,
    /// The tenant does not pay for what neighbours did to it, and pays for what it did to neighbours that do not pay it themselves.
    CauserPays,
}

/// What becomes of amounts per period in a part of a period: of the minimum, of free units, of which whole ones are left, and of
/// fixed discounts. Fees of tiers and packages are owed in full, since it is use that begins them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proration {
    /// They are owed in full.
    Full,
    /// They are owed for the days in force, of the days that the zone's month has.
    Daily,
}

/// How dollars become the contract's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Whose day's rate is taken.
    pub on: RateDay,
    /// For how many days a rate stands in for the ones after it: 0 asks for a rate of the day itself; 3 bridges a weekend and
    /// a holiday.
    #[serde(default)]
    pub max_age_days: u8,
}

/// Which day's rate is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateDay {
    /// The local day of the usage.
    UsageDay,
    /// The last local day of the billing period.
    PeriodEnd,
    /// None: this many units of the currency for one dollar, as agreed.
    Fixed(Exact),
}

/// In which order credits are used. Each breaks ties by the date from which it holds, and then by its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drawdown {
    /// What expires first.
    #[default]
    FirstExpiry,
    /// What was granted first.
    FirstGranted,
    /// The order in which the contract lists them.
    AsListed,
}

/// A part of usage and its prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// What it is called on the invoice.
    pub name: String,
    /// Which usage it prices.
    #[serde(default)]
    pub select: Selector,
    /// The first units of each period are free; they do not count towards tiers and packages.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub free_units: u64,
    /// Prices by date, in order, without overlap or gap over all dates of the contract. Tiers and packages count anew at
    /// each.
    #[serde(rename = "price")]
    pub prices: Vec<DatedPrice>,
}

fn is_nothing(number: &u64) -> bool {
    *number == 0
}

/// A pricing between two dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatedPrice {
    /// The first day.
    #[serde(with = "spelling::date")]
    pub start: NaiveDate,
    /// The day after the last one; absent = until further notice.
    #[serde(default, with = "spelling::end", skip_serializing_if = "Option::is_none")]
    pub end: Option<NaiveDate>,
    /// The pricing.
    pub pricing: Pricing,
}

/// What is owed at least, before credits and taxes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minimum {
    /// In the contract's currency.
    pub amount: Exact,
    /// Over which time.
    #[serde(default)]
    pub over: MinimumOver,
}

/// Over which time a minimum is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MinimumOver {
    /// Each billing period by itself.
    #[default]
    Period,
    /// All periods of the contract together; what is missing is owed with the last one.
    Term,
}

/// A discount on the charges of some components, or on all charges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discount {
    /// What it is called on the invoice.
    pub name: String,
    /// How much.
    pub take: Take,
    /// Names of components; empty = all charges of the period, those for neighbours and idle time included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
}

/// How much a discount takes off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// Of each hundred.
    Percent(Exact),
    /// Per period, in the contract's currency; never more than there is.
    Fixed(Exact),
}

/// Money paid in advance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Names it.
    pub id: String,
    /// In the contract's currency.
    pub amount: Exact,
    /// The first day.
    #[serde(with = "spelling::date")]
    pub start: NaiveDate,
    /// The day after the last one; absent = until further notice.
    #[serde(default, with = "spelling::end", skip_serializing_if = "Option::is_none")]
    pub end: Option<NaiveDate>,
}

/// A tax; of several rows with one name, the one in force on the period's last day is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tax {
    /// What it is called on the invoice.
    pub name: String,
    /// Of each hundred.
    pub percent: Exact,
    /// The first day.
    #[serde(with = "spelling::date")]
    pub start: NaiveDate,
    /// The day after the last one; absent = until further notice.
    #[serde(default, with = "spelling::end", skip_serializing_if = "Option::is_none")]
    pub end: Option<NaiveDate>,
}
