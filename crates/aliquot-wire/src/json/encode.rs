//! Events to CloudEvents JSON, the shortest form that reads back the same: what has its default is left out.

use aliquot_core::event::{CacheReport, CacheUse, Event, Head, Limit, NodeReport, Report, Usage};
use aliquot_core::usage::Class;

use super::write::Object;
use crate::event_type::{EventType, SPEC_VERSION};
use crate::request::reports_cache;
use crate::timestamp;

/// The event as one structured CloudEvent.
pub fn encode<'r>(event: impl Into<Report<'r>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    write(event.into(), &mut out);
    out
}

/// The events as one JSON array.
pub fn encode_batch<'r>(events: impl IntoIterator<Item: Into<Report<'r>>>) -> Vec<u8> {
    let events = events.into_iter();
    let mut out = Vec::with_capacity(events.size_hint().0.saturating_mul(1_024));
    let mut opener = b'[';
    for event in events {
        out.push(opener);
        opener = b',';
        write(event.into(), &mut out);
    }
    if opener == b'[' {
        out.push(opener);
    }
    out.push(b']');
    out
}

fn write(report: Report<'_>, out: &mut Vec<u8>) {
    let Head { id, source, time, sequence, domain, .. } = report.head();
    let event_type = match report {
        Report::Request(_) => EventType::Request,
        Report::Node(_) => EventType::Node,
        Report::Cache(_) => EventType::Cache,
    };
    let mut object = Object::open(out);
    object.text("specversion", SPEC_VERSION);
    object.text("type", event_type.name());
    object.text("source", source);
    object.text("id", id);
    let out = object.name("time");
    out.push(b'"');
    timestamp::write(time, out);
    out.push(b'"');
    object.optional_text("subject", report.request().and_then(|event| event.tenant.as_deref()));
    if domain != source {
        object.text("partitionkey", domain);
    }
    if let Some(sequence) = sequence {
        object.extension("nodeepoch", sequence.epoch);
        object.extension("nodeseq", sequence.seq);
    }
    let out = object.name("data");
    match report {
        Report::Request(event) => write_request(event, out),
        Report::Node(node) => write_node(node, out),
        Report::Cache(cache) => write_cache(cache, out),
    }
    object.close();
}

fn write_request(event: &Event<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.text("provider", &event.provider);
    object.text("request_model", &event.request_model);
    object.optional_text("response_model", event.response_model.as_deref());
    object.optional_text("operation", event.operation.as_deref());
    object.optional_text("service_tier", event.service_tier.as_deref());
    object.optional_text("region", event.region.as_deref());
    object.optional_text("feature", event.feature.as_deref());
    object.optional_text("project", event.project.as_deref());
    object.optional_text("traffic_class", event.traffic_class.as_deref());
    if event.attempt != 0 {
        object.number("attempt", u64::from(event.attempt));
    }
    object.optional_number("http_status", event.http_status.map(u64::from));
    write_usage(&event.usage, object.name("usage"));
    if let Some(chain) = &event.prefix {
        let mut prefix = Object::open(object.name("prefix"));
        prefix.number("block_tokens", u64::from(chain.block_tokens));
        if chain.sampled_of != 1 {
            prefix.number("sampled_of", u64::from(chain.sampled_of));
        }
        prefix.blocks("blocks", &chain.blocks);
        prefix.close();
    }
    object.optional_micros("queue_us", event.queue);
    object.optional_micros("ttft_us", event.ttft);
    object.optional_micros("duration_us", event.duration);
    if event.cache != CacheUse::default() {
        write_cache_use(&event.cache, object.name("cache"));
    }
    if !event.limits.is_empty() {
        write_limits(&event.limits, object.name("limits"));
    }
    object.close();
}

fn write_cache_use(cache: &CacheUse<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.optional_text("session", cache.session.as_deref());
    object.optional_text("replica", cache.replica.as_deref());
    object.optional_text("router_reason", cache.router_reason.as_deref());
    object.optional_micros("lifetime_us", cache.lifetime);
    object.flag_if_set("bypass", cache.bypass);
    object.optional_number("cacheable_tokens", cache.cacheable_tokens);
    object.optional_text("miss_reason", cache.miss_reason.as_deref());
    object.optional_number("recomputed_tokens", Some(cache.recomputed_tokens).filter(|tokens| *tokens != 0));
    object.optional_text("weights", cache.weights.as_deref());
    object.close();
}

fn write_limits(limits: &[Limit<'_>], out: &mut Vec<u8>) {
    let mut opener = b'[';
    for limit in limits {
        out.push(opener);
        opener = b',';
        let mut object = Object::open(out);
        object.text("bucket", &limit.bucket);
        object.text("counts", &limit.counts);
        object.optional_number("limit", limit.limit);
        object.optional_number("remaining", limit.remaining);
        object.optional_micros("reset_us", limit.reset);
        object.flag_if_set("refused", limit.refused);
        object.close();
    }
    out.push(b']');
}

fn write_node(node: &NodeReport<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.optional_text("replica", node.replica.as_deref());
    object.optional_micros("interval_us", Some(node.interval));
    object.number("gpu_count", u64::from(node.gpu_count));
    object.text("gpu_type", &node.gpu_type);
    object.optional_micros("busy_us", node.busy);
    object.optional_number("kv_blocks", node.kv_blocks);
    object.optional_number("block_tokens", node.block_tokens.map(u64::from));
    object.optional_text("engine", node.engine.as_deref());
    object.optional_text("engine_version", node.engine_version.as_deref());
    object.optional_text("eviction", node.eviction.as_deref());
    object.optional_text("reserved_for", node.reserved_for.as_deref());
    object.close();
}

fn write_cache(cache: &CacheReport<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.optional_text("replica", cache.replica.as_deref());
    object.flag_if_set("cleared", cache.cleared);
    object.flag_if_set("lost", cache.lost);
    for (name, blocks) in [("removed", &cache.removed), ("stored", &cache.stored)] {
        if !blocks.is_empty() {
            object.blocks(name, blocks);
        }
    }
    object.close();
}

fn write_usage(usage: &Usage, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    for (class, quantity) in usage.parts.iter() {
        // One request is what the decoder takes for granted.
        let default = u64::from(class == Class::Requests);
        if quantity != default {
            object.number(class.name(), quantity);
        }
    }
    object.optional_number("input_total", usage.input_total);
    object.optional_number("output_total", usage.output_total);
    if usage.cache_reported != reports_cache(|class| usage.parts.get(class) != 0) {
        object.flag("cache_reported", usage.cache_reported);
    }
    object.close();
}
