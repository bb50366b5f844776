//! Messages in the store: which rows there are and how they are read, added and dropped. Blocking; knows no threads and no limits.

use std::path::Path;

use aliquot_core::ports::{Outgoing, RawMessage};
use aliquot_core::position::{Offset, Partition};
use aliquot_core::time::EventTime;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTableMetadata, TableDefinition, WriteTransaction};
use xxhash_rust::xxh3::xxh3_64;

use crate::Error;

/// (partition, offset) → (received at, content type, payload).
const MESSAGES: TableDefinition<'_, (i32, i64), (i64, &str, &[u8])> = TableDefinition::new("messages");

/// Partition → (first offset, one past the last, bytes held). Outlives the messages, so that offsets never begin anew.
const EXTENTS: TableDefinition<'_, i32, (i64, i64, u64)> = TableDefinition::new("extents");

/// The store's page cache. It serves the rows just written, which are the next to be read; more would not be hit.
const CACHE_BYTES: usize = 32 << 20;

/// What a row takes beside its content type and payload: key, receive time, lengths, its share of the page.
const ROW_BYTES: u64 = 48;

/// Messages in one batch of a reader: enough to make the store's cost per batch small.
const READ_MESSAGES_MAX: usize = 2_048;

/// Bytes in one batch of a reader: bounds memory however large messages are. A single larger message still passes.
const READ_BYTES_MAX: u64 = 4 << 20;

/// What a partition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) bytes: u64,
}

/// The store.
#[derive(Debug)]
pub(crate) struct Log {
    database: Database,
}

impl Log {
    /// Opens the log in `dir`, or makes it, and says what its partitions hold.
    pub(crate) fn open(dir: &Path, partitions: u16) -> Result<(Self, Vec<Extent>), Error> {
        if partitions == 0 {
            return Err(Error::NoPartitions);
        }
        std::fs::create_dir_all(dir)
            .map_err(|source| Error::Directory { dir: dir.to_owned(), source: std::sync::Arc::new(source) })?;
        let opened = Database::builder().set_cache_size(CACHE_BYTES).create(dir.join("spool.redb"));
        let database = opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Error::InUse(dir.to_owned()),
            other => redb::Error::from(other).into(),
        })?;
        let log = Self { database };
        let held = log.make_extents(partitions)?;
        if held != u64::from(partitions) {
            return Err(Error::Partitions { dir: dir.to_owned(), held, wanted: partitions });
        }
        let extents = log.extents()?;
        Ok((log, extents))
    }

    /// Makes an extent per partition where there is none at all; how many there are then.
    fn make_extents(&self, partitions: u16) -> Result<u64, redb::Error> {
        let transaction = self.begin()?;
        let held = {
            transaction.open_table(MESSAGES)?;
            let mut extents = transaction.open_table(EXTENTS)?;
            if extents.is_empty()? {
                for partition in 0..i32::from(partitions) {
                    extents.insert(partition, (0, 0, 0))?;
                }
            }
            extents.len()?
        };
        transaction.commit()?;
        Ok(held)
    }

    fn extents(&self) -> Result<Vec<Extent>, redb::Error> {
        let extents = self.database.begin_read()?.open_table(EXTENTS)?;
        let mut all = Vec::new();
        for row in extents.range::<i32>(..)? {
            let (start, end, bytes) = row?.1.value();
            all.push(Extent { start, end, bytes });
        }
        Ok(all)
    }

    /// Appends `messages` in one durable step; `extents` are what was held before and, if it works, what is held after.
    pub(crate) fn append<'m>(
        &self,
        extents: &mut Vec<Extent>,
        messages: impl Iterator<Item = &'m Outgoing>,
    ) -> Result<(), redb::Error> {
        let mut after = extents.clone();
        let transaction = self.begin()?;
        {
            let mut rows = transaction.open_table(MESSAGES)?;
            for message in messages {
                let partition = partition_of(&message.key, after.len());
                let Some(extent) = after.get_mut(usize::try_from(partition.0).unwrap_or(usize::MAX)) else { continue };
                let row = (message.received_at.0, message.content_type.as_str(), message.payload.as_slice());
                rows.insert((partition.0, extent.end), row)?;
                extent.end += 1;
                extent.bytes += weight(row.1, row.2);
            }
            let mut kept = transaction.open_table(EXTENTS)?;
            for (partition, extent) in (0_i32..).zip(&after) {
                kept.insert(partition, (extent.start, extent.end, extent.bytes))?;
            }
        }
        transaction.commit()?;
        *extents = after;
        Ok(())
    }

    /// Up to one batch of `partition` from `from` on, which must be held.
    pub(crate) fn read(&self, partition: Partition, from: Offset, end: Offset) -> Result<Vec<RawMessage>, redb::Error> {
        let rows = self.database.begin_read()?.open_table(MESSAGES)?;
        let mut messages = Vec::new();
        let mut bytes = 0;
        for row in rows.range((partition.0, from.0)..(partition.0, end.0))?.take(READ_MESSAGES_MAX) {
            let (key, value) = row?;
            let (received_at, content_type, payload) = value.value();
            bytes += weight(content_type, payload);
            messages.push(RawMessage {
                offset: Offset(key.value().1),
                received_at: EventTime(received_at),
                content_type: content_type.to_owned(),
                payload: payload.to_vec(),
            });
            if bytes >= READ_BYTES_MAX {
                break;
            }
        }
        Ok(messages)
    }

    /// Drops what `partition` holds below `below`, in one durable step; `extent` becomes what is left.
    pub(crate) fn trim(&self, partition: Partition, extent: &mut Extent, below: i64) -> Result<(), redb::Error> {
        let mut after = Extent { start: below, ..*extent };
        let transaction = self.begin()?;
        {
            let mut rows = transaction.open_table(MESSAGES)?;
            rows.retain_in((partition.0, extent.start)..(partition.0, below), |_, (_, content_type, payload)| {
                after.bytes = after.bytes.saturating_sub(weight(content_type, payload));
                false
            })?;
            transaction.open_table(EXTENTS)?.insert(partition.0, (after.start, after.end, after.bytes))?;
        }
        transaction.commit()?;
        *extent = after;
        Ok(())
    }

    /// Every commit is synced to disk. Quick repair costs a few percent of it and makes reopening after a crash take
    /// milliseconds, where a log of gigabytes would otherwise be walked from end to end.
    fn begin(&self) -> Result<WriteTransaction, redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }
}

/// What a message counts against the log's limit.
pub(crate) fn weight(content_type: &str, payload: &[u8]) -> u64 {
    let len = content_type.len().saturating_add(payload.len());
    u64::try_from(len).unwrap_or(u64::MAX).saturating_add(ROW_BYTES)
}

/// The partition of a key: the same in every process and every version.
pub(crate) fn partition_of(key: &str, partitions: usize) -> Partition {
    let partitions = u64::try_from(partitions).unwrap_or(u64::MAX).max(1);
    Partition(i32::try_from(xxh3_64(key.as_bytes()) % partitions).unwrap_or(0))
}
