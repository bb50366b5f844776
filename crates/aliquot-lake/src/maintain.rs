//! The upkeep of the lake: few large files instead of many small ones, no files that nothing names, a log that opens fast. It
//! changes how rows lie, never which rows there are, and may run beside any number of writers.

use std::num::NonZeroU64;
use std::path::Path;

use aliquot_core::time::Micros;
use deltalake::DeltaTable;
use deltalake::operations::vacuum::VacuumMode;

use crate::data_file;
use crate::error::Error;
use crate::lake::Lake;
use crate::table::{TableName, load};

/// How the upkeep is done.
#[derive(Clone, Copy, Debug)]
pub struct Upkeep {
    /// Files are merged up to this size.
    pub file_bytes: NonZeroU64,
    /// Files that no version names any more are kept this long, for readers of older versions. It must be longer than any
    /// query runs, and than any writer takes between a file and its commit.
    pub retention: Micros,
}

impl Default for Upkeep {
    /// Files of 128 MiB, which readers split well; a week of older versions, Delta's own habit.
    fn default() -> Self {
        const FILE_BYTES: NonZeroU64 = NonZeroU64::new(128 << 20).expect("128 MiB is not zero");
        Self { file_bytes: FILE_BYTES, retention: Micros(7 * Micros::DAY.0) }
    }
}

/// What one upkeep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Small files that were merged.
    pub files_merged: u64,
    /// Files they were merged into.
    pub files_written: u64,
    /// Files that nothing names, deleted.
    pub files_deleted: u64,
}

impl Lake {
    /// Merges small files, deletes what no version within the retention names, and writes a checkpoint, for every table of the
    /// lake in `dir`. Safe at any time beside writers and readers; an upkeep that loses against another is simply done later.
    ///
    /// # Errors
    /// What the store says. Whatever was done until then holds.
    pub async fn maintain(dir: &Path, upkeep: Upkeep) -> Result<Maintained, Error> {
        let mut done = Maintained::default();
        for name in TableName::ALL {
            Box::pin(maintain(dir, name, upkeep, &mut done)).await?;
        }
        Ok(done)
    }
}

async fn maintain(dir: &Path, name: TableName, upkeep: Upkeep, done: &mut Maintained) -> Result<(), Error> {
    let table = load(dir, name).await?;
    if table.version().is_none() {
        return Ok(());
    }
    let (table, merged) = table
        .optimize()
        .with_target_size(upkeep.file_bytes)
        .with_writer_properties(data_file::properties())
        .await
        .map_err(Error::delta("merge the files of", name))?;
    done.files_merged += merged.num_files_removed;
    done.files_written += merged.num_files_added;
    let (table, deleted) = vacuum(table, upkeep).await.map_err(Error::delta("vacuum", name))?;
    done.files_deleted += deleted;
    Box::pin(deltalake::checkpoints::create_checkpoint(&table, None)).await.map_err(Error::delta("checkpoint", name))
}

async fn vacuum(table: DeltaTable, upkeep: Upkeep) -> deltalake::DeltaResult<(DeltaTable, u64)> {
    let (table, metrics) = table
        .vacuum()
        .with_mode(VacuumMode::Full)
        .with_retention_period(chrono::Duration::microseconds(upkeep.retention.0))
        // The retention is the operator's decision; the table's own is only a default.
        .with_enforce_retention_duration(false)
        .await?;
    Ok((table, u64::try_from(metrics.files_deleted.len()).unwrap_or(u64::MAX)))
}
