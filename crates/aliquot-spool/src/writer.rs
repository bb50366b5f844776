//! The one thread that writes: it gathers what is waiting, makes it durable with one sync, and answers everybody. Reads nothing.

use std::sync::Arc;

use aliquot_core::ports::Outgoing;
use aliquot_core::position::{Partition, Positions};
use tokio::sync::{mpsc, oneshot, watch};

use crate::log::{Extent, Log, weight};
use crate::{Error, Limits};

/// Bytes made durable by one sync: far beyond the point where the sync's cost is spread thin, small in memory.
const GROUP_BYTES_MAX: u64 = 8 << 20;

/// Messages dropped in one step, so that appends wait for a trim only some milliseconds.
const TRIM_MESSAGES_MAX: i64 = 8_192;

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Append these.
    Append(Vec<Outgoing>, Reply),
    /// Everything below these positions may go.
    Acknowledge(Positions, Reply),
}

/// Where the answer goes. Somebody who no longer waits for it has dropped the other end, which is no error.
pub(crate) type Reply = oneshot::Sender<Result<(), Error>>;

/// The writer's state: it owns the truth about what is held and publishes it after each step.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) log: Arc<Log>,
    pub(crate) limits: Limits,
    pub(crate) extents: Vec<Extent>,
    pub(crate) published: watch::Sender<Vec<Extent>>,
}

impl Writer {
    /// Works until nobody can order any more.
    pub(crate) fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(first) = orders.blocking_recv() {
            let mut group = Vec::new();
            let mut group_bytes = 0;
            let mut next = Some(first);
            while let Some(order) = next {
                match order {
                    Order::Append(messages, reply) => {
                        let bytes =
                            messages.iter().map(|message| weight(&message.content_type, &message.payload)).sum();
                        if let Some(admitted) = self.admit(messages, bytes, group_bytes, reply) {
                            group_bytes += bytes;
                            group.push(admitted);
                        }
                    }
                    Order::Acknowledge(positions, reply) => drop(reply.send(self.trim(&positions))),
                }
                next = if group_bytes < GROUP_BYTES_MAX { orders.try_recv().ok() } else { None };
            }
            self.append(group);
        }
    }

    /// The messages, if the log has room for them beside those admitted before; otherwise the sender gets told.
    fn admit(
        &self,
        messages: Vec<Outgoing>,
        wanted: u64,
        group_bytes: u64,
        reply: Reply,
    ) -> Option<(Vec<Outgoing>, Reply)> {
        let limit = self.limits.bytes_max;
        let held = self.held().saturating_add(group_bytes);
        let refusal = match wanted {
            _ if wanted > limit => Error::TooLarge { wanted, limit },
            _ if held.saturating_add(wanted) > limit => Error::Full { held, wanted, limit },
            _ => return Some((messages, reply)),
        };
        drop(reply.send(Err(refusal)));
        None
    }

    fn append(&mut self, group: Vec<(Vec<Outgoing>, Reply)>) {
        if group.is_empty() {
            return;
        }
        let messages = group.iter().flat_map(|(messages, _)| messages);
        let done = self.log.append(&mut self.extents, messages).map_err(Error::from);
        self.publish();
        for (_, reply) in group {
            drop(reply.send(done.clone()));
        }
    }

    /// Drops acknowledged messages until the log holds no more than it should keep: each time the oldest of the partition
    /// that holds most. A quiet partition keeps what it has; the states of it that a store may have to go back to are old.
    fn trim(&mut self, positions: &Positions) -> Result<(), Error> {
        if let Some(unknown) = positions.keys().find(|partition| self.extent(**partition).is_none()) {
            return Err(Error::NoSuchPartition(*unknown));
        }
        while self.held() > self.limits.keep_bytes {
            let droppable = positions.iter().filter_map(|(partition, acknowledged)| {
                let extent = self.extent(*partition)?;
                let below = acknowledged.0.min(extent.end).min(extent.start.saturating_add(TRIM_MESSAGES_MAX));
                (below > extent.start).then_some((extent.bytes, *partition, below))
            });
            let Some((_, partition, below)) = droppable.max() else { return Ok(()) };
            let index = usize::try_from(partition.0).unwrap_or(usize::MAX);
            let extent = self.extents.get_mut(index).ok_or(Error::NoSuchPartition(partition))?;
            self.log.trim(partition, extent, below)?;
            self.publish();
        }
        Ok(())
    }

    fn extent(&self, partition: Partition) -> Option<Extent> {
        usize::try_from(partition.0).ok().and_then(|index| self.extents.get(index)).copied()
    }

    fn held(&self) -> u64 {
        self.extents.iter().map(|extent| extent.bytes).sum()
    }

    fn publish(&self) {
        self.published.send_replace(self.extents.clone());
    }
}
