//! What goes to standard output: answers, and nothing else; logs and progress go to standard error.

use std::io::Write;

use anyhow::Context;

/// Prints `text` as it is.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
}

/// Prints a line for the person who waits, on standard error.
pub(crate) fn note(text: &str) {
    // Whoever closed standard error does not want to know.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}
