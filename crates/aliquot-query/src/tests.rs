//! The engine against real lakes in temporary directories.

mod attribution;
mod capacity;
mod fixture;
mod forms;
mod named;
mod refusals;
mod series;
