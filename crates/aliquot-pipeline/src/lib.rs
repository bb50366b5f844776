//! The loop: pull, decode, fold, commit, resume. It owns nothing but the loop: what an event costs is core's to say, what its
//! bytes mean is wire's, where messages come from and commits go is behind core's ports. No clock, and no I/O of its own.
//!
//! ```text
//! source ── pull ──> fold (decode, apply, accrue) ── cut ──> commit (lake, then ledger) ── acknowledge ──> source
//!              ^                                                     |
//!              └───────────────────── resume ────────────────────────┘
//! ```
//!
//! # What makes it exactly once?
//! A sink keeps its position in the same step as its data and drops what it holds already. The ledger commits last and keeps
//! the state that belongs to its position. Whoever begins, begins at the minimum of the positions with the state of that
//! place, and folds again what some sink lacks; the fold is a pure function of the log and of the price books that are durable
//! beside it, so the same rows come out. No order of crashes, retries and owners can add a row or lose one.
//!
//! # What if two processes believe they own a partition?
//! The rows of an offset are the same whoever folds them, so it does not matter who writes them first. A ledger that was moved
//! by the other one answers `Fenced`; then everything that has not been committed is forgotten, and read again from where the
//! sinks now are. Whose partition it is stays the source's to say. One thing is beyond this: a process that was declared dead,
//! works with an *older price book* than its successor, writes to the lake after the successor activated the newer one, and
//! dies before it writes to the ledger. Those few rows then carry the older price in the lake and the newer one in the ledger;
//! the comparison of both shows it.

mod settings;
pub use settings::{Backoff, Settings};
mod books;
pub use books::Books;
mod progress;
pub use progress::Progress;
mod error;
pub use error::Error;

mod run;
pub use run::run;

mod accrue;
mod commit;
mod fold;
mod partition;
mod resume;
mod retry;
