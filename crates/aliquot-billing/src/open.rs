//! Usage that a draft could not price: listed on it, never charged at a guess, and in the way of finalizing.

use serde::{Deserialize, Serialize};

use crate::line::Covers;
use crate::spelling;

/// Why usage has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No component of the contract selects it: mend the contract.
    NoComponent,
    /// It is priced by cost, and no price book knows the cost: mend the price book and rate it again.
    Unpriced,
    /// It is priced as if the tenant were alone, and nobody knows what that had been: attribution has not reached it.
    NotStandalone,
}

/// Usage without a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// Why.
    pub why: Why,
    /// What of.
    pub subject: String,
    /// In units of the class.
    #[serde(with = "spelling::count")]
    pub quantity: u128,
    /// When.
    pub covers: Covers,
}
