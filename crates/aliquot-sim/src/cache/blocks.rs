//! Where each block lies. A map of numbers that are already well spread or become so by one mixing; never iterated, so its
//! order reaches no output.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::random::mix;

/// Block → slot, for blocks that are or were present.
pub(super) type Places = HashMap<u64, u32, BuildHasherDefault<Mixer>>;

/// Hashes one number by mixing it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0 ^ number);
    }
}
