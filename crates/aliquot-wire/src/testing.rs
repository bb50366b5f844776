//! Events for the tests of all encodings: any that an encoder is meant to carry.

use std::borrow::Cow;

use aliquot_core::event::{Event, PrefixChain, Sequence, Usage};
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

prop_compose! {
    /// Any event that can travel.
    pub(crate) fn event()(
        (id, source, domain, provider, request_model) in (text(), text(), text(), text(), text()),
        (tenant, response_model, operation, service_tier) in
            (option::of(text()), option::of(text()), option::of(text()), option::of(text())),
        (region, feature, project, traffic_class) in
            (option::of(text()), option::of(text()), option::of(text()), option::of(text())),
        (attempt, time, sequence, http_status) in (
            prop_oneof![Just(0), any::<u32>()],
            -62_167_219_200_000_000_i64..=253_402_300_799_999_999,
            option::of((any::<u64>(), any::<u64>())),
            option::of(any::<u16>()),
        ),
        (usage, prefix) in (usage(), option::of(prefix())),
        (queue, ttft, duration) in (micros(), micros(), micros()),
    ) -> Event<'static> {
        Event {
            id, source, attempt, time: EventTime(time), tenant, domain, provider, request_model, response_model, operation,
            service_tier, region, feature, project, traffic_class, http_status, usage, prefix, queue, ttft, duration,
            sequence: sequence.map(|(epoch, seq)| Sequence { epoch, seq }),
        }
    }
}

/// What one call of a decoder's `each` was about: the event, or the reason, the detail and the bytes.
pub(crate) type Seen = Result<Event<'static>, (Reason, String, Vec<u8>)>;

/// Decodes with the default limits; the places must count up from 0.
pub(crate) fn decoded(content_type: &str, payload: &[u8]) -> Vec<Seen> {
    decoded_within(&Limits::default(), content_type, payload)
}

/// As [`decoded`], within these limits.
pub(crate) fn decoded_within(limits: &Limits, content_type: &str, payload: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    decode(content_type, payload, limits, &mut |index, result| {
        assert_eq!(usize::try_from(index).unwrap(), seen.len());
        seen.push(match result {
            Ok(event) => Ok(owned(event)),
            Err(refusal) => Err((refusal.reason, refusal.detail, refusal.raw.to_vec())),
        });
    });
    seen
}

fn owned(event: &Event<'_>) -> Event<'static> {
    let text = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
    let optional = |text: &Option<Cow<'_, str>>| text.clone().map(|text| Cow::Owned(text.into_owned()));
    Event {
        id: text(&event.id),
        source: text(&event.source),
        attempt: event.attempt,
        time: event.time,
        tenant: optional(&event.tenant),
        sequence: event.sequence,
        domain: text(&event.domain),
        provider: text(&event.provider),
        request_model: text(&event.request_model),
        response_model: optional(&event.response_model),
        operation: optional(&event.operation),
        service_tier: optional(&event.service_tier),
        region: optional(&event.region),
        feature: optional(&event.feature),
        project: optional(&event.project),
        traffic_class: optional(&event.traffic_class),
        http_status: event.http_status,
        usage: event.usage,
        prefix: event.prefix.clone(),
        queue: event.queue,
        ttft: event.ttft,
        duration: event.duration,
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
