//! Worked examples and properties, by subject.

pub(crate) mod cases;

mod bills;
mod contracts;
mod invoices;
mod margins;
mod periods;
mod policies;
