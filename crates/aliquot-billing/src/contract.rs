//! A contract: terms that were checked. What it says about one part of usage, one date or one period is asked here.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::check::{self, Fault, Problem};
use crate::digest::Digest;
use crate::pricing::Pricing;
use crate::select::Subject;
use crate::terms::{Component, Terms};

/// Terms that make sense, whatever they were read from. There is no other way to one than through the check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    terms: Terms,
    digest: Digest,
}

/// Everything that is wrong with some terms, row by row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (fault, place) in self.0.iter().zip(0_usize..) {
            write!(out, "{}{fault}", if place > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl Contract {
    /// The contract with these terms.
    ///
    /// # Errors
    /// All rows that make no sense, each named.
    pub fn new(terms: Terms) -> Result<Self, Faults> {
        let faults = check::faults(&terms);
        let digest = Digest::of(&terms);
        if faults.is_empty() { Ok(Self { terms, digest }) } else { Err(Faults(faults)) }
    }

    /// What was agreed on.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The digest of the terms: what an invoice names its contract by.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The component that prices the subject, and its place.
    pub fn component(&self, subject: &Subject) -> Option<(usize, &Component)> {
        let mut components = (0_usize..).zip(&self.terms.components);
        components.find(|(_, component)| component.select.selects(subject))
    }
}

/// Where contracts of one tenant hold on the same days: each such one, with the other. An ended contract leaves its days free.
pub fn overlaps(contracts: &[&Contract]) -> Vec<Fault> {
    let mut sorted: Vec<_> = contracts.iter().map(|contract| &contract.terms).collect();
    sorted.sort_by(|left, right| (&left.tenant, left.start, &left.id).cmp(&(&right.tenant, right.start, &right.id)));
    let mut found = Vec::new();
    // The contract so far that ends last: what starts before its end overlaps it.
    let mut reaching: Option<&Terms> = None;
    for terms in sorted {
        let before = reaching.filter(|before| before.tenant == terms.tenant);
        if let Some(before) = before.filter(|before| before.end.is_none_or(|end| terms.start < end)) {
            let problem = Problem::Overlap { with: format!("contract {:?}", before.id), from: terms.start };
            found.push(Fault { row: format!("contract {:?}", terms.id), problem });
        }
        let ends = |terms: &Terms| terms.end.unwrap_or(NaiveDate::MAX);
        reaching = Some(before.filter(|before| ends(before) >= ends(terms)).unwrap_or(terms));
    }
    found
}

impl Component {
    /// The pricing on a date, and its place.
    pub fn pricing(&self, date: NaiveDate) -> Option<(usize, &Pricing)> {
        let mut prices = (0_usize..).zip(&self.prices);
        prices.find(|(_, price)| price.span().holds(date)).map(|(place, price)| (place, &price.pricing))
    }
}

impl Serialize for Contract {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.terms.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Contract {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Terms::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
