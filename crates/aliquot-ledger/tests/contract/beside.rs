//! What any back end must do with what is kept beside the money: states, price books, activations. Names no back end.

use aliquot_core::ports::{Activations, Fault, Kind, Sink, Snapshots};
use aliquot_core::position::{Offset, Partition};
use aliquot_core::prices::BookId;
use aliquot_core::time::EventTime;

use super::fixture::commit;
use aliquot_ledger::{Error, Ledger, SNAPSHOTS_KEPT, StoredBook};

use crate::Store;

const P0: Partition = Partition(0);

#[tokio::test]
async fn the_newest_states_are_kept_newest_first() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    ledger.commit(&commit(1, 0, 3)).await.unwrap();
    for at in 0..5 {
        ledger.commit(&commit(0, at * 10, at * 10 + 10)).await.unwrap();
    }
    // A commit without a state moves the position and keeps the states.
    let mut stateless = commit(0, 50, 60);
    stateless.snapshots.clear();
    ledger.commit(&stateless).await.unwrap();

    let state = |at: i64| (Offset(at), format!("state 0 {at}").into_bytes());
    let loaded = async |at: i64| store.open().await.load(P0, Offset(at)).await.unwrap();
    assert_eq!(SNAPSHOTS_KEPT, 3);
    assert_eq!(loaded(i64::MAX).await, [state(50), state(40), state(30)]);
    assert_eq!(loaded(49).await, [state(40), state(30)]);
    assert_eq!(loaded(30).await, [state(30)]);
    assert_eq!(loaded(29).await, []);
    assert_eq!(ledger.load(Partition(1), Offset(60)).await.unwrap(), [(Offset(3), b"state 1 3".to_vec())]);
    assert_eq!(ledger.load(Partition(2), Offset(60)).await.unwrap(), []);
}

fn book(id: u64, imported_at: i64) -> StoredBook {
    StoredBook {
        id: BookId(id),
        source: format!("file {id}"),
        imported_at: EventTime(imported_at),
        body: id.to_le_bytes().to_vec(),
    }
}

#[tokio::test]
async fn the_book_put_last_is_the_current_one() {
    let store = Store::new().await;
    let ledger = store.open().await;
    let listed = async |ledger: &Ledger| {
        let books = ledger.price_books().await.unwrap();
        assert!(books.iter().all(|book| book.body.is_empty()));
        books.into_iter().map(|book| book.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ledger.current_price_book().await.unwrap(), None);
    // Dates say nothing about the order.
    for (put, order) in [
        (book(u64::MAX, 30), vec![u64::MAX]),
        (book(7, 20), vec![7, u64::MAX]),
        (book(7, 20), vec![7, u64::MAX]),
        (book(1, 10), vec![1, 7, u64::MAX]),
        (book(u64::MAX, 99), vec![u64::MAX, 1, 7]),
    ] {
        ledger.put_price_book(&put).await.unwrap();
        assert_eq!(listed(&store.open().await).await, order);
    }
    assert_eq!(ledger.current_price_book().await.unwrap(), Some(book(u64::MAX, 30)), "the first import's date stays");
    assert_eq!(ledger.price_book(BookId(7)).await.unwrap(), Some(book(7, 20)));
    assert_eq!(ledger.price_book(BookId(8)).await.unwrap(), None);

    let other = StoredBook { body: vec![0], ..book(7, 20) };
    let error = ledger.put_price_book(&other).await.unwrap_err();
    assert!(matches!(error, Error::OtherBook(BookId(7))) && error.kind() == Kind::Halt, "{error}");
    assert_eq!(listed(&ledger).await, [u64::MAX, 1, 7]);
    assert_eq!(ledger.price_book(BookId(7)).await.unwrap(), Some(book(7, 20)));
}

#[tokio::test]
async fn activations_never_change_what_was_rated() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let (a, b) = (BookId(0), BookId(u64::MAX));
    let listed = async || store.open().await.activations(P0).await.unwrap();
    assert_eq!(listed().await, []);
    // Nothing is rated yet, so another book may take the place.
    ledger.activate(P0, Offset(0), b).await.unwrap();
    ledger.activate(P0, Offset(0), a).await.unwrap();
    ledger.activate(Partition(1), Offset(3), b).await.unwrap();
    ledger.commit(&commit(0, 0, 10)).await.unwrap();
    ledger.activate(P0, Offset(20), b).await.unwrap();
    ledger.activate(P0, Offset(10), b).await.unwrap();
    let expected = [(Offset(0), a), (Offset(10), b), (Offset(20), b)];
    assert_eq!(listed().await, expected);
    // Saying the same again is nothing new.
    ledger.activate(P0, Offset(0), a).await.unwrap();
    for (from, book) in [(0, b), (9, a)] {
        let error = ledger.activate(P0, Offset(from), book).await.unwrap_err();
        assert!(matches!(error, Error::RatedAlready { held: Offset(10), .. }), "{error}");
        assert_eq!(error.kind(), Kind::Halt);
    }
    assert_eq!(listed().await, expected);
    assert_eq!(ledger.activations(Partition(1)).await.unwrap(), [(Offset(3), b)]);
}
