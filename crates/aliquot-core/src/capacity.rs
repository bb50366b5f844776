//! What a GPU node's interval cost and to whom: rows on their way to the lake's table `capacity`. Decides nothing.

use alloc::string::String;
use alloc::vec::Vec;

use crate::money::Usd;
use crate::position::Place;
use crate::prices::BookId;
use crate::rating::Unpriced;
use crate::time::EventTime;

/// Who bears idle time that nobody reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdlePolicy {
    /// It stays with the platform.
    None,
    /// Tenants, by their use in the interval.
    ProRata,
    /// Tenants, by their demand in the peaks that sized the pool.
    Peak,
}

impl IdlePolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::None, Self::ProRata, Self::Peak];

    /// The one spelling used in columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ProRata => "pro_rata",
            Self::Peak => "peak",
        }
    }

    /// The policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineKind {
    /// Work done.
    Compute,
    /// Reserved, and not used by its owner.
    ReservedIdle,
    /// Idle and not reserved.
    Idle,
}

impl LineKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Compute, Self::ReservedIdle, Self::Idle];

    /// The one spelling used in columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::ReservedIdle => "reserved_idle",
            Self::Idle => "idle",
        }
    }
}

/// Who bears a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bearer {
    /// A tenant.
    Tenant(String),
    /// Traffic without a tenant.
    NoTenant,
    /// Whoever runs the node.
    Platform,
}

impl Bearer {
    /// What stands beside the tenant.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tenant(_) => "tenant",
            Self::NoTenant => "no_tenant",
            Self::Platform => "platform",
        }
    }

    /// The tenant, if it is one.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::Tenant(tenant) => Some(tenant),
            Self::NoTenant | Self::Platform => None,
        }
    }
}

/// A part of an interval's time and cost under one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityLine {
    /// The policy. The lines of each are the whole interval; those of different policies are never added up.
    pub policy: IdlePolicy,
    /// What for.
    pub kind: LineKind,
    /// To whom.
    pub bearer: Bearer,
    /// Microseconds of one GPU.
    pub micros: u64,
    /// Its part of the cost; nothing where the cost is not known.
    pub cost: Usd,
}

/// Who held the cache during an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Who.
    pub bearer: Bearer,
    /// Blocks × microseconds that its requests held them.
    pub block_micros: u128,
    /// Tokens of these requests.
    pub tokens: u64,
}

/// One interval of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityRow {
    /// Where its event stands in the log.
    pub place: Place,
    /// When the interval began.
    pub from: EventTime,
    /// When it ended; the billing time.
    pub time: EventTime,
    /// The node.
    pub source: String,
    /// The cache domain that it serves.
    pub domain: String,
    /// Which of the domain's engines it is.
    pub replica: Option<String>,
    /// What GPUs.
    pub gpu_type: String,
    /// How many.
    pub gpu_count: u32,
    /// The only tenant the node is there for.
    pub reserved_for: Option<String>,
    /// Length × GPUs, in microseconds of one GPU.
    pub available: u64,
    /// GPU microseconds of the requests that ended in the interval, as measured.
    pub used: u64,
    /// GPU microseconds that came too late for the interval they belong to, which was closed before. In no line.
    pub late: u64,
    /// GPU microseconds that the node says it worked.
    pub busy: Option<u64>,
    /// The price book.
    pub book: BookId,
    /// What the interval cost, or why that is not known.
    pub cost: Result<Usd, Unpriced>,
    /// The cost by policy, kind and bearer.
    pub lines: Vec<CapacityLine>,
    /// Who held the cache.
    pub residents: Vec<Resident>,
}
