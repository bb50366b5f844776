//! A ledger of the schema before accounts, which had a row per class and price, is brought over whole.

use std::borrow::Cow;

use aliquot_core::money::Rate;
use aliquot_core::ports::Sink;
use aliquot_core::totals::{TotalKey, Totals, totals};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::{Store, commit};
use crate::schema::SQLITE;

/// The key of a total as it was: the columns after it as bytes that sort as they do.
fn old_key(key: &TotalKey) -> Vec<u8> {
    let text = |bytes: &mut Vec<u8>, text: &str| {
        for byte in text.bytes() {
            bytes.extend([byte].into_iter().chain((byte == 0).then_some(0xff)));
        }
        bytes.extend([0, 0]);
    };
    let mut bytes = (key.hour.0 ^ i64::MIN).to_be_bytes().to_vec();
    bytes.push(u8::from(key.tenant.is_some()));
    if let Some(tenant) = &key.tenant {
        text(&mut bytes, tenant);
    }
    for part in [key.provider.as_str(), key.model.as_str(), key.class.name()] {
        text(&mut bytes, part);
    }
    bytes.push(u8::from(key.rate.is_some()));
    bytes.extend(key.rate.iter().flat_map(|rate| rate.pico().to_be_bytes()));
    bytes.extend(key.book.0.to_be_bytes());
    bytes
}

async fn insert(connection: &mut SqliteConnection, totals: &Totals) {
    for (key, total) in totals {
        sqlx::query("INSERT INTO totals VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(old_key(key))
            .bind(key.hour.0)
            .bind(key.tenant.as_deref())
            .bind(key.provider.as_str())
            .bind(key.model.as_str())
            .bind(key.class.name())
            .bind(key.rate.map(|rate| rate.pico().to_string()))
            .bind(format!("{:016x}", key.book.0))
            .bind(total.quantity.to_string())
            .bind(total.cost.pico().to_string())
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn totals_of_the_schema_before_accounts_are_kept() {
    let store = Store::new();
    std::fs::create_dir_all(store.path().parent().unwrap()).unwrap();
    let options = SqliteConnectOptions::new().filename(store.path()).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let before = SQLITE.iter().filter(|migration| migration.version < 3).cloned().collect();
    Migrator { migrations: Cow::Owned(before), ..Migrator::DEFAULT }.run(&mut connection).await.unwrap();
    let whole = commit(0, 0, 60);
    let mut held = totals(&whole.charges, whole.charges.rows());
    // Names and numbers that a key must not confuse: zero bytes, a book and a price that look like ends and flags.
    for (key, total) in held.clone() {
        let strange = TotalKey {
            tenant: key.tenant.map(|tenant| format!("\0{tenant}\0")),
            model: format!("{}\0\u{1}", key.model),
            rate: key.rate.map(|rate| Rate::from_pico(rate.pico() << 40)),
            book: aliquot_core::prices::BookId(0x0001_0000_0000_0101),
            ..key
        };
        held.insert(strange, total);
    }
    insert(&mut connection, &held).await;
    connection.close().await.unwrap();

    let mut ledger = store.open().await;
    assert_eq!(ledger.totals(None, None).await.unwrap(), held);
    let unpriced = held.iter().filter(|(key, _)| key.rate.is_none()).count();
    assert_eq!(ledger.unpriced(1_000).await.unwrap().len(), unpriced);
    // What is added finds the accounts that were there.
    ledger.commit(&whole).await.unwrap();
    for (key, total) in totals(&whole.charges, whole.charges.rows()) {
        let sum = held.get_mut(&key).unwrap();
        sum.quantity += total.quantity;
        sum.cost = sum.cost.checked_add(total.cost).unwrap();
    }
    assert_eq!(ledger.totals(None, None).await.unwrap(), held);
}
