//! Control data: what people say, not events. Every change is written with its entry in the audit log, in one transaction. What a
//! contract's body means is judged by the caller.

mod audit_log;
mod contracts;
mod entitlements;
mod exchange_rates;
mod keys;
mod record;
mod tenants;

pub use audit_log::{Author, Entry};
pub use contracts::Contract;
pub use entitlements::{Due, Entitlement};
pub use exchange_rates::ExchangeRate;
pub use keys::{KEY_RANDOM_BYTES, Key, NewKey, Scope};
pub use record::{Field, Record};
pub use tenants::Tenant;

/// Records that one call answers at most; people make them, so they are few.
pub const RECORDS_MAX: usize = 10_000;
