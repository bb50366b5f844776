//! The table for people: aligned columns, numbers to the right, money exact with no more decimals than its column needs.

use std::io::Write;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::ArrayFormatter;

use crate::answer::Answer;
use crate::texts;

/// Characters of one cell; what is longer ends in `…`. Names are shorter, and raw messages are not for tables.
const CELL_CHARS_MAX: usize = 48;

/// Decimals of money that are shown even where they are zero: cents.
const MONEY_DECIMALS_MIN: usize = 2;

/// What stands where a value is not known.
const UNKNOWN: &str = "-";

/// The cells of one column.
struct Column {
    title: String,
    right: bool,
    cells: Vec<String>,
}

/// Writes the first `rows_max` rows, and how many there are.
pub(crate) fn write(answer: &Answer, rows_max: usize, out: &mut impl Write) -> Result<(), ArrowError> {
    let columns: Vec<Column> =
        (0..answer.schema.fields().len()).map(|place| lay_out(answer, place, rows_max)).collect::<Result<_, _>>()?;
    let widths: Vec<usize> = columns.iter().map(width).collect();
    let line = |cell: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().zip(&widths).map(|(column, width)| match column.right {
            true => format!("{:>width$}", cell(column)),
            false => format!("{:<width$}", cell(column)),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    writeln!(out, "{}", line(&|column| column.title.clone()))?;
    writeln!(out, "{}", widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("  "))?;
    let rows = answer.rows();
    for row in 0..rows.min(rows_max) {
        writeln!(out, "{}", line(&|column| column.cells.get(row).cloned().unwrap_or_default()))?;
    }
    match rows {
        1 => writeln!(out, "1 row")?,
        _ if rows > rows_max => {
            writeln!(
                out,
                "{rows} rows, of which the first {rows_max} are shown; --format csv, json or parquet has all"
            )?;
        }
        _ => writeln!(out, "{rows} rows")?,
    }
    Ok(())
}

fn width(column: &Column) -> usize {
    let cells = column.cells.iter().chain([&column.title]).map(|cell| cell.chars().count());
    cells.max().unwrap_or_default()
}

fn lay_out(answer: &Answer, place: usize, rows_max: usize) -> Result<Column, ArrowError> {
    let field = answer.schema.field(place);
    let mut cells = Vec::new();
    for batch in &answer.batches {
        let array = batch.column(place);
        let left = rows_max.saturating_sub(cells.len());
        let formatter = ArrayFormatter::try_new(array.as_ref(), &texts::formats())?;
        for row in 0..array.len().min(left) {
            cells.push(match array.data_type() {
                _ if array.is_null(row) => UNKNOWN.to_owned(),
                DataType::Float64 => format!("{:.4}", array.as_primitive::<Float64Type>().value(row)),
                _ => shorten(&formatter.value(row).try_to_string()?),
            });
        }
    }
    if matches!(field.data_type(), DataType::Decimal128(_, scale) if *scale > 0) {
        trim_decimals(&mut cells);
    }
    Ok(Column { title: field.name().clone(), right: field.data_type().is_numeric(), cells })
}

/// The text on one line and of bounded length; control characters would move the terminal's cursor.
fn shorten(text: &str) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter });
    let mut short: String = letters.by_ref().take(CELL_CHARS_MAX).collect();
    if letters.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}

/// Cuts the zeros at the ends that all amounts of the column share, so that the points stay below one another.
fn trim_decimals(cells: &mut [String]) {
    let needed = |cell: &String| cell.split_once('.').map_or(0, |(_, decimals)| decimals.trim_end_matches('0').len());
    let decimals = cells.iter().map(needed).max().unwrap_or_default().max(MONEY_DECIMALS_MIN);
    for cell in cells {
        if let Some(point) = cell.find('.') {
            cell.truncate(point + 1 + decimals);
        }
    }
}
