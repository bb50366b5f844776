//! An event on its way out of a simulation.

use aliquot_core::event::Event;
use aliquot_core::time::EventTime;

/// An event, and when the log would have taken it.
#[derive(Clone, Debug, PartialEq)]
pub struct Emitted {
    /// What the node reports.
    pub event: Event<'static>,
    /// Its billing time and a small delay; later for a resend.
    pub received_at: EventTime,
}
