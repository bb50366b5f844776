//! Invoices and notes, and the steps of their lives: issued with a gapless number and chained to the one before, paid, voided, credited
//! or debited. What is issued never changes; steps that are wrong are refused. Knows no time but what it is told, and stores
//! nothing.

use aliquot_core::time::EventTime;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, canonical};
use crate::draft::Draft;
use crate::exact::Exact;
use crate::settle::{Settlement, settle};
use crate::spelling;

pub use crate::steps::{Change, Refused, Slip};

/// The version of the layout of canonical bytes. Older ones stay readable.
pub const VERSION: u32 = 1;

/// What is issued: immutable. Its canonical bytes are its JSON as [`canonical`] writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// [`VERSION`].
    pub version: u32,
    /// Who issues it.
    pub issuer: String,
    /// Its number, consecutive from 1 for each issuer, over invoices and notes together.
    pub number: u64,
    /// When it was issued.
    #[serde(with = "spelling::time")]
    pub issued_at: EventTime,
    /// The hash of the issuer's document before; zeros for the first.
    pub previous: Digest,
    /// What it says.
    pub content: Content,
}

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// The bill of a period.
    Invoice(Box<Billed>),
    /// Less is owed than an invoice says.
    CreditNote(Note),
    /// More is owed than an invoice says.
    DebitNote(Note),
}

/// A bill that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billed {
    /// The bill.
    pub draft: Draft,
    /// The same as payable amounts.
    pub settlement: Settlement,
    /// How complete its usage was.
    pub evidence: Evidence,
}

/// How complete the usage of an invoice was when it was issued; printed on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// All partitions are complete up to here.
    #[serde(with = "spelling::time")]
    pub watermark: EventTime,
    /// Events that are known to be missing, each as the ledger lists it.
    pub gaps: Vec<String>,
    /// Who decided to issue it although something is missing, and why.
    pub override_: Option<Override>,
}

/// A decision to issue an invoice although its usage is not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Who decided.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A correction of what an invoice says is owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The number of the invoice.
    pub invoice: u64,
    /// The caller's name for the note: a second one with the same name is the same note.
    pub key: String,
    /// How much, in minor units of the invoice's currency; positive.
    pub amount_minor: i64,
    /// Why.
    pub reason: String,
}

/// Where an issuer's chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainEnd {
    /// Who issues.
    pub issuer: String,
    /// The number of the newest document; 0 before the first.
    pub number: u64,
    /// Its hash; zeros before the first.
    pub hash: Digest,
}

/// An invoice and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// What was issued.
    pub document: Document,
    /// Its hash.
    pub hash: Digest,
    /// What was paid, in minor units.
    pub paid_minor: i64,
    /// The notes on it: key, number, and what the note adds to what is owed, in minor units.
    pub notes: Vec<(String, u64, i64)>,
    /// Whether it was voided, and why.
    pub voided: Option<Void>,
}

/// That an invoice was voided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Void {
    /// When.
    #[serde(with = "spelling::time")]
    pub at: EventTime,
    /// Why.
    pub reason: String,
}

/// What an invoice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Something is owed, by either side.
    Finalized,
    /// Nothing is owed any more.
    Paid,
    /// It does not count.
    Void,
}

impl Document {
    /// SHA-256 over its canonical bytes and the hash before.
    pub fn hash(&self) -> Digest {
        Digest::of_bytes(&[&canonical(self), self.previous.bytes()])
    }
}

impl ChainEnd {
    /// Before an issuer's first document.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), number: 0, hash: Digest::NONE }
    }

    /// After `document`.
    pub fn after(document: &Document) -> Self {
        Self { issuer: document.issuer.clone(), number: document.number, hash: document.hash() }
    }

    /// The next document of the chain.
    pub(crate) fn next(&self, issued_at: EventTime, content: Content) -> Result<Document, Refused> {
        let number = self.number.checked_add(1).ok_or(Refused::OutOfNumbers)?;
        let (issuer, previous) = (self.issuer.clone(), self.hash);
        Ok(Document { version: VERSION, issuer, number, issued_at, previous, content })
    }
}

impl Issued {
    /// The bill, if it is one; documents of this type always are.
    pub fn billed(&self) -> Option<&Billed> {
        match &self.document.content {
            Content::Invoice(billed) => Some(billed),
            Content::CreditNote(_) | Content::DebitNote(_) => None,
        }
    }

    /// What is owed in all, notes included, in minor units; of a void invoice, nothing.
    pub fn owed_minor(&self) -> i128 {
        let notes = self.notes.iter().map(|(_, _, amount)| i128::from(*amount));
        let billed = self.billed().map_or(0, |billed| i128::from(billed.settlement.payable_minor));
        let owed = notes.fold(billed, i128::saturating_add);
        if self.voided.is_some() { 0 } else { owed }
    }

    /// What became of it.
    pub fn status(&self) -> Status {
        match self.voided {
            Some(_) => Status::Void,
            None if self.owed_minor() == i128::from(self.paid_minor) => Status::Paid,
            None => Status::Finalized,
        }
    }

    /// What the next bill of the tenant has to carry in: what this one left over or, if it was voided, what it had carried in.
    pub fn carries(&self) -> Exact {
        let Some(Billed { draft, settlement, .. }) = self.billed() else { return Exact::zero() };
        let carried_in = draft.lines.iter().filter(|line| line.kind == crate::line::Kind::Carried);
        match self.voided {
            Some(_) => Exact::sum(carried_in.map(|line| &line.amount)),
            None => settlement.carried_out.clone(),
        }
    }
}

/// Issues a draft: the next invoice of the chain. `existing` is the invoice, not void, that the tenant has for this contract and period
/// already, if it has one.
///
/// Doing it again with the same draft is refused with [`Refused::AlreadyFinalized`], whose `same` says that nothing is lost: a
/// retry has what it wanted.
///
/// # Errors
/// See [`Refused`].
pub fn finalize(
    draft: Draft,
    evidence: Evidence,
    existing: Option<&Issued>,
    chain: &ChainEnd,
    issued_at: EventTime,
) -> Result<Issued, Refused> {
    if let Some(existing) = existing.filter(|existing| existing.voided.is_none()) {
        let same = existing.billed().is_some_and(|billed| billed.draft == draft);
        return Err(Refused::AlreadyFinalized { number: existing.document.number, same });
    }
    check_complete(&draft, &evidence)?;
    let settlement = settle(&draft).map_err(Refused::Unsettled)?;
    let content = Content::Invoice(Box::new(Billed { draft, settlement, evidence }));
    let document = chain.next(issued_at, content)?;
    let hash = document.hash();
    Ok(Issued { document, hash, paid_minor: 0, notes: Vec::new(), voided: None })
}

fn check_complete(draft: &Draft, evidence: &Evidence) -> Result<(), Refused> {
    match &evidence.override_ {
        Some(Override { by, reason }) if by.trim().is_empty() || reason.trim().is_empty() => {
            Err(Refused::EmptyOverride)
        }
        Some(_) => Ok(()),
        None if evidence.watermark < draft.period.end => {
            Err(Refused::NotComplete { watermark: evidence.watermark, end: draft.period.end })
        }
        None if !evidence.gaps.is_empty() => Err(Refused::Gaps(evidence.gaps.clone())),
        None if !draft.open.is_empty() => {
            Err(Refused::Open(draft.open.iter().map(|open| open.subject.clone()).collect()))
        }
        None => Ok(()),
    }
}
