//! An event as lines of text, one for each field that is there.

use std::fmt::Write;

use aliquot_core::event::Event;

pub(crate) fn description(event: &Event<'_>) -> String {
    let mut lines = Lines(String::new());
    lines.text("id", Some(&event.id));
    lines.text("source", Some(&event.source));
    lines.number("attempt", Some(event.attempt));
    lines.number("time, us since 1970", Some(event.time.0));
    lines.text("tenant", event.tenant.as_deref());
    lines.number("sequence epoch", event.sequence.map(|sequence| sequence.epoch));
    lines.number("sequence number", event.sequence.map(|sequence| sequence.seq));
    lines.text("domain", Some(&event.domain));
    lines.text("provider", Some(&event.provider));
    lines.text("request model", Some(&event.request_model));
    lines.text("response model", event.response_model.as_deref());
    lines.text("operation", event.operation.as_deref());
    lines.text("service tier", event.service_tier.as_deref());
    lines.text("region", event.region.as_deref());
    lines.text("feature", event.feature.as_deref());
    lines.text("project", event.project.as_deref());
    lines.text("traffic class", event.traffic_class.as_deref());
    lines.number("http status", event.http_status);
    for (class, quantity) in event.usage.parts.iter().filter(|(_, quantity)| *quantity != 0) {
        lines.number(class.name(), Some(quantity));
    }
    lines.number("input total", event.usage.input_total);
    lines.number("output total", event.usage.output_total);
    lines.number("cache is reported", Some(event.usage.cache_reported));
    if let Some(chain) = &event.prefix {
        lines.number("block tokens", Some(chain.block_tokens));
        lines.number("sampled of", Some(chain.sampled_of));
        chain.blocks.iter().for_each(|block| lines.number("block", Some(format!("{block:016x}"))));
    }
    lines.number("queue, us", event.queue.map(|time| time.0));
    lines.number("time to first token, us", event.ttft.map(|time| time.0));
    lines.number("duration, us", event.duration.map(|time| time.0));
    lines.0
}

struct Lines(String);

impl Lines {
    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            writeln!(self.0, "{name}: {text:?}").unwrap();
        }
    }

    fn number(&mut self, name: &str, number: Option<impl std::fmt::Display>) {
        if let Some(number) = number {
            writeln!(self.0, "{name}: {number}").unwrap();
        }
    }
}
