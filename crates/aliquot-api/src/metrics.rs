//! Every metric of Aliquot, declared here and nowhere else, and its text for Prometheus. Measures nothing itself: handlers, the
//! request layer and the binary (for the pipeline, by [`Metrics::record`]) say what happened.
//!
//! Tenants are never a label: their number is not bounded, and their numbers are columns of the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aliquot_core::position::{Offset, Partition, Positions};
use aliquot_core::reject::Reason;
use aliquot_core::time::{EventTime, Micros};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::problem::Problem;
use crate::verdict::Verdicts;

/// What the pipeline has done since the process began: cumulative, as the pipeline's progress tells it. What is not known is
/// left out, and so is its metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that became charges.
    pub charged: u64,
    /// Nodes' intervals and caches' changes that were accepted.
    pub reports: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Events or messages that were not accepted.
    pub rejected: BTreeMap<Reason, u64>,
    /// Charges of which a part has no price.
    pub unpriced: u64,
    /// Messages read.
    pub read_messages: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// Commits that are durable in every sink.
    pub commits: u64,
    /// Calls that failed and were made again.
    pub retries: u64,
    /// How often another owner had moved a partition.
    pub fenced: u64,
    /// What does not answer at the moment and is being retried: `log`, or a sink's name.
    pub stalled: BTreeSet<&'static str>,
    /// The latest billing time seen.
    pub event_time_latest: Option<EventTime>,
    /// How far each partition is durable.
    pub positions: Positions,
    /// Where the log of each partition ends, as far as it is known.
    pub ends: Positions,
}

/// Upper bounds of the request duration's buckets in seconds: from a health check to the slowest query that is allowed.
const DURATION_BOUNDS_S: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PartLabel {
    part: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PartitionLabel {
    partition: i32,
}

/// The labels of a family that has at most one metric: one that is absent until its value is known.
type NoLabels = [(&'static str, &'static str); 0];

/// The metrics of one process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    http_requests: Family<RequestLabels, Counter>,
    http_duration: Family<RouteLabel, Histogram>,
    gateway_events: Family<OutcomeLabel, Counter>,
    gateway_rejects: Family<ReasonLabel, Counter>,
    gateway_body: Counter,
    pipeline_events: Family<OutcomeLabel, Counter>,
    pipeline_rejects: Family<ReasonLabel, Counter>,
    pipeline_unpriced: Counter,
    pipeline_read_messages: Counter,
    pipeline_read: Counter,
    pipeline_commits: Counter,
    pipeline_commit_rows: Counter,
    pipeline_retries: Counter,
    pipeline_fenced: Counter,
    pipeline_stalled: Family<PartLabel, Gauge>,
    pipeline_event_time: Family<NoLabels, Gauge>,
    pipeline_position: Family<PartitionLabel, Gauge>,
    pipeline_lag: Family<PartitionLabel, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            http_requests: Family::default(),
            http_duration: Family::new_with_constructor(|| Histogram::new(DURATION_BOUNDS_S)),
            gateway_events: Family::default(),
            gateway_rejects: Family::default(),
            gateway_body: Counter::default(),
            pipeline_events: Family::default(),
            pipeline_rejects: Family::default(),
            pipeline_unpriced: Counter::default(),
            pipeline_read_messages: Counter::default(),
            pipeline_read: Counter::default(),
            pipeline_commits: Counter::default(),
            pipeline_commit_rows: Counter::default(),
            pipeline_retries: Counter::default(),
            pipeline_fenced: Counter::default(),
            pipeline_stalled: Family::default(),
            pipeline_event_time: Family::default(),
            pipeline_position: Family::default(),
            pipeline_lag: Family::default(),
        };
        let mut registry = Registry::with_prefix("aliquot");
        metrics.declare_http(&mut registry);
        metrics.declare_gateway(&mut registry);
        metrics.declare_pipeline(&mut registry);
        metrics.registry = Arc::new(registry);
        metrics
    }
}

// A counter's name is completed with `_total`, and a unit is put behind the name, by the encoder.
impl Metrics {
    fn declare_http(&self, registry: &mut Registry) {
        registry.register("http_requests", "HTTP requests answered", self.http_requests.clone());
        let help = "Time from a request's arrival to its answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, self.http_duration.clone());
    }

    fn declare_gateway(&self, registry: &mut Registry) {
        registry.register("gateway_events", "Events sent to the gateway", self.gateway_events.clone());
        registry.register("gateway_rejects", "Events the gateway refused", self.gateway_rejects.clone());
        let help = "Bytes of the bodies sent to the gateway";
        registry.register_with_unit("gateway_body", help, Unit::Bytes, self.gateway_body.clone());
    }

    fn declare_pipeline(&self, registry: &mut Registry) {
        let mut count = |name, help, counter: &Counter| registry.register(name, help, counter.clone());
        count("pipeline_unpriced_requests", "Charges of which a part has no price", &self.pipeline_unpriced);
        count("pipeline_read_messages", "Messages read from the log", &self.pipeline_read_messages);
        count("pipeline_commits", "Commits durable in every sink", &self.pipeline_commits);
        count("pipeline_commit_rows", "Charges and rejects of those commits", &self.pipeline_commit_rows);
        count("pipeline_retries", "Calls that failed and were made again", &self.pipeline_retries);
        count("pipeline_fenced", "How often another owner had moved a partition", &self.pipeline_fenced);
        registry.register("pipeline_events", "Events folded and committed", self.pipeline_events.clone());
        registry.register("pipeline_rejects", "Events or messages not accepted", self.pipeline_rejects.clone());
        registry.register_with_unit(
            "pipeline_read",
            "Bytes read from the log",
            Unit::Bytes,
            self.pipeline_read.clone(),
        );
        registry.register(
            "pipeline_stalled",
            "1 while the log or a sink does not answer and is retried",
            self.pipeline_stalled.clone(),
        );
        registry.register_with_unit(
            "pipeline_event_time_latest",
            "The latest billing time seen, since 1970",
            Unit::Seconds,
            self.pipeline_event_time.clone(),
        );
        let help = "The first offset that is not durable in every sink";
        registry.register("pipeline_position_offset", help, self.pipeline_position.clone());
        registry.register("pipeline_lag_messages", "Messages of the log not yet durable", self.pipeline_lag.clone());
    }

    /// Takes over what the pipeline has done so far. Counters never go back, whatever is recorded.
    pub fn record(&self, counts: &Counts) {
        let outcome = |outcome| self.pipeline_events.get_or_create_owned(&OutcomeLabel { outcome });
        let rejected = counts.rejected.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        raise(&outcome("charged"), counts.charged);
        raise(&outcome("report"), counts.reports);
        raise(&outcome("duplicate"), counts.duplicates);
        raise(&outcome("rejected"), rejected);
        for (reason, count) in &counts.rejected {
            raise(&self.pipeline_rejects.get_or_create_owned(&ReasonLabel { reason: reason.name() }), *count);
        }
        raise(&self.pipeline_unpriced, counts.unpriced);
        raise(&self.pipeline_read_messages, counts.read_messages);
        raise(&self.pipeline_read, counts.read_bytes);
        raise(&self.pipeline_commits, counts.commits);
        raise(&self.pipeline_commit_rows, counts.charged.saturating_add(rejected));
        raise(&self.pipeline_retries, counts.retries);
        raise(&self.pipeline_fenced, counts.fenced);
        if let Some(EventTime(micros)) = counts.event_time_latest {
            self.pipeline_event_time.get_or_create(&[]).set(micros.div_euclid(Micros::SECOND.0));
        }
        self.pipeline_stalled.clear();
        for part in &counts.stalled {
            self.pipeline_stalled.get_or_create(&PartLabel { part }).set(1);
        }
        self.record_positions(&counts.positions, &counts.ends);
    }

    fn record_positions(&self, positions: &Positions, ends: &Positions) {
        // A partition that went to another process must not keep its last number here.
        self.pipeline_position.clear();
        self.pipeline_lag.clear();
        for (Partition(partition), Offset(position)) in positions {
            let label = PartitionLabel { partition: *partition };
            self.pipeline_position.get_or_create(&label).set(*position);
            if let Some(Offset(end)) = ends.get(&Partition(*partition)) {
                self.pipeline_lag.get_or_create(&label).set(end.saturating_sub(*position).max(0));
            }
        }
    }

    pub(crate) fn request_answered(&self, method: &'static str, route: &str, status: u16, duration: Micros) {
        self.http_requests.get_or_create(&RequestLabels { method, route: route.to_owned(), status }).inc();
        let micros = u64::try_from(duration.0).unwrap_or_default();
        let seconds = std::time::Duration::from_micros(micros).as_secs_f64();
        self.http_duration.get_or_create(&RouteLabel { route: route.to_owned() }).observe(seconds);
    }

    pub(crate) fn body_read(&self, bytes: usize) {
        self.gateway_body.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(crate) fn judged(&self, verdicts: &Verdicts) {
        let events = |outcome| self.gateway_events.get_or_create_owned(&OutcomeLabel { outcome });
        events("accepted").inc_by(u64::from(verdicts.accepted()));
        for reason in verdicts.reasons() {
            events("rejected").inc();
            self.gateway_rejects.get_or_create(&ReasonLabel { reason: reason.name() }).inc();
        }
    }
}

/// Sets a counter to the cumulative `count`, unless it is there already.
fn raise(counter: &Counter, count: u64) {
    counter.inner().fetch_max(count, Ordering::Relaxed);
}

/// Get the metrics in the OpenMetrics text format, which Prometheus reads.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", tag = "operation", responses(
    (status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
))]
pub(crate) async fn scrape(State(metrics): State<Metrics>) -> Result<impl IntoResponse, Problem> {
    let mut body = String::new();
    text::encode(&mut body, &metrics.registry)
        .map_err(|error| Problem::internal(format!("encode metrics: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], body))
}
