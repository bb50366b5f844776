//! Price catalogues to price books: our own format, and imports of three public ones. Rates nothing and fetches nothing.
//!
//! Prices travel as decimal text from file to [`Rate`](aliquot_core::money::Rate): no number of a catalogue is ever a float here,
//! and what is not a whole number of picodollars per unit is listed as skipped, never rounded.

use std::fmt;

use aliquot_core::prices::PriceBook;

pub mod book;
pub mod genai;
pub mod litellm;
pub mod models_dev;

mod document;
mod history;
mod matcher;
mod merge;
mod quotes;
mod rate_text;
pub use merge::merge;

/// What an import makes of a catalogue.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What could be expressed, complete with its id.
    pub book: PriceBook,
    /// What could not.
    pub skipped: Vec<Skipped>,
}

/// A part of a catalogue that did not make it into the book, which leaves what it prices `unpriced`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where in the file.
    pub path: String,
    /// Why.
    pub why: String,
}

/// A file that cannot be read as prices at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Where in the file; empty = the file as a whole.
    pub path: String,
    /// What is wrong there, and what to do.
    pub problem: String,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => out.write_str(&self.problem),
            path => write!(out, "{path}: {}", self.problem),
        }
    }
}

impl std::error::Error for Error {}

/// Bytes of one catalogue or book: twenty times the largest public one.
pub const BYTES_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests;
