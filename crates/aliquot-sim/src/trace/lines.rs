//! The lines of a file, plain or compressed with zstd: the first bytes decide, not the name. Holds one line at a time.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::Error;

/// Bytes of one line: sixteen times the longest session known, so that a file without lines does not fill the memory.
pub const LINE_BYTES_MAX: u64 = 64 << 20;

/// How every zstd frame begins.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The lines of one input.
pub struct Lines {
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    /// The lines of a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Open { path: path.display().to_string(), source })?;
        Self::read(file)
    }

    /// The lines of any input.
    ///
    /// # Errors
    /// When its first bytes cannot be read.
    pub fn read(input: impl Read + Send + 'static) -> Result<Self, Error> {
        let failed = |source| Error::Read { line: 1, source };
        let mut plain = BufReader::new(input);
        // A short first read can only be the end of a file shorter than a zstd frame, or of a pipe nobody compresses into.
        let is_zstd = plain.fill_buf().map_err(failed)?.starts_with(&ZSTD_MAGIC);
        let input: Box<dyn BufRead + Send> = if is_zstd {
            Box::new(BufReader::new(zstd::Decoder::with_buffer(plain).map_err(failed)?))
        } else {
            Box::new(plain)
        };
        Ok(Self { input, line: Vec::new(), number: 0 })
    }

    /// The next line that is not empty, without its end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        loop {
            self.line.clear();
            self.number += 1;
            let mut limited = (&mut self.input).take(LINE_BYTES_MAX);
            let read = limited
                .read_until(b'\n', &mut self.line)
                .map_err(|source| Error::Read { line: self.number, source })?;
            if read == 0 {
                return Ok(None);
            }
            if limited.limit() == 0 && self.line.last() != Some(&b'\n') {
                return Err(Error::TooLong { line: self.number });
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(self.line.trim_ascii()));
            }
        }
    }

    /// The number of the line read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lines").field("number", &self.number).finish_non_exhaustive()
    }
}
