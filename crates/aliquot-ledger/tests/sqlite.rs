//! The contract of a ledger, held against SQLite.
#![expect(clippy::unwrap_used, reason = "the helpers of these tests fail the test")]

use aliquot_ledger::Ledger;
use tempfile::TempDir;

mod contract;

/// A place to keep one ledger.
pub(crate) struct Store(TempDir);

impl Store {
    pub(crate) async fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A handle of its own, as another process would have one.
    pub(crate) async fn open(&self) -> Ledger {
        Ledger::open(&self.0.path().join("data").join("ledger.sqlite")).await.unwrap()
    }
}
