//! How long the previous prompt of each session was, so that a changed prefix can be told from a longer conversation.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use hashbrown::HashMap;
use xxhash_rust::xxh3::{Xxh3DefaultBuilder, xxh3_64};

use crate::tick::Tick;

/// Sessions that are remembered per domain; past it, the half that was idle longest is forgotten.
const SESSIONS_MAX: usize = 65_536;

/// The previous prompt of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Previous {
    /// When its request ended.
    pub at: Tick,
    /// Prompt tokens that its chain covered.
    pub tokens: u64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    // Only asked, and sorted where its order could be seen.
    latest: HashMap<u64, Previous, Xxh3DefaultBuilder>,
}

impl Sessions {
    /// The previous prompt of the session.
    pub fn previous(&self, session: &str) -> Option<Previous> {
        self.latest.get(&xxh3_64(session.as_bytes())).copied()
    }

    /// Puts the session's latest prompt in the place of the previous one.
    pub fn record(&mut self, session: &str, prompt: Previous) {
        if self.latest.len() >= SESSIONS_MAX {
            self.forget_half();
        }
        self.latest.insert(xxh3_64(session.as_bytes()), prompt);
    }

    fn forget_half(&mut self) {
        let mut times: Vec<(Tick, u64)> = self.latest.iter().map(|(key, previous)| (previous.at, *key)).collect();
        times.sort_unstable();
        for (_, key) in times.iter().take(SESSIONS_MAX >> 1) {
            self.latest.remove(key);
        }
    }

    /// Appends them to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        let mut sessions: Vec<(u64, Previous)> = self.latest.iter().map(|(key, previous)| (*key, *previous)).collect();
        sessions.sort_unstable();
        out.length(sessions.len());
        for (key, Previous { at, tokens }) in sessions {
            out.u64(key);
            out.u32(at.0);
            out.u64(tokens);
        }
    }

    /// Reads what [`Sessions::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let mut sessions = Self::default();
        for _ in 0..reader.length()? {
            let (key, at, tokens) = (reader.u64()?, Tick(reader.u32()?), reader.u64()?);
            if sessions.latest.insert(key, Previous { at, tokens }).is_some() {
                return None;
            }
        }
        Some(sessions)
    }
}
