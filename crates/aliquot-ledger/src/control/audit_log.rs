//! Table `audit_log`: who changed what. Only ever appended to.

use aliquot_core::time::EventTime;

use super::record::{Field, Record, to_json};
use crate::columns::limit;
use crate::database::{FromRow, Row, Session, Statement};
use crate::error::Error;
use crate::ledger::Ledger;

/// Who makes a change, and when.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// A key's id and name, or a user at a command line.
    pub who: &'a str,
    /// Now.
    pub at: EventTime,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 1, without gaps.
    pub entry: i64,
    /// When.
    pub at: EventTime,
    /// Who.
    pub actor: String,
    /// `add`, `change`, `end`, `revoke`.
    pub action: String,
    /// `tenant`, `contract`, `entitlement`, `key`, `exchange_rate`.
    pub kind: String,
    /// Which one.
    pub subject: String,
    /// What it was, JSON; times in microseconds.
    pub before: Option<String>,
    /// What it is.
    pub after: String,
}

impl Ledger {
    /// Up to `rows` entries before the entry `before`, or the newest ones; newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_log(&self, before: Option<i64>, rows: usize) -> Result<Vec<Entry>, Error> {
        let select = "SELECT entry, at_us, actor, action, kind, subject, before, after FROM audit_log \
                      WHERE entry < $1 ORDER BY entry DESC LIMIT $2";
        let select = Statement::new(self.dialect(), select).bind(before.unwrap_or(i64::MAX)).bind(limit(rows));
        select.all(&mut self.reader().await?).await.map_err(Error::sql("read the audit log of"))
    }
}

/// What happened, for the log.
pub(super) struct Change<'a> {
    pub(super) action: &'static str,
    pub(super) kind: &'static str,
    pub(super) subject: &'a str,
}

/// Appends an entry; part of the change's transaction, in which nobody else counts.
pub(super) async fn append<R: Record>(
    session: &mut Session,
    by: Author<'_>,
    change: Change<'_>,
    before: Option<&R>,
    after: &R,
) -> Result<(), Error> {
    let insert = "INSERT INTO audit_log (entry, at_us, actor, action, kind, subject, before, after) \
                  SELECT COALESCE(MAX(entry), 0) + 1, $1, $2, $3, $4, $5, $6, $7 FROM audit_log";
    let before = before.map(to_json);
    Statement::new(session.dialect(), insert)
        .bind(by.at.0)
        .bind(by.who)
        .bind(change.action)
        .bind(change.kind)
        .bind(change.subject)
        .bind(before.as_deref())
        .bind(to_json(after).as_str())
        .execute(session)
        .await
        .map_err(Error::sql("write the audit log of"))?;
    Ok(())
}

impl FromRow for Entry {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            entry: row.int("entry")?,
            at: EventTime(row.int("at_us")?),
            actor: row.text("actor")?,
            action: row.text("action")?,
            kind: row.text("kind")?,
            subject: row.text("subject")?,
            before: row.optional_text("before")?,
            after: row.text("after")?,
        })
    }
}

impl Record for Entry {
    fn fields(&self) -> Vec<(&'static str, Field)> {
        vec![
            ("entry", Field::Count(self.entry)),
            ("at", Field::Time(self.at)),
            ("actor", Field::Text(self.actor.clone())),
            ("action", Field::Text(self.action.clone())),
            ("kind", Field::Text(self.kind.clone())),
            ("subject", Field::Text(self.subject.clone())),
            ("before", self.before.clone().map_or(Field::Nothing, Field::Json)),
            ("after", Field::Json(self.after.clone())),
        ]
    }
}
