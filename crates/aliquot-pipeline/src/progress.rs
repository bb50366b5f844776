//! What a run has done so far, for whoever watches. Counts only what is durable in every sink; holds no time of any clock.

use std::collections::{BTreeMap, BTreeSet};

use aliquot_core::position::Positions;
use aliquot_core::reject::Reason;
use aliquot_core::time::EventTime;

/// Counts since the run began, published after each commit; `retries` and `stalled` also in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages read.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Events in them, and messages that could not be read: charged, report, duplicate or rejected.
    pub events: u64,
    /// Events that became charges.
    pub charged: u64,
    /// Charges of which at least a part has no price.
    pub unpriced: u64,
    /// Nodes' intervals and caches' changes that were accepted.
    pub reports: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// What was not accepted, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Commits.
    pub commits: u64,
    /// Charges and rejects of the latest commit.
    pub rows_of_last_commit: u64,
    /// For each partition, the first offset that is not durable in every sink.
    pub positions: Positions,
    /// The latest billing time of a charge.
    pub latest: Option<EventTime>,
    /// Calls that failed and were made again.
    pub retries: u64,
    /// How often another owner had moved a partition, so that what was not committed was read again.
    pub fenced: u64,
    /// What does not answer at the moment and is being retried: `log`, or a sink's name.
    pub stalled: BTreeSet<&'static str>,
}

impl Progress {
    /// Adds what one commit made durable.
    pub(crate) fn add(&mut self, commit: Self) {
        self.messages = self.messages.saturating_add(commit.messages);
        self.bytes = self.bytes.saturating_add(commit.bytes);
        self.events = self.events.saturating_add(commit.events);
        self.charged = self.charged.saturating_add(commit.charged);
        self.unpriced = self.unpriced.saturating_add(commit.unpriced);
        self.reports = self.reports.saturating_add(commit.reports);
        self.duplicates = self.duplicates.saturating_add(commit.duplicates);
        for (reason, count) in commit.rejected {
            let sum = self.rejected.entry(reason).or_default();
            *sum = sum.saturating_add(count);
        }
        self.commits = self.commits.saturating_add(commit.commits);
        self.rows_of_last_commit = commit.rows_of_last_commit;
        self.positions.extend(commit.positions);
        self.latest = self.latest.max(commit.latest);
    }
}
