//! Whatever a node can report, and what all of it has in common: by that it is counted, deduplicated and put in time.

use super::{CacheReport, Event, NodeReport, Sequence};
use crate::time::EventTime;

/// One event of any type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Report<'a> {
    /// `aliquot.request.v1`.
    Request(&'a Event<'a>),
    /// `aliquot.node.v1`.
    Node(&'a NodeReport<'a>),
    /// `aliquot.cache.v1`.
    Cache(&'a CacheReport<'a>),
}

/// What events of all types have. Identity is (`source`, `id`, `attempt`), whatever the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Stable over all resends.
    pub id: &'a str,
    /// The node or proxy that reports.
    pub source: &'a str,
    /// The try of a request; 0 for everything else.
    pub attempt: u32,
    /// When it happened, identical in every resend.
    pub time: EventTime,
    /// Where it stands in the node's count.
    pub sequence: Option<Sequence>,
    /// The cache domain.
    pub domain: &'a str,
}

impl<'a> Report<'a> {
    /// What it has in common with all others.
    pub fn head(self) -> Head<'a> {
        match self {
            Self::Request(Event { id, source, attempt, time, sequence, domain, .. }) => {
                Head { id, source, attempt: *attempt, time: *time, sequence: *sequence, domain }
            }
            Self::Node(NodeReport { id, source, time, sequence, domain, .. })
            | Self::Cache(CacheReport { id, source, time, sequence, domain, .. }) => {
                Head { id, source, attempt: 0, time: *time, sequence: *sequence, domain }
            }
        }
    }

    /// The finished request, if it is one.
    pub const fn request(self) -> Option<&'a Event<'a>> {
        match self {
            Self::Request(event) => Some(event),
            Self::Node(_) | Self::Cache(_) => None,
        }
    }
}

impl<'a, 'e: 'a> From<&'a Event<'e>> for Report<'a> {
    fn from(event: &'a Event<'e>) -> Self {
        Self::Request(event)
    }
}

impl<'a, 'e: 'a> From<&'a NodeReport<'e>> for Report<'a> {
    fn from(report: &'a NodeReport<'e>) -> Self {
        Self::Node(report)
    }
}

impl<'a, 'e: 'a> From<&'a CacheReport<'e>> for Report<'a> {
    fn from(report: &'a CacheReport<'e>) -> Self {
        Self::Cache(report)
    }
}
