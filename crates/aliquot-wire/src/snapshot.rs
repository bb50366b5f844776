//! A partition's state as bytes and back: the same state gives the same bytes, and bytes that are not whole are refused.
//!
//! ```text
//! "ALQSTATE"  version u32  length u64  body (length bytes)  xxh3-64 of everything before
//! body: the partition's state, then the length and the bytes of what attribution remembers
//! ```
//! All numbers are little-endian. What the state would still report as moved is not in it: take that first.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use aliquot_core::position::Offset;
use aliquot_core::recent_ids::{Fingerprint, RecentIds};
use aliquot_core::sequence::Arrived;
use aliquot_core::state::PartitionState;
use aliquot_core::streams::{Epoch, Streams};
use aliquot_core::time::EventTime;
use xxhash_rust::xxh3::xxh3_64;

use aliquot_core::bytes::{Reader, Writer};

const MAGIC: &[u8; 8] = b"ALQSTATE";

/// The version this build writes, and the only one it reads.
pub const VERSION: u32 = 5;

/// Why bytes are not a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// Another version wrote them.
    UnknownVersion {
        /// The version found.
        found: u32,
    },
    /// They do not begin like a state.
    NotASnapshot,
    /// They are cut short, or run on.
    Torn,
    /// They are not what was written.
    Corrupt,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion { found } => write!(
                out,
                "state snapshot has version {found}, this build reads version {VERSION}: run the build that wrote it, or \
                 delete the snapshot and replay the log from its beginning"
            ),
            Self::NotASnapshot => {
                out.write_str("bytes are not a state snapshot: look at what else writes to the store")
            }
            Self::Torn => {
                out.write_str("state snapshot is torn: an older one, or a replay of the log, takes its place")
            }
            Self::Corrupt => {
                out.write_str("state snapshot is corrupt: check the disk; an older one, or a replay, takes its place")
            }
        }
    }
}

impl Error for SnapshotError {}

/// The bytes of a state, and of what attribution remembers, in its own bytes.
pub fn encode(state: &PartitionState, attribution: &[u8]) -> Vec<u8> {
    let mut body = Writer::default();
    body.i64(state.next.0);
    body.i64(state.latest.0);
    body.length(state.streams.count());
    for (source, domain, epochs) in state.streams.iter() {
        body.text(source);
        body.text(domain);
        body.length(epochs.len());
        for (number, Epoch { arrived, latest }) in epochs {
            body.u64(*number);
            body.i64(latest.0);
            body.length(arrived.runs().len());
            for (from, to) in arrived.runs() {
                body.u64(from);
                body.u64(to);
            }
        }
    }
    body.length(state.recent.capacity());
    body.length(state.recent.iter().len());
    state.recent.iter().for_each(|fingerprint| body.u128(fingerprint.0));
    body.length(attribution.len());
    body.bytes(attribution);
    sealed(&body.into_bytes())
}

fn sealed(body: &[u8]) -> Vec<u8> {
    let mut out = Writer::default();
    out.bytes(MAGIC);
    out.u32(VERSION);
    out.length(body.len());
    out.bytes(body);
    let mut out = out.into_bytes();
    let checksum = xxh3_64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The state of these bytes, and the bytes of what attribution remembers.
///
/// # Errors
/// See [`SnapshotError`]; every flipped bit and every missing byte is one.
pub fn decode(bytes: &[u8]) -> Result<(PartitionState, &[u8]), SnapshotError> {
    let mut reader = Reader::new(unsealed(bytes)?);
    let state = read(&mut reader).filter(|_| reader.is_at_end());
    state.ok_or(SnapshotError::Corrupt)
}

fn unsealed(bytes: &[u8]) -> Result<&[u8], SnapshotError> {
    let mut reader = Reader::new(bytes);
    match reader.bytes(MAGIC.len()) {
        Some(magic) if magic == MAGIC => {}
        Some(_) => return Err(SnapshotError::NotASnapshot),
        None if MAGIC.starts_with(bytes) => return Err(SnapshotError::Torn),
        None => return Err(SnapshotError::NotASnapshot),
    }
    match reader.u32().ok_or(SnapshotError::Torn)? {
        VERSION => {}
        found => return Err(SnapshotError::UnknownVersion { found }),
    }
    let length = reader.length().ok_or(SnapshotError::Torn)?;
    let body = reader.bytes(length).ok_or(SnapshotError::Torn)?;
    let checksum = reader.u64().ok_or(SnapshotError::Torn)?;
    if !reader.is_at_end() {
        return Err(SnapshotError::Torn);
    }
    let (sealed, _) = bytes.split_last_chunk::<8>().ok_or(SnapshotError::Torn)?;
    if xxh3_64(sealed) != checksum {
        return Err(SnapshotError::Corrupt);
    }
    Ok(body)
}

fn read<'b>(reader: &mut Reader<'b>) -> Option<(PartitionState, &'b [u8])> {
    let next = Offset(reader.i64()?);
    let latest = EventTime(reader.i64()?);
    let mut streams = Streams::default();
    for _ in 0..reader.length()? {
        let (source, domain) = (reader.text()?.to_owned(), reader.text()?.to_owned());
        let mut epochs = BTreeMap::new();
        for _ in 0..reader.length()? {
            let number = reader.u64()?;
            let latest = EventTime(reader.i64()?);
            let arrived = read_runs(reader)?;
            insert_last(&mut epochs, number, Epoch { arrived, latest })?;
        }
        streams.restore_next(source, domain, epochs)?;
    }
    let recent = read_recent(reader)?;
    let length = reader.length()?;
    let attribution = reader.bytes(length)?;
    Some((PartitionState { next, latest, streams, recent }, attribution))
}

/// Inserts behind everything there; `None` out of order, which no writer of ours leaves behind.
fn insert_last<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V) -> Option<()> {
    if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
        return None;
    }
    map.insert(key, value);
    Some(())
}

fn read_runs(reader: &mut Reader<'_>) -> Option<Arrived> {
    let count = reader.length()?;
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push((reader.u64()?, reader.u64()?));
    }
    Arrived::restore(runs)
}

fn read_recent(reader: &mut Reader<'_>) -> Option<RecentIds> {
    let capacity = reader.length()?;
    let count = reader.length()?;
    let mut order = Vec::new();
    for _ in 0..count {
        order.push(Fingerprint(reader.u128()?));
    }
    let recent = RecentIds::restore(capacity, order);
    let is_whole = recent.iter().len() == count;
    is_whole.then_some(recent)
}

#[cfg(test)]
mod tests;
