//! Column `lines`: the totals of one account by class and price, as text. The layout is in `schemas/ledger`; only what this module
//! would write itself is read.

use std::cmp::Ordering;
use std::fmt::Write;

use aliquot_core::money::{Rate, Usd};
use aliquot_core::totals::{Line, WindowTotal};
use aliquot_core::usage::Class;

use crate::columns::{add_quantity, add_usd};
use crate::error::Error;

/// The layout, named by the first line.
const LAYOUT: &str = "1";

/// A rate that is not known.
const UNKNOWN: &str = "?";

/// The lines of one account: in order, and one for each class and price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    /// Lines in any order, of different classes or prices.
    pub(crate) fn new(mut lines: Vec<Line>) -> Self {
        lines.sort_unstable_by(order);
        Self(lines)
    }

    /// Reads the column.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt { column: "lines", found: text.to_owned() };
        let body = text.strip_prefix(LAYOUT).and_then(|text| text.strip_prefix('\n')).ok_or_else(corrupt)?;
        let body = body.strip_suffix('\n').ok_or_else(corrupt)?;
        let lines: Vec<Line> = body.split('\n').map(read_line).collect::<Option<_>>().ok_or_else(corrupt)?;
        let ascends =
            |pair: &[Line]| pair.first().zip(pair.last()).is_some_and(|(left, right)| order(left, right).is_lt());
        if lines.windows(2).all(ascends) { Ok(Self(lines)) } else { Err(corrupt()) }
    }

    /// Writes the column.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(LINE_BYTES.saturating_mul(self.0.len()));
        text.push_str(LAYOUT);
        text.push('\n');
        for Line { class, rate, total } in &self.0 {
            text.push_str(class.name());
            let (quantity, cost) = (total.quantity, total.cost.pico());
            let written = match rate {
                Some(rate) => writeln!(text, " {} {quantity} {cost}", rate.pico()),
                None => writeln!(text, " {UNKNOWN} {quantity} {cost}"),
            };
            written.expect("a string takes whatever is written to it");
        }
        text
    }

    /// Adds what is new to what is held.
    pub(crate) fn add(&mut self, new: &Self) -> Result<(), Error> {
        for line in &new.0 {
            match self.0.binary_search_by(|held| order(held, line)) {
                Ok(place) => {
                    if let Some(held) = self.0.get_mut(place) {
                        held.total = add_up(held.total, line.total)?;
                    }
                }
                Err(place) => self.0.insert(place, *line),
            }
        }
        Ok(())
    }

    /// Whether the price of some line is unknown.
    pub(crate) fn is_unpriced(&self) -> bool {
        self.0.iter().any(|line| line.rate.is_none())
    }

    /// Everything together.
    pub(crate) fn sum(&self) -> Result<WindowTotal, Error> {
        self.0.iter().try_fold(WindowTotal::default(), |sum, line| add_up(sum, line.total))
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// In order: by class name, then price, unknown first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Line> {
        self.0.iter()
    }

    /// Those that come after the total of that class and price; all of them after none.
    pub(crate) fn after(&self, begun: Option<(Class, Option<Rate>)>) -> impl Iterator<Item = &Line> {
        let begun = begun.map(|(class, rate)| (class.name(), rate));
        self.0.iter().filter(move |line| begun.is_none_or(|begun| (line.class.name(), line.rate) > begun))
    }
}

/// Room for most lines.
const LINE_BYTES: usize = 48;

fn order(left: &Line, right: &Line) -> Ordering {
    (left.class.name(), left.rate).cmp(&(right.class.name(), right.rate))
}

fn read_line(line: &str) -> Option<Line> {
    let mut words = line.split(' ');
    let (class, rate, quantity, cost) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let rate = if rate == UNKNOWN { None } else { Some(Rate::from_pico(unsigned(rate)?)) };
    let total = WindowTotal { quantity: unsigned(quantity)?, cost: Usd::from_pico(signed(cost)?) };
    Some(Line { class: Class::from_name(class)?, rate, total })
}

/// A number in the one spelling it is written in.
fn unsigned<N: std::str::FromStr>(text: &str) -> Option<N> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_canonical { text.parse().ok() } else { None }
}

fn signed(text: &str) -> Option<i128> {
    match text.strip_prefix('-') {
        // Parsed with its sign: the least number has no positive counterpart.
        Some(digits) if unsigned::<u128>(digits)? > 0 => text.parse().ok(),
        Some(_) => None,
        None => unsigned(text),
    }
}

/// The sum of two totals.
pub(crate) fn add_up(held: WindowTotal, new: WindowTotal) -> Result<WindowTotal, Error> {
    Ok(WindowTotal { quantity: add_quantity(held.quantity, new.quantity)?, cost: add_usd(held.cost, new.cost)? })
}
