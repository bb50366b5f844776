//! Table `causes`: what prompts cost, by cause and hour. What is summed is decided in `aliquot_core::externality`.

use aliquot_core::cause::{Cause, Evidence};
use aliquot_core::externality::{CauseKey, CauseTotal, CauseTotals};
use aliquot_core::money::Usd;
use aliquot_core::time::EventTime;

use crate::columns::{add_quantity, add_usd, number, word};
use crate::database::{Fields, Row};
use crate::error::Error;
use crate::key;
use crate::ledger::Ledger;
use crate::sums::{self, SumTable, Wanted};
use crate::totals::TOTALS_MAX;

/// Which sums are wanted: those for which everything that is said here holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CauseFilter {
    /// The cache domain.
    pub domain: Option<String>,
    /// Who is billed.
    pub tenant: Option<String>,
    /// The model it was priced as.
    pub model: Option<String>,
    /// Why.
    pub cause: Option<Cause>,
}

/// The table, for [`sums`].
pub(crate) struct CauseTable;

impl Ledger {
    /// Up to `rows` sums of the hours that begin in `from..to` (`None` = no bound) that pass the filter, after the key `after`, in
    /// the ledger's order: by hour, domain, tenant (unknown first), model, cause and evidence by name. Fewer than `rows` = these
    /// are the last.
    ///
    /// # Errors
    /// What the database says.
    pub async fn causes(
        &self,
        from: Option<EventTime>,
        to: Option<EventTime>,
        filter: &CauseFilter,
        after: Option<&CauseKey>,
        rows: usize,
    ) -> Result<Vec<(CauseKey, CauseTotal)>, Error> {
        let equal = [
            ("domain", filter.domain.as_deref()),
            ("tenant", filter.tenant.as_deref()),
            ("model", filter.model.as_deref()),
            ("cause", filter.cause.map(Cause::name)),
        ];
        let equal = equal.into_iter().filter_map(|(column, value)| Some((column, value?))).collect();
        let wanted = Wanted { from, to, equal, after: after.map(CauseTable::encode) };
        sums::page::<CauseTable>(self, wanted, rows).await
    }

    /// Every sum of the hours that begin in `from..to` (`None` = no bound): what an audit holds against another store's.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond [`TOTALS_MAX`], and what the database says.
    pub async fn all_causes(&self, from: Option<EventTime>, to: Option<EventTime>) -> Result<CauseTotals, Error> {
        let wanted = Wanted { from, to, equal: Vec::new(), after: None };
        let sums = sums::page::<CauseTable>(self, wanted, TOTALS_MAX.saturating_add(1)).await?;
        if sums.len() > TOTALS_MAX {
            return Err(Error::TooMany { what: "sums by cause", limit: TOTALS_MAX });
        }
        Ok(sums.into_iter().collect())
    }
}

impl SumTable for CauseTable {
    type Key = CauseKey;
    type Sum = CauseTotal;
    const NAME: &'static str = "causes";
    const KEY: &'static str = "cause_key";
    const PARTS: &'static [&'static str] = &["hour_us", "domain", "tenant", "model", "cause", "evidence"];
    const AMOUNTS: &'static [&'static str] = &["tokens", "cost_pico"];
    const READING: &'static str = "read the causes of";
    const WRITING: &'static str = "write the causes of";

    fn encode(key: &CauseKey) -> Vec<u8> {
        let CauseKey { hour, domain, tenant, model, cause, evidence } = key;
        let mut bytes = key::hour(*hour).to_vec();
        key::push_text(&mut bytes, domain);
        key::push_optional(&mut bytes, tenant.as_deref());
        for text in [model.as_str(), cause.name(), evidence.name()] {
            key::push_text(&mut bytes, text);
        }
        bytes
    }

    fn bind(key: &CauseKey, row: &mut Fields<'_>) {
        row.bind(key.hour.0)
            .bind(key.domain.as_str())
            .bind(key.tenant.as_deref())
            .bind(key.model.as_str())
            .bind(key.cause.name())
            .bind(key.evidence.name());
    }

    fn key_of(row: &Row) -> Result<CauseKey, Error> {
        let text = |column| row.text(column).map_err(Error::sql(Self::READING));
        Ok(CauseKey {
            hour: EventTime(row.int("hour_us").map_err(Error::sql(Self::READING))?),
            domain: text("domain")?,
            tenant: row.optional_text("tenant").map_err(Error::sql(Self::READING))?,
            model: text("model")?,
            cause: word("cause", text("cause")?, Cause::from_name)?,
            evidence: word("evidence", text("evidence")?, Evidence::from_name)?,
        })
    }

    fn texts(sum: &CauseTotal) -> Vec<String> {
        vec![sum.tokens.to_string(), sum.cost.pico().to_string()]
    }

    fn sum_of(texts: &[String]) -> Result<CauseTotal, Error> {
        let text = |place: usize| texts.get(place).map(String::as_str).unwrap_or_default();
        Ok(CauseTotal { tokens: number("tokens", text(0))?, cost: Usd::from_pico(number("cost_pico", text(1))?) })
    }

    fn plus(held: CauseTotal, new: CauseTotal) -> Result<CauseTotal, Error> {
        Ok(CauseTotal { tokens: add_quantity(held.tokens, new.tokens)?, cost: add_usd(held.cost, new.cost)? })
    }
}
