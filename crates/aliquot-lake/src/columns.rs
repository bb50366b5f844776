//! Columns as they are filled, and the Delta columns they are stored as. It knows types, not meanings.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Builder, RecordBatch, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::error::ArrowError;
use deltalake::kernel::{ArrayType, DataType as DeltaType, PrimitiveType, StructField, StructType};

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

/// A builder of amounts with room for `rows` of them.
pub(crate) fn money_builder(rows: usize) -> Decimal128Builder {
    Decimal128Builder::with_capacity(rows).with_data_type(DataType::Decimal128(MONEY_PRECISION, MONEY_SCALE))
}

/// A builder of times with room for `rows` of them.
pub(crate) fn time_builder(rows: usize) -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC")
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
    let stored = files.fields().iter().map(|field| to_delta_field(field));
    std::iter::once(date).chain(stored).collect()
}

fn to_delta_field(field: &Field) -> Result<StructField, ArrowError> {
    Ok(StructField::new(field.name(), to_delta_type(field.data_type())?, field.is_nullable()))
}

fn to_delta_type(kind: &DataType) -> Result<DeltaType, ArrowError> {
    let refused = |error: &dyn std::fmt::Display| ArrowError::SchemaError(error.to_string());
    let plain = match kind {
        DataType::Int32 => PrimitiveType::Integer,
        DataType::Int64 => PrimitiveType::Long,
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Binary => PrimitiveType::Binary,
        DataType::Utf8 | DataType::Dictionary(_, _) => PrimitiveType::String,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => PrimitiveType::Timestamp,
        DataType::Decimal128(MONEY_PRECISION, MONEY_SCALE) => {
            PrimitiveType::decimal(38, 12).map_err(|error| refused(&error))?
        }
        DataType::List(element) => {
            return Ok(ArrayType::new(to_delta_type(element.data_type())?, element.is_nullable()).into());
        }
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| to_delta_field(field)).collect::<Result<Vec<_>, _>>()?;
            return Ok(StructType::try_new(fields).map_err(|error| refused(&error))?.into());
        }
        other => return Err(ArrowError::SchemaError(format!("no lake column is a {other}"))),
    };
    Ok(DeltaType::Primitive(plain))
}
