//! Messages that were not accepted as columns of the table `rejects`, one row each, with their bytes as they came.

use std::sync::Arc;

use aliquot_core::commit::Rejected;
use arrow::array::{BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::error::ArrowError;

use crate::columns::Columns;
use crate::requests::Picked;

/// Sorts the rows for which `keep` holds into files: one per UTC day of arrival, each in order of arrival.
pub(crate) fn by_day(rejects: &[Rejected], keep: impl Fn(&Rejected) -> bool) -> Vec<(i32, Picked)> {
    let mut keys: Vec<_> = rejects
        .iter()
        .enumerate()
        .filter(|(_, rejected)| keep(rejected))
        .map(|(place, rejected)| (rejected.received_at.day(), place))
        .collect();
    keys.sort_unstable();
    keys.chunk_by(|left, right| left.0 == right.0)
        .map(|day| (day.first().map_or(0, |key| key.0), day.iter().map(|key| key.1).collect()))
        .collect()
}

/// The picked rows as columns, in the picked order.
pub(crate) fn to_batch(rejects: &[Rejected], picked: &[usize]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<&Rejected> = picked.iter().filter_map(|place| rejects.get(*place)).collect();
    let rows = || rows.iter();
    let mut columns = Columns::default();
    columns.required("partition", Arc::new(Int32Array::from_iter_values(rows().map(|row| row.place.partition.0))));
    columns.required("offset", Arc::new(Int64Array::from_iter_values(rows().map(|row| row.place.offset.0))));
    columns.required("index", Arc::new(Int64Array::from_iter_values(rows().map(|row| i64::from(row.place.index)))));
    let received_at = TimestampMicrosecondArray::from_iter_values(rows().map(|row| row.received_at.0));
    columns.required("received_at", Arc::new(received_at.with_timezone("UTC")));
    columns.required("reason", Arc::new(StringArray::from_iter_values(rows().map(|row| row.reason.name()))));
    columns.required("detail", Arc::new(StringArray::from_iter_values(rows().map(|row| &row.detail))));
    columns.required("content_type", Arc::new(StringArray::from_iter_values(rows().map(|row| &row.content_type))));
    columns.required("raw", Arc::new(BinaryArray::from_iter_values(rows().map(|row| &row.raw))));
    columns.finish()
}
