//! The replay of small traces: what an event says, in which order events come, and that another seed moves only what it should.

use std::collections::{BTreeMap, BTreeSet};

use aliquot_core::usage::Class;

use super::*;
use crate::trace::STAGGER;

fn request(at: i64, id: &str, session: u64, blocks: &[u64]) -> Request {
    Request {
        at: Micros(at),
        id: id.to_owned(),
        session,
        model: "claude-opus-4-6".to_owned(),
        prompt_tokens: 10 * count(blocks.len()) + 5,
        output_tokens: 20,
        blocks: Some(blocks.to_vec()),
        block_tokens: 10,
        duration: Some(Micros(1_000)),
        receipts: 1,
        ..Request::default()
    }
}

/// A request as it arrives: a replay reports nothing else.
#[derive(Debug, PartialEq)]
struct Arrived {
    event: Event<'static>,
    received_at: EventTime,
}

fn run(requests: Vec<Request>, settings: Settings) -> (Vec<Arrived>, Truth) {
    let mut replay = Replay::new(requests.into_iter().map(Ok), settings);
    let arrived = replay.by_ref().map(|emitted| {
        let Emitted { event, received_at } = emitted.unwrap();
        Arrived { event: event.into_request().unwrap(), received_at }
    });
    (arrived.collect(), replay.truth().clone())
}

fn settings() -> Settings {
    Settings::of(Format::ClaudeCode)
}

fn nodes(nodes: u32) -> NonZeroU32 {
    NonZeroU32::new(nodes).unwrap()
}

#[test]
fn an_event_says_what_the_cache_did() {
    let requests = vec![request(0, "a/0", 1, &[1, 2]), request(5_000, "a/1", 1, &[1, 2, 3])];
    let (emitted, truth) = run(requests, settings());
    let event = &emitted[1].event;
    let part = |class| event.usage.parts.get(class);
    assert_eq!(
        (part(Class::CacheRead), part(Class::CacheWrite5m), part(Class::Uncached), part(Class::Output)),
        (20, 10, 5, 20)
    );
    assert_eq!((event.provider.as_ref(), event.request_model.as_ref()), ("anthropic", "claude-opus-4-6"));
    assert_eq!(
        (event.source.as_ref(), event.domain.as_ref(), event.id.as_ref()),
        ("claude-code/node-0", "claude-code/node-0", "a/1")
    );
    assert_eq!(event.time.since(settings().start), Micros(6_000));
    assert_eq!((event.duration, event.queue, event.ttft), (Some(Micros(1_000)), None, None), "only what was recorded");
    assert_eq!(event.sequence, Some(Sequence { epoch: 1, seq: 1 }));
    assert_eq!(emitted[1].received_at.since(event.time), DELAY);
    let (before, after) = (emitted[0].event.prefix.as_ref().unwrap(), event.prefix.as_ref().unwrap());
    assert_eq!(before.blocks, after.blocks[..2], "the same prefix has the same hashes");
    assert!(!after.blocks.contains(&3), "the trace's own numbers do not leave");
    assert_eq!((truth.block_refs, truth.block_hits, truth.block_misses()), (5, 2, 3));
    assert_eq!((truth.all_reported().read, truth.all_reported().prompt), (20, 60));
}

#[test]
fn a_second_receipt_is_a_second_event_and_no_second_touch() {
    let twice = Request { receipts: 2, ..request(0, "a/0", 1, &[1]) };
    let (emitted, truth) = run(vec![twice, request(10, "a/1", 1, &[1])], settings());
    assert_eq!(emitted.len(), 3);
    let without_sequence = |emitted: &Arrived| Event { sequence: None, ..emitted.event.clone() };
    assert_eq!(without_sequence(&emitted[0]), without_sequence(&emitted[1]));
    let seqs: Vec<_> = emitted.iter().map(|emitted| emitted.event.sequence.unwrap().seq).collect();
    assert_eq!(seqs, [0, 1, 2]);
    assert_eq!((truth.requests, truth.events, truth.duplicates()), (2, 3, 1));
    assert_eq!((truth.block_refs, truth.block_hits), (2, 1));
    assert_eq!(truth.usage().get(Class::Requests), 2);
}

#[test]
fn events_come_when_requests_end() {
    let lasting = |micros, request| Request { duration: Some(Micros(micros)), ..request };
    let requests = vec![
        lasting(500, request(0, "long", 1, &[])),
        lasting(100, request(50, "short", 2, &[])),
        lasting(350, request(150, "same end", 3, &[])),
        lasting(1, request(500, "last", 4, &[])),
    ];
    let (emitted, _) = run(requests, settings());
    let ids: Vec<_> = emitted.iter().map(|emitted| emitted.event.id.as_ref()).collect();
    assert_eq!(ids, ["short", "long", "same end", "last"]);
    assert!(emitted.is_sorted_by_key(|emitted| emitted.event.time));
}

#[test]
fn sessions_stay_on_their_node_and_with_their_tenant() {
    let requests: Vec<_> =
        (0..400).map(|number| request(number * 10, &number.to_string(), number.unsigned_abs() % 50, &[1])).collect();
    let settings = Settings { nodes: nodes(4), ..settings() };
    let sessions: BTreeMap<String, u64> =
        requests.iter().map(|request| (request.id.clone(), request.session)).collect();
    let (emitted, truth) = run(requests.clone(), settings.clone());
    let mut homes = BTreeMap::<u64, BTreeSet<_>>::new();
    let mut next_seq = BTreeMap::<_, u64>::new();
    for emitted in &emitted {
        let event = &emitted.event;
        homes.entry(sessions[event.id.as_ref()]).or_default().insert((event.source.clone(), event.tenant.clone()));
        let next = next_seq.entry(event.source.clone()).or_default();
        assert_eq!(event.sequence.unwrap().seq, *next, "consecutive on each node");
        *next += 1;
    }
    assert!(homes.values().all(|homes| homes.len() == 1));
    assert_eq!(next_seq.len(), 4);
    assert_eq!(truth.block_hits, 396, "each node has to learn the block once");
    assert_eq!(truth.by_tenant().values().map(|parts| parts.get(Class::Requests)).sum::<u64>(), 400);
    let (again, _) = run(requests.clone(), settings.clone());
    assert_eq!(again, emitted);
    let (others, other_truth) = run(requests, Settings { seed: 9, ..settings });
    assert_eq!(other_truth.usage(), truth.usage(), "the seed assigns tenants and hashes, nothing else");
    assert_ne!(other_truth.by_tenant(), truth.by_tenant());
    assert_ne!(others[0].event.prefix, emitted[0].event.prefix);
}

#[test]
fn a_sample_is_one_of_n_by_hash() {
    let blocks: Vec<u64> = (0..8_000).collect();
    let settings = Settings { sampled_of: nodes(8), ..settings() };
    let (emitted, _) = run(vec![request(0, "a", 1, &blocks), request(9, "b", 1, &blocks)], settings);
    let chain = emitted[0].event.prefix.as_ref().unwrap();
    assert!(chain.sampled_of == 8 && (850..1_150).contains(&chain.blocks.len()), "{}", chain.blocks.len());
    assert_eq!(Some(chain), emitted[1].event.prefix.as_ref(), "the same blocks each time");
}

#[test]
fn a_node_of_ones_own_reports_gpu_time_and_queues() {
    let settings =
        Settings { engine: Engine::Vllm, capacity_blocks: NonZeroU32::new(8), billing: Billing::OwnGpus, ..settings() };
    let unknown = |request| Request { duration: None, ..request };
    let requests = vec![unknown(request(0, "a", 1, &[1, 2])), unknown(request(10, "b", 1, &[3, 4]))];
    let (emitted, _) = run(requests, settings);
    let [first, second] = emitted.as_slice() else { unreachable!("two requests") };
    // 25 tokens computed, 20 generated.
    assert_eq!(first.event.usage.parts.get(Class::GpuMicros), 25 * 112 + 20 * 480);
    assert_eq!((first.event.queue, first.event.ttft), (Some(Micros(0)), Some(Micros(180_350))));
    assert_eq!(first.event.duration, Some(Micros(580_350)));
    assert_eq!(second.event.queue, Some(Micros(580_340)), "five blocks each, seven in all: the second waits");
    assert_eq!(second.event.duration, Some(Micros(1_160_690)));
    assert_eq!(second.event.usage.parts.get(Class::CacheWrite5m), 0);
}

#[test]
fn without_blocks_nothing_is_said_about_a_cache() {
    let blind = Request { blocks: None, block_tokens: 0, model: String::new(), ..request(0, "a", 1, &[]) };
    let (emitted, truth) = run(vec![blind], Settings::of(Format::Azure));
    let event = &emitted[0].event;
    assert_eq!((event.prefix.as_ref(), event.usage.cache_reported), (None, false));
    assert_eq!((event.usage.parts.get(Class::Uncached), event.request_model.as_ref()), (5, "azure-conversation"));
    assert!(truth.reported.is_empty());
}

#[test]
fn an_error_of_the_trace_comes_through() {
    let text = "{\"timestamp\": 1, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": [1]}\nnonsense";
    let requests = Format::Mooncake.read(text.as_bytes(), STAGGER).unwrap();
    let seen: Vec<_> = Replay::new(requests, Settings::of(Format::Mooncake)).collect();
    assert!(matches!(seen.as_slice(), [Err(Error::Record { line: 2, .. }), Ok(_)]), "{seen:?}");
}
