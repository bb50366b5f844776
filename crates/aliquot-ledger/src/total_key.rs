//! Column `total_key`: a total's key as bytes that are the same exactly when the keys are, and sort by hour, tenant (unknown
//! first), provider, model, class by name, price (unknown first), book. Never read back: the columns beside it say the same.

use aliquot_core::totals::TotalKey;

use crate::key::{hour, push_optional, push_text};

/// The key's bytes. They are stored: another encoding would be another table.
pub(crate) fn encode(key: &TotalKey) -> Vec<u8> {
    let mut bytes = hour(key.hour).to_vec();
    push_optional(&mut bytes, key.tenant.as_deref());
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
