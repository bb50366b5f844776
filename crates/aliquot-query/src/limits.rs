//! What a query may cost. At a limit it is refused; it never answers in part.

use std::time::Duration;

/// The bounds of one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that all queries of the engine together may hold in sorts, joins, groups and answers.
    pub memory_bytes: usize,
    /// How long one query may take, from planning to its last row.
    pub time: Duration,
    /// Rows in one answer.
    pub rows: usize,
}

impl Default for Limits {
    /// 512 MiB, the bound of the whole process under load; a minute, beyond which a person asks again and a proxy has hung up;
    /// 100,000 rows, which no person reads and every program can page through.
    fn default() -> Self {
        Self { memory_bytes: 512 << 20, time: Duration::from_secs(60), rows: 100_000 }
    }
}
