//! The ways in which a component turns quantities or costs into money: what is written in a contract. Reckons nothing.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::exact::Exact;

/// How a component is priced between two dates. Prices are in the contract's currency, for `per` units of the class (tokens,
/// requests, GPU microseconds).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pricing {
    /// The same price for every unit.
    PerUnit(UnitPrice),
    /// Each unit at the price of the tier it falls into; units fill the tiers in the order of time.
    Graduated(Tiers),
    /// All units at the price of the tier that their number reaches.
    Volume(Tiers),
    /// Whole packages: one begun is owed.
    Package(Package),
    /// The cost, and a percentage on top of it. 0 passes the cost through.
    CostPlus(Markup),
}

/// A price for a number of units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitPrice {
    /// For `per` units.
    pub price: Exact,
    /// How many units cost that.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub per: NonZeroU64,
}

/// Tiers in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// How many units cost a tier's price.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub per: NonZeroU64,
    /// The tiers.
    pub tiers: Vec<Tier>,
}

/// A tier: from the end of the one before to its own end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The last unit in it, counted from 1 in each billing period; absent in the last tier, which has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u64>,
    /// For [`Tiers::per`] units.
    pub price: Exact,
    /// Owed once in a period in which a unit falls into the tier, or, by volume, in which it is the tier.
    #[serde(default, skip_serializing_if = "Exact::is_zero")]
    pub fee: Exact,
}

/// A price for packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Units in a package.
    pub size: NonZeroU64,
    /// For a package.
    pub price: Exact,
}

/// A percentage on top of the cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Markup {
    /// 7.5 means that a cost of 1 is charged at 1.075; negative is below cost.
    pub percent: Exact,
}

const fn one() -> NonZeroU64 {
    NonZeroU64::MIN
}

fn is_one(number: &NonZeroU64) -> bool {
    *number == one()
}

impl Pricing {
    /// Its prices, each with the number of units it is for and its name in the contract.
    pub(crate) fn prices(&self) -> Vec<(String, &Exact, NonZeroU64)> {
        match self {
            Self::PerUnit(UnitPrice { price, per }) => vec![("price".to_owned(), price, *per)],
            Self::Package(Package { price, .. }) => vec![("price".to_owned(), price, one())],
            Self::Graduated(Tiers { per, tiers }) | Self::Volume(Tiers { per, tiers }) => {
                let places = tiers.iter().zip(0_usize..);
                let prices = places.clone().map(|(tier, place)| (format!("tiers[{place}].price"), &tier.price, *per));
                let fees = places.map(|(tier, place)| (format!("tiers[{place}].fee"), &tier.fee, one()));
                prices.chain(fees).collect()
            }
            Self::CostPlus(_) => Vec::new(),
        }
    }

    /// The tiers, if it has any.
    pub(crate) fn tiers(&self) -> Option<&[Tier]> {
        match self {
            Self::Graduated(tiers) | Self::Volume(tiers) => Some(&tiers.tiers),
            Self::PerUnit(_) | Self::Package(_) | Self::CostPlus(_) => None,
        }
    }
}
