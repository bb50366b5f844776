//! `POST /v1/events`: the door through which nodes put events into the log. It judges every event as the pipeline will, so that
//! the sender learns at once; it neither prices nor deduplicates, and it answers 202 only when the log says "durable".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aliquot_core::event::{QUANTITY_MAX, Report};
use aliquot_core::ports::{Kind as FaultKind, Outgoing};
use aliquot_core::reject::Reason;
use aliquot_core::state::{Rules, TimeLimits};
use aliquot_core::time::{EventTime, Micros};
use aliquot_wire::{JSON_BATCH, Limits, decode, json};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;

use crate::Clock;
use crate::message::{self, Message};
use crate::metrics::Metrics;
use crate::outlet::Door;
use crate::problem::{Body, Kind, Problem};
use crate::verdict::Verdicts;

/// How long the log may take to say "durable": longer than its own retries within one broker's failover. After that the sender
/// is told to come back, and a message that did arrive is found to be a duplicate.
const APPEND_TIME_MAX: Duration = Duration::from_secs(20);

/// When to come back if the log cannot take events: a leader election takes about that long.
const RETRY_AFTER_S: u32 = 2;

/// What the gateway needs: a log, and the rules by which events are judged.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Where the events go.
    pub outlet: Door,
    /// What one request may hold.
    pub limits: Limits,
    /// What is asked of an event that could be read; the same as the pipeline's.
    pub rules: Arc<Rules>,
}

impl Gateway {
    /// A gateway before this log, with the pipeline's rules and the usual limits.
    pub fn new(outlet: Door, rules: Rules) -> Self {
        Self { outlet, limits: Limits::default(), rules: Arc::new(rules) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Ingest {
    pub(crate) gateway: Gateway,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
}

/// Take events into the log.
///
/// One event in structured or binary mode, or a batch as JSON or Arrow. Every event gets a verdict; the accepted ones are durable
/// when the answer comes. Sending an event again does no harm.
#[utoipa::path(
    post,
    path = "/v1/events",
    operation_id = "send_events",
    tag = "events",
    request_body(
        description = "CloudEvents 1.0 of the types `aliquot.request.v1`, `aliquot.node.v1` and `aliquot.cache.v1`; Arrow holds requests only; in binary mode the body is `data` and the attributes are `ce-` headers",
        content(
            (serde_json::Value = "application/cloudevents+json"),
            (Vec<serde_json::Value> = "application/cloudevents-batch+json"),
            (serde_json::Value = "application/json"),
            ("application/vnd.apache.arrow.stream"),
        ),
    ),
    responses(
        (status = 202, description = "the accepted events are durable; there may be rejected ones beside them", body = Verdicts),
        (status = 400, description = "the body cannot be read", body = Body<'static>, content_type = "application/problem+json"),
        (status = 408, description = "the body did not arrive in time", body = Body<'static>, content_type = "application/problem+json"),
        (status = 413, description = "too many bytes or events", body = Body<'static>, content_type = "application/problem+json"),
        (status = 415, description = "the content type is not read", body = Body<'static>, content_type = "application/problem+json"),
        (status = 422, description = "every event is rejected; the members of the 202 answer say why", body = Body<'static>, content_type = "application/problem+json"),
        (status = 503, description = "the log cannot take events now; send them again after `retry-after`", body = Body<'static>, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn post(
    State(ingest): State<Ingest>,
    request: Request,
) -> Result<(StatusCode, Json<Verdicts>), Problem> {
    let Ingest { gateway, clock, metrics } = ingest;
    let message = message::read(request).await?;
    metrics.body_read(message.payload.len());
    let received_at = clock.now();
    let judged = judge(&message, &gateway, received_at)?;
    metrics.judged(&judged.verdicts);
    if judged.verdicts.are_all_rejections() {
        return Err(Problem::all_rejected(judged.verdicts));
    }
    let outgoing = outgoing(message, &judged, &gateway.limits, received_at);
    append(&gateway.outlet, outgoing).await?;
    Ok((StatusCode::ACCEPTED, Json(judged.verdicts)))
}

/// The verdicts, and what is needed to send the accepted events on.
#[derive(Debug, Default)]
struct Judged {
    verdicts: Verdicts,
    accepted: BTreeSet<u32>,
    domains: BTreeSet<String>,
}

impl Judged {
    /// The domain of all the message's events, if every one is accepted: then it can go into the log as it came.
    fn sole_domain(&self) -> Option<&String> {
        self.domains.first().filter(|_| self.domains.len() == 1 && !self.verdicts.has_rejections())
    }
}

/// Judges every event of the message, or the message as a whole where there are no events to speak of.
fn judge(message: &Message, gateway: &Gateway, received_at: EventTime) -> Result<Judged, Problem> {
    let Gateway { limits, rules, .. } = gateway;
    let mut judged = Judged::default();
    // What is wrong with the whole message is the only thing, or the last thing, said about it.
    let mut whole = None;
    decode(message.content_type, &message.payload, limits, &mut |index, result| match result {
        Ok(report) => match rules.check(report, received_at) {
            Ok(()) => {
                whole = None;
                judged.verdicts.accept(index);
                judged.accepted.insert(index);
                let domain = report.head().domain;
                if !judged.domains.contains(domain) {
                    judged.domains.insert(domain.to_owned());
                }
            }
            Err(reason) => judged.verdicts.reject(index, reason, explained(reason, report, rules.times)),
        },
        Err(refusal) => {
            let is_about_all = index == 0 && refusal.raw.len() == message.payload.len();
            let kind = match refusal.reason {
                Reason::Malformed if is_about_all => Some(Kind::UnreadableBody),
                Reason::WrongType if is_about_all && message.content_type == JSON_BATCH => Some(Kind::UnreadableBody),
                Reason::UnknownContentType => Some(Kind::UnsupportedContent),
                Reason::TooLarge if index >= limits.events_per_message => Some(Kind::TooLarge),
                _ => None,
            };
            whole = kind.map(|kind| Problem::new(kind, refusal.detail.clone()));
            judged.verdicts.reject(index, refusal.reason, refusal.detail);
        }
    });
    whole.map_or(Ok(judged), Err)
}

/// What the sender should look at, for reasons that come without a detail of their own.
fn explained(reason: Reason, report: Report<'_>, times: TimeLimits) -> String {
    match reason {
        Reason::AbsurdTime => {
            let (past, future) = (times.past.0 / Micros::DAY.0, times.future.0 / Micros::SECOND.0);
            format!("time is more than {past} days before or {future} s after its arrival here")
        }
        Reason::PartsDoNotAddUp => {
            "data.usage: input_total or output_total is not the sum of its parts; cached tokens are counted once"
                .to_owned()
        }
        Reason::Overflow if report.request().is_none() => {
            "data: busy_us is more than gpu_count times interval_us; measure both by the same clock".to_owned()
        }
        Reason::Overflow => format!("data.usage: a quantity is above {QUANTITY_MAX}"),
        Reason::UnknownTenant => "subject is no tenant of the register; add the tenant, or mend the sender".to_owned(),
        other => format!("the event is {other}"),
    }
}

/// The accepted events as messages, one domain each, because the domain chooses the partition.
fn outgoing(message: Message, judged: &Judged, limits: &Limits, received_at: EventTime) -> Vec<Outgoing> {
    if let Some(key) = judged.sole_domain().cloned() {
        let Message { content_type, payload } = message;
        return vec![Outgoing { key, content_type: content_type.to_owned(), received_at, payload }];
    }
    let mut batches = Batches::new(limits);
    decode(message.content_type, &message.payload, limits, &mut |index, result| {
        if let Ok(report) = result
            && judged.accepted.contains(&index)
        {
            batches.push(report);
        }
    });
    batches.into_outgoing(received_at)
}

/// JSON batches being filled, for each domain one or more: a re-encoded batch may be larger than what came, and no message may
/// exceed what the pipeline reads.
#[derive(Debug)]
struct Batches<'l> {
    limits: &'l Limits,
    by_domain: BTreeMap<String, Vec<Batch>>,
}

#[derive(Debug, Default)]
struct Batch {
    events: u32,
    bytes: Vec<u8>,
}

impl<'l> Batches<'l> {
    const fn new(limits: &'l Limits) -> Self {
        Self { limits, by_domain: BTreeMap::new() }
    }

    fn push(&mut self, report: Report<'_>) {
        let encoded = json::encode(report);
        let batches = self.by_domain.entry(report.head().domain.to_owned()).or_default();
        let has_room = |batch: &&mut Batch| {
            // One byte for the bracket or comma before it, one for the bracket at the end.
            let grown = batch.bytes.len().saturating_add(encoded.len()).saturating_add(2);
            grown <= self.limits.message_bytes && batch.events < self.limits.events_per_message
        };
        let batch = match batches.last_mut().filter(has_room) {
            Some(_) => batches.last_mut(),
            None => {
                batches.push(Batch::default());
                batches.last_mut()
            }
        };
        if let Some(batch) = batch {
            batch.bytes.push(if batch.events == 0 { b'[' } else { b',' });
            batch.bytes.extend_from_slice(&encoded);
            batch.events = batch.events.saturating_add(1);
        }
    }

    fn into_outgoing(self, received_at: EventTime) -> Vec<Outgoing> {
        let batches = self
            .by_domain
            .into_iter()
            .flat_map(|(domain, batches)| batches.into_iter().map(move |batch| (domain.clone(), batch)));
        batches
            .map(|(key, mut batch)| {
                batch.bytes.push(b']');
                Outgoing { key, content_type: JSON_BATCH.to_owned(), received_at, payload: batch.bytes }
            })
            .collect()
    }
}

async fn append(outlet: &Door, messages: Vec<Outgoing>) -> Result<(), Problem> {
    let detail = "the event log cannot take events now; nothing is lost if you send them again";
    let unavailable = |inside| Problem::new(Kind::Unavailable, detail).retry_after(RETRY_AFTER_S).because(inside);
    match tokio::time::timeout(APPEND_TIME_MAX, outlet.append(messages)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(refused)) if refused.kind == FaultKind::Retry => Err(unavailable(refused.inside)),
        Ok(Err(refused)) => Err(Problem::internal(refused.inside)),
        Err(_) => Err(unavailable(format!("the log did not answer within {} s", APPEND_TIME_MAX.as_secs()))),
    }
}
