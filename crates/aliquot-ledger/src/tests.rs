//! Tests of what is SQLite's own (`file`, `migration`), of the text of a row's totals (`lines`), and a measurement (`speed`). What
//! any back end must do is in `tests/contract`, which runs on each of them.

use std::path::PathBuf;

use aliquot_core::position::Partition;
use tempfile::TempDir;

use self::fixture::{START, commit, contents, event, place, range, single, slow_sum, spelled};
use crate::Ledger;

mod file;
#[path = "../tests/contract/fixture.rs"]
mod fixture;
mod lines;
mod migration;
mod speed;

/// A place to keep one ledger.
struct Store(TempDir);

impl Store {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("data").join("ledger.sqlite")
    }

    /// A handle of its own, as another process would have one.
    async fn open(&self) -> Ledger {
        Ledger::open(&self.path()).await.unwrap()
    }
}
