//! The rent of a cache that is kept on purpose (B5): who bears it. Falls due per token and hour, read or not; knows no prices.
//!
//! An event of operation [`OPERATION`] reports it: `cache_storage_token_hours` of one cache in one interval. It is rated like
//! any other event, is no request (no fee per call), and its cost stands on the event's own tenant, the one who keeps the
//! cache. [`allocate`] moves that cost to those who read the cache in the same interval.
//!
//! The pipeline does only the first of the two today: the rent is a charge of the tenant that keeps the cache. Sharing it out
//! needs the readers of an interval, which attribution collects; until then nothing is moved, and nothing is lost.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::money::Usd;

/// The operation of an event that reports rent instead of a request.
pub const OPERATION: &str = "cache_storage";

/// A rent, shared out. The shares and what is left with the keeper sum to the rent exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// What each reader bears; `None` = reads whose tenant is not known.
    pub shares: BTreeMap<Option<String>, Usd>,
    /// What stays with the tenant that keeps the cache: all of it if nobody read, else nothing.
    pub unread: Usd,
}

/// Shares `rent` among the readers in proportion to the tokens they read, by largest remainder, ties to the lower tenant id.
///
/// | read by | shares | unread |
/// |---|---|---|
/// | nobody | none | the rent |
/// | one | the rent | 0 |
/// | several | in proportion to their tokens | 0 |
pub fn allocate(rent: Usd, tokens_read: &BTreeMap<Option<String>, u64>) -> Allocation {
    let readers: BTreeMap<_, _> = tokens_read.iter().filter(|(_, tokens)| **tokens > 0).collect();
    let weights: Vec<u64> = readers.values().map(|tokens| **tokens).collect();
    match rent.split(&weights) {
        Some(parts) => {
            let shares = readers.into_keys().cloned().zip(parts).collect();
            Allocation { shares, unread: Usd::ZERO }
        }
        None => Allocation { shares: BTreeMap::new(), unread: rent },
    }
}
