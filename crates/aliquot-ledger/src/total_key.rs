//! Column `total_key`: a total's key as bytes that are the same exactly when the keys are, and sort by hour, tenant (unknown
//! first), provider, model, class by name, price (unknown first), book. Never read back: the columns beside it say the same.

use aliquot_core::time::EventTime;
use aliquot_core::totals::TotalKey;

/// The key's bytes. They are stored: another encoding would be another table.
pub(crate) fn encode(key: &TotalKey) -> Vec<u8> {
    let mut bytes = hour(key.hour).to_vec();
    match &key.tenant {
        None => bytes.push(0),
        Some(tenant) => {
            bytes.push(1);
            push_text(&mut bytes, tenant);
        }
    }
    push_text(&mut bytes, &key.provider);
    push_text(&mut bytes, &key.model);
    push_text(&mut bytes, key.class.name());
    match key.rate {
        None => bytes.push(0),
        Some(rate) => {
            bytes.push(1);
            bytes.extend(rate.pico().to_be_bytes());
        }
    }
    bytes.extend(key.book.0.to_be_bytes());
    bytes
}

/// What the keys of an hour begin with; less than all of them, and more than all of the hours before.
pub(crate) fn hour(EventTime(hour): EventTime) -> [u8; 8] {
    // With the sign turned over, times before 1970 sort before the others.
    (hour ^ i64::MIN).to_be_bytes()
}

/// More than every key: the hour that follows the last one would need a ninth byte.
pub(crate) const END: [u8; 9] = [0xff; 9];

/// The text, then two zeros. A zero byte inside is followed by 255, so that it is no end, and a text sorts before every longer
/// one that begins with it.
fn push_text(bytes: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        bytes.push(byte);
        if byte == 0 {
            bytes.push(0xff);
        }
    }
    bytes.extend([0, 0]);
}
