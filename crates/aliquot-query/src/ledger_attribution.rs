//! The ledger's sums of attribution as tables beside the lake's, so that the two can be compared in one query. It copies; it
//! compares nothing.

use std::sync::Arc;

use aliquot_core::externality::{CauseTotals, Externalities, Externality};
use aliquot_core::money::Usd;
use aliquot_core::time::EventTime;
use datafusion::arrow::array::{ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::error::Result;

/// What the tables are called in SQL.
pub(crate) const EXTERNALITIES: &str = "ledger_externalities";
pub(crate) const CAUSES: &str = "ledger_causes";

/// The externalities as a table. A victim and a culprit without a name are null.
pub(crate) fn externalities_table(sums: &Externalities) -> Result<Arc<dyn TableProvider>> {
    let keys = || sums.keys();
    let amounts = |amount: fn(&Externality) -> Usd| money(sums.values().map(amount));
    let culprits = keys().map(|key| key.culprit.as_ref().tenant().map(String::as_str));
    table(vec![
        ("hour", hours(keys().map(|key| key.hour))),
        ("domain", texts(keys().map(|key| Some(key.domain.as_str())))),
        ("game", texts(keys().map(|key| Some(key.game.name())))),
        ("harm", texts(keys().map(|key| Some(key.harm.name())))),
        ("cause", texts(keys().map(|key| Some(key.cause.name())))),
        ("evidence", texts(keys().map(|key| Some(key.evidence.name())))),
        ("victim", texts(keys().map(|key| key.victim.as_deref()))),
        ("culprit_kind", texts(keys().map(|key| Some(key.culprit.kind())))),
        ("culprit", texts(culprits)),
        ("quantity", quantities(sums.values().map(|sum| sum.quantity))?),
        ("credit_quantity", quantities(sums.values().map(|sum| sum.credit_quantity))?),
        ("charges_usd", amounts(|sum| sum.charges)?),
        ("credits_usd", amounts(|sum| sum.credits)?),
        ("avoidable_usd", amounts(|sum| sum.avoidable)?),
    ])
}

/// The sums by cause as a table. No tenant is null.
pub(crate) fn causes_table(sums: &CauseTotals) -> Result<Arc<dyn TableProvider>> {
    let keys = || sums.keys();
    table(vec![
        ("hour", hours(keys().map(|key| key.hour))),
        ("domain", texts(keys().map(|key| Some(key.domain.as_str())))),
        ("tenant", texts(keys().map(|key| key.tenant.as_deref()))),
        ("model", texts(keys().map(|key| Some(key.model.as_str())))),
        ("cause", texts(keys().map(|key| Some(key.cause.name())))),
        ("evidence", texts(keys().map(|key| Some(key.evidence.name())))),
        ("tokens", quantities(sums.values().map(|sum| sum.tokens))?),
        ("cost_usd", money(sums.values().map(|sum| sum.cost))?),
    ])
}

/// The columns that may be null.
const NULLABLE: [&str; 3] = ["victim", "culprit", "tenant"];

fn table(columns: Vec<(&str, ArrayRef)>) -> Result<Arc<dyn TableProvider>> {
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), NULLABLE.contains(name));
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

fn hours(hours: impl Iterator<Item = EventTime>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(hours.map(|EventTime(micros)| micros)).with_timezone("UTC"))
}

fn texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(texts.collect::<StringArray>())
}

fn money(amounts: impl Iterator<Item = Usd>) -> Result<ArrayRef> {
    Ok(Arc::new(Decimal128Array::from_iter_values(amounts.map(Usd::pico)).with_precision_and_scale(38, 12)?))
}

/// A quantity past 10³⁸ does not fit the column, and is refused.
fn quantities(quantities: impl Iterator<Item = u128>) -> Result<ArrayRef> {
    let quantities = quantities.map(|quantity| i128::try_from(quantity).unwrap_or(i128::MAX));
    let quantities = Decimal128Array::from_iter_values(quantities).with_precision_and_scale(38, 0)?;
    quantities.validate_decimal_precision(38)?;
    Ok(Arc::new(quantities))
}
