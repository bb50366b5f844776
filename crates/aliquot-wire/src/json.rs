//! CloudEvents JSON, one event or an array of them, to events and back.
//!
//! An array is read in one go as long as all is well. From the first event that is not, the rest is cut into single events
//! first, so that a bad one takes none of its neighbours along.

use std::fmt;

use aliquot_core::event::Report;
use aliquot_core::reject::Reason;
use serde::Deserializer;
use serde::de::{DeserializeSeed, SeqAccess, Visitor};

use crate::cloudevent::Envelope;
use crate::event_type::EventType;
use crate::field::Reading;
use crate::limits::Limits;
use crate::refusal::{Problem, Refusal};
use crate::slots::Slots;

mod cut;
mod encode;
mod write;

pub(crate) use cut::Pieces;
pub use encode::{encode, encode_batch};

/// What a decoder calls for every event.
pub(crate) type Each<'e> = dyn FnMut(u32, Result<Report<'_>, Refusal<'_>>) + 'e;

/// Reads a message that is one event.
pub(crate) fn decode_one(payload: &[u8], limits: &Limits, each: &mut Each<'_>) {
    let mut slots = Slots::default();
    match read(payload, limits, &mut slots) {
        Ok(event_type) => each(0, Ok(slots.report(event_type))),
        Err(problem) => each(0, Err(problem.about(payload))),
    }
}

/// Reads a message that is an array of events.
pub(crate) fn decode_batch(payload: &[u8], limits: &Limits, each: &mut Each<'_>) {
    let mut slots = Slots::default();
    let mut count = 0;
    if let Ok(text) = str::from_utf8(payload) {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let mut reading = Reading::new(limits);
        let batch = Batch { reading: &mut reading, slots: &mut slots, each, count: &mut count };
        if deserializer.deserialize_seq(batch).and_then(|()| deserializer.end()).is_ok() {
            return;
        }
    }
    decode_pieces(payload, limits, count, &mut slots, each);
}

/// Reads the events from number `count` on, each for itself.
fn decode_pieces<'de>(payload: &'de [u8], limits: &Limits, count: u32, slots: &mut Slots<'de>, each: &mut Each<'_>) {
    for (piece, index) in Pieces::new(payload).zip(0..).skip_while(|(_, index)| *index < count) {
        if index >= limits.events_per_message {
            let detail =
                format!("the message has more than {} events: send smaller batches", limits.events_per_message);
            return each(index, Err(Problem::new(Reason::TooLarge, detail).about(payload)));
        }
        match piece {
            Ok(piece) => match read(piece, limits, slots) {
                Ok(event_type) => each(index, Ok(slots.report(event_type))),
                Err(problem) => each(index, Err(problem.about(piece))),
            },
            Err(refusal) => each(index, Err(refusal)),
        }
    }
}

/// Reads one event from exactly these bytes.
fn read<'de>(bytes: &'de [u8], limits: &Limits, slots: &mut Slots<'de>) -> Result<EventType, Problem> {
    let text = str::from_utf8(bytes).map_err(|_| Problem::new(Reason::Malformed, "the event is not UTF-8"))?;
    let mut reading = Reading::new(limits);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let event_type = Envelope { reading: &mut reading, slots }.deserialize(&mut deserializer);
    event_type
        .and_then(|event_type| deserializer.end().map(|()| event_type))
        .map_err(|error| reading.problem_of(&error))
}

/// Reads events until the first that is not well.
struct Batch<'s, 'c, 'e, 'de> {
    reading: &'s mut Reading<'c>,
    slots: &'s mut Slots<'de>,
    each: &'s mut Each<'e>,
    count: &'s mut u32,
}

impl<'de> Visitor<'de> for Batch<'_, '_, '_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { reading, slots, each, count } = self;
        while *count < reading.limits.events_per_message {
            let Some(event_type) = list.next_element_seed(Envelope { reading, slots })? else { return Ok(()) };
            each(*count, Ok(slots.report(event_type)));
            *count = count.saturating_add(1);
        }
        // With elements left over the reader itself errs, and the pieces tell how many there are.
        Ok(())
    }
}

#[cfg(test)]
mod tests;
