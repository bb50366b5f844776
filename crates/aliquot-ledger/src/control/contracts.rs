//! Table `contracts`: by what a tenant pays, in versions. What a body says is judged by the caller.

use aliquot_core::time::EventTime;

use super::audit_log::{Author, Change, append};
use super::record::{Field, Record};
use super::{RECORDS_MAX, tenants};
use crate::columns::limit;
use crate::database::{FromRow, Row, Session, Statement};
use crate::error::Error;
use crate::ledger::Ledger;

/// By what a tenant pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Its id.
    pub id: String,
    /// Counts its changes, from 1.
    pub version: i64,
    /// Who pays by it.
    pub tenant: String,
    /// From when on it holds.
    pub from: EventTime,
    /// Until when, not included; `None` = goes on.
    pub to: Option<EventTime>,
    /// Its terms, JSON.
    pub body: String,
    /// When this version was made.
    pub changed_at: EventTime,
}

/// The newest version of each contract.
const NEWEST: &str = "SELECT contract, version, tenant, from_us, to_us, body, changed_at_us FROM contracts AS held \
     WHERE version = (SELECT MAX(version) FROM contracts AS other WHERE other.contract = held.contract)";

impl Ledger {
    /// Adds a contract; its version becomes 1.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::NoSuch`] for the tenant, [`Error::Refused`] when its time is empty or overlaps that of another
    /// contract of the tenant, or the tenant has ended, and what the database says.
    pub async fn add_contract(&self, by: Author<'_>, contract: &Contract) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        if newest(&mut transaction, &contract.id).await?.is_some() {
            return Err(Error::Exists { kind: "contract", id: contract.id.clone() });
        }
        let contract = Contract { version: 1, changed_at: by.at, ..contract.clone() };
        write(&mut transaction, by, "add", None, &contract).await?;
        transaction.commit().await.map_err(Error::sql("write a contract to"))
    }

    /// Makes a new version of the contract `id`: what `change` makes of the newest one. Id, tenant and version are not its to change.
    ///
    /// # Errors
    /// As of [`Ledger::add_contract`], and [`Error::NoSuch`].
    pub async fn change_contract(
        &self,
        by: Author<'_>,
        id: &str,
        action: &'static str,
        change: impl FnOnce(&mut Contract) + Send,
    ) -> Result<Contract, Error> {
        let mut transaction = self.begin().await?;
        let no_such = || Error::NoSuch { kind: "contract", id: id.to_owned() };
        let before = newest(&mut transaction, id).await?.ok_or_else(no_such)?;
        let mut after = before.clone();
        change(&mut after);
        let version = before.version.saturating_add(1);
        let after =
            Contract { id: before.id.clone(), tenant: before.tenant.clone(), version, changed_at: by.at, ..after };
        write(&mut transaction, by, action, Some(&before), &after).await?;
        transaction.commit().await.map_err(Error::sql("write a contract to"))?;
        Ok(after)
    }

    /// Ends the contract at `at`; nothing of it holds from then on.
    ///
    /// # Errors
    /// As of [`Ledger::change_contract`], and [`Error::Refused`] when it ends before that already.
    pub async fn end_contract(&self, by: Author<'_>, id: &str, at: EventTime) -> Result<Contract, Error> {
        let held = self.contract(id).await?.ok_or_else(|| Error::NoSuch { kind: "contract", id: id.to_owned() })?;
        if held.to.is_some_and(|to| to <= at) {
            return Err(Error::Refused { why: format!("contract {id} ends at or before that time already") });
        }
        self.change_contract(by, id, "end", |contract| contract.to = Some(at)).await
    }

    /// The newest version of the contract.
    ///
    /// # Errors
    /// What the database says.
    pub async fn contract(&self, id: &str) -> Result<Option<Contract>, Error> {
        newest(&mut self.reader().await?, id).await
    }

    /// The newest versions of up to `rows` contracts, of the tenant or of all, whose id comes after `after`, by id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn contracts(
        &self,
        tenant: Option<&str>,
        after: Option<&str>,
        rows: usize,
    ) -> Result<Vec<Contract>, Error> {
        let mut select = Statement::composed(self.dialect(), NEWEST);
        if let Some(tenant) = tenant {
            select.push(" AND tenant = ").push_bind(tenant);
        }
        if let Some(after) = after {
            select.push(" AND contract > ").push_bind(after);
        }
        select.push(" ORDER BY contract LIMIT ").push_bind(limit(rows.min(RECORDS_MAX)));
        select.all(&mut self.reader().await?).await.map_err(Error::sql("read the contracts of"))
    }
}

async fn newest(session: &mut Session, id: &str) -> Result<Option<Contract>, Error> {
    let mut select = Statement::composed(session.dialect(), NEWEST);
    select.push(" AND contract = ").push_bind(id);
    select.optional(session).await.map_err(Error::sql("read the contracts of"))
}

/// Refuses a time that is empty or that another contract of the tenant has.
async fn check(session: &mut Session, contract: &Contract) -> Result<(), Error> {
    let Contract { id, tenant, from, to, .. } = contract;
    tenants::living(session, tenant).await?;
    if to.is_some_and(|to| to < *from) {
        return Err(Error::Refused { why: format!("contract {id} would end before it begins") });
    }
    let mut select = Statement::composed(session.dialect(), NEWEST);
    select.push(" AND tenant = ").push_bind(tenant.as_str());
    select.push(" AND contract <> ").push_bind(id.as_str());
    select.push(" AND (to_us IS NULL OR to_us > ").push_bind(from.0);
    select.push(") AND from_us < ").push_bind(to.map_or(i64::MAX, |to| to.0)).push(" ORDER BY contract");
    let others: Vec<Contract> = select.all(session).await.map_err(Error::sql("read the contracts of"))?;
    // One that ends where it begins holds at no time.
    let others: Vec<String> =
        others.into_iter().filter(|other| other.to != Some(other.from)).map(|other| other.id).collect();
    if others.is_empty() || *to == Some(*from) {
        return Ok(());
    }
    let why = format!("contract {id} would overlap {} of tenant {tenant}; end them first", others.join(", "));
    Err(Error::Refused { why })
}

async fn write(
    session: &mut Session,
    by: Author<'_>,
    action: &'static str,
    before: Option<&Contract>,
    contract: &Contract,
) -> Result<(), Error> {
    check(session, contract).await?;
    let insert = "INSERT INTO contracts (contract, version, tenant, from_us, to_us, body, changed_at_us) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7)";
    Statement::new(session.dialect(), insert)
        .bind(contract.id.as_str())
        .bind(contract.version)
        .bind(contract.tenant.as_str())
        .bind(contract.from.0)
        .bind(contract.to.map(|to| to.0))
        .bind(contract.body.as_str())
        .bind(contract.changed_at.0)
        .execute(session)
        .await
        .map_err(Error::sql("write a contract to"))?;
    append(session, by, Change { action, kind: "contract", subject: &contract.id }, before, contract).await
}

impl FromRow for Contract {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.text("contract")?,
            version: row.int("version")?,
            tenant: row.text("tenant")?,
            from: EventTime(row.int("from_us")?),
            to: row.optional_int("to_us")?.map(EventTime),
            body: row.text("body")?,
            changed_at: EventTime(row.int("changed_at_us")?),
        })
    }
}

impl Record for Contract {
    fn fields(&self) -> Vec<(&'static str, Field)> {
        vec![
            ("id", Field::Text(self.id.clone())),
            ("version", Field::Count(self.version)),
            ("tenant", Field::Text(self.tenant.clone())),
            ("from", Field::Time(self.from)),
            ("to", Field::time(self.to)),
            ("changed_at", Field::Time(self.changed_at)),
            ("body", Field::Json(self.body.clone())),
        ]
    }
}
