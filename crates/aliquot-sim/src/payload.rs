//! Emitted events to messages for the log: grouped by cache domain, because a message has one key. Encodes nothing itself.
//!
//! Arrow holds requests only, so anything else goes as a JSON message of its own, behind what its domain has sent before.

use std::collections::BTreeMap;

use aliquot_core::event::Event;
use aliquot_core::ports::Outgoing;
use aliquot_core::time::EventTime;
use aliquot_wire::{arrow, json};

use crate::{Emitted, Reported};

/// Bytes a message may reach before it is sent: what a Kafka broker takes without special settings, less some room.
const MESSAGE_BYTES: usize = 900_000;

/// Bytes of an event besides its blocks, and of one block, as JSON; a guess that only decides when a message is full.
const EVENT_BYTES: usize = 700;
const BLOCK_BYTES: usize = 16;

/// How messages are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One event a message, as JSON.
    Json,
    /// A JSON array.
    JsonBatch,
    /// An Arrow stream.
    Arrow,
}

impl Encoding {
    /// The header `content-type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => aliquot_wire::JSON,
            Self::JsonBatch => aliquot_wire::JSON_BATCH,
            Self::Arrow => aliquot_wire::ARROW,
        }
    }

    /// The bytes of a message with these events; of a single-event encoding, the first.
    pub fn encode(self, events: &[Event<'_>]) -> Vec<u8> {
        match self {
            Self::Json => events.first().map(json::encode).unwrap_or_default(),
            Self::JsonBatch => json::encode_batch(events),
            Self::Arrow => arrow::encode(events),
        }
    }
}

/// Collects events into messages, each of one domain.
#[derive(Debug)]
pub struct Packer {
    encoding: Encoding,
    events_max: usize,
    open: BTreeMap<String, Open>,
}

/// A message that is not full.
#[derive(Debug, Default)]
struct Open {
    events: Vec<Reported>,
    received_at: EventTime,
    bytes: usize,
}

impl Open {
    fn push(&mut self, Emitted { event, received_at }: Emitted) {
        let chain = event.report().request().and_then(|event| event.prefix.as_ref());
        self.bytes += EVENT_BYTES + chain.map_or(0, |chain| chain.blocks.len()) * BLOCK_BYTES;
        self.received_at = self.received_at.max(received_at);
        self.events.push(event);
    }

    fn encoded(self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => self.events.first().map(|event| json::encode(event.report())).unwrap_or_default(),
            Encoding::JsonBatch => json::encode_batch(self.events.iter().map(Reported::report)),
            Encoding::Arrow => {
                let requests: Vec<_> = self.events.into_iter().filter_map(Reported::into_request).collect();
                arrow::encode(&requests)
            }
        }
    }
}

impl Packer {
    /// Messages of at most `events_max` events; of one where the encoding holds no more.
    pub const fn new(encoding: Encoding, events_max: usize) -> Self {
        let events_max = match encoding {
            Encoding::Json => 1,
            Encoding::JsonBatch | Encoding::Arrow => events_max,
        };
        Self { encoding, events_max, open: BTreeMap::new() }
    }

    /// Takes an event; answers with its domain's messages that are ready. A message is received with its last event.
    pub fn push(&mut self, emitted: Emitted) -> Vec<Outgoing> {
        let report = emitted.event.report();
        let (domain, is_request) = (report.head().domain.to_owned(), report.request().is_some());
        if self.encoding == Encoding::Arrow && !is_request {
            let before = self.open.remove(&domain).map(|open| message(domain.clone(), open, self.encoding));
            let mut alone = Open::default();
            alone.push(emitted);
            return before.into_iter().chain([message(domain, alone, Encoding::Json)]).collect();
        }
        let open = self.open.entry(domain.clone()).or_default();
        open.push(emitted);
        if open.events.len() < self.events_max && open.bytes < MESSAGE_BYTES {
            return Vec::new();
        }
        self.open.remove(&domain).map(|open| message(domain, open, self.encoding)).into_iter().collect()
    }

    /// The messages that are not full, in the order of their domains.
    pub fn flush(&mut self) -> Vec<Outgoing> {
        let open = std::mem::take(&mut self.open);
        open.into_iter().map(|(domain, open)| message(domain, open, self.encoding)).collect()
    }
}

fn message(key: String, open: Open, encoding: Encoding) -> Outgoing {
    let content_type = encoding.content_type().to_owned();
    Outgoing { key, content_type, received_at: open.received_at, payload: open.encoded(encoding) }
}

#[cfg(test)]
mod tests {
    use aliquot_core::event::{NodeReport, PrefixChain};
    use aliquot_wire::{Limits, decode};

    use super::*;

    fn emitted(domain: &'static str, id: u32, blocks: usize) -> Emitted {
        let prefix = PrefixChain { block_tokens: 16, sampled_of: 1, blocks: vec![7; blocks] };
        let event = Event {
            id: id.to_string().into(),
            source: "n".into(),
            domain: domain.into(),
            provider: "self".into(),
            request_model: "m".into(),
            prefix: Some(prefix),
            ..Event::default()
        };
        Emitted { event: Reported::Request(event), received_at: EventTime(i64::from(id)) }
    }

    fn ids(message: &Outgoing) -> Vec<String> {
        let mut ids = Vec::new();
        decode(&message.content_type, &message.payload, &Limits::default(), &mut |_, event| {
            let event = event.unwrap().head();
            assert_eq!(event.domain, message.key);
            ids.push(event.id.to_string());
        });
        ids
    }

    #[test]
    fn a_message_holds_one_domain_in_order() {
        [Encoding::JsonBatch, Encoding::Arrow].into_iter().for_each(holds_one_domain_in_order);
    }

    fn holds_one_domain_in_order(encoding: Encoding) {
        let mut packer = Packer::new(encoding, 2);
        assert_eq!(packer.push(emitted("a", 1, 0)), []);
        assert_eq!(packer.push(emitted("b", 2, 0)), []);
        let full = packer.push(emitted("a", 3, 0)).remove(0);
        assert_eq!((full.key.as_str(), full.received_at), ("a", EventTime(3)));
        assert_eq!(ids(&full), ["1", "3"]);
        assert_eq!(packer.push(emitted("a", 4, 0)), []);
        let rest: Vec<_> = packer.flush().iter().map(|message| (message.key.clone(), ids(message))).collect();
        assert_eq!(rest, [("a".to_owned(), vec!["4".to_owned()]), ("b".to_owned(), vec!["2".to_owned()])]);
        assert!(packer.flush().is_empty());
    }

    #[test]
    fn long_prompts_fill_a_message_early_and_json_holds_one() {
        let mut packer = Packer::new(Encoding::JsonBatch, 1_000);
        let full = (0..1_000).find_map(|id| packer.push(emitted("a", id, 3_000)).pop()).unwrap();
        assert!(full.payload.len() > 800_000 && full.payload.len() < 1_000_000, "{}", full.payload.len());
        let mut packer = Packer::new(Encoding::Json, 1_000);
        assert_eq!(ids(&packer.push(emitted("a", 1, 3)).remove(0)), ["1"]);
    }

    #[test]
    fn what_is_no_request_goes_in_its_order_and_never_as_arrow() {
        let node = || {
            let (source, domain) = ("n".into(), "a".into());
            let node = NodeReport { id: "i".into(), source, domain, gpu_type: "g".into(), ..NodeReport::default() };
            Emitted { event: Reported::Node(node), received_at: EventTime(2) }
        };
        let mut packer = Packer::new(Encoding::Arrow, 9);
        assert_eq!(packer.push(emitted("a", 1, 0)), []);
        let sent = packer.push(node());
        let sent: Vec<_> = sent.iter().map(|message| (message.content_type.as_str(), ids(message))).collect();
        assert_eq!(sent, [(aliquot_wire::ARROW, vec!["1".to_owned()]), (aliquot_wire::JSON, vec!["i".to_owned()])]);
        let mut packer = Packer::new(Encoding::JsonBatch, 2);
        assert_eq!(packer.push(emitted("a", 1, 0)), []);
        assert_eq!(ids(&packer.push(node()).remove(0)), ["1", "i"]);
    }
}
