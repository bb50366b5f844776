//! Puts what was sent into messages: single events, JSON batches, Arrow batches; whole, torn, oversized, mislabelled. Leaves
//! holes between offsets, as compaction and transaction markers do.

use std::collections::VecDeque;

use aliquot_core::event::Event;
use aliquot_core::ports::RawMessage;
use aliquot_core::position::Offset;
use aliquot_core::reject::Reason;
use aliquot_wire::{ARROW, JSON, JSON_BATCH, arrow};

use crate::faults::Counts;
use crate::random::Random;
use crate::workload::{Entry, Item, LIMITS, Sent, received_at};

/// Events of one batch at most, unless it is to be refused.
const BATCH: usize = 6;

/// The log of one partition.
pub(crate) fn pack(sent: Vec<Sent>, random: &mut Random, counts: &mut Counts) -> Vec<Entry> {
    let mut sent = VecDeque::from(sent);
    let mut entries = Vec::new();
    let mut next = Offset(i64::try_from(random.below(2) * random.below(5)).unwrap());
    while let Some(first) = sent.pop_front() {
        let at = first.at;
        let Packed { content_type, payload, items } = message(first, &mut sent, random, counts);
        let mut end = next.next();
        if random.chance(15) {
            counts.add("hole in the offsets");
            end = Offset(end.0 + 1 + i64::try_from(random.below(4)).unwrap());
        }
        let is_arrow = content_type == ARROW;
        let content_type = content_type.to_owned();
        let message = RawMessage { offset: next, received_at: received_at(at), content_type, payload };
        entries.push(Entry { message, end, items, is_arrow });
        next = end;
    }
    entries
}

struct Packed {
    content_type: &'static str,
    payload: Vec<u8>,
    items: Vec<Item>,
}

impl Packed {
    fn refused(content_type: &'static str, reason: Reason, payload: Vec<u8>) -> Self {
        Self { content_type, items: vec![Item::Bad(reason, payload.clone())], payload }
    }
}

fn message(first: Sent, sent: &mut VecDeque<Sent>, random: &mut Random, counts: &mut Counts) -> Packed {
    let count = 1 + random.place(BATCH);
    match random.below(100) {
        0..25 => {
            let items = run(first.item, sent, count, |item| matches!(item, Item::Event(..)));
            arrow_batch(items, random, counts)
        }
        25..55 => {
            let items = run(first.item, sent, count, is_whole);
            json_batch(items, random, counts)
        }
        55..57 => {
            counts.add("more events than a message may have");
            let count = usize::try_from(LIMITS.events_per_message).unwrap() + 2;
            overfull(run(first.item, sent, count, is_whole))
        }
        57..60 => {
            counts.add("not an event at all");
            sent.push_front(first);
            let (content_type, reason, payload) = *random.pick(&[
                (JSON, Reason::Malformed, &b""[..]),
                (JSON_BATCH, Reason::Malformed, b"\x00\x01"),
                (ARROW, Reason::Malformed, b"ARROW1"),
                ("text/html", Reason::UnknownContentType, b"<p>"),
            ]);
            Packed::refused(content_type, reason, payload.to_vec())
        }
        60..62 => {
            counts.add("nothing in a batch");
            sent.push_front(first);
            Packed { content_type: JSON_BATCH, payload: b" [ ] ".to_vec(), items: Vec::new() }
        }
        62..64 => {
            counts.add("oversized message");
            let mut payload = bytes_of(&first.item).to_vec();
            payload.resize(LIMITS.message_bytes + 1, b' ');
            Packed::refused(JSON, Reason::TooLarge, payload)
        }
        kind => {
            let content_type = if kind % 2 == 0 { JSON } else { "" };
            Packed { content_type, payload: bytes_of(&first.item).to_vec(), items: vec![first.item] }
        }
    }
}

/// `first` and up to `count - 1` of those behind it, as long as they are `fit`.
fn run(first: Item, sent: &mut VecDeque<Sent>, count: usize, fit: impl Fn(&Item) -> bool) -> Vec<Item> {
    if !fit(&first) {
        return vec![first];
    }
    let mut items = vec![first];
    while items.len() < count
        && let Some(next) = sent.pop_front_if(|next| fit(&next.item))
    {
        items.push(next.item);
    }
    items
}

/// Whether the item's brackets and quotes match, so that a batch around it stays readable.
fn is_whole(item: &Item) -> bool {
    !matches!(item, Item::Bad(Reason::Malformed, _))
}

fn bytes_of(item: &Item) -> &[u8] {
    match item {
        Item::Event(_, bytes) | Item::Report(_, bytes) | Item::Bad(_, bytes) => bytes,
    }
}

fn joined(items: &[Item]) -> Vec<u8> {
    let pieces: Vec<_> = items.iter().map(bytes_of).collect();
    [b"[", pieces.join(&b" , "[..]).as_slice(), b"]\n"].concat()
}

fn json_batch(mut items: Vec<Item>, random: &mut Random, counts: &mut Counts) -> Packed {
    if !items.iter().all(is_whole) {
        let payload = bytes_of(&items[0]).to_vec();
        return Packed { content_type: JSON, payload, items };
    }
    let mut payload = joined(&items);
    if random.chance(8) {
        counts.add("torn batch");
        payload.truncate(payload.len() - 4);
        items.pop();
        items.push(Item::Bad(Reason::Malformed, payload.clone()));
    }
    Packed { content_type: JSON_BATCH, payload, items }
}

fn overfull(mut items: Vec<Item>) -> Packed {
    if !items.iter().all(is_whole) {
        let payload = bytes_of(&items[0]).to_vec();
        return Packed { content_type: JSON, payload, items };
    }
    let payload = joined(&items);
    let limit = usize::try_from(LIMITS.events_per_message).unwrap();
    if items.len() > limit {
        items.truncate(limit);
        items.push(Item::Bad(Reason::TooLarge, payload.clone()));
    }
    Packed { content_type: JSON_BATCH, payload, items }
}

fn arrow_batch(items: Vec<Item>, random: &mut Random, counts: &mut Counts) -> Packed {
    let events: Vec<Event<'_>> = items
        .iter()
        .filter_map(|item| match item {
            Item::Event(event, _) => Some((**event).clone()),
            Item::Report(..) | Item::Bad(..) => None,
        })
        .collect();
    if events.len() < items.len() {
        let payload = bytes_of(&items[0]).to_vec();
        return Packed { content_type: JSON, payload, items };
    }
    let mut payload = arrow::encode(&events);
    if random.chance(8) {
        counts.add("torn Arrow message");
        payload.truncate(payload.len() / 2);
        return Packed::refused(ARROW, Reason::Malformed, payload);
    }
    Packed { content_type: ARROW, payload, items }
}
