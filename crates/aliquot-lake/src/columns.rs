//! Columns as they are filled, and the Delta columns they are stored as. It knows types, not meanings.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::error::ArrowError;
use deltalake::kernel::{DataType as DeltaType, PrimitiveType, StructField};

/// Precision of every column of money: 128 bits.
pub(crate) const MONEY_PRECISION: u8 = 38;
/// Scale of every column of money: picodollars.
pub(crate) const MONEY_SCALE: i8 = 12;
/// The partition column. It is in the file's path and the log, not in the file.
pub(crate) const DATE: &str = "date";

/// Finished columns, in the order in which they stand in the table.
#[derive(Default)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    /// Adds a column that always has a value.
    pub(crate) fn required(&mut self, name: impl Into<String>, array: ArrayRef) {
        self.push(name.into(), array, false);
    }

    /// Adds a column in which null means "not known".
    pub(crate) fn optional(&mut self, name: impl Into<String>, array: ArrayRef) {
        self.push(name.into(), array, true);
    }

    fn push(&mut self, name: String, array: ArrayRef, nullable: bool) {
        self.fields.push(Field::new(name, array.data_type().clone(), nullable));
        self.arrays.push(array);
    }

    /// The columns as one batch.
    pub(crate) fn finish(self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)
    }
}

/// Names the UTC day `day` as the partition column spells it: `2026-01-31`.
///
/// Days outside the years 1 to 9999, which Delta dates cannot hold, count as the nearest day that can: rows of a broken clock
/// stay readable, and their exact time stands in its own column.
pub(crate) fn date_text(day: i32) -> String {
    const FIRST: i32 = -719_162;
    const LAST: i32 = 2_932_896;
    arrow::temporal_conversions::date32_to_datetime(day.clamp(FIRST, LAST))
        .map(|start| start.date().to_string())
        .expect("every day between the years 1 and 9999 has a date")
}

/// The Delta columns of a table whose files have these columns, the partition column first.
pub(crate) fn to_delta(files: &Schema) -> Result<Vec<StructField>, ArrowError> {
    let date = Ok(StructField::new(DATE, DeltaType::Primitive(PrimitiveType::Date), false));
    let stored = files.fields().iter().map(|field| {
        let kind = to_delta_type(field.data_type())?;
        Ok(StructField::new(field.name(), DeltaType::Primitive(kind), field.is_nullable()))
    });
    std::iter::once(date).chain(stored).collect()
}

fn to_delta_type(kind: &DataType) -> Result<PrimitiveType, ArrowError> {
    Ok(match kind {
        DataType::Int32 => PrimitiveType::Integer,
        DataType::Int64 => PrimitiveType::Long,
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Binary => PrimitiveType::Binary,
        DataType::Utf8 | DataType::Dictionary(_, _) => PrimitiveType::String,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => PrimitiveType::Timestamp,
        DataType::Decimal128(MONEY_PRECISION, MONEY_SCALE) => {
            PrimitiveType::decimal(38, 12).map_err(|error| ArrowError::SchemaError(error.to_string()))?
        }
        other => return Err(ArrowError::SchemaError(format!("no lake column is a {other}"))),
    })
}
