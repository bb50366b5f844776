//! What the API is made of, given by the binary: the clock, the names of requests, and the ends of the pipe this role has.

use std::fmt;
use std::sync::Arc;

use aliquot_core::time::EventTime;
use aliquot_ledger::Ledger;
use aliquot_query::Engine;
use tokio::sync::watch;

use crate::access::Access;
use crate::events::Gateway;
use crate::health::Readiness;
use crate::metrics::Metrics;
use crate::request_id::RequestIds;

/// Where "now" comes from. The wall clock lives in the binary; tests set their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> EventTime + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> EventTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> EventTime {
        self.0()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Clock")
    }
}

/// Everything the router needs. What a role does not have is `None`, and its routes do not exist there.
#[derive(Clone, Debug)]
pub struct State {
    /// Who may ask.
    pub access: Access,
    /// Where "now" comes from.
    pub clock: Clock,
    /// Names for requests that come without one.
    pub request_ids: RequestIds,
    /// Whether the process is ready to serve.
    pub readiness: watch::Receiver<Readiness>,
    /// What is counted.
    pub metrics: Metrics,
    /// How many requests run at once.
    pub concurrency: Concurrency,
    /// The way into the log: a gateway has one.
    pub gateway: Option<Gateway>,
    /// The stores to answer from: a role that answers questions has them.
    pub readers: Option<Readers>,
}

/// The stores that answers come from.
#[derive(Clone, Debug)]
pub struct Readers {
    /// Questions to the lake.
    pub engine: Engine,
    /// Completeness of the streams, and hourly sums of causes and blame.
    pub ledger: Ledger,
}

/// Requests of each kind that run at once; the next is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// Requests that bring events: each holds its body, at most 4 MiB, so that 32 of them stay within 128 MiB.
    pub ingest: usize,
    /// Requests that ask the stores: each holds a share of the query engine's memory, and more than a few wait for the same
    /// cores anyway.
    pub read: usize,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self { ingest: 32, read: 16 }
    }
}
