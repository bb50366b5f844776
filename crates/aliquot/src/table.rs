//! Tables for people: aligned columns, numbers to the right with thousands separated. Formats; computes nothing but ratios.

use aliquot_core::money::Usd;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A table whose columns from `numbers` on are numbers.
pub(crate) fn table(header: &[&str], numbers: usize, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if place >= numbers {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len().saturating_add(digits.len() / 3));
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Dollars to four decimals, for reading; the exact amount is in the stores and in `--format json`.
pub(crate) fn dollars(amount: Usd) -> String {
    const PICO_PER_TENTH_OF_A_MILL: i128 = 100_000_000;
    let rounded = (amount.pico().unsigned_abs() + PICO_PER_TENTH_OF_A_MILL.unsigned_abs() / 2)
        / PICO_PER_TENTH_OF_A_MILL.unsigned_abs();
    let sign = if amount.pico() < 0 { "-" } else { "" };
    format!("{sign}{}.{:04}", count(rounded / 10_000), rounded % 10_000)
}

/// A share of a whole in percent with one decimal; `–` of nothing.
pub(crate) fn percent(part: u128, whole: u128) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let per_mille = (part * 1_000 + whole / 2) / whole;
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        let counts: Vec<_> = [0, 12, 999, 1_000, 1_234_567].into_iter().map(count).collect();
        assert_eq!(counts, ["0", "12", "999", "1,000", "1,234,567"]);
        let pico = |pico| dollars(Usd::from_pico(pico));
        assert_eq!(pico(1_234_567_850_000_000), "1,234.5679");
        assert_eq!(
            (pico(49_999_999), pico(50_000_000), pico(-50_000_000)),
            ("0.0000".into(), "0.0001".into(), "-0.0001".into())
        );
        assert_eq!((percent(1, 3), percent(2, 3), percent(0, 0)), ("33.3 %".into(), "66.7 %".into(), "–".into()));
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "1,000".to_owned()]];
        let text = table(&["name", "n"], 1, rows).to_string();
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines, ["name      n", "a         1", "bcd   1,000"]);
    }
}
