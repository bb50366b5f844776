//! The price books a run may need: the one in force and those that rated what lies before. Neither loads nor stores them.

use std::collections::BTreeMap;

use aliquot_core::position::Offset;
use aliquot_core::prices::{BookId, PriceBook};

/// The price books of a run.
#[derive(Clone, Debug)]
pub struct Books {
    /// Rates everything that is new.
    pub current: BookId,
    /// All of them: a replay of old offsets needs the books that rated them first.
    pub all: BTreeMap<BookId, PriceBook>,
}

/// Which book rates which part of one partition, ascending; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule(Vec<(Offset, BookId)>);

impl Schedule {
    /// The schedule that the ledger holds; what lies before its first entry is rated by that entry.
    pub(crate) fn new(activations: Vec<(Offset, BookId)>) -> Option<Self> {
        (!activations.is_empty()).then_some(Self(activations))
    }

    /// The book that rates `offset`.
    pub(crate) fn book_at(&self, offset: Offset) -> BookId {
        let count = self.0.partition_point(|(from, _)| *from <= offset);
        self.0.get(count.saturating_sub(1)).map_or(BookId::default(), |(_, book)| *book)
    }

    /// The books that rate anything from `offset` on, each with the first such offset.
    pub(crate) fn books_from(&self, offset: Offset) -> impl Iterator<Item = (Offset, BookId)> {
        let current = (offset, self.book_at(offset));
        std::iter::once(current).chain(self.0.iter().copied().filter(move |(from, _)| *from > offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_rated_by_the_last_book_activated_at_or_before_it() {
        assert_eq!(Schedule::new(Vec::new()), None);
        let schedule =
            Schedule::new(vec![(Offset(3), BookId(1)), (Offset(7), BookId(2)), (Offset(9), BookId(3))]).unwrap();
        let books = |offsets: [i64; 6]| offsets.map(|offset| schedule.book_at(Offset(offset)).0);
        assert_eq!(books([0, 3, 6, 7, 8, 9]), [1, 1, 1, 2, 2, 3]);
        let from = schedule.books_from(Offset(8)).collect::<Vec<_>>();
        assert_eq!(from, [(Offset(8), BookId(2)), (Offset(9), BookId(3))]);
    }
}
