//! The identities seen lately: a bounded window in order of arrival. It catches a request that its sender reported twice
//! under two sequence numbers, or without any; redelivery of a sequenced event is the sequence's business.

use alloc::collections::VecDeque;

use hashbrown::HashSet;
use xxhash_rust::xxh3::Xxh3Default;

/// A 128-bit fingerprint of (source, id, attempt): two of 10⁹ events share one with a chance below 10⁻²⁰.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of an identity.
    pub fn of(source: &str, id: &str, attempt: u32) -> Self {
        let mut hasher = Xxh3Default::new();
        hasher.update(source.as_bytes());
        hasher.update(&[0xff]);
        hasher.update(id.as_bytes());
        hasher.update(&[0xff]);
        hasher.update(&attempt.to_le_bytes());
        Self(hasher.digest128())
    }
}

/// The newest identities, at most `capacity` of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentIds {
    capacity: usize,
    order: VecDeque<Fingerprint>,
    // Only ever asked, never iterated, so its order cannot reach an output.
    known: HashSet<Fingerprint, IdentityHasher>,
}

/// A fingerprint is already a hash: its low half is the bucket.
type IdentityHasher = core::hash::BuildHasherDefault<LowHalf>;

#[derive(Clone, Copy, Debug, Default)]
struct LowHalf(u64);

impl core::hash::Hasher for LowHalf {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, value: u128) {
        let [a, b, c, d, e, f, g, h, ..] = value.to_le_bytes();
        self.0 = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    }
}

impl RecentIds {
    /// An empty window of `capacity` identities.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, order: VecDeque::new(), known: HashSet::default() }
    }

    /// The window that holds `order`, oldest first.
    pub fn restore(capacity: usize, order: impl IntoIterator<Item = Fingerprint>) -> Self {
        let mut window = Self::new(capacity);
        for fingerprint in order {
            window.insert(fingerprint);
        }
        window
    }

    /// Whether the identity is in the window.
    pub fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.known.contains(&fingerprint)
    }

    /// Remembers an identity, forgetting the oldest if the window is full. An identity already there stays in its place.
    pub fn insert(&mut self, fingerprint: Fingerprint) {
        if !self.known.insert(fingerprint) {
            return;
        }
        self.order.push_back(fingerprint);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// How many identities the window holds at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The identities, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Fingerprint> + '_ {
        self.order.iter().copied()
    }
}
