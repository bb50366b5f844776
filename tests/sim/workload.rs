//! What the nodes of one simulation send, and the log it ends up in: every message with what is truly in it. Injects the
//! faults of senders; knows nothing of the pipeline.

use aliquot_core::event::{
    CacheReport, CacheUse, Event, Limit, NodeReport, PrefixChain, QUANTITY_MAX, Report, Sequence, Usage,
};
use aliquot_core::ports::RawMessage;
use aliquot_core::position::{Offset, Partition};
use aliquot_core::reject::Reason;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::{ByClass, Class};
use aliquot_wire::{Limits, json};

use crate::faults::Counts;
use crate::packing::pack;
use crate::random::Random;

/// One simulated log.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) partitions: Vec<Vec<Entry>>,
    pub(crate) counts: Counts,
}

/// A message, and what is in it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) message: RawMessage,
    /// One past the message, or past the hole behind it.
    pub(crate) end: Offset,
    pub(crate) items: Vec<Item>,
    /// Whether its events can be cut out; if not, the first refused one carries the message, and the others carry nothing.
    pub(crate) is_arrow: bool,
}

/// What a reader should find.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A request, and the bytes to keep of it should it be refused.
    Event(Box<Event<'static>>, Vec<u8>),
    /// What a node says beside its requests, and those bytes.
    Report(Box<Told>, Vec<u8>),
    /// Bytes that are no event.
    Bad(Reason, Vec<u8>),
}

/// A report that is no request.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Node(NodeReport<'static>),
    Cache(CacheReport<'static>),
}

impl Told {
    pub(crate) fn report(&self) -> Report<'_> {
        match self {
            Self::Node(node) => Report::Node(node),
            Self::Cache(cache) => Report::Cache(cache),
        }
    }
}

/// An item on its way to a partition, in the order of `at`.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: u64,
    pub(crate) domain: usize,
    pub(crate) item: Item,
}

/// Small, so that a simulation can exceed them.
pub(crate) const LIMITS: Limits =
    Limits { message_bytes: 12_000, field_bytes: 64, events_per_message: 9, blocks_per_event: 8, limits_per_event: 2 };

/// Tenants in the register; the last one of [`TENANTS`] is not.
pub(crate) const REGISTERED: [&str; 3] = ["t-a", "t-b", "t-c"];
const TENANTS: [&str; 4] = ["t-a", "t-b", "t-c", "t-nobody-knows"];
const MODELS: [(&str, &str); 5] =
    [("self", "m-small"), ("self", "m-large"), ("acme", "m-dear"), ("self", "m-unlisted"), ("nobody", "m-small")];
const START: i64 = 1_790_000_000_000_000;

/// One node's count on one domain.
struct Stream {
    source: String,
    domain: usize,
    epoch: u64,
    seq: u64,
}

impl Workload {
    pub(crate) fn new(seed: u64) -> Self {
        let mut fleet = Fleet::new(seed);
        let steps = 120 + fleet.random.below(160);
        for step in 0..steps {
            fleet.step(step * 10);
        }
        let Fleet { mut sent, mut counts, partitions, .. } = fleet;
        sent.sort_by_key(|sent| sent.at);
        let mut by_partition = vec![Vec::new(); partitions];
        for sent in sent {
            by_partition[sent.domain % partitions].push(sent);
        }
        let mut packing = Random::new(seed, "packing");
        let partitions = by_partition.into_iter().map(|sent| pack(sent, &mut packing, &mut counts)).collect();
        Self { partitions, counts }
    }

    /// Where the log of `partition` ends.
    pub(crate) fn end(&self, partition: Partition) -> Offset {
        self.entries(partition).last().map_or(Offset(0), |entry| entry.end)
    }

    pub(crate) fn entries(&self, partition: Partition) -> &[Entry] {
        &self.partitions[usize::try_from(partition.0).unwrap()]
    }

    pub(crate) fn all_partitions(&self) -> Vec<Partition> {
        (0..self.partitions.len()).map(|number| Partition(i32::try_from(number).unwrap())).collect()
    }
}

struct Fleet {
    random: Random,
    streams: Vec<Stream>,
    partitions: usize,
    domains: usize,
    sent: Vec<Sent>,
    counts: Counts,
    ids: u64,
}

impl Fleet {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, "fleet");
        let partitions = 1 + random.place(4);
        let domains = partitions + random.place(4);
        let nodes = 2 + random.place(4);
        let mut streams = Vec::new();
        for node in 0..nodes {
            for domain in (0..domains).filter(|domain| (domain + node) % 2 == 0) {
                streams.push(Stream { source: format!("node-{node}"), domain, epoch: 1, seq: 0 });
            }
        }
        Self { random, streams, partitions, domains, sent: Vec::new(), counts: Counts::default(), ids: 0 }
    }

    /// One thing that a node does, and what goes wrong on its way.
    fn step(&mut self, at: u64) {
        match self.random.below(100) {
            0..60 => self.node_event(at),
            60..72 => self.report(at),
            72..82 => self.third_party_event(at),
            82..84 => self.restart(),
            84..86 => self.many_restarts(at),
            86..88 => self.counts_anew(at),
            _ => self.broken(at),
        }
    }

    fn node_event(&mut self, at: u64) {
        let place = self.random.place(self.streams.len());
        let event = self.numbered(place, at);
        let domain = self.streams[place].domain;
        match self.random.below(100) {
            0..3 => self.counts.add("withheld"),
            3..7 => {
                self.counts.add("delivered late");
                let late = at + 200 + self.random.below(800);
                self.send(late, domain, &event);
            }
            7..15 => {
                self.counts.add("duplicate");
                let again = at + self.random.below(300);
                self.send(again, domain, &event);
                self.send(at, domain, &event);
            }
            15..18 => {
                self.counts.add("reported under two numbers");
                self.send(at, domain, &event);
                let twin = Event { sequence: self.number(place), ..event };
                self.send(at + 30, domain, &twin);
            }
            18..21 => {
                self.counts.add("second attempt");
                self.send(at, domain, &event);
                let retry = Event { sequence: self.number(place), attempt: event.attempt + 1, ..event };
                self.send(at + 20, domain, &retry);
            }
            21..25 => {
                self.counts.add("mended after a refusal");
                let mut wrong = event.clone();
                wrong.usage.input_total = Some(1 << 41);
                self.send(at, domain, &wrong);
                let mended = Event { sequence: self.number(place), ..event };
                self.send(at + 50, domain, &mended);
            }
            25..31 => {
                self.counts.add("reordered within a node");
                let delay = self.random.below(60);
                self.send(at + delay, domain, &event);
            }
            _ => self.send(at, domain, &event),
        }
    }

    /// What a node says beside its requests, under the same count.
    fn report(&mut self, at: u64) {
        let place = self.random.place(self.streams.len());
        let told = if self.random.chance(50) {
            self.counts.add("node's interval");
            Told::Node(self.interval(place, at))
        } else {
            self.counts.add("cache's changes");
            Told::Cache(self.changes(place, at))
        };
        let (domain, bytes) = (self.streams[place].domain, json::encode(told.report()));
        let item = Item::Report(Box::new(told), bytes);
        match self.random.below(100) {
            0..4 => return self.counts.add("report withheld"),
            4..20 => {
                self.counts.add("report sent twice");
                let again = at + self.random.below(300);
                self.sent.push(Sent { at: again, domain, item: item.clone() });
            }
            _ => {}
        }
        self.sent.push(Sent { at, domain, item });
    }

    fn interval(&mut self, place: usize, at: u64) -> NodeReport<'static> {
        let Event { id, source, time, sequence, domain, .. } = self.numbered(place, at);
        let time = self.time_of_report(time);
        let mut busy = self.random.below(120_000_001);
        if self.random.chance(10) {
            self.counts.add("node that worked too long");
            busy = 120_000_001;
        }
        NodeReport {
            id: format!("node-{id}").into(),
            source,
            time,
            sequence,
            domain,
            replica: self.random.chance(30).then(|| "r-1".into()),
            interval: Micros(60_000_000),
            gpu_count: 2,
            gpu_type: "g".into(),
            busy: Some(Micros(i64::try_from(busy).unwrap())),
            kv_blocks: self.random.chance(80).then_some(40),
            block_tokens: Some(16),
            engine: Some("vllm".into()),
            ..NodeReport::default()
        }
    }

    fn changes(&mut self, place: usize, at: u64) -> CacheReport<'static> {
        let Event { id, source, time, sequence, domain, .. } = self.numbered(place, at);
        let time = self.time_of_report(time);
        let random = &mut self.random;
        let mut blocks = |most: u64| (0..random.below(most)).map(|_| random.next()).collect();
        let (stored, removed) = (blocks(9), blocks(4));
        let (cleared, lost) = (self.random.chance(5), self.random.chance(5));
        let id = format!("cache-{id}").into();
        CacheReport { id, source, time, sequence, domain, replica: None, stored, removed, cleared, lost }
    }

    fn time_of_report(&mut self, time: EventTime) -> EventTime {
        if self.random.chance(5) {
            self.counts.add("report of an absurd time");
            return EventTime(0);
        }
        time
    }

    fn third_party_event(&mut self, at: u64) {
        let domain = self.random.place(self.domains);
        let event = self.event("third-party", domain, at);
        self.send(at, domain, &event);
        if self.random.chance(20) {
            self.counts.add("duplicate without a number");
            let again = at + self.random.below(400);
            self.send(again, domain, &event);
        }
    }

    fn restart(&mut self) {
        self.counts.add("node restarted");
        let place = self.random.place(self.streams.len());
        let stream = &mut self.streams[place];
        (stream.epoch, stream.seq) = (stream.epoch + 1, 0);
    }

    /// More epochs than are remembered, then one of the forgotten.
    fn many_restarts(&mut self, at: u64) {
        self.counts.add("epoch retired");
        let place = self.random.place(self.streams.len());
        let first = self.numbered(place, at);
        let domain = self.streams[place].domain;
        self.send(at, domain, &first);
        for step in 0..17 {
            let stream = &mut self.streams[place];
            (stream.epoch, stream.seq) = (stream.epoch + 1, 0);
            let event = self.numbered(place, at);
            self.send(at + step, domain, &event);
        }
        self.send(at + 100, domain, &first);
    }

    /// A new event under an old number, or under one that no node reaches by counting.
    fn counts_anew(&mut self, at: u64) {
        let place = self.random.place(self.streams.len());
        let Stream { ref source, domain, epoch, seq } = self.streams[place];
        let source = source.clone();
        let seq = if seq == 0 || self.random.chance(20) {
            self.counts.add("number beyond the scale");
            u64::MAX
        } else {
            self.counts.add("number used again");
            self.random.below(seq)
        };
        let event = Event { sequence: Some(Sequence { epoch, seq }), ..self.event(&source, domain, at) };
        self.send(at, domain, &event);
    }

    /// An event that arrives damaged, or that cannot be true.
    fn broken(&mut self, at: u64) {
        let place = self.random.place(self.streams.len());
        let mut event = self.numbered(place, at);
        let domain = self.streams[place].domain;
        match self.random.below(5) {
            0 => {
                self.counts.add("absurd time");
                event.time = EventTime(*self.random.pick(&[0, 4_000_000_000_000_000]));
            }
            1 => {
                self.counts.add("parts do not add up");
                event.usage.output_total = Some(1);
            }
            2 => {
                self.counts.add("overflow");
                event.usage.parts.set(Class::WebSearches, QUANTITY_MAX + 1);
            }
            _ => {
                self.counts.add("malformed");
                let item = self.damaged(&event);
                return self.sent.push(Sent { at, domain, item });
            }
        }
        self.send(at, domain, &event);
    }

    fn damaged(&mut self, event: &Event<'_>) -> Item {
        let bytes = json::encode(event);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let data = "\"data\":{";
        let (reason, bytes) = match self.random.below(9) {
            0 => (Reason::Malformed, bytes[..bytes.len() / 2].to_vec()),
            1 => (Reason::Malformed, [&b"{\"a\":\xff"[..], &bytes[1..]].concat()),
            2 => (Reason::WrongType, text.replace("\"provider\":\"", "\"provider\":7,\"x\":\"").into_bytes()),
            3 => (Reason::Negative, text.replace("\"output\":", "\"output\":-").into_bytes()),
            4 => (Reason::MissingField, text.replace("request_model", "requested_model").into_bytes()),
            5 => (Reason::UnknownEventType, text.replace("request.v1", "request.v9").into_bytes()),
            6 => (Reason::PromptText, text.replace(data, &format!("{data}\"user_prompt\":\"hello\",")).into_bytes()),
            7 => (
                Reason::TooLarge,
                text.replace(data, &format!("{data}\"region\":\"{}\",", "r".repeat(65))).into_bytes(),
            ),
            _ => (Reason::AbsurdTime, text.replace("\"time\":\"", "\"time\":\"the day after ").into_bytes()),
        };
        Item::Bad(reason, bytes)
    }

    fn send(&mut self, at: u64, domain: usize, event: &Event<'static>) {
        let item = Item::Event(Box::new(event.clone()), json::encode(event));
        self.sent.push(Sent { at, domain, item });
    }

    fn number(&mut self, place: usize) -> Option<Sequence> {
        let stream = &mut self.streams[place];
        let sequence = Sequence { epoch: stream.epoch, seq: stream.seq };
        stream.seq += 1;
        Some(sequence)
    }

    fn numbered(&mut self, place: usize, at: u64) -> Event<'static> {
        let (source, domain) = (self.streams[place].source.clone(), self.streams[place].domain);
        Event { sequence: self.number(place), ..self.event(&source, domain, at) }
    }

    fn event(&mut self, source: &str, domain: usize, at: u64) -> Event<'static> {
        self.ids += 1;
        let random = &mut self.random;
        let tenant = match random.below(20) {
            0 => {
                self.counts.add("no tenant");
                None
            }
            1 => {
                self.counts.add("unknown tenant");
                Some(TENANTS[3])
            }
            _ => Some(*random.pick(&REGISTERED)),
        };
        let (provider, model) = match random.below(12) {
            0 => {
                self.counts.add("unknown price");
                *random.pick(&MODELS[3..])
            }
            _ => *random.pick(&MODELS[..3]),
        };
        let usage = usage(random);
        Event {
            id: format!("r-{}", self.ids).into(),
            source: source.to_owned().into(),
            // Twenty seconds apart, so that a log spans several hours of billing time.
            time: EventTime(START + i64::try_from(at).unwrap() * 20_000_000),
            tenant: tenant.map(Into::into),
            domain: format!("domain-{domain}").into(),
            provider: provider.into(),
            request_model: model.into(),
            response_model: random.chance(30).then(|| model.into()),
            feature: random.chance(50).then(|| "search".into()),
            http_status: random.chance(50).then_some(200),
            usage,
            prefix: random.chance(50).then(|| PrefixChain {
                block_tokens: 16,
                sampled_of: 1,
                blocks: vec![random.next(), 7],
            }),
            ttft: random.chance(50).then_some(Micros(250_000)),
            cache: CacheUse {
                session: random.chance(50).then(|| format!("s-{}", random.below(9)).into()),
                replica: random.chance(30).then(|| "r-1".into()),
                ..CacheUse::default()
            },
            limits: if random.chance(10) { vec![limit(random)] } else { Vec::new() },
            ..Event::default()
        }
    }
}

fn limit(random: &mut Random) -> Limit<'static> {
    let remaining = Some(random.below(60));
    Limit { bucket: "org".into(), counts: "requests".into(), limit: Some(60), remaining, ..Limit::default() }
}

fn usage(random: &mut Random) -> Usage {
    let mut parts = ByClass::all(0);
    parts.set(Class::Requests, 1);
    parts.set(Class::Uncached, random.below(900));
    parts.set(Class::CacheRead, random.below(900));
    parts.set(Class::Output, 1 + random.below(500));
    if random.chance(10) {
        parts.set(Class::Reasoning, 1 + random.below(500));
    }
    let input_total = random.chance(50).then(|| parts.get(Class::Uncached) + parts.get(Class::CacheRead));
    Usage { parts, input_total, output_total: None, cache_reported: true }
}

/// When the log takes a message.
pub(crate) fn received_at(at: u64) -> EventTime {
    EventTime(START + i64::try_from(at).unwrap() * 20_000_000 + 1_000_000)
}
