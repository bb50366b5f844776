//! The lines of a file, plain or compressed with zstd: the first bytes decide, not the name. Holds one line at a time.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::Error;

/// Bytes of one line: sixteen times the longest session known, so that a file without lines does not fill the memory.
pub const LINE_BYTES_MAX: u64 = 64 << 20;

/// How every zstd frame begins.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The input, unpacked if it is compressed with zstd.
///
/// # Errors
/// When its first bytes cannot be read.
pub fn plain(mut input: impl BufRead + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    // A first read shorter than the magic is the end of a file that is no zstd frame, or a pipe nobody compresses into.
    if input.fill_buf()?.starts_with(&ZSTD_MAGIC) {
        return Ok(Box::new(BufReader::new(zstd::Decoder::with_buffer(input)?)));
    }
    Ok(Box::new(input))
}

/// The lines of one input.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    /// The lines of a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Open { path: path.display().to_string(), source })?;
        Self::read(file)
    }

    /// The lines of any input.
    ///
    /// # Errors
    /// When its first bytes cannot be read.
    pub(super) fn read(input: impl Read + Send + 'static) -> Result<Self, Error> {
        let input = plain(BufReader::new(input)).map_err(|source| Error::Read { line: 1, source })?;
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
