//! What goes wrong with the lake, and what the pipeline may do about it.

use aliquot_core::ports::{Fault, Kind};
use aliquot_core::position::{Offset, Partition, Place};
use deltalake::DeltaTableError;

use crate::table::TableName;

/// A failure of the lake; the commit it belongs to may or may not have become durable, which the next call finds out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store or the table's log did not do what was asked.
    #[error("cannot {doing} lake table {table}: {source}")]
    Delta {
        /// What was being done.
        doing: &'static str,
        /// On which table.
        table: TableName,
        /// Why not.
        source: Box<DeltaTableError>,
    },
    /// Other writers of the same partitions kept winning; the same call may work later.
    #[error(
        "lake table {table} is contended: other writers won {attempts} times in a row; check that no two processes share a consumer identity"
    )]
    Contended {
        /// The table.
        table: TableName,
        /// How often it was tried.
        attempts: u32,
    },
    /// The directory holds a table of another shape.
    #[error(
        "lake table {table} has other columns than this version writes ({difference}); migrate it or choose another directory"
    )]
    Columns {
        /// The table.
        table: TableName,
        /// The first difference.
        difference: String,
    },
    /// A commit holds a row outside the ranges it says were read: replaying it would double the row.
    #[error("row at {place:?} lies outside the offset ranges of its commit; this is a defect of the pipeline")]
    OutsideRanges {
        /// The row.
        place: Place,
    },
    /// A commit begins behind what the lake holds: the position would pass rows that were never written.
    #[error("the lake holds partition {} up to offset {}, but a commit of it begins at {}: what lies between would be missing for ever; restart, so that reading begins where the lake is", .partition.0, .held.0, .from.0)]
    Hole {
        /// The partition.
        partition: Partition,
        /// The first offset that is not held.
        held: Offset,
        /// Where the commit begins.
        from: Offset,
    },
    /// The rows do not fit the columns.
    #[error("cannot lay out rows for lake table {table}: {source}")]
    Arrow {
        /// The table.
        table: TableName,
        /// Why not.
        source: arrow::error::ArrowError,
    },
    /// The file cannot be encoded.
    #[error("cannot encode a data file for lake table {table}: {source}")]
    Parquet {
        /// The table.
        table: TableName,
        /// Why not.
        source: parquet::errors::ParquetError,
    },
    /// The encoding thread ended early.
    #[error("the thread that encodes lake files ended early: {0}")]
    Worker(#[from] tokio::task::JoinError),
    /// The directory's name cannot be part of an address.
    #[error("lake directory {0:?} is not valid utf-8; choose another data directory")]
    Path(std::path::PathBuf),
}

impl Error {
    /// Names a failure of the Delta library.
    pub(crate) fn delta(doing: &'static str, table: TableName) -> impl FnOnce(DeltaTableError) -> Self {
        move |source| Self::Delta { doing, table, source: Box::new(source) }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Delta { source, .. } => match **source {
                DeltaTableError::ObjectStore { .. }
                | DeltaTableError::Io { .. }
                | DeltaTableError::Transaction { .. }
                | DeltaTableError::VersionAlreadyExists(_) => Kind::Retry,
                _ => Kind::Halt,
            },
            Self::Contended { .. } | Self::Worker(_) => Kind::Retry,
            Self::Columns { .. }
            | Self::OutsideRanges { .. }
            | Self::Hole { .. }
            | Self::Arrow { .. }
            | Self::Parquet { .. }
            | Self::Path(_) => Kind::Halt,
        }
    }
}
