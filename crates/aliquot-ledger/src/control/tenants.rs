//! Table `tenants`: who is billed. Whether currencies and time zones exist is judged by the caller.

use aliquot_core::time::EventTime;

use super::RECORDS_MAX;
use super::audit_log::{Author, Change, append};
use super::record::{Field, Record};
use crate::columns::limit;
use crate::database::{FromRow, Row, Session, Statement};
use crate::error::Error;
use crate::ledger::Ledger;

/// Who is billed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id, as events spell it.
    pub id: String,
    /// Its name, for invoices.
    pub name: String,
    /// ISO 4217.
    pub currency: String,
    /// IANA name.
    pub time_zone: String,
    /// As invoices show it.
    pub tax_id: Option<String>,
    /// The tenant that gets the invoice; `None` = itself.
    pub parent: Option<String>,
    /// When it was added.
    pub created_at: EventTime,
    /// When it was changed last.
    pub changed_at: EventTime,
    /// When it ended.
    pub ended_at: Option<EventTime>,
}

const COLUMNS: &str =
    "SELECT tenant, name, currency, time_zone, tax_id, parent, created_at_us, changed_at_us, ended_at_us FROM tenants";

impl Ledger {
    /// Adds a tenant.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::NoSuch`] for the parent, [`Error::Refused`] when it is its own ancestor, and what the database says.
    pub async fn add_tenant(&self, by: Author<'_>, tenant: &Tenant) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        if read(&mut transaction, &tenant.id).await?.is_some() {
            return Err(Error::Exists { kind: "tenant", id: tenant.id.clone() });
        }
        check_parents(&mut transaction, tenant).await?;
        write(&mut transaction, tenant).await?;
        let change = Change { action: "add", kind: "tenant", subject: &tenant.id };
        append(&mut transaction, by, change, None, tenant).await?;
        transaction.commit().await.map_err(Error::sql("write a tenant to"))
    }

    /// Replaces what is said of the tenant `id` by what `change` makes of it, and answers that.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Refused`] when it has ended, or is its own ancestor, and what the database says.
    pub async fn change_tenant(
        &self,
        by: Author<'_>,
        id: &str,
        change: impl FnOnce(&mut Tenant) + Send,
    ) -> Result<Tenant, Error> {
        let mut transaction = self.begin().await?;
        let before = living(&mut transaction, id).await?;
        let mut after = before.clone();
        change(&mut after);
        (after.id, after.created_at, after.changed_at) = (before.id.clone(), before.created_at, by.at);
        check_parents(&mut transaction, &after).await?;
        write(&mut transaction, &after).await?;
        let action = if after.ended_at.is_some() { "end" } else { "change" };
        append(&mut transaction, by, Change { action, kind: "tenant", subject: id }, Some(&before), &after).await?;
        transaction.commit().await.map_err(Error::sql("write a tenant to"))?;
        Ok(after)
    }

    /// The tenant of that id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tenant(&self, id: &str) -> Result<Option<Tenant>, Error> {
        read(&mut self.reader().await?, id).await
    }

    /// Up to `rows` tenants whose id comes after `after`, by id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tenants(&self, after: Option<&str>, rows: usize) -> Result<Vec<Tenant>, Error> {
        let mut select = Statement::composed(self.dialect(), COLUMNS);
        if let Some(after) = after {
            select.push(" WHERE tenant > ").push_bind(after);
        }
        select.push(" ORDER BY tenant LIMIT ").push_bind(limit(rows.min(RECORDS_MAX)));
        select.all(&mut self.reader().await?).await.map_err(Error::sql("read the tenants of"))
    }
}

async fn read(session: &mut Session, id: &str) -> Result<Option<Tenant>, Error> {
    let mut select = Statement::composed(session.dialect(), COLUMNS);
    select.push(" WHERE tenant = ").push_bind(id);
    select.optional(session).await.map_err(Error::sql("read the tenants of"))
}

/// The tenant, if it has not ended.
pub(super) async fn living(session: &mut Session, id: &str) -> Result<Tenant, Error> {
    let found = read(session, id).await?.ok_or_else(|| Error::NoSuch { kind: "tenant", id: id.to_owned() })?;
    match found.ended_at {
        None => Ok(found),
        Some(_) => Err(Error::Refused { why: format!("tenant {id} has ended; nothing of it changes any more") }),
    }
}

/// Refuses a parent that is not there, and a tenant among its own ancestors.
async fn check_parents(session: &mut Session, tenant: &Tenant) -> Result<(), Error> {
    let mut parent = tenant.parent.clone();
    while let Some(id) = parent {
        if id == tenant.id {
            let why = format!("tenant {id} would be its own parent account; name one that it is not the parent of");
            return Err(Error::Refused { why });
        }
        parent = living(session, &id).await?.parent;
    }
    Ok(())
}

async fn write(session: &mut Session, tenant: &Tenant) -> Result<(), Error> {
    let insert = "INSERT INTO tenants \
         (tenant, name, currency, time_zone, tax_id, parent, created_at_us, changed_at_us, ended_at_us) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant) DO UPDATE SET name = excluded.name, \
         currency = excluded.currency, time_zone = excluded.time_zone, tax_id = excluded.tax_id, parent = excluded.parent, \
         changed_at_us = excluded.changed_at_us, ended_at_us = excluded.ended_at_us";
    Statement::new(session.dialect(), insert)
        .bind(tenant.id.as_str())
        .bind(tenant.name.as_str())
        .bind(tenant.currency.as_str())
        .bind(tenant.time_zone.as_str())
        .bind(tenant.tax_id.as_deref())
        .bind(tenant.parent.as_deref())
        .bind(tenant.created_at.0)
        .bind(tenant.changed_at.0)
        .bind(tenant.ended_at.map(|at| at.0))
        .execute(session)
        .await
        .map_err(Error::sql("write a tenant to"))?;
    Ok(())
}

impl FromRow for Tenant {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.text("tenant")?,
            name: row.text("name")?,
            currency: row.text("currency")?,
            time_zone: row.text("time_zone")?,
            tax_id: row.optional_text("tax_id")?,
            parent: row.optional_text("parent")?,
            created_at: EventTime(row.int("created_at_us")?),
            changed_at: EventTime(row.int("changed_at_us")?),
            ended_at: row.optional_int("ended_at_us")?.map(EventTime),
        })
    }
}

impl Record for Tenant {
    fn fields(&self) -> Vec<(&'static str, Field)> {
        vec![
            ("id", Field::Text(self.id.clone())),
            ("name", Field::Text(self.name.clone())),
            ("currency", Field::Text(self.currency.clone())),
            ("time_zone", Field::Text(self.time_zone.clone())),
            ("tax_id", Field::text(self.tax_id.as_ref())),
            ("parent", Field::text(self.parent.as_ref())),
            ("created_at", Field::Time(self.created_at)),
            ("changed_at", Field::Time(self.changed_at)),
            ("ended_at", Field::time(self.ended_at)),
        ]
    }
}
