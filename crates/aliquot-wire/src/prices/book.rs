//! Our own format of a price book: JSON that a person can write (see `schemas/prices/README.md`). Stores nothing.

use aliquot_core::prices::{BookId, PriceBook};
use xxhash_rust::xxh3::xxh3_64;

mod decode;
mod encode;

pub use decode::decode;
pub(super) use decode::minute;
pub use encode::encode;

/// The version of the format. Another one is refused.
pub(super) const VERSION: u64 = 1;

/// The days of a week as a calendar spells them.
pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The book with the id that its contents give it. Whoever changes a book names it anew.
pub fn named(mut book: PriceBook) -> PriceBook {
    book.id = BookId(xxh3_64(&encode(&book)));
    book
}

/// The book of a system that was given none: a GPU rate for nodes of ours, and the main models of the main providers.
///
/// # Panics
/// Never: a test reads the file that is built in.
pub fn builtin() -> PriceBook {
    decode(include_bytes!("../../../../schemas/prices/builtin.json"))
        .expect("the book that is built in has been read in a test")
}
