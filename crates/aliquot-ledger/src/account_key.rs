//! Column `account_key`: an account as bytes that are the same exactly when the accounts are, and sort by hour, tenant (unknown
//! first), provider, model, book. Never read back: the columns beside it say the same.

use aliquot_core::prices::BookId;
use aliquot_core::time::EventTime;
use aliquot_core::totals::Account;

/// The account's bytes. They are stored: another encoding would be another table.
pub(crate) fn encode(account: &Account<'_>) -> Vec<u8> {
    let Account { hour: start, tenant, provider, model, book: BookId(book) } = account;
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.extend(hour(*start));
    match tenant {
        None => bytes.push(0),
        Some(tenant) => {
            bytes.push(1);
            push_text(&mut bytes, tenant);
        }
    }
    push_text(&mut bytes, provider);
    push_text(&mut bytes, model);
    bytes.extend(book.to_be_bytes());
    bytes
}

/// Room for most of them.
const BYTES: usize = 128;

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
