//! Numbers and texts into bytes and back, little-endian. Every read is checked against what is left; knows no meaning.

#[derive(Debug, Default)]
pub(super) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    pub(super) fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    pub(super) fn u128(&mut self, number: u128) {
        self.bytes(&number.to_le_bytes());
    }

    pub(super) fn i64(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    pub(super) fn length(&mut self, length: usize) {
        self.u64(u64::try_from(length).expect("a length in memory fits 64 bits"));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }
}

/// Every answer is `None` where the bytes end too early.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn length(&mut self) -> Option<usize> {
        self.u64().and_then(|length| usize::try_from(length).ok())
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        self.bytes(length).and_then(|bytes| str::from_utf8(bytes).ok())
    }
}
