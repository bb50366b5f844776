//! How much may accrue before it is committed, and how long a failing store is waited for. Reads no configuration.

use std::time::Duration;

use aliquot_attribution::settings::Settings as Attribution;
use aliquot_core::state::Rules;
use aliquot_wire::Limits;

/// Rows of one commit. A charge takes some 600 bytes with the classes, strings and blocks it refers to, and two commits are in
/// memory at a time (one is written, one is folded), so this keeps both below 150 MB; and a file of this many rows is large enough
/// not to make a heap of small ones.
const COMMIT_ROWS_MAX: usize = 65_536;

/// Bytes of messages read for one commit, which bounds what rejected messages and prefix chains can take.
const COMMIT_BYTES_MAX: usize = 128 << 20;

/// How long what was folded may wait for its commit. Well below ten seconds from event to readable row, and few enough commits
/// that the lake's log stays short.
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);

/// What the pipeline keeps to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a message may hold.
    pub limits: Limits,
    /// What is asked of an event.
    pub rules: Rules,
    /// What is known of cache domains.
    pub attribution: Attribution,
    /// Rows (charges and rejects) at which a commit is cut. One message more may come in.
    pub commit_rows_max: usize,
    /// Bytes of messages at which a commit is cut. One message more may come in.
    pub commit_bytes_max: usize,
    /// How long anything waits for its commit.
    pub commit_interval: Duration,
    /// How long to wait between tries.
    pub backoff: Backoff,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            rules: Rules::default(),
            attribution: Attribution::default(),
            commit_rows_max: COMMIT_ROWS_MAX,
            commit_bytes_max: COMMIT_BYTES_MAX,
            commit_interval: COMMIT_INTERVAL,
            backoff: Backoff::default(),
        }
    }
}

/// The wait between tries of the same call. It doubles up to `max`, and there is no last try: a store that is away for an hour
/// costs an hour. Only when a stop was asked for is the number of tries limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second try.
    pub first: Duration,
    /// At most: how late a store's return may be noticed.
    pub max: Duration,
    /// Tries that may fail after a stop was asked for, before the run ends without its last commit.
    pub tries_after_stop: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), max: Duration::from_secs(15), tries_after_stop: 5 }
    }
}
