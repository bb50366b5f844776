//! Lines of an invoice: what each is for, what it comes to, and the usage that it opens to. Reckons nothing.

use std::collections::BTreeSet;

use aliquot_core::time::EventTime;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::exact::Exact;
use crate::select::Subject;
use crate::slot::Slot;
use crate::spelling;

/// What a line is for, in the order in which an invoice has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Usage at a price.
    Usage,
    /// Usage within a free tier.
    Free,
    /// The fee of a tier.
    TierFee,
    /// What neighbours did to the tenant: a relief where the causer pays, else for information.
    ThrashSuffered,
    /// What the tenant did to neighbours.
    ThrashCaused,
    /// Idle time of nodes.
    Idle,
    /// A reservation that was not used.
    ReservedIdle,
    /// A discount.
    Discount,
    /// What is missing to the minimum.
    Commitment,
    /// A correction of a period that was invoiced before.
    Adjustment,
    /// Prepaid credit that was used.
    Credit,
    /// A tax.
    Tax,
    /// What rounding left over on the invoice before.
    Carried,
}

impl Kind {
    /// Whether it is a charge of the period itself, on which discounts and the minimum count.
    pub const fn is_charge(self) -> bool {
        matches!(
            self,
            Self::Usage
                | Self::Free
                | Self::TierFee
                | Self::ThrashSuffered
                | Self::ThrashCaused
                | Self::Idle
                | Self::ReservedIdle
        )
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What for.
    pub kind: Kind,
    /// The component, neighbour, discount, credit, tax or type of GPU that it is of.
    pub name: String,
    /// What the usage is about; empty where a line is about several things.
    pub about: About,
    /// How the amount comes about.
    pub price: Price,
    /// In units of the class; of packages, the packages.
    #[serde(with = "spelling::count")]
    pub quantity: u128,
    /// What it comes to, in the invoice's currency.
    pub amount: Exact,
    /// What it cost or harmed, in dollars: known where prices go by cost, and of harm.
    pub cost: Option<Exact>,
    /// The line by local day; empty where it is of the whole period.
    pub days: Vec<DayPart>,
    /// The usage it sums.
    pub covers: Covers,
}

/// What usage is about, as far as a line is about one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The provider.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The class, by its name.
    pub class: Option<String>,
    /// The feature.
    pub feature: Option<String>,
}

impl From<&Subject> for About {
    fn from(subject: &Subject) -> Self {
        Self {
            provider: Some(subject.provider.clone()),
            model: Some(subject.model.clone()),
            class: Some(subject.class.name().to_owned()),
            feature: subject.feature.clone(),
        }
    }
}

/// How an amount comes about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Price {
    /// Quantity × this, for one unit.
    Unit(Exact),
    /// Packages × this.
    Package {
        /// For a package.
        price: Exact,
        /// Units in one.
        size: u64,
    },
    /// Cost in dollars × this × the day's rate.
    Cost(Exact),
    /// Not by quantity.
    Flat,
}

/// A line on one local day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayPart {
    /// The local date.
    #[serde(with = "spelling::date")]
    pub date: NaiveDate,
    /// In units of the class.
    #[serde(with = "spelling::count")]
    pub quantity: u128,
    /// What it comes to.
    pub amount: Exact,
    /// What it cost, in dollars.
    pub cost: Option<Exact>,
    /// Units of the currency for one dollar, where costs were exchanged.
    pub exchange: Option<Exact>,
}

/// The usage that a line sums: with the tenant of the invoice and what the line is about, these times find the hourly totals, and
/// through them the events. Where a tier ends inside a slot, the lines of both tiers name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covers {
    /// Runs of slots, in order.
    pub runs: Vec<Run>,
    /// The price books that the costs are by, as sixteen hexadecimal digits.
    pub books: BTreeSet<String>,
    /// Ids of events, where single ones are meant.
    pub events: BTreeSet<String>,
}

/// Billing times `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The first instant.
    #[serde(with = "spelling::time")]
    pub start: EventTime,
    /// The first instant after it.
    #[serde(with = "spelling::time")]
    pub end: EventTime,
}

impl Covers {
    /// Adds a slot; slots come in the order of time.
    pub(crate) fn slot(&mut self, slot: Slot) {
        match self.runs.last_mut() {
            Some(run) if slot.start() <= run.end => run.end = run.end.max(slot.end()),
            _ => self.runs.push(Run { start: slot.start(), end: slot.end() }),
        }
    }
}

impl Line {
    /// A line that is not by quantity.
    pub(crate) fn flat(kind: Kind, name: impl Into<String>, amount: Exact) -> Self {
        let (about, covers) = (About::default(), Covers::default());
        Self {
            kind,
            name: name.into(),
            about,
            price: Price::Flat,
            quantity: 0,
            amount,
            cost: None,
            days: Vec::new(),
            covers,
        }
    }
}
