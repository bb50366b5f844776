//! Kafka as the event log: a source over a consumer group, an outlet over an idempotent producer, and the making of topics.
//! Keeps no positions of its own: the sinks' positions are the truth, and the group's offsets are for people and monitoring.
//!
//! Reading order: how to connect ([`Config`]), what can go wrong ([`Error`]), what the client library calls back (`context`), and the
//! two ports, [`KafkaSource`] and [`KafkaOutlet`].
#![deny(missing_docs)]

mod config;
mod error;

mod context;

mod batch;
mod source;

mod outlet;
mod topic;

pub use config::{Config, Mechanism, Secret, Security, Tls};
pub use error::Error;
pub use outlet::KafkaOutlet;
pub use source::KafkaSource;
pub use topic::ensure_topic;
