//! Whether an invoice says what its usage, contract and rates come to, and whether a chain of documents is whole. The answer to "no" is the
//! first place where it differs.

use serde::Serialize;
use serde_json::Value;

use crate::contract::Contract;
use crate::draft::{Standing, bill};
use crate::exchange::Rates;
use crate::invoice::{ChainEnd, Document, Issued};
use crate::refusal::Refusal;
use crate::settle::settle;
use crate::usage::Usage;

/// The first thing that an invoice says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// It cannot be reckoned again.
    #[error("not reckoned again: {0}")]
    Refused(#[from] Refusal),
    /// It is no invoice but a note.
    #[error("number {0} is a note; what it corrects is verified by its chain")]
    NoInvoice(u64),
    /// A field has another value.
    #[error("{field}: says {says}, comes to {comes_to}")]
    Field {
        /// Which, as in `lines[3].amount`.
        field: String,
        /// What the invoice says, as JSON.
        says: String,
        /// What it comes to, as JSON.
        comes_to: String,
    },
    /// A document does not follow the one before it.
    #[error("document {number} does not follow {after} of {issuer:?}")]
    Chain {
        /// Its number.
        number: u64,
        /// The number before.
        after: u64,
        /// Whose chain.
        issuer: String,
    },
}

/// Reckons an invoice again: `Ok` if it is the same to the last digit. `standing` is what it was reckoned with.
///
/// Lines come first, since they say where; then everything else of the bill, the digest of the usage included, which knows amounts
/// that no price depends on; then what is payable, and the hash.
///
/// # Errors
/// The first [`Difference`].
pub fn verify(
    issued: &Issued,
    contract: &Contract,
    usage: &Usage,
    standing: &Standing,
    rates: &Rates,
) -> Result<(), Difference> {
    let billed = issued.billed().ok_or(Difference::NoInvoice(issued.document.number))?;
    let draft = bill(contract, usage, standing, rates)?;
    same("lines", &billed.draft.lines, &draft.lines)?;
    same("draft", &billed.draft, &draft)?;
    same("settlement", &billed.settlement, &settle(&draft)?)?;
    same("hash", &issued.hash, &issued.document.hash())
}

/// Whether documents follow one another: numbers without a gap, each with the hash of the one before. The answer is where the chain ends.
///
/// # Errors
/// [`Difference::Chain`] with the first document that does not follow.
pub fn verify_chain<'d>(
    start: ChainEnd,
    documents: impl IntoIterator<Item = &'d Document>,
) -> Result<ChainEnd, Difference> {
    documents.into_iter().try_fold(start, |end, document| {
        let follows = document.issuer == end.issuer
            && Some(document.number) == end.number.checked_add(1)
            && document.previous == end.hash;
        let ChainEnd { issuer, number: after, .. } = end;
        if follows {
            Ok(ChainEnd::after(document))
        } else {
            Err(Difference::Chain { number: document.number, after, issuer })
        }
    })
}

fn same<T: Serialize>(name: &str, says: &T, comes_to: &T) -> Result<(), Difference> {
    // What cannot be written as JSON does not exist in this crate, and would differ from nothing.
    let json = |value: &T| serde_json::to_value(value).unwrap_or(Value::Null);
    first_difference(name, &json(says), &json(comes_to)).map_or(Ok(()), Err)
}

fn first_difference(field: &str, says: &Value, comes_to: &Value) -> Option<Difference> {
    match (says, comes_to) {
        (Value::Array(says), Value::Array(comes_to)) if says.len() == comes_to.len() => {
            let mut places = says.iter().zip(comes_to).zip(0_usize..);
            places.find_map(|((says, comes_to), place)| first_difference(&format!("{field}[{place}]"), says, comes_to))
        }
        (Value::Object(says), Value::Object(comes_to)) if says.keys().eq(comes_to.keys()) => {
            let mut fields = says.iter().zip(comes_to.values());
            fields.find_map(|((name, says), comes_to)| first_difference(&format!("{field}.{name}"), says, comes_to))
        }
        (Value::Array(says), Value::Array(comes_to)) => {
            let field = format!("{field}.len");
            Some(Difference::Field { field, says: says.len().to_string(), comes_to: comes_to.len().to_string() })
        }
        _ if says == comes_to => None,
        _ => {
            Some(Difference::Field { field: field.to_owned(), says: says.to_string(), comes_to: comes_to.to_string() })
        }
    }
}
