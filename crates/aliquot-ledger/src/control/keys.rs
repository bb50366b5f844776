//! Table `api_keys`: who may ask for what. A key is text that is shown once; the table holds its SHA-256, which is enough for random
//! keys of 256 bits: there is nothing to guess that slower hashing would protect.

use std::fmt::{self, Write};

use aliquot_core::time::{EventTime, Micros};
use sha2::{Digest, Sha256};

use super::RECORDS_MAX;
use super::audit_log::{Author, Change, append};
use super::record::{Field, Record};
use crate::columns::limit;
use crate::database::{FromRow, Row, Session, Statement};
use crate::error::Error;
use crate::ledger::Ledger;

/// Random bytes that a new key is made of: 6 of the id by which it is found, 32 of the secret.
pub const KEY_RANDOM_BYTES: usize = 38;

/// What a key begins with, so that people and scanners recognise one.
const MARK: &str = "aliquot_";

/// Bytes of the id as text, after the mark.
const ID_DIGITS: usize = 12;

/// How old the time of last use may be: a write per request would cost more than the request.
const USE_AGE_MAX: Micros = Micros::HOUR;

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Bring events.
    Ingest,
    /// Ask about usage, cost and causes.
    Read,
    /// Ask for contracts, invoices and margins.
    Finance,
    /// Change control data.
    Admin,
}

/// A key as it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What the key begins with; no secret.
    pub id: String,
    /// Whose it is, for people.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// The only tenant it may see; `None` = every one.
    pub tenant: Option<String>,
    /// When it was made.
    pub created_at: EventTime,
    /// From when on it is refused.
    pub expires_at: Option<EventTime>,
    /// When it was revoked.
    pub revoked_at: Option<EventTime>,
    /// When it was used last, to about an hour.
    pub last_used_at: Option<EventTime>,
}

/// A key to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Whose it is, for people.
    pub name: String,
    /// What it is good for; at least one thing.
    pub scopes: Vec<Scope>,
    /// The only tenant it may see; `None` = every one.
    pub tenant: Option<String>,
    /// From when on it is refused.
    pub expires_at: Option<EventTime>,
}

/// A key's hash. Not shown.
struct Hash(Vec<u8>);

const COLUMNS: &str = "SELECT api_key, hash, name, scopes, tenant, created_at_us, expires_at_us, revoked_at_us, \
     last_used_at_us FROM api_keys";

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Read, Self::Finance, Self::Admin];

    /// The scope's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Finance => "finance",
            Self::Admin => "admin",
        }
    }

    /// The scope of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl Ledger {
    /// Makes a key of `random` bytes and answers it with its text, which is shown once and kept nowhere.
    ///
    /// # Errors
    /// [`Error::Refused`] without a scope, with an expiry that has passed, or with `admin` for a single tenant: an administrator changes
    /// what belongs to all. And what the database says.
    pub async fn create_key(
        &self,
        by: Author<'_>,
        new: NewKey,
        random: [u8; KEY_RANDOM_BYTES],
    ) -> Result<(String, Key), Error> {
        let NewKey { name, mut scopes, tenant, expires_at } = new;
        scopes.sort_unstable();
        scopes.dedup();
        let refused = |why: &str| Err(Error::Refused { why: why.to_owned() });
        if scopes.is_empty() {
            return refused("a key without a scope is good for nothing; give one of ingest, read, finance, admin");
        }
        if tenant.is_some() && scopes.contains(&Scope::Admin) {
            return refused("an admin key changes what belongs to all tenants; bind it to none, or leave out admin");
        }
        if expires_at.is_some_and(|at| at <= by.at) {
            return refused("the key would have expired already; give a later time");
        }
        let text = text_of(&random);
        let id = id_of(&text).unwrap_or_default().to_owned();
        let (created_at, revoked_at, last_used_at) = (by.at, None, None);
        let key = Key { id, name, scopes, tenant, created_at, expires_at, revoked_at, last_used_at };
        let mut transaction = self.begin().await?;
        insert(&mut transaction, &key, &Sha256::digest(text.as_bytes())).await?;
        append(&mut transaction, by, Change { action: "add", kind: "key", subject: &key.id }, None, &key).await?;
        transaction.commit().await.map_err(Error::sql("write a key to"))?;
        Ok((text, key))
    }

    /// Revokes the key. Of one that is revoked already the time stays.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and what the database says.
    pub async fn revoke_key(&self, by: Author<'_>, id: &str) -> Result<Key, Error> {
        let mut transaction = self.begin().await?;
        let no_such = || Error::NoSuch { kind: "key", id: id.to_owned() };
        let (before, _) = find(&mut transaction, id).await?.ok_or_else(no_such)?;
        if before.revoked_at.is_some() {
            return Ok(before);
        }
        let after = Key { revoked_at: Some(by.at), ..before.clone() };
        Statement::new(self.dialect(), "UPDATE api_keys SET revoked_at_us = $1 WHERE api_key = $2")
            .bind(by.at.0)
            .bind(id)
            .execute(&mut transaction)
            .await
            .map_err(Error::sql("write a key to"))?;
        append(&mut transaction, by, Change { action: "revoke", kind: "key", subject: id }, Some(&before), &after)
            .await?;
        transaction.commit().await.map_err(Error::sql("write a key to"))?;
        Ok(after)
    }

    /// Up to `rows` keys whose id comes after `after`, by id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn keys(&self, after: Option<&str>, rows: usize) -> Result<Vec<Key>, Error> {
        let mut select = Statement::composed(self.dialect(), COLUMNS);
        if let Some(after) = after {
            select.push(" WHERE api_key > ").push_bind(after);
        }
        select.push(" ORDER BY api_key LIMIT ").push_bind(limit(rows.min(RECORDS_MAX)));
        let found: Vec<(Key, Hash)> =
            select.all(&mut self.reader().await?).await.map_err(Error::sql("read the keys of"))?;
        Ok(found.into_iter().map(|(key, _)| key).collect())
    }

    /// The key of that text, if it is one that holds at `now`: not an unknown, expired or revoked one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn authenticate(&self, text: &str, now: EventTime) -> Result<Option<Key>, Error> {
        let Some(id) = id_of(text) else { return Ok(None) };
        let Some((key, Hash(hash))) = find(&mut self.reader().await?, id).await? else { return Ok(None) };
        let presented = Sha256::digest(text.as_bytes());
        let holds = key.revoked_at.is_none() && key.expires_at.is_none_or(|at| now < at);
        Ok(Some(key).filter(|_| holds && presented[..] == hash[..]))
    }

    /// Notes that the key was used, unless that was noted within the hour.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_use(&self, key: &Key, now: EventTime) -> Result<(), Error> {
        if key.last_used_at.is_some_and(|last| now.0 < last.0.saturating_add(USE_AGE_MAX.0)) {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        Statement::new(self.dialect(), "UPDATE api_keys SET last_used_at_us = $1 WHERE api_key = $2")
            .bind(now.0)
            .bind(key.id.as_str())
            .execute(&mut transaction)
            .await
            .map_err(Error::sql("write a key to"))?;
        transaction.commit().await.map_err(Error::sql("write a key to"))
    }

    /// Whether there was ever a key: from then on nobody comes in without one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn has_keys(&self) -> Result<bool, Error> {
        Ok(!self.keys(None, 1).await?.is_empty())
    }
}

fn text_of(random: &[u8; KEY_RANDOM_BYTES]) -> String {
    let mut text = MARK.to_owned();
    for (place, byte) in random.iter().enumerate() {
        if place.saturating_mul(2) == ID_DIGITS {
            text.push('_');
        }
        write!(text, "{byte:02x}").expect("a string takes whatever is written to it");
    }
    text
}

/// The beginning of a key's text, by which it is found.
fn id_of(text: &str) -> Option<&str> {
    let end = MARK.len().saturating_add(ID_DIGITS);
    let (id, secret) = text.split_at_checked(end)?;
    let digits = secret.strip_prefix('_')?;
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(id)
        .filter(|id| id.strip_prefix(MARK).is_some_and(is_hexadecimal) && digits.len() == 64 && is_hexadecimal(digits))
}

async fn find(session: &mut Session, id: &str) -> Result<Option<(Key, Hash)>, Error> {
    let select = "SELECT api_key, hash, name, scopes, tenant, created_at_us, expires_at_us, revoked_at_us, \
                  last_used_at_us FROM api_keys WHERE api_key = $1";
    let select = Statement::new(session.dialect(), select).bind(id);
    select.optional(session).await.map_err(Error::sql("read the keys of"))
}

async fn insert(session: &mut Session, key: &Key, hash: &[u8]) -> Result<(), Error> {
    let insert = "INSERT INTO api_keys (api_key, hash, name, scopes, tenant, created_at_us, expires_at_us) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
    Statement::new(session.dialect(), insert)
        .bind(key.id.as_str())
        .bind(hash)
        .bind(key.name.as_str())
        .bind(scopes.join(" ").as_str())
        .bind(key.tenant.as_deref())
        .bind(key.created_at.0)
        .bind(key.expires_at.map(|at| at.0))
        .execute(session)
        .await
        .map_err(Error::sql("write a key to"))?;
    Ok(())
}

impl FromRow for (Key, Hash) {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let scopes = row.text("scopes")?;
        let time = |column| Ok::<_, sqlx::Error>(row.optional_int(column)?.map(EventTime));
        let key = Key {
            id: row.text("api_key")?,
            name: row.text("name")?,
            // A word of a later version grants nothing here.
            scopes: scopes.split(' ').filter_map(Scope::from_name).collect(),
            tenant: row.optional_text("tenant")?,
            created_at: EventTime(row.int("created_at_us")?),
            expires_at: time("expires_at_us")?,
            revoked_at: time("revoked_at_us")?,
            last_used_at: time("last_used_at_us")?,
        };
        Ok((key, Hash(row.bytes("hash")?)))
    }
}

impl Record for Key {
    fn fields(&self) -> Vec<(&'static str, Field)> {
        vec![
            ("id", Field::Text(self.id.clone())),
            ("name", Field::Text(self.name.clone())),
            ("scopes", Field::Words(self.scopes.iter().map(|scope| scope.name()).collect())),
            ("tenant", Field::text(self.tenant.as_ref())),
            ("created_at", Field::Time(self.created_at)),
            ("expires_at", Field::time(self.expires_at)),
            ("revoked_at", Field::time(self.revoked_at)),
            ("last_used_at", Field::time(self.last_used_at)),
        ]
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Hash")
    }
}
