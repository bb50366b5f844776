//! What librdkafka calls back: kept for the pull that made it speak, or logged. Decides nothing about partitions.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

/// The group's wish to change what this member reads. librdkafka waits until it is carried out.
#[derive(Debug)]
pub(crate) enum Change {
    /// Begin with these partitions.
    Assign(Vec<i32>),
    /// Let go of these.
    Revoke(Vec<i32>),
}

/// Why the cluster refused us, in the client library's words; it says so in a callback only. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denial(Arc<Mutex<Option<String>>>);

impl Denial {
    pub(crate) fn take(&self) -> Option<String> {
        locked(&self.0).take()
    }
}

/// What was called back and not yet looked at.
#[derive(Debug, Default)]
pub(crate) struct Context {
    changes: Mutex<VecDeque<Change>>,
    denial: Denial,
    /// Nobody pulls any more: the group's wishes are carried out at once.
    closing: AtomicBool,
    /// How often we were called: a poll that returns no message may still have done something.
    calls: AtomicU64,
}

impl Context {
    pub(crate) fn take_change(&self) -> Option<Change> {
        locked(&self.changes).pop_front()
    }

    pub(crate) fn has_change(&self) -> bool {
        !locked(&self.changes).is_empty()
    }

    pub(crate) fn denial(&self) -> Denial {
        self.denial.clone()
    }

    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

/// The lock's content. Nobody panics while holding it, and if somebody did, the content would still be whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.called();
        match level {
            RDKafkaLogLevel::Debug => tracing::debug!(kafka.facility = facility, "{message}"),
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => tracing::info!(kafka.facility = facility, "{message}"),
            // Errors that matter come back from a call too and are handled there; here they are only told.
            _ => tracing::warn!(kafka.facility = facility, "{message}"),
        }
    }

    fn stats_raw(&self, _statistics: &[u8]) {
        self.called();
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.called();
        let refusals =
            [RDKafkaErrorCode::Authentication, RDKafkaErrorCode::SaslAuthenticationFailed, RDKafkaErrorCode::SSL];
        if error.rdkafka_error_code().is_some_and(|code| refusals.contains(&code)) {
            *locked(&self.denial.0) = Some(reason.to_owned());
        }
        tracing::warn!(error = %error, "{reason}");
    }
}

impl ConsumerContext for Context {
    /// Only notes the wish. A revocation must not be complete before the pipeline has committed what it holds of those
    /// partitions, and an assignment not before the pipeline has said where to begin; the next pulls do both.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, wish: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        self.called();
        let ids = partitions.elements().iter().map(|element| element.partition()).collect();
        let closing = self.closing.load(Ordering::SeqCst);
        match wish {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS if closing => {
                report(consumer.incremental_assign(partitions));
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                locked(&self.changes).push_back(Change::Assign(ids));
            }
            _ if closing => report(consumer.incremental_unassign(partitions)),
            _ => locked(&self.changes).push_back(Change::Revoke(ids)),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        self.called();
        if let Err(error) = result {
            tracing::debug!(error = %error, "the group did not take our offsets; nothing depends on them");
        }
    }
}

/// Leaving the group works out either way: the broker takes the partitions back when the session ends.
pub(crate) fn report<E: fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(error = %error, "could not leave the group in order");
    }
}
