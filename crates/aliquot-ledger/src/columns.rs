//! Numbers that SQL's integers cannot hold, and words of closed lists, to and from their columns.

use aliquot_core::money::Usd;
use aliquot_core::prices::BookId;

use crate::error::Error;

/// Reads a column of decimal text.
pub(crate) fn number<N: std::str::FromStr>(column: &'static str, text: &str) -> Result<N, Error> {
    text.parse().map_err(|_| Error::Corrupt { column, found: text.to_owned() })
}

/// Reads a column of a word of a closed list.
pub(crate) fn word<W>(column: &'static str, text: String, named: fn(&str) -> Option<W>) -> Result<W, Error> {
    named(&text).ok_or(Error::Corrupt { column, found: text })
}

/// The sum of two quantities.
pub(crate) fn add_quantity(held: u128, new: u128) -> Result<u128, Error> {
    held.checked_add(new).ok_or(Error::Overflow { what: "a quantity" })
}

/// The sum of two amounts.
pub(crate) fn add_usd(held: Usd, new: Usd) -> Result<Usd, Error> {
    held.checked_add(new).ok_or(Error::Overflow { what: "a cost" })
}

/// The spelling of a book in columns.
pub(crate) fn book_text(BookId(id): BookId) -> String {
    format!("{id:016x}")
}

/// Reads a column `price_book`.
pub(crate) fn book(text: &str) -> Result<BookId, Error> {
    let id = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16);
    id.map(BookId).ok_or_else(|| Error::Corrupt { column: "price_book", found: text.to_owned() })
}

/// A count for a BIGINT column.
pub(crate) fn count(what: &'static str, count: u64) -> Result<i64, Error> {
    i64::try_from(count).map_err(|_| Error::Overflow { what })
}

/// Reads a column that is never negative.
pub(crate) fn count_of(column: &'static str, count: i64) -> Result<u64, Error> {
    u64::try_from(count).map_err(|_| Error::Corrupt { column, found: count.to_string() })
}

/// How many rows to ask for, in SQL's type.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
