//! An answer and its forms: a table for people, CSV, JSON and Parquet for programs. The rows are as the query left them.

use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json;
use datafusion::arrow::json::writer::JsonArray;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;

use crate::error::Error;
use crate::{table, texts};

/// The form an answer is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns, at most [`TABLE_ROWS_MAX`] rows.
    Table,
    /// One header line, then one line a row.
    Csv,
    /// One array of objects.
    Json,
    /// A Parquet file in the answer's own types.
    Parquet,
}

/// Rows a table shows: a few screens. The note below it says how many there are.
pub const TABLE_ROWS_MAX: usize = 200;

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "table" => Ok(Self::Table),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "parquet" => Ok(Self::Parquet),
            other => Err(Error::Ask(format!("there is no format {other:?}; there are table, csv, json and parquet"))),
        }
    }
}

/// What a query found. Money is `Decimal128(38, 12)` in dollars, ratios are floats, everything else is whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The columns, also where there are no rows.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl Answer {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Writes the answer.
    ///
    /// # Errors
    /// [`Error::Write`] when `out` fails, or when a value has no spelling in the format.
    pub fn write(&self, format: Format, out: &mut (impl Write + Send)) -> Result<(), Error> {
        let written = match format {
            Format::Table => table::write(self, TABLE_ROWS_MAX, out),
            Format::Csv => self.write_csv(out),
            Format::Json => self.write_json(out),
            Format::Parquet => self.write_parquet(out),
        };
        written.and_then(|()| Ok(out.flush()?)).map_err(|error| match error {
            ArrowError::IoError(_, source) => Error::Write(source),
            other => Error::Write(io::Error::other(other)),
        })
    }

    fn write_csv(&self, out: &mut impl Write) -> Result<(), ArrowError> {
        let mut writer = csv::WriterBuilder::new().with_header(true).build(out);
        // Without a batch there would be no header line.
        writer.write(&texts::spelled(&RecordBatch::new_empty(Arc::clone(&self.schema)))?)?;
        for batch in &self.batches {
            writer.write(&texts::spelled(batch)?)?;
        }
        Ok(())
    }

    fn write_json(&self, out: &mut impl Write) -> Result<(), ArrowError> {
        let builder = json::writer::WriterBuilder::new().with_explicit_nulls(true);
        let mut writer = builder.build::<_, JsonArray>(out);
        for batch in &self.batches {
            writer.write(&texts::spelled(batch)?)?;
        }
        writer.finish()?;
        writer.into_inner().write_all(b"\n")?;
        Ok(())
    }

    fn write_parquet(&self, out: &mut (impl Write + Send)) -> Result<(), ArrowError> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut writer = ArrowWriter::try_new(out, Arc::clone(&self.schema), Some(properties))?;
        for batch in &self.batches {
            writer.write(batch)?;
        }
        writer.close()?;
        Ok(())
    }
}
