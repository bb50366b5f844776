//! Readers of recorded traffic, in order of time, line by line. Each gives requests as the source recorded them; what a cache
//! or a price list makes of them is not decided here.

mod azure;
mod claude_code;
mod lines;
mod mooncake;

use std::io::Read;
use std::path::Path;

use aliquot_core::time::Micros;

use lines::Lines;
pub use lines::{LINE_BYTES_MAX, plain};

/// A recorded request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// When it arrived, since the start of the trace.
    pub at: Micros,
    /// Stable within the trace.
    pub id: String,
    /// The conversation it belongs to: the finest honest key of who sent it.
    pub session: u64,
    /// The model that was asked; empty where the source does not say.
    pub model: String,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// The prompt as prefix blocks, root first; the number of a block names the whole prefix up to it. `None` = not recorded.
    pub blocks: Option<Vec<u64>>,
    /// Tokens per block.
    pub block_tokens: u32,
    /// From arrival to the first token.
    pub ttft: Option<Micros>,
    /// From arrival to the end.
    pub duration: Option<Micros>,
    /// How often its recorder reported it: once, unless the source is known to have seen one turn twice.
    pub receipts: u32,
}

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Sessions of Claude Code, one a line, with blocks of 64 tokens.
    ClaudeCode,
    /// Mooncake's conversations, one request a line, with blocks of 512 tokens.
    Mooncake,
    /// Azure's inference trace: arrival and token counts, no blocks.
    Azure,
}

impl Format {
    /// The one spelling used in options and ids.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Mooncake => "mooncake",
            Self::Azure => "azure",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ClaudeCode, Self::Mooncake, Self::Azure].into_iter().find(|format| format.name() == name)
    }

    /// Opens a trace file, plain or compressed with zstd.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(self, path: &Path, stagger: Micros) -> Result<Requests, Error> {
        Ok(self.requests(Lines::open(path)?, stagger))
    }

    /// Reads a trace, plain or compressed with zstd.
    ///
    /// # Errors
    /// When its first bytes cannot be read.
    pub fn read(self, input: impl Read + Send + 'static, stagger: Micros) -> Result<Requests, Error> {
        Ok(self.requests(Lines::read(input)?, stagger))
    }

    fn requests(self, lines: Lines, stagger: Micros) -> Requests {
        Requests(match self {
            Self::ClaudeCode => Reader::ClaudeCode(claude_code::Sessions::new(lines, stagger)),
            Self::Mooncake => Reader::Mooncake(mooncake::Rows::new(lines)),
            Self::Azure => Reader::Azure(azure::Rows::new(lines)),
        })
    }
}

/// From the start of one session to that of the next where the source does not say: what the published hit rates assume.
pub const STAGGER: Micros = Micros(60_000_000);

/// The requests of a trace in order of arrival. After an error it ends.
#[derive(Debug)]
pub struct Requests(Reader);

#[derive(Debug)]
enum Reader {
    ClaudeCode(claude_code::Sessions),
    Mooncake(mooncake::Rows),
    Azure(azure::Rows),
    Failed,
}

impl Iterator for Requests {
    type Item = Result<Request, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match &mut self.0 {
            Reader::ClaudeCode(sessions) => sessions.read(),
            Reader::Mooncake(rows) => rows.read(),
            Reader::Azure(rows) => rows.read(),
            Reader::Failed => return None,
        };
        if read.is_err() {
            self.0 = Reader::Failed;
        }
        read.transpose()
    }
}

/// Why a trace cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open {path}: {source}")]
    Open {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The bytes cannot be read or unpacked.
    #[error("cannot read line {line}: {source}; is the file complete?")]
    Read {
        /// Counted from 1.
        line: u64,
        /// Why.
        source: std::io::Error,
    },
    /// A line has no end within [`LINE_BYTES_MAX`].
    #[error("line {line} is longer than {LINE_BYTES_MAX} bytes: this is no trace")]
    TooLong {
        /// Counted from 1.
        line: u64,
    },
    /// A line is not what the format says.
    #[error("line {line} is no record of the {} trace: {detail}", format.name())]
    Record {
        /// Counted from 1.
        line: u64,
        /// The format it was read as.
        format: Format,
        /// What is wrong.
        detail: String,
    },
}

/// Seconds with a fraction to microseconds; `None` if it is no number of seconds that a trace can hold.
fn from_seconds(seconds: f64) -> Option<Micros> {
    // About three years: beyond it the number is in another unit.
    const SECONDS_MAX: f64 = 1e8;
    (0.0..SECONDS_MAX).contains(&seconds).then(|| Micros((seconds * 1e6).round() as i64))
}

#[cfg(test)]
mod tests;
