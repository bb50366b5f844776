//! Table `entitlements`: what is a tenant's due in a cache.

use aliquot_core::time::EventTime;

use super::audit_log::{Author, Change, append};
use super::record::{Field, Record};
use super::{RECORDS_MAX, tenants};
use crate::columns::limit;
use crate::database::{FromRow, Row, Session, Statement};
use crate::error::Error;
use crate::ledger::Ledger;

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// So many blocks.
    Blocks(u32),
    /// Millionths of the capacity.
    SharePpm(u32),
}

/// What is a tenant's due in a cache for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Whose.
    pub tenant: String,
    /// The cache domain.
    pub domain: String,
    /// From when on it holds.
    pub from: EventTime,
    /// Until when, not included; `None` = goes on.
    pub to: Option<EventTime>,
    /// How much.
    pub due: Due,
}

const COLUMNS: &str = "SELECT tenant, domain, from_us, to_us, blocks, share_ppm FROM entitlements";

impl Ledger {
    /// Puts an entitlement, in the place of one of the same tenant and domain that begins at the same time.
    ///
    /// # Errors
    /// [`Error::NoSuch`] for the tenant, [`Error::Refused`] when its time is empty or overlaps another's, or the share is more than the
    /// whole, and what the database says.
    pub async fn put_entitlement(&self, by: Author<'_>, put: &Entitlement) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        tenants::living(&mut transaction, &put.tenant).await?;
        let before = check(&mut transaction, put).await?;
        write(&mut transaction, put).await?;
        let action = if before.is_some() { "change" } else { "add" };
        let subject = format!("{} in {}", put.tenant, put.domain);
        let change = Change { action, kind: "entitlement", subject: &subject };
        append(&mut transaction, by, change, before.as_ref(), put).await?;
        transaction.commit().await.map_err(Error::sql("write an entitlement to"))
    }

    /// The entitlements in the domain, or in all, by domain, tenant and time.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond [`RECORDS_MAX`], and what the database says.
    pub async fn entitlements(&self, domain: Option<&str>) -> Result<Vec<Entitlement>, Error> {
        let mut select = Statement::composed(self.dialect(), COLUMNS);
        if let Some(domain) = domain {
            select.push(" WHERE domain = ").push_bind(domain);
        }
        select.push(" ORDER BY domain, tenant, from_us LIMIT ").push_bind(limit(RECORDS_MAX.saturating_add(1)));
        let found: Vec<Entitlement> =
            select.all(&mut self.reader().await?).await.map_err(Error::sql("read the entitlements of"))?;
        if found.len() > RECORDS_MAX {
            return Err(Error::TooMany { what: "entitlements", limit: RECORDS_MAX });
        }
        Ok(found)
    }
}

/// The one whose place it takes; refuses a time that is empty or another's.
async fn check(session: &mut Session, put: &Entitlement) -> Result<Option<Entitlement>, Error> {
    if put.to.is_some_and(|to| to <= put.from) {
        return Err(Error::Refused { why: format!("the entitlement of {} would end before it begins", put.tenant) });
    }
    if matches!(put.due, Due::SharePpm(share) if share > 1_000_000) {
        return Err(Error::Refused { why: "a share is at most 1,000,000 millionths".to_owned() });
    }
    let mut select = Statement::composed(session.dialect(), COLUMNS);
    select.push(" WHERE tenant = ").push_bind(put.tenant.as_str());
    select.push(" AND domain = ").push_bind(put.domain.as_str());
    let held: Vec<Entitlement> = select.all(session).await.map_err(Error::sql("read the entitlements of"))?;
    let (mut same, others): (Vec<_>, Vec<_>) = held.into_iter().partition(|held| held.from == put.from);
    let overlaps =
        |other: &&Entitlement| other.to.is_none_or(|to| to > put.from) && put.to.is_none_or(|to| other.from < to);
    match others.iter().find(overlaps) {
        None => Ok(same.pop()),
        Some(other) => {
            let (Entitlement { tenant, domain, .. }, from) = (put, other.from.0);
            let why =
                format!("the entitlement of {tenant} in {domain} would overlap the one from {from} µs; end that first");
            Err(Error::Refused { why })
        }
    }
}

async fn write(session: &mut Session, put: &Entitlement) -> Result<(), Error> {
    let (blocks, share) = match put.due {
        Due::Blocks(blocks) => (Some(i64::from(blocks)), None),
        Due::SharePpm(share) => (None, Some(i64::from(share))),
    };
    let insert = "INSERT INTO entitlements (tenant, domain, from_us, to_us, blocks, share_ppm) \
                  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, domain, from_us) \
                  DO UPDATE SET to_us = excluded.to_us, blocks = excluded.blocks, share_ppm = excluded.share_ppm";
    Statement::new(session.dialect(), insert)
        .bind(put.tenant.as_str())
        .bind(put.domain.as_str())
        .bind(put.from.0)
        .bind(put.to.map(|to| to.0))
        .bind(blocks)
        .bind(share)
        .execute(session)
        .await
        .map_err(Error::sql("write an entitlement to"))?;
    Ok(())
}

impl FromRow for Entitlement {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let amount = |column| Ok::<_, sqlx::Error>(row.optional_int(column)?.and_then(|held| u32::try_from(held).ok()));
        let due = match (amount("blocks")?, amount("share_ppm")?) {
            (Some(blocks), _) => Due::Blocks(blocks),
            (None, share) => Due::SharePpm(share.unwrap_or_default()),
        };
        Ok(Self {
            tenant: row.text("tenant")?,
            domain: row.text("domain")?,
            from: EventTime(row.int("from_us")?),
            to: row.optional_int("to_us")?.map(EventTime),
            due,
        })
    }
}

impl Record for Entitlement {
    fn fields(&self) -> Vec<(&'static str, Field)> {
        let due = match self.due {
            Due::Blocks(blocks) => ("blocks", Field::Count(blocks.into())),
            Due::SharePpm(share) => ("share_ppm", Field::Count(share.into())),
        };
        vec![
            ("tenant", Field::Text(self.tenant.clone())),
            ("domain", Field::Text(self.domain.clone())),
            ("from", Field::Time(self.from)),
            ("to", Field::time(self.to)),
            due,
        ]
    }
}
