//! One JSON object being written, name by name. Knows none of them.

use aliquot_core::time::Micros;

use crate::blocks;

/// A JSON object being written.
#[derive(Debug)]
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    opener: u8,
}

impl<'o> Object<'o> {
    pub(super) fn open(out: &'o mut Vec<u8>) -> Self {
        Self { out, opener: b'{' }
    }

    /// Writes a name; the value is the caller's.
    pub(super) fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.out.push(self.opener);
        self.opener = b',';
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        serde_json::to_writer(self.name(name), text).expect("a string written to memory meets no error");
    }

    pub(super) fn optional_text(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    pub(super) fn number(&mut self, name: &'static str, number: u64) {
        serde_json::to_writer(self.name(name), &number).expect("a number written to memory meets no error");
    }

    pub(super) fn optional_number(&mut self, name: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    /// A length of time; what is below zero is written as none.
    pub(super) fn optional_micros(&mut self, name: &'static str, time: Option<Micros>) {
        self.optional_number(name, time.map(|time| u64::try_from(time.0).unwrap_or_default()));
    }

    pub(super) fn flag(&mut self, name: &'static str, flag: bool) {
        self.name(name).extend_from_slice(if flag { b"true" } else { b"false" });
    }

    pub(super) fn flag_if_set(&mut self, name: &'static str, flag: bool) {
        if flag {
            self.flag(name, flag);
        }
    }

    pub(super) fn blocks(&mut self, name: &'static str, blocks: &[u64]) {
        let out = self.name(name);
        out.push(b'"');
        blocks.iter().for_each(|block| blocks::write(*block, out));
        out.push(b'"');
    }

    /// A CloudEvents integer: a string where 32 signed bits do not hold it.
    pub(super) fn extension(&mut self, name: &'static str, number: u64) {
        match i32::try_from(number) {
            Ok(_) => self.number(name, number),
            Err(_) => self.text(name, &number.to_string()),
        }
    }

    pub(super) fn close(self) {
        if self.opener == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }
}
