//! Column `account_key`: an account as bytes that are the same exactly when the accounts are, and sort by hour, tenant (unknown
//! first), provider, model, book. Never read back: the columns beside it say the same.

use aliquot_core::prices::BookId;
use aliquot_core::totals::Account;

use crate::key::{hour, push_optional, push_text};

/// The account's bytes. They are stored: another encoding would be another table.
pub(crate) fn encode(account: &Account<'_>) -> Vec<u8> {
    let Account { hour: start, tenant, provider, model, book: BookId(book) } = account;
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.extend(hour(*start));
    push_optional(&mut bytes, *tenant);
    push_text(&mut bytes, provider);
    push_text(&mut bytes, model);
    bytes.extend(book.to_be_bytes());
    bytes
}

/// Room for most of them.
const BYTES: usize = 128;
