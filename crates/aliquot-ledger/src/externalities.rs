//! Table `externalities`: who did what to whom, by hour. What is summed is decided in `aliquot_core::externality`.

use std::collections::BTreeSet;

use aliquot_core::blame::Culprit;
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::externality::{Externalities, Externality, ExternalityKey};
use aliquot_core::money::Usd;
use aliquot_core::time::EventTime;

use crate::columns::{add_quantity, add_usd, number, word};
use crate::database::{Fields, Row, Statement};
use crate::error::Error;
use crate::key;
use crate::ledger::Ledger;
use crate::sums::{self, SumTable, Wanted};
use crate::totals::TOTALS_MAX;

/// Which sums are wanted: those for which everything that is said here holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalityFilter {
    /// Which question the shares answer.
    pub game: Option<Game>,
    /// What was done.
    pub harm: Option<Harm>,
    /// The cache domain.
    pub domain: Option<String>,
    /// Whose requests suffered.
    pub victim: Option<String>,
    /// The tenant who did it.
    pub culprit: Option<String>,
}

/// The table, for [`sums`].
pub(crate) struct ExternalityTable;

impl Ledger {
    /// Up to `rows` sums of the hours that begin in `from..to` (`None` = no bound) that pass the filter, after the key `after`, in
    /// the ledger's order: by hour, domain, game, harm, cause and evidence by name, victim (unknown first), kind of culprit, culprit.
    /// Fewer than `rows` = these are the last.
    ///
    /// # Errors
    /// What the database says.
    pub async fn externalities(
        &self,
        from: Option<EventTime>,
        to: Option<EventTime>,
        filter: &ExternalityFilter,
        after: Option<&ExternalityKey>,
        rows: usize,
    ) -> Result<Vec<(ExternalityKey, Externality)>, Error> {
        let equal = [
            ("game", filter.game.map(Game::name)),
            ("harm", filter.harm.map(Harm::name)),
            ("domain", filter.domain.as_deref()),
            ("victim", filter.victim.as_deref()),
            ("culprit", filter.culprit.as_deref()),
        ];
        let equal = equal.into_iter().filter_map(|(column, value)| Some((column, value?))).collect();
        let wanted = Wanted { from, to, equal, after: after.map(ExternalityTable::encode) };
        sums::page::<ExternalityTable>(self, wanted, rows).await
    }

    /// Every sum of the hours that begin in `from..to` (`None` = no bound): what an audit holds against another store's.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond [`TOTALS_MAX`], and what the database says.
    pub async fn all_externalities(
        &self,
        from: Option<EventTime>,
        to: Option<EventTime>,
    ) -> Result<Externalities, Error> {
        let wanted = Wanted { from, to, equal: Vec::new(), after: None };
        let sums = sums::page::<ExternalityTable>(self, wanted, TOTALS_MAX.saturating_add(1)).await?;
        if sums.len() > TOTALS_MAX {
            return Err(Error::TooMany { what: "externalities", limit: TOTALS_MAX });
        }
        Ok(sums.into_iter().collect())
    }
}

impl Ledger {
    /// The hours of which there is any sum of blame or causes.
    ///
    /// # Errors
    /// What the database says.
    pub async fn hours_attributed(&self) -> Result<BTreeSet<EventTime>, Error> {
        let hours =
            Statement::new(self.dialect(), "SELECT hour_us FROM externalities UNION SELECT hour_us FROM causes");
        let hours: Vec<i64> = hours.all(&mut self.reader().await?).await.map_err(Error::sql("read the hours of"))?;
        Ok(hours.into_iter().map(EventTime).collect())
    }
}

impl SumTable for ExternalityTable {
    type Key = ExternalityKey;
    type Sum = Externality;
    const NAME: &'static str = "externalities";
    const KEY: &'static str = "externality_key";
    const PARTS: &'static [&'static str] =
        &["hour_us", "domain", "game", "harm", "cause", "evidence", "victim", "culprit_kind", "culprit"];
    const AMOUNTS: &'static [&'static str] =
        &["quantity", "credit_quantity", "charges_pico", "credits_pico", "avoidable_pico"];
    const READING: &'static str = "read the externalities of";
    const WRITING: &'static str = "write the externalities of";

    fn encode(key: &ExternalityKey) -> Vec<u8> {
        let ExternalityKey { hour, domain, game, harm, cause, evidence, victim, culprit } = key;
        let mut bytes = key::hour(*hour).to_vec();
        for text in [domain.as_str(), game.name(), harm.name(), cause.name(), evidence.name()] {
            key::push_text(&mut bytes, text);
        }
        key::push_optional(&mut bytes, victim.as_deref());
        key::push_text(&mut bytes, culprit.kind());
        key::push_optional(&mut bytes, tenant_of(culprit));
        bytes
    }

    fn bind(key: &ExternalityKey, row: &mut Fields<'_>) {
        row.bind(key.hour.0)
            .bind(key.domain.as_str())
            .bind(key.game.name())
            .bind(key.harm.name())
            .bind(key.cause.name())
            .bind(key.evidence.name())
            .bind(key.victim.as_deref())
            .bind(key.culprit.kind())
            .bind(tenant_of(&key.culprit));
    }

    fn key_of(row: &Row) -> Result<ExternalityKey, Error> {
        let text = |column| row.text(column).map_err(Error::sql(Self::READING));
        let optional = |column| row.optional_text(column).map_err(Error::sql(Self::READING));
        Ok(ExternalityKey {
            hour: EventTime(row.int("hour_us").map_err(Error::sql(Self::READING))?),
            domain: text("domain")?,
            game: word("game", text("game")?, Game::from_name)?,
            harm: word("harm", text("harm")?, Harm::from_name)?,
            cause: word("cause", text("cause")?, Cause::from_name)?,
            evidence: word("evidence", text("evidence")?, Evidence::from_name)?,
            victim: optional("victim")?,
            culprit: culprit_of(text("culprit_kind")?, optional("culprit")?)?,
        })
    }

    fn texts(sum: &Externality) -> Vec<String> {
        let Externality { quantity, credit_quantity, charges, credits, avoidable } = sum;
        let money = [charges, credits, avoidable].map(|amount| amount.pico().to_string());
        [quantity.to_string(), credit_quantity.to_string()].into_iter().chain(money).collect()
    }

    fn sum_of(texts: &[String]) -> Result<Externality, Error> {
        let text = |place: usize| texts.get(place).map(String::as_str).unwrap_or_default();
        let usd = |column, place| Ok(Usd::from_pico(number(column, text(place))?));
        Ok(Externality {
            quantity: number("quantity", text(0))?,
            credit_quantity: number("credit_quantity", text(1))?,
            charges: usd("charges_pico", 2)?,
            credits: usd("credits_pico", 3)?,
            avoidable: usd("avoidable_pico", 4)?,
        })
    }

    fn plus(held: Externality, new: Externality) -> Result<Externality, Error> {
        Ok(Externality {
            quantity: add_quantity(held.quantity, new.quantity)?,
            credit_quantity: add_quantity(held.credit_quantity, new.credit_quantity)?,
            charges: add_usd(held.charges, new.charges)?,
            credits: add_usd(held.credits, new.credits)?,
            avoidable: add_usd(held.avoidable, new.avoidable)?,
        })
    }
}

fn tenant_of(culprit: &Culprit<String>) -> Option<&str> {
    culprit.as_ref().tenant().map(String::as_str)
}

fn culprit_of(kind: String, tenant: Option<String>) -> Result<Culprit<String>, Error> {
    match (kind.as_str(), tenant) {
        ("tenant", Some(tenant)) => Ok(Culprit::Tenant(tenant)),
        ("no_tenant", None) => Ok(Culprit::NoTenant),
        ("background", None) => Ok(Culprit::Background),
        _ => Err(Error::Corrupt { column: "culprit_kind", found: kind }),
    }
}
