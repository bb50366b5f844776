//! Why an event was not accepted. Bad input is data: a reason is counted, kept with its raw bytes, and never retried.

use core::fmt;

/// A closed list; each reason says what its sender or the operator should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The bytes are not the JSON or Arrow they claim to be: look at the emitter's encoder, or at a truncating hop.
    Malformed,
    /// A field has the wrong type: see the schema of the event type.
    WrongType,
    /// A required field is missing or empty.
    MissingField,
    /// The header names a content type this version does not read.
    UnknownContentType,
    /// The `type` or `specversion` is not one this version reads: upgrade the consumer before the emitter.
    UnknownEventType,
    /// A quantity below zero.
    Negative,
    /// A quantity beyond [`crate::event::QUANTITY_MAX`]: an overflow, or a unit mistake in the emitter.
    Overflow,
    /// The parts are not the reported total: the emitter confuses inclusive and exclusive cache counts.
    PartsDoNotAddUp,
    /// A field that looks like prompt text: strip it at the source; it is kept nowhere but here.
    PromptText,
    /// The time is not RFC 3339, or too far from when the event arrived.
    AbsurdTime,
    /// The message or a field in it is longer than the limit.
    TooLarge,
    /// The tenant is not in the register, and the register is strict.
    UnknownTenant,
    /// More holes in the node's sequence than are tracked, or a number at the end of the scale: the node does not count
    /// consecutively.
    SequenceTooSparse,
    /// The number belongs to an earlier event: the node began its count anew and kept its epoch. Give every start a new epoch, and
    /// replay the event.
    SequenceReused,
    /// The node's epoch is older than the ones still tracked: replay it without its sequence.
    EpochRetired,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 15] = [
        Self::Malformed,
        Self::WrongType,
        Self::MissingField,
        Self::UnknownContentType,
        Self::UnknownEventType,
        Self::Negative,
        Self::Overflow,
        Self::PartsDoNotAddUp,
        Self::PromptText,
        Self::AbsurdTime,
        Self::TooLarge,
        Self::UnknownTenant,
        Self::SequenceTooSparse,
        Self::SequenceReused,
        Self::EpochRetired,
    ];

    /// The one spelling used in columns, metrics and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongType => "wrong_type",
            Self::MissingField => "missing_field",
            Self::UnknownContentType => "unknown_content_type",
            Self::UnknownEventType => "unknown_event_type",
            Self::Negative => "negative",
            Self::Overflow => "overflow",
            Self::PartsDoNotAddUp => "parts_do_not_add_up",
            Self::PromptText => "prompt_text",
            Self::AbsurdTime => "absurd_time",
            Self::TooLarge => "too_large",
            Self::UnknownTenant => "unknown_tenant",
            Self::SequenceTooSparse => "sequence_too_sparse",
            Self::SequenceReused => "sequence_reused",
            Self::EpochRetired => "epoch_retired",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
