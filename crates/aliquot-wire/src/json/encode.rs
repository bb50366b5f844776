//! Events to CloudEvents JSON, the shortest form that reads back the same: what has its default is left out.

use aliquot_core::event::{Event, Usage};
use aliquot_core::time::Micros;
use aliquot_core::usage::Class;

use crate::blocks;
use crate::cloudevent::{REQUEST_V1, SPEC_VERSION};
use crate::request::reports_cache;
use crate::timestamp;

/// The event as one structured CloudEvent.
pub fn encode(event: &Event<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    write(event, &mut out);
    out
}

/// The events as one JSON array.
pub fn encode_batch(events: &[Event<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(events.len().saturating_mul(1_024));
    let mut opener = b'[';
    for event in events {
        out.push(opener);
        opener = b',';
        write(event, &mut out);
    }
    if events.is_empty() {
        out.push(opener);
    }
    out.push(b']');
    out
}

fn write(event: &Event<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.text("specversion", SPEC_VERSION);
    object.text("type", REQUEST_V1);
    object.text("source", &event.source);
    object.text("id", &event.id);
    let out = object.name("time");
    out.push(b'"');
    timestamp::write(event.time, out);
    out.push(b'"');
    object.optional_text("subject", event.tenant.as_deref());
    if event.domain != event.source {
        object.text("partitionkey", &event.domain);
    }
    if let Some(sequence) = event.sequence {
        object.extension("nodeepoch", sequence.epoch);
        object.extension("nodeseq", sequence.seq);
    }
    write_data(event, object.name("data"));
    object.close();
}

fn write_data(event: &Event<'_>, out: &mut Vec<u8>) {
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
        let out = prefix.name("blocks");
        out.push(b'"');
        chain.blocks.iter().for_each(|block| blocks::write(*block, out));
        out.push(b'"');
        prefix.close();
    }
    let micros = |time: Option<Micros>| time.map(|time| u64::try_from(time.0).unwrap_or_default());
    object.optional_number("queue_us", micros(event.queue));
    object.optional_number("ttft_us", micros(event.ttft));
    object.optional_number("duration_us", micros(event.duration));
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
        let flag = if usage.cache_reported { "true" } else { "false" };
        object.name("cache_reported").extend_from_slice(flag.as_bytes());
    }
    object.close();
}

/// A JSON object being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    opener: u8,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        Self { out, opener: b'{' }
    }

    /// Writes a name; the value is the caller's.
    fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.out.push(self.opener);
        self.opener = b',';
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn text(&mut self, name: &'static str, text: &str) {
        serde_json::to_writer(self.name(name), text).expect("a string written to memory meets no error");
    }

    fn optional_text(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn number(&mut self, name: &'static str, number: u64) {
        serde_json::to_writer(self.name(name), &number).expect("a number written to memory meets no error");
    }

    fn optional_number(&mut self, name: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    /// A CloudEvents integer: a string where 32 signed bits do not hold it.
    fn extension(&mut self, name: &'static str, number: u64) {
        match i32::try_from(number) {
            Ok(_) => self.number(name, number),
            Err(_) => self.text(name, &number.to_string()),
        }
    }

    fn close(self) {
        if self.opener == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }
}
