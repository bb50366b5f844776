//! Worked examples and properties, by subject.

mod cases;

mod bills;
mod contracts;
mod invoices;
mod periods;
mod policies;
