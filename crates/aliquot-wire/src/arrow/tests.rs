//! Arrow in and out.
use proptest::prelude::*;

use super::*;
use crate::ARROW;
use crate::testing::{decoded, event};

proptest! {
    #[test]
    fn events_come_back_and_bytes_too(events in prop::collection::vec(event(), 0..6)) {
        let expected: Vec<_> = events.iter().cloned().map(Ok).collect();
        let message = encode(&events);
        let back = decoded(ARROW, &message);
        prop_assert_eq!(&back, &expected);
        let back: Vec<_> = back.into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(encode(&back), message);
    }
}
