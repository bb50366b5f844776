//! Keys as bytes that are the same exactly when the keys are, and sort as their parts do. Never read back: the columns beside a key
//! say the same. The bytes are stored: another encoding would be another table.

use aliquot_core::time::EventTime;

/// What the keys of an hour begin with; less than all of them, and more than all of the hours before.
pub(crate) fn hour(EventTime(hour): EventTime) -> [u8; 8] {
    // With the sign turned over, times before 1970 sort before the others.
    (hour ^ i64::MIN).to_be_bytes()
}

/// More than every key that begins with an hour: the hour that follows the last one would need a ninth byte.
pub(crate) const END: [u8; 9] = [0xff; 9];

/// The text, then two zeros. A zero byte inside is followed by 255, so that it is no end, and a text sorts before every longer
/// one that begins with it.
pub(crate) fn push_text(bytes: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        bytes.push(byte);
        if byte == 0 {
            bytes.push(0xff);
        }
    }
    bytes.extend([0, 0]);
}

/// Nothing sorts before every text.
pub(crate) fn push_optional(bytes: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => bytes.push(0),
        Some(text) => {
            bytes.push(1);
            push_text(bytes, text);
        }
    }
}
