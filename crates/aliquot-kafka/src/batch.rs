//! Gathers fetched messages into batches by partition, without holes between batches. Talks to no broker.

use std::collections::{BTreeMap, VecDeque};

use aliquot_core::ports::{RawBatch, RawMessage};
use aliquot_core::position::{Offset, OffsetRange, Partition};
use aliquot_core::time::EventTime;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};

/// The header that says how to read a message.
pub(crate) const CONTENT_TYPE: &str = "content-type";

/// Messages gathered at once: large enough to make the cost per batch small.
const MESSAGES_MAX: usize = 4_096;

/// Bytes gathered at once: bounds memory however large messages are. A single larger message still passes.
const BYTES_MAX: usize = 4 << 20;

/// Batches in the making.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    batches: BTreeMap<i32, RawBatch>,
    messages: usize,
    bytes: usize,
}

impl Gathering {
    pub(crate) fn is_full(&self) -> bool {
        self.messages >= MESSAGES_MAX || self.bytes >= BYTES_MAX
    }

    /// Adds a message of `partition` if it is not before `next`, the first offset not yet given out, and moves `next`.
    /// Offsets between the two are holes of the log, left by compaction or transactions; the batch's range covers them.
    pub(crate) fn add(&mut self, partition: i32, next: &mut Offset, message: RawMessage) {
        if message.offset < *next {
            return;
        }
        let batch = self.batches.entry(partition).or_insert_with(|| RawBatch {
            partition: Partition(partition),
            range: OffsetRange { from: *next, to: *next },
            messages: Vec::new(),
        });
        *next = message.offset.next();
        batch.range.to = *next;
        self.messages += 1;
        // The header is the sender's, too, and may be as long as a message.
        self.bytes += message.payload.len() + message.content_type.len();
        batch.messages.push(message);
    }

    pub(crate) fn finish(self) -> VecDeque<RawBatch> {
        self.batches.into_values().collect()
    }
}

/// The message as the core knows it. A message without a payload is an empty one: whoever decodes it refuses it.
pub(crate) fn from_kafka(message: &BorrowedMessage<'_>) -> RawMessage {
    let content_type = message
        .headers()
        .and_then(|headers| headers.iter().find(|header| header.key.eq_ignore_ascii_case(CONTENT_TYPE)))
        .and_then(|header| header.value)
        .map(|value| String::from_utf8_lossy(value).into_owned());
    RawMessage {
        offset: Offset(message.offset()),
        received_at: EventTime(message.timestamp().to_millis().unwrap_or_default().saturating_mul(1_000)),
        content_type: content_type.unwrap_or_default(),
        payload: message.payload().unwrap_or_default().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(offset: i64, bytes: usize) -> RawMessage {
        let content_type = String::new();
        RawMessage { offset: Offset(offset), received_at: EventTime(0), content_type, payload: vec![0; bytes] }
    }

    #[test]
    fn ranges_cover_holes_and_join_and_old_messages_are_dropped() {
        let mut next = Offset(10);
        let mut other = Offset(0);
        let mut gathering = Gathering::default();
        for offset in [8, 9, 12, 13, 13, 20] {
            gathering.add(1, &mut next, message(offset, 1));
        }
        gathering.add(0, &mut other, message(0, 1));
        let batches: Vec<_> = gathering.finish().into_iter().collect();
        let shape = |batch: &RawBatch| {
            let offsets: Vec<_> = batch.messages.iter().map(|message| message.offset.0).collect();
            (batch.partition.0, batch.range.from.0, batch.range.to.0, offsets)
        };
        assert_eq!(batches.iter().map(shape).collect::<Vec<_>>(), [(0, 0, 1, vec![0]), (1, 10, 21, vec![12, 13, 20])]);
        assert_eq!((next, other), (Offset(21), Offset(1)));
        let mut gathering = Gathering::default();
        gathering.add(1, &mut next, message(21, 1));
        assert_eq!(gathering.finish()[0].range, OffsetRange { from: Offset(21), to: Offset(22) });
    }

    #[test]
    fn a_gathering_is_full_by_messages_or_by_bytes() {
        let mut many = Gathering::default();
        let mut next = Offset(0);
        for offset in 0..i64::try_from(MESSAGES_MAX).unwrap() {
            assert!(!many.is_full());
            many.add(0, &mut next, message(offset, 0));
        }
        assert!(many.is_full());
        let mut large = Gathering::default();
        large.add(0, &mut Offset(0), message(0, BYTES_MAX));
        assert!(large.is_full());
        let mut headed = Gathering::default();
        headed.add(0, &mut Offset(0), RawMessage { content_type: "x".repeat(BYTES_MAX), ..message(0, 0) });
        assert!(headed.is_full());
    }
}
