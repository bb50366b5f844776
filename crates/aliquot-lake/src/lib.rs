//! The lake: rated requests, blame and rejected messages as three Delta tables that any Delta reader can read. It writes, compacts and
//! remembers positions; it prices nothing, and it answers no question (see `aliquot-query`).
//!
//! Reading order: the sink, one table and its commits, one data file, the columns, the upkeep, and the reader.
#![deny(missing_docs)]

mod error;
mod lake;
mod maintain;
mod reader;

mod data_file;
mod table;

mod blame;
mod causes;
mod columns;
mod rejects;
mod requests;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use lake::Lake;
pub use maintain::{Maintained, Upkeep};
pub use reader::Reader;
pub use requests::quantity_column;
pub use table::TableName;
