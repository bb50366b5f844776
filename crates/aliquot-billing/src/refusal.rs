//! Why something is not billed. Each names the row it is about; none is a guess in disguise.

use chrono::NaiveDate;

use aliquot_core::time::EventTime;

use crate::currency::Currency;
use crate::slot::Slot;
use crate::spelling::rfc3339;

/// Why a period cannot be billed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The calendar has no such month.
    #[error("there is no month {year}-{month}")]
    NoSuchMonth {
        /// The year.
        year: i32,
        /// The month, from 1.
        month: u32,
    },
    /// The contract covers no day of the month.
    #[error("contract {contract:?} is not in force on any day from {from} to before {to}")]
    NotInForce {
        /// The contract.
        contract: String,
        /// The first date of the month.
        from: NaiveDate,
        /// The first date after it.
        to: NaiveDate,
    },
    /// Usage outside of the period: of another month, or from before the contract or after it ended.
    #[error("{row} at {slot} is outside of the period {}/{}", rfc3339(*start), rfc3339(*end))]
    Outside {
        /// What it is.
        row: String,
        /// When.
        slot: Slot,
        /// The period's start.
        start: EventTime,
        /// The period's end.
        end: EventTime,
    },
    /// An hour that holds a local midnight: nobody can say which of its usage belongs to which day.
    #[error("{row} at {slot} holds the local midnight {}: give this hour in quarters", rfc3339(*midnight))]
    Straddles {
        /// What it is.
        row: String,
        /// When.
        slot: Slot,
        /// The midnight.
        midnight: EventTime,
    },
    /// Usage of one tenant and the contract of another, or of another period.
    #[error("usage is of {usage}, the contract of {contract}")]
    Mismatch {
        /// Whose usage, when.
        usage: String,
        /// Whose contract, when.
        contract: String,
    },
    /// No exchange rate for a day on which one is needed.
    #[error("no rate of {currency} for USD on {day}, nor within {max_age_days} days before")]
    NoRate {
        /// The currency.
        currency: Currency,
        /// The day.
        day: NaiveDate,
        /// For how many days a rate stands in for the ones after it.
        max_age_days: u8,
    },
    /// Costs in dollars, and a contract in another currency that says nothing of rates.
    #[error("contract {contract:?} is in {currency} and says nothing about the exchange of USD")]
    NoExchange {
        /// The contract.
        contract: String,
        /// Its currency.
        currency: Currency,
    },
    /// More of a credit is left than was ever granted, or less than nothing.
    #[error("credit {grant:?} has {left} left of {granted}")]
    CreditBalance {
        /// The credit.
        grant: String,
        /// What is said to be left.
        left: String,
        /// What was granted.
        granted: String,
    },
    /// A number beyond all reason.
    #[error("{0} is out of range")]
    OutOfRange(String),
}
