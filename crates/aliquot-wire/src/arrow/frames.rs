//! Cuts a stream into its messages: verified metadata, and the body that belongs to it. Looks into neither.

use arrow_ipc::{Message, MetadataVersion, root_as_message};

use super::malformed;
use crate::refusal::Problem;

/// What stands before the length of every message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// What an Arrow file begins with, which is not a stream.
const FILE: &[u8] = b"ARROW1";

/// The messages of one stream.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    rest: &'a [u8],
}

/// One message of a stream.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) message: Message<'a>,
    pub(super) body: &'a [u8],
}

impl<'a> Frames<'a> {
    pub(super) fn new(stream: &'a [u8]) -> Self {
        Self { rest: stream }
    }

    /// The next message; none at the end mark. Without the mark nobody could tell a stream from its first half.
    pub(super) fn read(&mut self) -> Result<Option<Frame<'a>>, Problem> {
        if self.rest.starts_with(FILE) {
            return Err(malformed("this is an Arrow file: write the Arrow IPC stream format"));
        }
        if self.take(CONTINUATION.len())? != CONTINUATION {
            return Err(malformed("no message begins where one should: write the Arrow IPC stream format, version 5"));
        }
        let length = self.take(4)?.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if length == 0 {
            if !self.rest.is_empty() {
                return Err(malformed("bytes follow the end of the stream: send one stream in a message"));
            }
            return Ok(None);
        }
        let metadata = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        let message = root_as_message(metadata).map_err(|_| malformed("the metadata of a message is not whole"))?;
        if message.version() != MetadataVersion::V5 {
            return Err(malformed("the metadata is not of version 5: write it with Arrow 1.0 or later"));
        }
        let body = self.take(usize::try_from(message.bodyLength()).unwrap_or(usize::MAX))?;
        Ok(Some(Frame { message, body }))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(malformed(
                "the stream ends before its end mark: it was cut short, or its writer was not closed",
            ));
        };
        self.rest = rest;
        Ok(taken)
    }
}
