//! One way to talk to either database: pools, sessions, statements and rows. Knows no table.
//!
//! # Why not a generic parameter, or two copies of each query?
//! Nearly every statement reads the same in both, so there is one text; what differs is a word here and there, which the
//! [`Dialect`] says. A parameter of type `Database` would put a dozen bounds on every function, and `sqlx::Any` knows no NULL of
//! a type and copies every value twice.

mod pool;
mod row;
mod statement;

pub(crate) use pool::{Pool, Session};
pub(crate) use row::{FromRow, Row};
pub(crate) use statement::{Fields, Statement};

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}
