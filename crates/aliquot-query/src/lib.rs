//! Answers from the lake: SQL, the named queries of `queries/`, and typed series for the HTTP API, by DataFusion. It reads and
//! never writes, and it decides nothing about money: every amount was decided when the request was rated.
//!
//! Reading order: the engine, what it may cost, the named queries and their parameters, what an answer looks like, functions of our
//! own, the ledger's sums as tables, and the series.
#![deny(missing_docs)]

mod engine;
mod error;
mod limits;
mod session;

mod named;
mod parameter;

mod answer;
mod table;
mod texts;

mod bill_change;
mod causes;

mod ledger_attribution;
mod ledger_totals;

mod bucket;
mod cursor;
mod series;
mod series_rows;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Format, TABLE_ROWS_MAX};
pub use bill_change::{BillAsk, TenantBill};
pub use bucket::Bucket;
pub use cursor::Cursor;
pub use engine::Engine;
pub use error::{Error, Kind};
pub use limits::Limits;
pub use named::{Named, named_queries};
pub use parameter::Parameter;
pub use series::{Ask, Dimension, Filter, Measure};
pub use series_rows::{Amounts, Costs, HitRate, Page, Row, Usage};
