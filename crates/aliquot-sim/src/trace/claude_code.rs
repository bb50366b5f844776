//! Sessions of Claude Code, one a line, merged into one stream in order of time. A session begins a fixed time after the one
//! before it in the file, because the source gives only times within a session.
//!
//! Simultaneous requests come in the order of their sessions in the file, within a session in the order of its records, with a
//! sub-agent's records in the place of the sub-agent.
//!
//! | recorded | read |
//! |---|---|
//! | block numbers of scope `local` | numbers of the session's own: line number and block number |
//! | block numbers of scope `global` | as they are |
//! | `t` in a sub-agent | from the sub-agent's start |
//! | an `s` record directly before an `n` record with the same prompt | one request with two receipts, as the `n` record has it |

mod session;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use aliquot_core::time::Micros;

use super::{Error, Format, Lines, Request};
use session::Session;

/// The sessions of a trace. Holds those that are open, each as a few bytes per request.
#[derive(Debug)]
pub(super) struct Sessions {
    lines: Lines,
    stagger: Micros,
    /// Sessions read so far; the next one's number.
    read: u32,
    is_read: bool,
    open: BTreeMap<u32, Session>,
    /// The next request of each open session.
    next: BinaryHeap<Reverse<(Micros, u32)>>,
}

impl Sessions {
    pub(super) fn new(lines: Lines, stagger: Micros) -> Self {
        Self { lines, stagger, read: 0, is_read: false, open: BTreeMap::new(), next: BinaryHeap::new() }
    }

    pub(super) fn read(&mut self) -> Result<Option<Request>, Error> {
        while !self.is_read && self.next.peek().is_none_or(|Reverse((at, _))| self.next_start() <= *at) {
            self.open_next()?;
        }
        let Some(Reverse((_, number))) = self.next.pop() else { return Ok(None) };
        let Some(session) = self.open.get_mut(&number) else { return Ok(None) };
        let request = session.take();
        match session.next_at() {
            Some(at) => self.next.push(Reverse((at, number))),
            None => drop(self.open.remove(&number)),
        }
        Ok(request)
    }

    fn next_start(&self) -> Micros {
        Micros(self.stagger.0.saturating_mul(i64::from(self.read)))
    }

    fn open_next(&mut self) -> Result<(), Error> {
        let (number, start) = (self.read, self.next_start());
        let Some(line) = self.lines.next()? else {
            self.is_read = true;
            return Ok(());
        };
        let session = Session::parse(line, number, start).map_err(|detail| Error::Record {
            line: self.lines.number(),
            format: Format::ClaudeCode,
            detail,
        })?;
        self.read += 1;
        if let Some(at) = session.next_at() {
            self.next.push(Reverse((at, number)));
            self.open.insert(number, session);
        }
        Ok(())
    }
}
