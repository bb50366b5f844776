//! One Delta table: opening it, how far each log partition is in it, and appending so that data and positions become durable in
//! one step. It knows files and offsets, not what the rows mean.
//!
//! Positions are Delta application transactions: application `aliquot-<table>-p<partition>`, version = the first offset not held.
//! A commit is made against the very snapshot its positions were read from. If another writer has meanwhile moved one of the
//! same applications, Delta refuses the commit ([`Appended::Overtaken`]); other writers' appends for other partitions pass.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use aliquot_core::position::{Offset, Partition};
use arrow::datatypes::Schema;
use deltalake::kernel::transaction::{CommitBuilder, CommitConflictError, CommitProperties, TransactionError};
use deltalake::kernel::{Action, Add, StructField, Transaction};
use deltalake::logstore::LogStoreRef;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTable, DeltaTableError, TableProperty};

use crate::columns::{DATE, to_delta};
use crate::error::Error;

/// The tables of the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableName {
    /// One row per rated request.
    Requests,
    /// One row per culprit and request that suffered.
    Blame,
    /// One row per message that was not accepted.
    Rejects,
}

impl TableName {
    /// Every table.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Blame, Self::Rejects];

    /// The table's directory below the lake, and its name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Blame => "blame",
            Self::Rejects => "rejects",
        }
    }

    fn application(self, partition: Partition) -> String {
        format!("aliquot-{}-p{}", self.name(), partition.0)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is durable.
    Done,
    /// Somebody else moved one of the partitions first; nothing was written.
    Overtaken,
}

/// A table as of the last time its log was read.
pub(crate) struct Table {
    name: TableName,
    log: LogStoreRef,
    state: DeltaTableState,
    /// Positions known to hold in `state`; forgotten whenever `state` takes in commits that are not ours.
    known: BTreeMap<Partition, Offset>,
    /// Whether the log must be read before anything is decided: the last append failed, perhaps after it was durable.
    doubtful: bool,
}

/// Commits between two checkpoints of the log: reopening replays at most this many small files.
const CHECKPOINT_INTERVAL: &str = "50";

impl Table {
    /// Opens the table below `lake`, or creates it with these columns. A table of an earlier version gets the columns it lacks.
    pub(crate) async fn open(lake: &Path, name: TableName, files: &Schema) -> Result<Self, Error> {
        let arrow = |source| Error::Arrow { table: name, source };
        let mut table = load(lake, name).await?;
        if table.version().is_none() {
            let created = table
                .create()
                .with_table_name(name.name())
                .with_save_mode(SaveMode::Ignore)
                .with_columns(to_delta(files).map_err(arrow)?)
                .with_partition_columns([DATE])
                .with_configuration_property(TableProperty::CheckpointInterval, Some(CHECKPOINT_INTERVAL))
                // Of two creators at once one must lose, and then use the other's table.
                .with_commit_properties(CommitProperties::default().with_max_retries(0))
                .await;
            table = match created {
                Ok(table) => table,
                Err(error) => {
                    table.load().await.map_err(|_| Error::delta("create", name)(error))?;
                    table
                }
            };
        }
        let table = add_missing(table, name, &to_delta(files).map_err(arrow)?).await?;
        let log = table.log_store();
        let state = table.state.ok_or(DeltaTableError::NotInitialized).map_err(Error::delta("open", name))?;
        check_columns(name, &state, files)?;
        Ok(Self { name, log, state, known: BTreeMap::new(), doubtful: false })
    }

    /// The table's name.
    pub(crate) const fn name(&self) -> TableName {
        self.name
    }

    /// Where its files are.
    pub(crate) fn store(&self) -> deltalake::logstore::ObjectStoreRef {
        self.log.object_store(None)
    }

    /// The table version that is decided upon.
    pub(crate) fn version(&self) -> u64 {
        self.state.version()
    }

    /// Takes in what others have committed.
    pub(crate) async fn refresh(&mut self) -> Result<(), Error> {
        let before = self.state.version();
        self.state.update(self.log.as_ref(), None).await.map_err(Error::delta("read the log of", self.name))?;
        if self.doubtful || self.state.version() != before {
            self.known.clear();
        }
        self.doubtful = false;
        Ok(())
    }

    /// For each partition, the first offset this table does not hold; 0 if it holds nothing of it.
    pub(crate) async fn positions(
        &mut self,
        partitions: impl IntoIterator<Item = Partition>,
    ) -> Result<BTreeMap<Partition, Offset>, Error> {
        if self.doubtful {
            self.refresh().await?;
        }
        let mut positions = BTreeMap::new();
        for partition in partitions {
            let position = match self.known.get(&partition) {
                Some(known) => *known,
                None => self.read_position(partition).await?,
            };
            positions.insert(partition, position);
        }
        Ok(positions)
    }

    async fn read_position(&mut self, partition: Partition) -> Result<Offset, Error> {
        let version = self
            .state
            .transaction_version(self.log.as_ref(), self.name.application(partition))
            .await
            .map_err(Error::delta("read the positions of", self.name))?;
        let position = Offset(version.unwrap_or(0));
        self.known.insert(partition, position);
        Ok(position)
    }

    /// Makes `files` and the positions `moved` durable in one step.
    pub(crate) async fn append(
        &mut self,
        files: Vec<Add>,
        moved: &BTreeMap<Partition, Offset>,
    ) -> Result<Appended, Error> {
        let transactions = moved
            .iter()
            .map(|(partition, Offset(offset))| Transaction::new(self.name.application(*partition), *offset))
            .collect();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![DATE.to_owned()]),
            predicate: None,
        };
        self.doubtful = true;
        let committed = CommitBuilder::from(CommitProperties::default().with_application_transactions(transactions))
            .with_actions(files.into_iter().map(Action::Add).collect())
            .build(Some(&self.state), LogStoreRef::clone(&self.log), operation)
            .await;
        match committed {
            Ok(commit) => {
                // A gap in the versions is somebody else's commits, which may have moved partitions we know of.
                if commit.version != self.state.version() + 1 {
                    self.known.clear();
                }
                self.state = commit.snapshot;
                self.known.extend(moved);
                self.doubtful = false;
                Ok(Appended::Done)
            }
            Err(DeltaTableError::Transaction { source: TransactionError::CommitConflict(conflict) })
                if is_overtaken(&conflict) =>
            {
                Ok(Appended::Overtaken)
            }
            Err(error) => Err(Error::delta("append to", self.name)(error)),
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Table").field("name", &self.name).field("known", &self.known).finish_non_exhaustive()
    }
}

/// Whether reading the log anew and dropping what is there can make the append succeed.
fn is_overtaken(conflict: &CommitConflictError) -> bool {
    matches!(conflict, CommitConflictError::ConcurrentTransaction | CommitConflictError::MetadataChanged)
}

/// The table below `lake`, loaded if it exists; its directory is created if need be.
pub(crate) async fn load(lake: &Path, name: TableName) -> Result<DeltaTable, Error> {
    let open = || Error::delta("open", name);
    let directory = lake.join(name.name());
    std::fs::create_dir_all(&directory).map_err(|source| open()(DeltaTableError::Io { source }))?;
    let directory = directory.canonicalize().map_err(|source| open()(DeltaTableError::Io { source }))?;
    let text = directory.to_str().ok_or_else(|| Error::Path(directory.clone()))?;
    let address = deltalake::ensure_table_uri(text).map_err(open())?;
    DeltaTable::try_from_url(address).await.map_err(open())
}

/// Gives a table of an earlier version the columns that it lacks, if its rows may be without them: there they are null.
async fn add_missing(mut table: DeltaTable, name: TableName, wanted: &[StructField]) -> Result<DeltaTable, Error> {
    let schema = table.snapshot().map_err(Error::delta("open", name))?.schema();
    let missing = wanted.iter().filter(|column| column.is_nullable() && schema.field(column.name()).is_none());
    let missing: Vec<StructField> = missing.cloned().collect();
    if missing.is_empty() {
        return Ok(table);
    }
    match table.clone().add_columns().with_fields(missing).await {
        Ok(table) => Ok(table),
        // Perhaps another process has just added them; whether it has is checked next.
        Err(error) => match table.load().await {
            Ok(()) => Ok(table),
            Err(_) => Err(Error::delta("add columns to", name)(error)),
        },
    }
}

fn check_columns(table: TableName, state: &DeltaTableState, files: &Schema) -> Result<(), Error> {
    let wanted = to_delta(files).map_err(|source| Error::Arrow { table, source })?;
    let schema = state.schema();
    for column in &wanted {
        let found = schema.field(column.name());
        if found.is_none_or(|found| found.data_type() != column.data_type()) {
            let difference = format!("column {:?} is missing or of another type", column.name());
            return Err(Error::Columns { table, difference });
        }
    }
    let unknown =
        schema.fields().find(|found| !found.is_nullable() && !wanted.iter().any(|c| c.name() == found.name()));
    match unknown {
        Some(column) => {
            let difference = format!("column {:?} is required there and unknown here", column.name());
            Err(Error::Columns { table, difference })
        }
        None => Ok(()),
    }
}
