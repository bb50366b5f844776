//! A simulation's events as messages for the log. Packs; what is in an event was decided before.

use std::collections::VecDeque;

use aliquot_core::ports::Outgoing;
use aliquot_sim::Emitted;
use aliquot_sim::payload::{self, Packer};

use crate::cli::Encoding;

/// Events of one message, where a message holds several: a node's second.
const EVENTS_PER_MESSAGE: usize = 64;

impl From<Encoding> for payload::Encoding {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Json => Self::Json,
            Encoding::JsonBatch => Self::JsonBatch,
            Encoding::Arrow => Self::Arrow,
        }
    }
}

/// Events of `source` in messages of one cache domain each.
pub(crate) struct Messages<I> {
    source: I,
    packer: Packer,
    ready: VecDeque<Outgoing>,
    ended: bool,
}

impl<I> Messages<I> {
    pub(crate) fn new(source: I, encoding: Encoding) -> Self {
        let packer = Packer::new(encoding.into(), EVENTS_PER_MESSAGE);
        Self { source, packer, ready: VecDeque::new(), ended: false }
    }

    /// Where the events come from, with what it knows by now.
    pub(crate) fn source(&self) -> &I {
        &self.source
    }
}

impl<I, E> Iterator for Messages<I>
where
    I: Iterator<Item = Result<Emitted, E>>,
    anyhow::Error: From<E>,
{
    type Item = anyhow::Result<Outgoing>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(Ok(message));
            }
            if self.ended {
                return None;
            }
            match self.source.next() {
                Some(Ok(emitted)) => self.ready.extend(self.packer.push(emitted)),
                Some(Err(error)) => return Some(Err(error.into())),
                None => {
                    self.ended = true;
                    self.ready.extend(self.packer.flush());
                }
            }
        }
    }
}
