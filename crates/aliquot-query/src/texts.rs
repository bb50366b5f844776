//! How values are spelled. Columns leave the engine in their plain types; in JSON and CSV, money and bytes are texts and times are
//! RFC 3339.
//!
//! | column | plain | JSON | CSV |
//! |---|---|---|---|
//! | money and other decimals with a scale | as it is | `"0.000000075000"` | `0.000000075000` |
//! | whole decimals, integers | as they are | number | number |
//! | times | as they are | `"2026-03-01T09:47:00Z"`, with the zone's offset if the query asked for a zone | the same |
//! | bytes | binary | hexadecimal text | the same |
//! | ratios | 64-bit float | number | number |
//! | not known | null | `null` | empty |

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// The schema in plain types. Every column may be null: what the planner believes of a column does not bind its readers.
pub(crate) fn plain_schema(schema: &Schema) -> Schema {
    Schema::new(
        schema
            .fields()
            .iter()
            .map(|field| Field::new(field.name(), plain_type(field.data_type()), true))
            .collect::<Vec<_>>(),
    )
}

/// The batch in plain types. It refers to no buffer larger than itself, as a view of a decoded Parquet page does.
pub(crate) fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    rebuild(batch, Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}

fn plain_type(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values),
        other => other.clone(),
    }
}

/// The batch as JSON and CSV spell it: money, times and bytes as texts.
pub(crate) fn spelled(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .map(|column| match column.data_type() {
            DataType::Decimal128(_, 0) | DataType::Decimal256(_, 0) => Ok(Arc::clone(column)),
            kind if is_spelled(kind) => spell(column),
            _ => Ok(Arc::clone(column)),
        })
        .collect::<Result<_, _>>()?;
    let fields = batch
        .schema()
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect::<Vec<_>>();
    rebuild(batch, Arc::new(Schema::new(fields)), columns)
}

fn is_spelled(kind: &DataType) -> bool {
    kind.is_temporal()
        || matches!(
            kind,
            DataType::Decimal32(..)
                | DataType::Decimal64(..)
                | DataType::Decimal128(..)
                | DataType::Decimal256(..)
                | DataType::Binary
                | DataType::FixedSizeBinary(_)
        )
}

fn spell(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let formatter = ArrayFormatter::try_new(column.as_ref(), &formats())?;
    let texts: StringArray =
        (0..column.len()).map(|row| column.is_valid(row).then(|| formatter.value(row).to_string())).collect();
    Ok(Arc::new(texts))
}

/// Times as RFC 3339. Times without a zone are UTC, like everything in the lake.
pub(crate) fn formats() -> FormatOptions<'static> {
    FormatOptions::new().with_display_error(false).with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
}

fn rebuild(batch: &RecordBatch, schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &rows)
}
