//! Reads a topic as a member of a consumer group. Where to begin comes from the sinks, never from the group's offsets.
//!
//! | the group wants | pull answers | meanwhile the pipeline | the next pull |
//! |---|---|---|---|
//! | to give partitions | `Assigned` | seeks in each of them | starts to fetch there |
//! | to take partitions | `Revoked` | may commit what it holds of them | lets them go |
//!
//! Everything happens inside [`Source::pull`]: there is no thread of ours, and nothing is fetched while the pipeline is busy
//! beyond what the client's bounded queue takes. A pipeline that does not pull for longer than `max.poll.interval.ms`
//! (5 minutes) loses its partitions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aliquot_core::ports::{Pulled, RawBatch, Source};
use aliquot_core::position::{Offset, Partition, Positions};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, TopicPartitionList};
use tokio::sync::Notify;

use crate::batch::{Gathering, from_kafka};
use crate::context::{Change, Context, report};
use crate::{Config, Error};

/// How long a pull waits for something new before it answers [`Pulled::Idle`].
const IDLE_WAIT: Duration = Duration::from_millis(200);

/// How long the brokers may take to say where a partition begins and ends.
const WATERMARKS_WAIT: Duration = Duration::from_secs(15);

/// Kafka as a source.
pub struct KafkaSource {
    consumer: Arc<BaseConsumer<Context>>,
    topic: String,
    group: String,
    skip_deleted: bool,
    /// Rung by the client whenever its queue is no longer empty.
    bell: Arc<Notify>,
    /// Assigned partitions that are being read → the first offset not yet given out.
    cursors: BTreeMap<i32, Offset>,
    /// Assigned partitions nobody has sought in yet.
    unsought: BTreeSet<i32>,
    /// Partitions the client is fetching.
    fetching: BTreeSet<i32>,
    /// Where the next pull (re)starts to fetch; the range given out begins at the partition's cursor, or here.
    starts: BTreeMap<i32, Offset>,
    /// Whether an assignment waits to be carried out, if only an empty one.
    assigning: bool,
    /// Partitions whose revocation the next pull carries out.
    revoking: Option<Vec<i32>>,
    ready: VecDeque<RawBatch>,
    failed: Option<KafkaError>,
}

impl fmt::Debug for KafkaSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KafkaSource")
            .field("topic", &self.topic)
            .field("group", &self.group)
            .field("cursors", &self.cursors)
            .finish_non_exhaustive()
    }
}

impl KafkaSource {
    /// Joins the group. Whether the cluster can be reached, and takes us, shows when pulling.
    ///
    /// # Errors
    /// [`Error::Config`] if the settings contradict each other or a certificate cannot be read.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let failed = |source| Error::from_client("open a consumer", &config.topic, &config.group, source);
        let mut consumer: BaseConsumer<Context> =
            config.consumer()?.create_with_context(Context::default()).map_err(failed)?;
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        consumer.set_nonempty_callback(move || ring.notify_one());
        consumer.subscribe(&[&config.topic]).map_err(failed)?;
        Ok(Self {
            consumer: Arc::new(consumer),
            topic: config.topic.clone(),
            group: config.group.clone(),
            skip_deleted: config.skip_deleted,
            bell,
            cursors: BTreeMap::new(),
            unsought: BTreeSet::new(),
            fetching: BTreeSet::new(),
            starts: BTreeMap::new(),
            assigning: false,
            revoking: None,
            ready: VecDeque::new(),
            failed: None,
        })
    }

    /// Leaves the group in order, so that others get the partitions at once. Dropping does the same, but blocks the thread.
    pub async fn close(self) {
        let closed = tokio::task::spawn_blocking(move || drop(self)).await;
        drop(closed);
    }

    /// Carries out what the last answer of `pull` announced.
    fn settle(&mut self) -> Result<(), Error> {
        if let Some(partitions) = self.revoking.take() {
            self.unassign(partitions.into_iter())?;
        }
        if let Some(partition) = self.unsought.first() {
            return Err(Error::NotSought { partition: Partition(*partition) });
        }
        // While the group waits for an answer to a change, letting partitions go in order to read them anew would be taken
        // for that answer. The change comes first: nothing is fetched before all of them are carried out.
        let is_waited_for = self.consumer.context().has_change();
        if self.assigning || (!self.starts.is_empty() && !is_waited_for) {
            self.start_fetching()?;
        }
        Ok(())
    }

    fn start_fetching(&mut self) -> Result<(), Error> {
        let (again, new): (Vec<_>, Vec<_>) =
            self.starts.iter().map(|(at, offset)| (*at, Some(*offset))).partition(|(at, _)| self.fetching.contains(at));
        if self.assigning {
            self.assign(&new)?;
            self.assigning = false;
            self.fetching.extend(new.iter().map(|(partition, _)| partition));
        }
        if !again.is_empty() {
            // Letting go and taking again drops what was fetched from the former place.
            self.unassign(again.iter().map(|(partition, _)| *partition))?;
            self.assign(&again)?;
        }
        self.starts.clear();
        Ok(())
    }

    fn assign(&self, starts: &[(i32, Option<Offset>)]) -> Result<(), Error> {
        let list = self.list(starts.iter().copied())?;
        self.consumer.incremental_assign(&list).map_err(|source| self.error("start reading partitions", source))
    }

    fn unassign(&self, partitions: impl Iterator<Item = i32>) -> Result<(), Error> {
        let list = self.list(partitions.map(|partition| (partition, None)))?;
        self.consumer.incremental_unassign(&list).map_err(|source| self.error("let partitions go", source))
    }

    fn list(&self, entries: impl Iterator<Item = (i32, Option<Offset>)>) -> Result<TopicPartitionList, Error> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in entries {
            let mut entry = list.add_partition(&self.topic, partition);
            if let Some(offset) = offset {
                let offset = rdkafka::Offset::Offset(offset.0);
                entry.set_offset(offset).map_err(|source| self.error("name an offset", source))?;
            }
        }
        Ok(list)
    }

    /// Takes what the client has fetched, without waiting; whether there was anything.
    fn gather(&mut self) -> bool {
        let context = Arc::clone(self.consumer.context());
        let mut gathering = Gathering::default();
        let calls_before = context.calls();
        while !gathering.is_full() && self.failed.is_none() && !context.has_change() {
            let calls = context.calls();
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    if let Some(next) = self.cursors.get_mut(&message.partition()) {
                        gathering.add(message.partition(), next, from_kafka(&message));
                    }
                }
                Some(Err(error)) => self.failed = Some(error),
                // Nothing was there, unless the poll was used up by a callback.
                None if context.calls() == calls => break,
                None => {}
            }
        }
        self.ready = gathering.finish();
        !self.ready.is_empty() || self.failed.is_some() || context.calls() != calls_before
    }

    /// What the pipeline is told of a change; nothing if it concerns no partition.
    fn announce(&mut self, change: Change) -> Option<Pulled> {
        match change {
            Change::Assign(partitions) => {
                self.assigning = true;
                self.unsought.extend(&partitions);
                (!partitions.is_empty()).then(|| Pulled::Assigned(partitions.into_iter().map(Partition).collect()))
            }
            Change::Revoke(partitions) => {
                for partition in &partitions {
                    self.cursors.remove(partition);
                    self.unsought.remove(partition);
                    self.starts.remove(partition);
                    self.fetching.remove(partition);
                }
                self.revoking = Some(partitions.clone());
                (!partitions.is_empty()).then(|| Pulled::Revoked(partitions.into_iter().map(Partition).collect()))
            }
        }
    }

    /// Deals with an error that came instead of a message. It is forgotten only once it is dealt with, since the client says
    /// only once that it stopped fetching a partition.
    async fn examine(&mut self, failure: KafkaError) -> Result<(), Error> {
        match failure.rdkafka_error_code() {
            // The partitions were taken away because nobody pulled for too long; the revocation follows.
            Some(RDKafkaErrorCode::PollExceeded) => self.failed = None,
            // It does not say which partition, so all are asked, and start again where they are.
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                let mut starts = BTreeMap::new();
                for (partition, cursor) in &self.cursors {
                    starts.insert(*partition, self.place(Partition(*partition), *cursor).await?);
                }
                self.starts = starts;
                self.failed = None;
                self.settle()?;
            }
            _ => {
                self.failed = None;
                return Err(self.error("read", failure));
            }
        }
        Ok(())
    }

    /// Where reading can start if `wanted` is: there, or, where that is allowed, behind what retention deleted.
    async fn place(&self, partition: Partition, wanted: Offset) -> Result<Offset, Error> {
        let (consumer, topic) = (Arc::clone(&self.consumer), self.topic.clone());
        let ask = move || consumer.fetch_watermarks(&topic, partition.0, WATERMARKS_WAIT);
        let answer = tokio::task::spawn_blocking(ask).await.unwrap_or(Err(KafkaError::Canceled));
        let (start, end) = answer.map_err(|source| self.error("ask where a partition begins", source))?;
        let (start, end, topic) = (Offset(start), Offset(end), self.topic.clone());
        match wanted {
            _ if wanted > end => Err(Error::Ahead { topic, partition, end, wanted }),
            _ if wanted >= start => Ok(wanted),
            _ if self.skip_deleted => {
                tracing::warn!(
                    partition = partition.0,
                    offset.wanted = wanted.0,
                    offset.start = start.0,
                    "skipping what retention deleted before it was read"
                );
                Ok(start)
            }
            _ => Err(Error::Deleted { topic, partition, start, wanted }),
        }
    }

    fn error(&self, doing: &'static str, source: KafkaError) -> Error {
        match self.consumer.context().denial().take() {
            Some(reason) => Error::Denied { reason },
            None => Error::from_client(doing, &self.topic, &self.group, source),
        }
    }
}

impl Source for KafkaSource {
    type Error = Error;

    async fn pull(&mut self) -> Result<Pulled, Error> {
        self.settle()?;
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Pulled::Batch(batch));
            }
            if let Some(change) = self.consumer.context().take_change() {
                match self.announce(change) {
                    Some(pulled) => return Ok(pulled),
                    None => self.settle()?,
                }
                continue;
            }
            if let Some(failure) = self.failed.clone() {
                self.examine(failure).await?;
            }
            if self.gather() {
                continue;
            }
            if tokio::time::timeout(IDLE_WAIT, self.bell.notified()).await.is_err() {
                return Ok(Pulled::Idle);
            }
        }
    }

    async fn seek(&mut self, partition: Partition, offset: Offset) -> Result<(), Error> {
        if !self.unsought.contains(&partition.0) && !self.cursors.contains_key(&partition.0) {
            return Err(Error::NotAssigned { topic: self.topic.clone(), partition });
        }
        let start = self.place(partition, offset).await?;
        self.unsought.remove(&partition.0);
        self.ready.retain(|batch| batch.partition != partition);
        self.starts.insert(partition.0, start);
        self.cursors.insert(partition.0, offset);
        Ok(())
    }

    async fn acknowledge(&mut self, positions: &Positions) -> Result<(), Error> {
        let ours = positions.iter().filter(|(partition, _)| self.cursors.contains_key(&partition.0));
        let list = self.list(ours.map(|(partition, offset)| (partition.0, Some(*offset))))?;
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, CommitMode::Async)
        {
            tracing::debug!(error = %error, "the group did not take our offsets; nothing depends on them");
        }
        Ok(())
    }
}

impl Drop for KafkaSource {
    /// Closing waits for every wish of the group to be carried out: the one that is announced now, later ones by the context.
    fn drop(&mut self) {
        let context = Arc::clone(self.consumer.context());
        context.close();
        let pending = self.revoking.take().map(Change::Revoke);
        let unstarted = self.assigning.then(|| Change::Assign(Vec::new()));
        let noted = std::iter::from_fn(|| context.take_change());
        for change in pending.into_iter().chain(unstarted).chain(noted) {
            let done = match change {
                Change::Assign(_) => self.assign(&[]),
                Change::Revoke(partitions) => self.unassign(partitions.into_iter()),
            };
            report(done);
        }
    }
}
