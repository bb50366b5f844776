//! An event on its way out of a simulation.

use aliquot_core::event::{Event, NodeReport, Report};
use aliquot_core::time::EventTime;

/// An event, and when the log would have taken it.
#[derive(Clone, Debug, PartialEq)]
pub struct Emitted {
    /// What the node reports.
    pub event: Reported,
    /// Its time and a small delay; later for a resend.
    pub received_at: EventTime,
}

/// What nodes of a simulation report.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "almost all are requests")]
pub enum Reported {
    /// A finished request.
    Request(Event<'static>),
    /// A node's interval.
    Node(NodeReport<'static>),
}

impl Reported {
    /// The event as the decoders give it.
    pub fn report(&self) -> Report<'_> {
        match self {
            Self::Request(event) => event.into(),
            Self::Node(node) => node.into(),
        }
    }

    /// The finished request, if it is one.
    pub fn into_request(self) -> Option<Event<'static>> {
        match self {
            Self::Request(event) => Some(event),
            Self::Node(_) => None,
        }
    }
}
