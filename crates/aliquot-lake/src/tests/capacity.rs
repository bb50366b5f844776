//! Intervals of GPU nodes in the lake: what a row says, and that unknown costs are null.

use arrow::array::{Array, AsArray, StructArray};
use arrow::compute::cast;

use super::*;

fn texts(array: &dyn Array) -> Vec<Option<String>> {
    let array = cast(array, &DataType::Utf8).unwrap();
    array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

/// A column of lists, by offset.
fn lists(batch: &RecordBatch, name: &str) -> BTreeMap<i64, StructArray> {
    let lists = batch.column_by_name(name).unwrap().as_list::<i32>();
    let list = |row| lists.value(row).as_struct().clone();
    longs(batch, "offset").into_iter().zip((0..lists.len()).map(list)).collect()
}

#[tokio::test]
async fn an_interval_is_a_row_with_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.commit(&commit(0, 0, 20)).await.unwrap();
    // Merged files are written by another hand than ours.
    for _ in 0..2 {
        let batch = read(dir.path(), TableName::Capacity).await;
        let lines = lists(&batch, "lines");
        assert_eq!(lines.keys().copied().collect::<Vec<_>>(), [2, 6, 10, 14, 18]);
        let policies = ["none", "none", "pro_rata", "pro_rata", "peak", "peak"].map(|name| Some(name.to_owned()));
        let column = |offset: i64, name: &str| texts(lines[&offset].column_by_name(name).unwrap());
        assert_eq!(column(2, "policy"), policies);
        assert_eq!(column(2, "kind")[..2], [Some("compute".to_owned()), Some("idle".to_owned())]);
        assert_eq!(column(2, "bearer")[..2], [Some("tenant".to_owned()), Some("platform".to_owned())]);
        assert_eq!(column(2, "tenant")[..2], [Some("acme".to_owned()), None]);
        let cost =
            |offset: i64| lines[&offset].column_by_name("cost_usd").unwrap().as_primitive::<Decimal128Type>().clone();
        assert_eq!(cost(2).values(), &[2, 1, 2, 1, 2, 1]);
        assert_eq!(cost(6).null_count(), 6, "what an unpriced interval costs is not known, and so no line's cost is");
        for (name, nulls) in [("cost_usd", 2), ("unpriced", 3), ("replica", 5), ("reserved_for", 5), ("busy_us", 3)] {
            assert_eq!(batch.column_by_name(name).unwrap().null_count(), nulls, "{name}");
        }
        assert_eq!(pico(&batch, "cost_usd"), 3 + 11 + 19);
        let sums = ["available_us", "used_us", "late_us"].map(|name| longs(&batch, name).iter().sum::<i64>());
        assert_eq!(sums, [5_000_000, 2_500_000, 15]);
        let held = &lists(&batch, "residents")[&2];
        assert_eq!(held.column_by_name("block_us").unwrap().as_primitive::<Int64Type>().values(), &[i64::MAX]);
        Lake::maintain(dir.path(), Upkeep::default()).await.unwrap();
    }
}

#[tokio::test]
async fn without_intervals_the_table_stands_still() {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = open(dir.path()).await;
    let mut quiet = commit(0, 0, 20);
    quiet.capacity.clear();
    lake.commit(&quiet).await.unwrap();
    assert_eq!(table(dir.path(), TableName::Capacity).await.version(), Some(0));
    lake.commit(&commit(0, 20, 23)).await.unwrap();
    assert_eq!(places(dir.path(), TableName::Capacity).await, [(0, 22)]);
}

#[tokio::test]
async fn an_interval_outside_of_what_was_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut outside = commit(0, 0, 4);
    outside.capacity.extend(interval(0, 6));
    let error = open(dir.path()).await.commit(&outside).await.unwrap_err();
    assert!(matches!(error, Error::OutsideRanges { place } if place.offset == Offset(6)), "{error}");
}
