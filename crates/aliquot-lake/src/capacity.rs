//! Intervals of GPU nodes as columns of the table `capacity`, one row each. It lays out; what an interval cost and to whom was decided
//! before.

use std::sync::Arc;

use aliquot_core::capacity::{Bearer, CapacityLine, CapacityRow, IdlePolicy, LineKind, Resident};
use arrow::array::{
    Array, ArrayRef, Decimal128Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use arrow::error::ArrowError;

use crate::causes::spelled;
use crate::columns::{Columns, MONEY_PRECISION, MONEY_SCALE};
use crate::requests::Picked;

/// Who can bear a line, in the order of [`kind_of`].
const BEARERS: [&str; 3] = ["tenant", "no_tenant", "platform"];

/// Sorts the rows for which `keep` holds into files: one per UTC day on which an interval ended, each in order of arrival.
pub(crate) fn by_day(rows: &[CapacityRow], keep: impl Fn(&CapacityRow) -> bool) -> Vec<(i32, Picked)> {
    let kept = rows.iter().enumerate().filter(|(_, row)| keep(row));
    let mut keys: Vec<_> = kept.map(|(place, row)| (row.time.day(), place)).collect();
    keys.sort_unstable();
    keys.chunk_by(|left, right| left.0 == right.0)
        .map(|day| (day.first().map_or(0, |key| key.0), day.iter().map(|key| key.1).collect()))
        .collect()
}

/// The picked rows as columns, in the picked order.
pub(crate) fn to_batch(rows: &[CapacityRow], picked: &[usize]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<&CapacityRow> = picked.iter().filter_map(|place| rows.get(*place)).collect();
    let longs = |of: fn(&CapacityRow) -> i64| Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| of(row))));
    let times = |of: fn(&CapacityRow) -> i64| {
        let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| of(row)));
        Arc::new(times.with_timezone("UTC"))
    };
    let texts = |of: fn(&CapacityRow) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(|row| of(row))));
    let known = |of: fn(&CapacityRow) -> Option<&str>| {
        let texts: StringArray = rows.iter().map(|row| of(row)).collect();
        Arc::new(texts)
    };
    let partitions = rows.iter().map(|row| row.place.partition.0);
    let busy: Int64Array = rows.iter().map(|row| row.busy.map(long)).collect();
    let books = rows.iter().map(|row| format!("{:016x}", row.book.0));
    let costs = rows.iter().map(|row| row.cost.ok().map(|cost| cost.pico()));
    let mut columns = Columns::default();
    columns.required("partition", Arc::new(Int32Array::from_iter_values(partitions)));
    columns.required("offset", longs(|row| row.place.offset.0));
    columns.required("index", longs(|row| i64::from(row.place.index)));
    columns.required("time", times(|row| row.time.0));
    columns.required("from", times(|row| row.from.0));
    columns.required("source", texts(|row| &row.source));
    columns.required("domain", texts(|row| &row.domain));
    columns.optional("replica", known(|row| row.replica.as_deref()));
    columns.required("gpu_type", texts(|row| &row.gpu_type));
    columns.required("gpu_count", longs(|row| i64::from(row.gpu_count)));
    columns.optional("reserved_for", known(|row| row.reserved_for.as_deref()));
    columns.required("available_us", longs(|row| long(row.available)));
    columns.required("used_us", longs(|row| long(row.used)));
    columns.required("late_us", longs(|row| long(row.late)));
    columns.optional("busy_us", Arc::new(busy));
    columns.optional("cost_usd", money(costs)?);
    columns.optional("unpriced", known(|row| row.cost.err().map(aliquot_core::rating::Unpriced::name)));
    columns.required("price_book", Arc::new(StringArray::from_iter_values(books)));
    columns.required("lines", line_lists(&rows)?);
    columns.required("residents", resident_lists(&rows)?);
    columns.finish()
}

fn money(amounts: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef, ArrowError> {
    let amounts: Decimal128Array = amounts.collect();
    Ok(Arc::new(amounts.with_precision_and_scale(MONEY_PRECISION, MONEY_SCALE)?))
}

/// GPU times are bounded by what a report may say, and what requests claim beyond is as good as endless.
fn long(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}

/// The column `lines`: without a cost where the interval has none.
fn line_lists(rows: &[&CapacityRow]) -> Result<ArrayRef, ArrowError> {
    let lengths = rows.iter().map(|row| row.lines.len());
    let both = || rows.iter().flat_map(|row| row.lines.iter().map(move |line| (row, line)));
    let lines = || both().map(|(_, line)| line);
    let place = |of: fn(&CapacityLine) -> i32| Int32Array::from_iter_values(lines().map(of));
    let cost = |(row, line): (&&CapacityRow, &CapacityLine)| row.cost.ok().map(|_| line.cost.pico());
    let tenants: StringArray = lines().map(|line| line.bearer.tenant()).collect();
    let fields: Vec<(&str, bool, ArrayRef)> = vec![
        ("policy", false, spelled(place(|line| line.policy as i32), IdlePolicy::ALL.map(IdlePolicy::name))?),
        ("kind", false, spelled(place(|line| line.kind as i32), LineKind::ALL.map(LineKind::name))?),
        ("bearer", false, spelled(place(|line| kind_of(&line.bearer)), BEARERS)?),
        ("tenant", true, Arc::new(tenants)),
        ("micros", false, Arc::new(Int64Array::from_iter_values(lines().map(|line| long(line.micros))))),
        ("cost_usd", true, money(both().map(cost))?),
    ];
    lists(lengths, fields)
}

fn resident_lists(rows: &[&CapacityRow]) -> Result<ArrayRef, ArrowError> {
    let lengths = rows.iter().map(|row| row.residents.len());
    let residents = || rows.iter().flat_map(|row| &row.residents);
    let bearers = Int32Array::from_iter_values(residents().map(|held| kind_of(&held.bearer)));
    let tenants: StringArray = residents().map(|held| held.bearer.tenant()).collect();
    let longs = |of: fn(&Resident) -> i64| Arc::new(Int64Array::from_iter_values(residents().map(of)));
    let fields: Vec<(&str, bool, ArrayRef)> = vec![
        ("bearer", false, spelled(bearers, BEARERS)?),
        ("tenant", true, Arc::new(tenants)),
        ("block_us", false, longs(|held| i64::try_from(held.block_micros).unwrap_or(i64::MAX))),
        ("tokens", false, longs(|held| long(held.tokens))),
    ];
    lists(lengths, fields)
}

/// A list of structs for each row: `lengths` of them, one after the other.
fn lists(
    lengths: impl Iterator<Item = usize>,
    columns: Vec<(&'static str, bool, ArrayRef)>,
) -> Result<ArrayRef, ArrowError> {
    let field = |(name, is_optional, array): &(&str, bool, ArrayRef)| {
        Field::new(*name, array.data_type().clone(), *is_optional)
    };
    let fields: Fields = columns.iter().map(field).collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    let elements = StructArray::try_new(fields, arrays, None)?;
    // The name that Parquet and Delta give to what is in a list.
    let element = Arc::new(Field::new("element", DataType::Struct(elements.fields().clone()), false));
    Ok(Arc::new(ListArray::try_new(element, OffsetBuffer::from_lengths(lengths), Arc::new(elements), None)?))
}

/// The place in [`BEARERS`] of the bearer's kind.
const fn kind_of(bearer: &Bearer) -> i32 {
    match bearer {
        Bearer::Tenant(_) => 0,
        Bearer::NoTenant => 1,
        Bearer::Platform => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_capacity_is_its_place_in_the_list() {
        assert!(IdlePolicy::ALL.iter().zip(0..).all(|(policy, place)| *policy as i32 == place));
        assert!(LineKind::ALL.iter().zip(0..).all(|(kind, place)| *kind as i32 == place));
        let bearers = [Bearer::Tenant(String::new()), Bearer::NoTenant, Bearer::Platform];
        assert!(bearers.iter().all(|bearer| BEARERS.get(kind_of(bearer) as usize) == Some(&bearer.kind())));
    }
}
