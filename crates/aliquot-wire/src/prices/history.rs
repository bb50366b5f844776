//! The prices of one model over time: which row holds when, and the rows before or after a moment.

use aliquot_core::prices::Price;
use aliquot_core::time::EventTime;

/// The rows as periods that do not overlap, for rows that differ in nothing but time and price: what [rating] would find at
/// each moment, the row that began last. Neighbours with the same price become one.
///
/// [rating]: aliquot_core::rating
pub(super) fn periods(rows: &[&Price]) -> Vec<Price> {
    let mut moments: Vec<EventTime> =
        rows.iter().flat_map(|row| [Some(row.effective_from), row.effective_to]).flatten().collect();
    moments.sort_unstable();
    moments.dedup();
    let ends = moments.iter().skip(1).copied().map(Some).chain([None]);
    let mut periods: Vec<Price> = Vec::new();
    for (start, end) in moments.iter().copied().zip(ends) {
        let holds = |row: &&&Price| row.effective_from <= start && row.effective_to.is_none_or(|to| start < to);
        let Some(row) = rows.iter().filter(holds).max_by_key(|row| row.effective_from) else { continue };
        match periods.last_mut() {
            Some(last) if last.effective_to == Some(start) && is_same_price(last, row) => last.effective_to = end,
            _ => periods.push(Price { effective_from: start, effective_to: end, ..(*row).clone() }),
        }
    }
    periods
}

fn is_same_price(left: &Price, right: &Price) -> bool {
    left.bands == right.bands && left.band_rule == right.band_rule
}

/// The part of each period before `moment`.
pub(super) fn before(periods: &[Price], moment: EventTime) -> Vec<Price> {
    let begun = periods.iter().filter(|period| period.effective_from < moment).cloned();
    begun
        .map(|period| {
            let effective_to = Some(period.effective_to.map_or(moment, |end| end.min(moment)));
            Price { effective_to, ..period }
        })
        .collect()
}

/// The part of each period from `moment` on.
pub(super) fn since(periods: &[Price], moment: EventTime) -> Vec<Price> {
    let lasting = periods.iter().filter(|period| period.effective_to.is_none_or(|end| moment < end)).cloned();
    lasting.map(|period| Price { effective_from: period.effective_from.max(moment), ..period }).collect()
}
