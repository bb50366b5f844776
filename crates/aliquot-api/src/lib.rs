//! The HTTP surface: the gateway through which events come in, the billing API, and what operators ask. It parses at the door and
//! lays out answers; it decides nothing about money, and time comes to it from outside.
//!
//! Reading order: what it is made of and how it is served, what surrounds a request, then one file per resource.
#![deny(missing_docs)]

mod connections;
mod router;
mod serve;
mod state;
pub use router::router;
pub use serve::{DRAIN_TIME, serve};
pub use state::{Clock, Concurrency, Readers, State};

mod access;
mod admit;
mod observe;
mod problem;
mod request_id;
pub use access::Access;
pub use request_id::RequestIds;

mod events;
mod message;
mod outlet;
mod verdict;
pub use events::Gateway;
pub use outlet::Door;

mod money;
mod paging;
mod params;
mod time;

mod question;
mod series;

mod hours;

mod bill_change;
mod causes;
mod costs;
mod externalities;
mod fits;
mod gaps;
mod hit_rates;
mod rejects;
mod usage;

mod stores;

mod health;
mod metrics;
mod openapi;
pub use health::Readiness;
pub use metrics::{Counts, Metrics};
