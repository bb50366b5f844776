//! Why there is no answer, and who can do something about it.

use std::path::PathBuf;
use std::time::Duration;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;

/// Who can do something about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whoever asked: the question is wrong.
    Asked,
    /// Whoever asked: the question is too large for the limits.
    TooLarge,
    /// Nobody yet: there is nothing to ask until the first events are in.
    Absent,
    /// The operator.
    Failed,
}

/// A question without an answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no lake where it was looked for.
    #[error(
        "there is no lake in {0:?} yet; `aliquot demo`, `aliquot replay` or `aliquot serve` make one, or name another data directory"
    )]
    NoLake(PathBuf),
    /// A question about one of the ledger's tables without the ledger.
    #[error("the table `{0}` is not here; ask through `aliquot query` with a data directory that holds a ledger")]
    NoLedger(&'static str),
    /// The statement would change something.
    #[error("only questions are answered here, and {0} is none; use SELECT, SHOW, DESCRIBE or EXPLAIN")]
    ReadOnly(String),
    /// The statement cannot be understood, or not be computed for these rows.
    #[error("{0}")]
    Sql(String),
    /// A parameter the query needs and nobody gave.
    #[error("parameter `{0}` has no value; give it as {0}=VALUE")]
    NoParameter(String),
    /// A parameter the query does not have.
    #[error("the query has no parameter `{name}`; it has {known}")]
    UnknownParameter {
        /// The name that was given.
        name: String,
        /// The names it has.
        known: String,
    },
    /// A parameter of the wrong kind.
    #[error("parameter `{name}` is to be a number, and {value:?} is none")]
    NotANumber {
        /// The parameter.
        name: String,
        /// What was given.
        value: String,
    },
    /// A line of a query's header that cannot be read.
    #[error(
        "header line {0:?} is to read `-- param: name = default   meaning`, where the default is a number or a 'text'"
    )]
    Header(String),
    /// No query of that name.
    #[error("there is no query {name:?}; there are {known}")]
    UnknownQuery {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The directory of queries cannot be read.
    #[error("cannot read queries from {path:?}: {source}")]
    Queries {
        /// The directory or file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The ask for a series contradicts itself.
    #[error("{0}")]
    Ask(String),
    /// More memory than the engine has.
    #[error(
        "the query needs more than the {bytes} bytes of memory it may use; ask for a shorter time or fewer groups ({what})"
    )]
    Memory {
        /// The limit.
        bytes: usize,
        /// What wanted how much.
        what: String,
    },
    /// More time than a query has.
    #[error("the query takes longer than {} s; ask for a shorter time or fewer groups", .0.as_secs_f32())]
    Time(Duration),
    /// More rows than an answer has.
    #[error("the answer has more than {0} rows; ask for a shorter time, or add LIMIT")]
    Rows(usize),
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] aliquot_lake::Error),
    /// The engine or the store under it failed.
    #[error("cannot answer: {0}")]
    Engine(DataFusionError),
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Write(std::io::Error),
}

impl Error {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::NoLake(_) | Self::NoLedger(_) => Kind::Absent,
            Self::ReadOnly(_)
            | Self::Sql(_)
            | Self::NoParameter(_)
            | Self::UnknownParameter { .. }
            | Self::NotANumber { .. }
            | Self::Header(_)
            | Self::UnknownQuery { .. }
            | Self::Ask(_) => Kind::Asked,
            Self::Memory { .. } | Self::Time(_) | Self::Rows(_) => Kind::TooLarge,
            Self::Queries { .. } | Self::Lake(_) | Self::Engine(_) | Self::Write(_) => Kind::Failed,
        }
    }

    /// Sorts a failure of DataFusion by who can do something about it. Values that do not fit (a cast, a division by zero) come
    /// from the statement, because the lake's own columns always read.
    pub(crate) fn from_datafusion(error: DataFusionError, memory_bytes: usize) -> Self {
        let text = |error: &DataFusionError| error.strip_backtrace().trim().to_owned();
        match error.find_root() {
            root @ DataFusionError::ResourcesExhausted(_) => Self::Memory { bytes: memory_bytes, what: text(root) },
            DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Configuration(_)
            | DataFusionError::Execution(_)
            | DataFusionError::ArrowError(..)
            | DataFusionError::Diagnostic(..)
            | DataFusionError::Collection(_) => Self::Sql(text(&error)),
            // A predicate that is evaluated while Parquet is read; damaged files fail in other ways.
            DataFusionError::ParquetError(parquet) => match parquet.as_ref() {
                ParquetError::External(source) if source.is::<ArrowError>() => Self::Sql(source.to_string()),
                _ => Self::Engine(error),
            },
            _ => Self::Engine(error),
        }
    }
}
