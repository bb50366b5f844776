//! An event as lines of text, one for each field that is there.

use std::fmt::Write;

use aliquot_core::event::{CacheReport, CacheUse, Event, Limit, NodeReport, Report, Sequence};

pub(crate) fn description(report: Report<'_>) -> String {
    let mut lines = Lines(String::new());
    match report {
        Report::Request(event) => request(&mut lines, event),
        Report::Node(report) => node(&mut lines, report),
        Report::Cache(report) => cache(&mut lines, report),
    }
    lines.0
}

fn node(lines: &mut Lines, node: &NodeReport<'_>) {
    lines.text("interval of node", Some(&node.source));
    lines.text("id", Some(&node.id));
    lines.number("time, us since 1970", Some(node.time.0));
    lines.sequence(node.sequence);
    lines.text("domain", Some(&node.domain));
    lines.text("replica", node.replica.as_deref());
    lines.number("interval, us", Some(node.interval.0));
    lines.number("GPUs", Some(node.gpu_count));
    lines.text("kind of GPU", Some(&node.gpu_type));
    lines.number("busy, us", node.busy.map(|time| time.0));
    lines.number("blocks of the cache", node.kv_blocks);
    lines.number("block tokens", node.block_tokens);
    lines.text("engine", node.engine.as_deref());
    lines.text("engine version", node.engine_version.as_deref());
    lines.text("eviction", node.eviction.as_deref());
    lines.text("reserved for", node.reserved_for.as_deref());
}

fn cache(lines: &mut Lines, cache: &CacheReport<'_>) {
    lines.text("changes of a cache of node", Some(&cache.source));
    lines.text("id", Some(&cache.id));
    lines.number("time, us since 1970", Some(cache.time.0));
    lines.sequence(cache.sequence);
    lines.text("domain", Some(&cache.domain));
    lines.text("replica", cache.replica.as_deref());
    lines.flag("cleared", cache.cleared);
    cache.removed.iter().for_each(|block| lines.block("removed", *block));
    cache.stored.iter().for_each(|block| lines.block("stored", *block));
    lines.flag("something before was lost", cache.lost);
}

fn request(lines: &mut Lines, event: &Event<'_>) {
    lines.text("id", Some(&event.id));
    lines.text("source", Some(&event.source));
    lines.number("attempt", Some(event.attempt));
    lines.number("time, us since 1970", Some(event.time.0));
    lines.text("tenant", event.tenant.as_deref());
    lines.sequence(event.sequence);
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
        chain.blocks.iter().for_each(|block| lines.block("block", *block));
    }
    lines.number("queue, us", event.queue.map(|time| time.0));
    lines.number("time to first token, us", event.ttft.map(|time| time.0));
    lines.number("duration, us", event.duration.map(|time| time.0));
    cache_use(lines, &event.cache);
    event.limits.iter().for_each(|limit| shared_limit(lines, limit));
}

fn cache_use(lines: &mut Lines, cache: &CacheUse<'_>) {
    lines.text("session", cache.session.as_deref());
    lines.text("replica", cache.replica.as_deref());
    lines.text("router reason", cache.router_reason.as_deref());
    lines.number("lifetime, us", cache.lifetime.map(|time| time.0));
    lines.flag("cache is bypassed", cache.bypass);
    lines.number("cacheable tokens", cache.cacheable_tokens);
    lines.text("miss reason", cache.miss_reason.as_deref());
    lines.number("recomputed tokens", Some(cache.recomputed_tokens).filter(|tokens| *tokens != 0));
    lines.text("weights", cache.weights.as_deref());
}

fn shared_limit(lines: &mut Lines, limit: &Limit<'_>) {
    let Limit { bucket, counts, limit, remaining, reset, refused } = limit;
    let known = |number: Option<u64>| number.map_or("unknown".to_owned(), |number| number.to_string());
    let reset = known(reset.map(|reset| reset.0.unsigned_abs()));
    let (limit, remaining) = (known(*limit), known(*remaining));
    let refused = if *refused { ", refused" } else { "" };
    lines.number(
        "limit",
        Some(format!("{bucket:?} {counts:?}: {remaining} of {limit} left, full in {reset} us{refused}")),
    );
}

struct Lines(String);

impl Lines {
    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            writeln!(self.0, "{name}: {text:?}").unwrap();
        }
    }

    fn sequence(&mut self, sequence: Option<Sequence>) {
        self.number("sequence epoch", sequence.map(|sequence| sequence.epoch));
        self.number("sequence number", sequence.map(|sequence| sequence.seq));
    }

    fn block(&mut self, name: &str, block: u64) {
        self.number(name, Some(format!("{block:016x}")));
    }

    fn flag(&mut self, name: &str, flag: bool) {
        self.number(name, flag.then_some(flag));
    }

    fn number(&mut self, name: &str, number: Option<impl std::fmt::Display>) {
        if let Some(number) = number {
            writeln!(self.0, "{name}: {number}").unwrap();
        }
    }
}
