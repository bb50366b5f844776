//! One Parquet file: its encoding, its statistics for the table's log, and its place in the store. It commits nothing: a file
//! that no commit names does not exist for any reader.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use deltalake::kernel::Add;
use deltalake::logstore::object_store::{Error as StoreError, ObjectStore, PutMode, PutOptions, PutPayload};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::{Map, Value, json};

use crate::columns::{DATE, date_text};

/// How all files of the lake are encoded: zstd at its fastest level, dictionaries except where nearly every value is new, and
/// differences for what counts up. Readers need nothing beyond Parquet 2.
pub(crate) fn properties() -> WriterProperties {
    let fastest = ZstdLevel::try_new(1).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(fastest))
        .set_dictionary_enabled(true)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for counted in ["offset", "node_seq", "time", "received_at"] {
        let column = ColumnPath::from(counted);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    for unique in ["id", "prefix_chain", "raw"] {
        let column = ColumnPath::from(unique);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_statistics_enabled(column, EnabledStatistics::None);
    }
    properties.build()
}

/// The batch as the bytes of a Parquet file. The Arrow schema is left out of it, so that readers see the plain types of the
/// table and not the dictionaries the rows were built with.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
    let options = ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options)?;
    writer.write(batch)?;
    writer.into_inner()
}

/// Puts a file under a name nobody has used, and describes it for the table's log.
///
/// The name is `stem`, counted up past the leftovers of writers that died before their commit: a file that lies there is never
/// written over, because a commit may name it.
pub(crate) async fn put(
    store: &dyn ObjectStore,
    day: i32,
    stem: &str,
    bytes: Vec<u8>,
    stats: String,
) -> Result<Add, StoreError> {
    let date = date_text(day);
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let payload = PutPayload::from(bytes);
    let mut copy = 0_u32;
    let path = loop {
        let path = deltalake::Path::from(format!("{DATE}={date}/{stem}-{copy}.parquet"));
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match store.put_opts(&path, payload.clone(), options).await {
            Ok(_) => break path,
            Err(StoreError::AlreadyExists { .. }) if copy < COPIES_MAX => copy += 1,
            Err(error) => return Err(error),
        }
    };
    Ok(Add {
        path: path.to_string(),
        partition_values: HashMap::from([(DATE.to_owned(), Some(date))]),
        size,
        // Informative only; the clock is not read here, and the day's start is the same in every replay.
        modification_time: i64::from(day).saturating_mul(86_400_000),
        data_change: true,
        stats: Some(stats),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    })
}

/// Leftovers under one name that are stepped over. Each is one death between file and commit at the same offsets of the same
/// table version; a hundred of them in a row is no accident.
const COPIES_MAX: u32 = 100;

/// Statistics of the columns by which files are skipped: place in the log, times, and tenant or victim.
pub(crate) fn stats(batch: &RecordBatch) -> String {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for name in ["partition", "offset", "received_at", "time", "tenant", "victim"] {
        let Some(column) = batch.column_by_name(name) else { continue };
        nulls.insert(name.to_owned(), json!(column.null_count()));
        if let Some((low, high)) = bounds(column) {
            least.insert(name.to_owned(), low);
            greatest.insert(name.to_owned(), high);
        }
    }
    json!({ "numRecords": batch.num_rows(), "minValues": least, "maxValues": greatest, "nullCount": nulls }).to_string()
}

fn bounds(column: &dyn Array) -> Option<(Value, Value)> {
    match column.data_type() {
        DataType::Int32 => {
            let column = column.as_primitive::<Int32Type>();
            Some((json!(arrow::compute::min(column)?), json!(arrow::compute::max(column)?)))
        }
        DataType::Int64 => {
            let column = column.as_primitive::<Int64Type>();
            Some((json!(arrow::compute::min(column)?), json!(arrow::compute::max(column)?)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let column = column.as_primitive::<TimestampMicrosecondType>();
            Some((time_text(arrow::compute::min(column)?)?, time_text(arrow::compute::max(column)?)?))
        }
        // Rows are sorted by tenant or victim, nulls first, so the bounds are the first and the last that is known.
        DataType::Dictionary(_, _) => {
            let column = column.as_dictionary::<Int32Type>();
            let column = column.downcast_dict::<arrow::array::StringArray>()?;
            let known = || column.into_iter().flatten();
            Some((short_text(known().next()?)?, short_text(known().next_back()?)?))
        }
        _ => None,
    }
}

/// The time as the log spells it, or `None` beyond the years it can spell.
fn time_text(micros: i64) -> Option<Value> {
    let time = arrow::temporal_conversions::timestamp_us_to_datetime(micros)?;
    let text = time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    (text.len() == "2026-01-01T00:00:00.000000Z".len()).then_some(Value::String(text))
}

/// Longer names are left out of the statistics: they would swell the log, and cutting a greatest value makes it wrong.
const STATS_TEXT_BYTES_MAX: usize = 128;

fn short_text(text: &str) -> Option<Value> {
    (text.len() <= STATS_TEXT_BYTES_MAX).then(|| Value::String(text.to_owned()))
}
