//! Mooncake's conversation trace: one request a line, already in order of time, the block numbers the same for all.

use serde::Deserialize;

use super::{Error, Format, Lines, Request};
use crate::random::mix;
use aliquot_core::time::Micros;

/// Tokens per block, by the source's description.
const BLOCK_TOKENS: u32 = 512;

/// The rows of the trace.
#[derive(Debug)]
pub(super) struct Rows {
    lines: Lines,
    row: u64,
}

#[derive(Deserialize)]
struct Row {
    timestamp: u64,
    input_length: u64,
    output_length: u64,
    hash_ids: Vec<u64>,
}

impl Rows {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, row: 0 }
    }

    pub(super) fn read(&mut self) -> Result<Option<Request>, Error> {
        let Some(line) = self.lines.next()? else { return Ok(None) };
        let row: Result<Row, _> = serde_json::from_slice(line);
        let row = row.map_err(|error| self.wrong(error.to_string()))?;
        let at = i64::try_from(row.timestamp).ok().and_then(|millis| millis.checked_mul(1_000));
        let at = at.ok_or_else(|| self.wrong("timestamp is out of range".to_owned()))?;
        self.row += 1;
        Ok(Some(Request {
            at: Micros(at),
            id: format!("mooncake/{}", self.row),
            session: session_of(&row.hash_ids),
            prompt_tokens: row.input_length,
            output_tokens: row.output_length,
            blocks: Some(row.hash_ids),
            block_tokens: BLOCK_TOKENS,
            receipts: 1,
            ..Request::default()
        }))
    }

    fn wrong(&self, detail: String) -> Error {
        Error::Record { line: self.lines.number(), format: Format::Mooncake, detail }
    }
}

/// All prompts share their first block, the system's; the second is where conversations part.
fn session_of(blocks: &[u64]) -> u64 {
    mix(blocks.get(1).or(blocks.first()).copied().unwrap_or_default())
}
