//! Events for the tests of all encodings: any of any type that an encoder is meant to carry, and what decoders answer.

use std::borrow::Cow;

use aliquot_core::event::node::{GPUS_MAX, INTERVAL_MAX, KV_BLOCKS_MAX};
use aliquot_core::event::{
    CacheReport, CacheUse, Event, Limit, NodeReport, PrefixChain, QUANTITY_MAX, Report, Sequence, Usage,
};
use aliquot_core::reject::Reason;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::{ByClass, Class};
use proptest::option;
use proptest::prelude::*;

use crate::{Limits, decode};

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof![3 => "[a-z0-9/._-]{1,20}", 1 => "\\PC{1,12}", 1 => "[\"\\\\/\\x00-\\x1f🦀é]{1,6}"].prop_map(Cow::Owned)
}

fn quantity() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(0), 4 => 0_u64..100_000, 1 => any::<u64>()]
}

fn usage() -> impl Strategy<Value = Usage> {
    (prop::collection::vec(quantity(), Class::COUNT), option::of(quantity()), option::of(quantity()), any::<bool>())
        .prop_map(|(quantities, input_total, output_total, cache_reported)| {
            let mut parts = ByClass::all(0);
            Class::ALL.into_iter().zip(quantities).for_each(|(class, quantity)| parts.set(class, quantity));
            Usage { parts, input_total, output_total, cache_reported }
        })
}

fn prefix() -> impl Strategy<Value = PrefixChain> {
    (1..=u32::MAX, prop_oneof![Just(1), 1..=u32::MAX], prop::collection::vec(any::<u64>(), 0..20))
        .prop_map(|(block_tokens, sampled_of, blocks)| PrefixChain { block_tokens, sampled_of, blocks })
}

fn micros() -> impl Strategy<Value = Option<Micros>> {
    option::of(prop_oneof![0_i64..10_000_000, Just(i64::MAX)].prop_map(Micros))
}

fn tokens() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 2 => 0_u64..100_000, 1 => Just(QUANTITY_MAX)]
}

prop_compose! {
    fn cache_use()(
        (session, replica, router_reason) in (option::of(text()), option::of(text()), option::of(text())),
        (miss_reason, weights) in (option::of(text()), option::of(text())),
        (lifetime, bypass, cacheable_tokens, recomputed_tokens) in
            (micros(), any::<bool>(), option::of(tokens()), tokens()),
    ) -> CacheUse<'static> {
        CacheUse {
            session, replica, router_reason, lifetime, bypass, cacheable_tokens, miss_reason, recomputed_tokens, weights,
        }
    }
}

prop_compose! {
    /// A limit of which everything can be true; the others do not come back as they were.
    fn limit()(
        (bucket, counts) in (text(), text()),
        (limit, remaining, reset) in (option::of(tokens()), option::of(tokens()), micros()),
        refused: bool,
    ) -> Limit<'static> {
        Limit { bucket, counts, limit, remaining, reset, refused }.plausible()
    }
}

fn time() -> impl Strategy<Value = EventTime> {
    (-62_167_219_200_000_000_i64..=253_402_300_799_999_999).prop_map(EventTime)
}

fn sequence() -> impl Strategy<Value = Option<Sequence>> {
    option::of((any::<u64>(), any::<u64>()).prop_map(|(epoch, seq)| Sequence { epoch, seq }))
}

prop_compose! {
    fn node()(
        (id, source, domain, gpu_type) in (text(), text(), text(), text()),
        (time, sequence) in (time(), sequence()),
        (replica, engine, engine_version) in (option::of(text()), option::of(text()), option::of(text())),
        (eviction, reserved_for) in (option::of(text()), option::of(text())),
        (interval, gpu_count, busy) in ((0..=INTERVAL_MAX.0).prop_map(Micros), 0..=GPUS_MAX, micros()),
        (kv_blocks, block_tokens) in (option::of(1..=KV_BLOCKS_MAX), option::of(1..=u32::MAX)),
    ) -> NodeReport<'static> {
        NodeReport {
            id, source, time, sequence, domain, replica, interval, gpu_count, gpu_type, busy, kv_blocks, block_tokens, engine,
            engine_version, eviction, reserved_for,
        }
    }
}

prop_compose! {
    fn cache()(
        (id, source, domain, replica) in (text(), text(), text(), option::of(text())),
        (time, sequence) in (time(), sequence()),
        (stored, removed) in (prop::collection::vec(any::<u64>(), 0..9), prop::collection::vec(any::<u64>(), 0..9)),
        (cleared, lost) in (any::<bool>(), any::<bool>()),
    ) -> CacheReport<'static> {
        CacheReport { id, source, time, sequence, domain, replica, stored, removed, cleared, lost }
    }
}

/// An event of any type that can travel.
pub(crate) fn any_event() -> impl Strategy<Value = AnyEvent> {
    prop_oneof![
        event().prop_map(Box::new).prop_map(AnyEvent::Request),
        node().prop_map(AnyEvent::Node),
        cache().prop_map(AnyEvent::Cache),
    ]
}

prop_compose! {
    /// Any request that can travel.
    pub(crate) fn event()(
        (id, source, domain, provider, request_model) in (text(), text(), text(), text(), text()),
        (tenant, response_model, operation, service_tier) in
            (option::of(text()), option::of(text()), option::of(text()), option::of(text())),
        (region, feature, project, traffic_class) in
            (option::of(text()), option::of(text()), option::of(text()), option::of(text())),
        (attempt, time, sequence, http_status) in
            (prop_oneof![Just(0), any::<u32>()], time(), sequence(), option::of(any::<u16>())),
        (usage, prefix) in (usage(), option::of(prefix())),
        (queue, ttft, duration) in (micros(), micros(), micros()),
        cache in prop_oneof![Just(CacheUse::default()), cache_use()],
        limits in prop_oneof![Just(Vec::new()), prop::collection::vec(limit(), 0..4)],
    ) -> Event<'static> {
        Event {
            id, source, attempt, time, tenant, sequence, domain, provider, request_model, response_model, operation,
            service_tier, region, feature, project, traffic_class, http_status, usage, prefix, queue, ttft, duration, cache,
            limits,
        }
    }
}

/// An event that is nobody's message any more.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AnyEvent {
    Request(Box<Event<'static>>),
    Node(NodeReport<'static>),
    Cache(CacheReport<'static>),
}

impl AnyEvent {
    pub(crate) fn report(&self) -> Report<'_> {
        match self {
            Self::Request(event) => Report::Request(event),
            Self::Node(node) => Report::Node(node),
            Self::Cache(cache) => Report::Cache(cache),
        }
    }

    fn of(report: Report<'_>) -> Self {
        match report {
            Report::Request(event) => Self::Request(Box::new(owned(event))),
            Report::Node(node) => Self::Node(NodeReport {
                id: owned_text(&node.id),
                source: owned_text(&node.source),
                domain: owned_text(&node.domain),
                replica: owned_option(&node.replica),
                gpu_type: owned_text(&node.gpu_type),
                engine: owned_option(&node.engine),
                engine_version: owned_option(&node.engine_version),
                eviction: owned_option(&node.eviction),
                reserved_for: owned_option(&node.reserved_for),
                ..*node
            }),
            Report::Cache(cache) => Self::Cache(CacheReport {
                id: owned_text(&cache.id),
                source: owned_text(&cache.source),
                domain: owned_text(&cache.domain),
                replica: owned_option(&cache.replica),
                stored: cache.stored.clone(),
                removed: cache.removed.clone(),
                ..*cache
            }),
        }
    }
}

/// What one call of a decoder's `each` was about: the event, or the reason, the detail and the bytes.
pub(crate) type Seen<T = Event<'static>> = Result<T, (Reason, String, Vec<u8>)>;

/// Decodes requests with the default limits; the places must count up from 0.
pub(crate) fn decoded(content_type: &str, payload: &[u8]) -> Vec<Seen> {
    decoded_within(&Limits::default(), content_type, payload)
}

/// As [`decoded`], within these limits.
pub(crate) fn decoded_within(limits: &Limits, content_type: &str, payload: &[u8]) -> Vec<Seen> {
    let request = |event| match event {
        AnyEvent::Request(event) => *event,
        AnyEvent::Node(_) | AnyEvent::Cache(_) => unreachable!("only requests are expected here"),
    };
    let seen = decoded_all_within(limits, content_type, payload);
    seen.into_iter().map(|seen| seen.map(request)).collect()
}

/// As [`decoded_within`], events of any type.
pub(crate) fn decoded_all_within(limits: &Limits, content_type: &str, payload: &[u8]) -> Vec<Seen<AnyEvent>> {
    let mut seen = Vec::new();
    decode(content_type, payload, limits, &mut |index, result| {
        assert_eq!(usize::try_from(index).unwrap(), seen.len());
        seen.push(match result {
            Ok(report) => Ok(AnyEvent::of(report)),
            Err(refusal) => Err((refusal.reason, refusal.detail, refusal.raw.to_vec())),
        });
    });
    seen
}

/// As [`decoded`], events of any type.
pub(crate) fn decoded_all(content_type: &str, payload: &[u8]) -> Vec<Seen<AnyEvent>> {
    decoded_all_within(&Limits::default(), content_type, payload)
}

fn owned_text(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

fn owned_option(text: &Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
    text.as_deref().map(owned_text)
}

fn owned(event: &Event<'_>) -> Event<'static> {
    let limit =
        |limit: &Limit<'_>| Limit { bucket: owned_text(&limit.bucket), counts: owned_text(&limit.counts), ..*limit };
    let CacheUse { session, replica, router_reason, miss_reason, weights, .. } = &event.cache;
    Event {
        id: owned_text(&event.id),
        source: owned_text(&event.source),
        tenant: owned_option(&event.tenant),
        domain: owned_text(&event.domain),
        provider: owned_text(&event.provider),
        request_model: owned_text(&event.request_model),
        response_model: owned_option(&event.response_model),
        operation: owned_option(&event.operation),
        service_tier: owned_option(&event.service_tier),
        region: owned_option(&event.region),
        feature: owned_option(&event.feature),
        project: owned_option(&event.project),
        traffic_class: owned_option(&event.traffic_class),
        prefix: event.prefix.clone(),
        cache: CacheUse {
            session: owned_option(session),
            replica: owned_option(replica),
            router_reason: owned_option(router_reason),
            miss_reason: owned_option(miss_reason),
            weights: owned_option(weights),
            ..event.cache
        },
        limits: event.limits.iter().map(limit).collect(),
        ..*event
    }
}

/// `bytes` with some of them changed, and perhaps cut short.
pub(crate) fn mutated(
    bytes: &[u8],
    changes: &[(prop::sample::Index, u8)],
    cut: Option<prop::sample::Index>,
) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    for (place, byte) in changes {
        if !bytes.is_empty() {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
    }
    bytes
}
