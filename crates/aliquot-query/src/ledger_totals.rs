//! The ledger's hourly totals as a table beside the lake's, so that the two can be compared in one query. It copies; it compares
//! nothing.

use std::sync::Arc;

use aliquot_core::money::Rate;
use aliquot_core::totals::{TotalKey, Totals};
use datafusion::arrow::array::{ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::error::Result;

/// What the table is called in SQL.
pub(crate) const NAME: &str = "ledger_totals";

/// The totals as a table of the columns `hour`, `tenant`, `provider`, `model`, `class`, `rate_usd`, `price_book`, `quantity` and
/// `cost_usd`. No tenant and no rate are null.
pub(crate) fn to_table(totals: &Totals) -> Result<Arc<dyn TableProvider>> {
    let keys = || totals.keys();
    let texts =
        |text: fn(&TotalKey) -> Option<&str>| -> ArrayRef { Arc::new(keys().map(text).collect::<StringArray>()) };
    let hours = TimestampMicrosecondArray::from_iter_values(keys().map(|key| key.hour.0)).with_timezone("UTC");
    let rates = keys().map(|key| key.rate.map(Rate::pico).map(i128::from)).collect::<Decimal128Array>();
    // A quantity past 10^38 does not fit the column, and is refused with the batch below.
    let quantities = totals.values().map(|total| i128::try_from(total.quantity).unwrap_or(i128::MAX));
    let quantities = Decimal128Array::from_iter_values(quantities).with_precision_and_scale(38, 0)?;
    quantities.validate_decimal_precision(38)?;
    let costs = Decimal128Array::from_iter_values(totals.values().map(|total| total.cost.pico()));
    let books = StringArray::from_iter_values(keys().map(|key| format!("{:016x}", key.book.0)));
    let columns: [(&str, ArrayRef); 9] = [
        ("hour", Arc::new(hours)),
        ("tenant", texts(|key| key.tenant.as_deref())),
        ("provider", texts(|key| Some(&key.provider))),
        ("model", texts(|key| Some(&key.model))),
        ("class", texts(|key| Some(key.class.name()))),
        ("rate_usd", Arc::new(rates.with_precision_and_scale(38, 12)?)),
        ("price_book", Arc::new(books)),
        ("quantity", Arc::new(quantities)),
        ("cost_usd", Arc::new(costs.with_precision_and_scale(38, 12)?)),
    ];
    let nullable = ["tenant", "rate_usd"];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), nullable.contains(name)))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}
