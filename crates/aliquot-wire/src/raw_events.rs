//! The bytes of a message's single events, for events that are refused only after they were read. Reads no field.

use crate::content_type::Encoding;
use crate::json;

/// Gives out the bytes of a message's events, for ascending places.
#[derive(Debug)]
pub struct RawEvents<'a> {
    payload: &'a [u8],
    encoding: Option<Encoding>,
    /// What is left of a batch, and the place of its next event.
    pieces: json::Pieces<'a>,
    next: u32,
    is_given: bool,
}

impl<'a> RawEvents<'a> {
    /// The events of the message.
    pub fn new(content_type: &str, payload: &'a [u8]) -> Self {
        let encoding = Encoding::of(content_type);
        Self { payload, encoding, pieces: json::Pieces::new(payload), next: 0, is_given: false }
    }

    /// The bytes of event `index`, which must lie behind those asked for before: the event's own where it can be cut out of
    /// its message, else the message for the first one asked for, and nothing for the others. So what is kept of a message
    /// is never more than twice its size, however many of its events are refused.
    pub fn get(&mut self, index: u32) -> &'a [u8] {
        if self.encoding == Some(Encoding::JsonBatch) {
            let skipped = usize::try_from(index.saturating_sub(self.next)).unwrap_or(usize::MAX);
            self.next = index.saturating_add(1);
            return match self.pieces.nth(skipped) {
                Some(Ok(piece)) => piece,
                _ => &[],
            };
        }
        if core::mem::replace(&mut self.is_given, true) { &[] } else { self.payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ARROW, JSON, JSON_BATCH};

    #[test]
    fn events_of_a_batch_are_cut_out_others_come_as_the_whole_message_once() {
        let batch = br#"[{"a":1}, {"b":[2,3]},{"c":"]"} ,{}]"#;
        let mut events = RawEvents::new(JSON_BATCH, batch);
        assert_eq!(
            [events.get(0), events.get(2), events.get(3), events.get(4)],
            [&br#"{"a":1}"#[..], br#"{"c":"]"}"#, b"{}", b""]
        );
        for content_type in [JSON, ARROW, ""] {
            let mut events = RawEvents::new(content_type, batch);
            assert_eq!([events.get(0), events.get(5)], [&batch[..], b""]);
        }
    }
}
