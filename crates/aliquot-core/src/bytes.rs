//! Numbers and texts into bytes and back, little-endian: how states are kept. Every read is checked against what is left; knows
//! no meaning.

use alloc::vec::Vec;

/// Bytes in the making.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// The bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// One byte.
    pub fn u8(&mut self, number: u8) {
        self.out.push(number);
    }

    /// Two bytes.
    pub fn u16(&mut self, number: u16) {
        self.bytes(&number.to_le_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// Sixteen bytes.
    pub fn u128(&mut self, number: u128) {
        self.bytes(&number.to_le_bytes());
    }

    /// Eight bytes, two's complement.
    pub fn i64(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    /// A length, as eight bytes.
    ///
    /// # Panics
    /// Never: what has a length is in memory.
    pub fn length(&mut self, length: usize) {
        self.u64(u64::try_from(length).expect("a length in memory fits 64 bits"));
    }

    /// The length and the bytes of a text.
    pub fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }
}

/// Bytes being read. Every answer is `None` where they end too early.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// From the beginning of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all is read.
    pub const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is not read yet, in bytes: no list can have more elements.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    /// See [`Writer::u8`].
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    /// See [`Writer::u16`].
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// See [`Writer::u32`].
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// See [`Writer::u64`].
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// See [`Writer::u128`].
    pub fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    /// See [`Writer::i64`].
    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// See [`Writer::length`].
    pub fn length(&mut self) -> Option<usize> {
        self.u64().and_then(|length| usize::try_from(length).ok())
    }

    /// See [`Writer::text`]; `None` also if it is not UTF-8.
    pub fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        self.bytes(length).and_then(|bytes| str::from_utf8(bytes).ok())
    }
}
