//! What may happen to an invoice after it was issued: it is paid, voided, credited or debited. Each step is a function from the
//! invoice to the invoice; steps that are wrong are refused and change nothing.

use aliquot_core::time::EventTime;

use crate::invoice::{ChainEnd, Content, Document, Issued, Note, Void};
use crate::refusal::Refusal;
use crate::spelling::rfc3339;

/// Why a step is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The period has an invoice.
    #[error("the period is invoiced by number {number}{}", if *same { ", with the same bill" } else { "; void it first" })]
    AlreadyFinalized {
        /// The number of the invoice.
        number: u64,
        /// Whether that invoice says the same: then the step was done before.
        same: bool,
    },
    /// Events of the period may still come.
    #[error("complete up to {} only, and the period ends at {}", rfc3339(*watermark), rfc3339(*end))]
    NotComplete {
        /// All partitions are complete up to here.
        watermark: EventTime,
        /// The period's end.
        end: EventTime,
    },
    /// Events of the period are missing.
    #[error("events are missing: {}", .0.join(", "))]
    Gaps(Vec<String>),
    /// Usage of the period has no price.
    #[error("usage has no price: {}", .0.join(", "))]
    Open(Vec<String>),
    /// An override without a name or a reason.
    #[error("an override names who decided, and why")]
    EmptyOverride,
    /// The bill cannot be settled.
    #[error(transparent)]
    Unsettled(Refusal),
    /// All numbers are used.
    #[error("the issuer has no numbers left")]
    OutOfNumbers,
    /// The invoice was voided.
    #[error("invoice {0} is void")]
    IsVoid(u64),
    /// An amount that is nothing or less.
    #[error("an amount of {0} minor units; it must be more than nothing")]
    NotPositive(i64),
    /// More would be paid than is owed.
    #[error("{paid_minor} more paid than the {open_minor} minor units that are open of invoice {number}")]
    Overpaid {
        /// The invoice.
        number: u64,
        /// What would be paid.
        paid_minor: i64,
        /// What is open.
        open_minor: i128,
    },
    /// More would be credited than was billed.
    #[error("a credit of {credit_minor} on invoice {number}, of which {left_minor} minor units are left to credit")]
    Overcredited {
        /// The invoice.
        number: u64,
        /// What would be credited.
        credit_minor: i64,
        /// What is left of what was billed.
        left_minor: i128,
    },
    /// There is a note with that key, which says something else.
    #[error("the note {key:?} on invoice {number} exists and says something else")]
    OtherNote {
        /// The invoice.
        number: u64,
        /// The note's key.
        key: String,
    },
    /// Money or notes came in for it.
    #[error("invoice {0} was paid or has notes; credit it instead")]
    InUse(u64),
}

/// What a note is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// The caller's name for the note: doing it again with the same name changes nothing.
    pub key: String,
    /// In minor units; positive.
    pub amount_minor: i64,
    /// Why.
    pub reason: String,
}

/// What a step led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The invoice as it is now, and the note if the step issued one.
    Done(Box<Issued>, Option<Box<Document>>),
    /// The step was done before; nothing changes.
    WasDone,
}

impl Change {
    fn done(issued: Issued, note: Option<Document>) -> Self {
        Self::Done(Box::new(issued), note.map(Box::new))
    }
}

impl Issued {
    /// Notes a payment. What is owed to the tenant is paid by no step: it is refunded outside, or credited.
    ///
    /// # Errors
    /// [`Refused::IsVoid`], [`Refused::NotPositive`], [`Refused::Overpaid`].
    pub fn pay(&self, amount_minor: i64) -> Result<Change, Refused> {
        let number = self.in_force()?;
        if amount_minor <= 0 {
            return Err(Refused::NotPositive(amount_minor));
        }
        let open_minor = self.owed_minor().saturating_sub(self.paid_minor.into());
        let paid = self.paid_minor.checked_add(amount_minor).filter(|_| i128::from(amount_minor) <= open_minor);
        let paid_minor = paid.ok_or(Refused::Overpaid { number, paid_minor: amount_minor, open_minor })?;
        Ok(Change::done(Self { paid_minor, ..self.clone() }, None))
    }

    /// Voids the invoice: it keeps its number and counts no more.
    ///
    /// # Errors
    /// [`Refused::InUse`] when it was paid or has notes.
    pub fn void(&self, reason: &str, at: EventTime) -> Result<Change, Refused> {
        if self.voided.is_some() {
            return Ok(Change::WasDone);
        }
        if self.paid_minor != 0 || !self.notes.is_empty() {
            return Err(Refused::InUse(self.document.number));
        }
        let voided = Some(Void { at, reason: reason.to_owned() });
        Ok(Change::done(Self { voided, ..self.clone() }, None))
    }

    /// Issues a credit note: less is owed.
    ///
    /// # Errors
    /// [`Refused::Overcredited`], [`Refused::OtherNote`], [`Refused::NotPositive`], [`Refused::IsVoid`], [`Refused::OutOfNumbers`].
    pub fn credit(&self, slip: &Slip, chain: &ChainEnd, at: EventTime) -> Result<Change, Refused> {
        let left_minor = self.owed_minor();
        if i128::from(slip.amount_minor) > left_minor && !self.has(slip, -1) {
            let number = self.in_force()?;
            return Err(Refused::Overcredited { number, credit_minor: slip.amount_minor, left_minor });
        }
        self.note(slip, -1, Content::CreditNote, chain, at)
    }

    /// Issues a debit note: more is owed.
    ///
    /// # Errors
    /// As [`Issued::credit`], but for [`Refused::Overcredited`].
    pub fn debit(&self, slip: &Slip, chain: &ChainEnd, at: EventTime) -> Result<Change, Refused> {
        self.note(slip, 1, Content::DebitNote, chain, at)
    }

    fn in_force(&self) -> Result<u64, Refused> {
        let number = self.document.number;
        if self.voided.is_some() { Err(Refused::IsVoid(number)) } else { Ok(number) }
    }

    fn has(&self, slip: &Slip, sign: i64) -> bool {
        let amount = slip.amount_minor.saturating_mul(sign);
        self.notes.iter().any(|(key, _, noted)| *key == slip.key && *noted == amount)
    }

    fn note(
        &self,
        slip: &Slip,
        sign: i64,
        content: fn(Note) -> Content,
        chain: &ChainEnd,
        at: EventTime,
    ) -> Result<Change, Refused> {
        let number = self.in_force()?;
        if slip.amount_minor <= 0 {
            return Err(Refused::NotPositive(slip.amount_minor));
        }
        if self.has(slip, sign) {
            return Ok(Change::WasDone);
        }
        if self.notes.iter().any(|(key, _, _)| *key == slip.key) {
            return Err(Refused::OtherNote { number, key: slip.key.clone() });
        }
        let Slip { key, amount_minor, reason } = slip.clone();
        let document = chain.next(at, content(Note { invoice: number, key: key.clone(), amount_minor, reason }))?;
        let mut issued = self.clone();
        issued.notes.push((key, document.number, amount_minor.saturating_mul(sign)));
        Ok(Change::done(issued, Some(document)))
    }
}
