//! What an engine did to its cache, as it reports it itself, without the tokens. Who a block belongs to is not in it: blocks are
//! named as in a prefix chain, and that is how they are found again.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::Sequence;
use crate::time::EventTime;

/// `aliquot.cache.v1`: some changes of one cache, in this order: cleared, removed, stored. Identity is (`source`, `id`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheReport<'a> {
    /// Unique among all that the node reports; a resend repeats it.
    pub id: Cow<'a, str>,
    /// The node that reports.
    pub source: Cow<'a, str>,
    /// When the last of the changes happened, identical in every resend.
    pub time: EventTime,
    /// Where it stands in the node's count, which is one for all that the node reports.
    pub sequence: Option<Sequence>,
    /// The cache domain.
    pub domain: Cow<'a, str>,
    /// Which of the domain's engines this is, if the domain has several.
    pub replica: Option<Cow<'a, str>>,
    /// Blocks that are there now.
    pub stored: Vec<u64>,
    /// Copies of blocks that were given up. A block may have had several.
    pub removed: Vec<u64>,
    /// Whether everything that was there before is gone.
    pub cleared: bool,
    /// Whether the engine's own count of changes has a hole before these: nobody knows what else happened.
    pub lost: bool,
}
