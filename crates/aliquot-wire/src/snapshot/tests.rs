//! Snapshots come back whole or not at all.

use aliquot_core::event::{Event, Sequence};
use aliquot_core::position::Partition;
use aliquot_core::prices::PriceBook;
use aliquot_core::rating::Rater;
use aliquot_core::state::Rules;
use proptest::prelude::*;

use super::*;

/// A state that real events left behind.
fn state_after(events: &[(u8, u8, u8, u16)]) -> PartitionState {
    let book = PriceBook::default();
    let mut rater = Rater::new(&book);
    let mut state = PartitionState::default();
    for (source, domain, epoch, seq) in events {
        let event = Event {
            id: format!("r{source}-{domain}-{seq}").into(),
            source: format!("nöde-{source}").into(),
            domain: format!("d{domain}").into(),
            sequence: Some(Sequence { epoch: u64::from(*epoch), seq: u64::from(*seq) }),
            ..Event::default()
        };
        state.apply(&mut rater, &Rules::default(), EventTime::default(), &event);
        state.next = state.next.next();
    }
    state.take_moved(Partition(0));
    state
}

fn small() -> PartitionState {
    state_after(&[(1, 1, 0, 0), (1, 1, 0, 1), (1, 1, 0, 7), (1, 1, 1, 3), (1, 2, 0, 0), (2, 1, 9, 4)])
}

#[test]
fn the_bytes_of_version_5_stay() {
    let bytes = encode(&small(), b"blocks");
    assert_eq!(decode(&bytes).unwrap(), (small(), &b"blocks"[..]));
    assert_eq!((bytes.len(), format!("{:016x}", xxh3_64(&bytes)).as_str()), (453, "78743658fac542f6"));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = encode(&small(), b"blocks");
    for place in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[place / 8] ^= 1 << (place % 8);
        assert!(decode(&flipped).is_err(), "bit {place}");
    }
}

#[test]
fn every_cut_is_noticed() {
    let bytes = encode(&small(), b"blocks");
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length]), Err(SnapshotError::Torn), "{length} bytes");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(decode(&longer), Err(SnapshotError::Torn));
}

#[test]
fn another_version_is_named() {
    let mut bytes = encode(&small(), b"blocks");
    bytes[8..12].copy_from_slice(&7_u32.to_le_bytes());
    let error = decode(&bytes).unwrap_err();
    assert_eq!(error, SnapshotError::UnknownVersion { found: 7 });
    let message = error.to_string();
    assert!(message.contains("version 7") && message.contains("reads version 5"), "{message}");
    assert_eq!(decode(b"PAR1....other"), Err(SnapshotError::NotASnapshot));
}

#[test]
fn well_sealed_nonsense_is_corrupt() {
    let empty = encode(&PartitionState::default(), &[]);
    let body = &empty[20..empty.len() - 8];
    let mut endless = body.to_vec();
    endless[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(decode(&sealed(&endless)), Err(SnapshotError::Corrupt), "more streams than bytes");
    let mut overfull = body[..24].to_vec();
    overfull.extend_from_slice(&1_u64.to_le_bytes());
    overfull.extend_from_slice(&2_u64.to_le_bytes());
    overfull.extend_from_slice(&[7; 16]);
    overfull.extend_from_slice(&[8; 16]);
    assert_eq!(decode(&sealed(&overfull)), Err(SnapshotError::Corrupt), "more identities than room");
    assert_eq!(decode(&sealed(&[body, b"x"].concat())), Err(SnapshotError::Corrupt), "bytes left over");
}

proptest! {
    #[test]
    fn round_trip(events: Vec<(u8, u8, u8, u16)>) {
        let state = state_after(&events);
        let bytes = encode(&state, b"blocks");
        let (back, blocks) = decode(&bytes).unwrap();
        prop_assert_eq!(encode(&back, blocks), bytes.clone(), "same state, same bytes");
        prop_assert_eq!(back, state);
    }

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        prop_assert!(decode(&bytes).is_err());
        let _ = decode(&sealed(&bytes));
    }
}
