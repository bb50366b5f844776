//! One column by its name: its cells by the rules that JSON has for the same field, and what is said about those that break them.
//! Does not know which column is which field.

use std::borrow::Cow;

use aliquot_core::reject::Reason;

use super::cells::{Cell, Flaw, Ints, Texts};
use super::malformed;
use crate::cloudevent::missing_detail;
use crate::field::too_long;
use crate::limits::Limits;
use crate::refusal::Problem;

/// A column of texts; without a name it is not there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TextColumn<'d, 'a> {
    pub(super) name: &'static str,
    pub(super) texts: Option<Texts<'d, 'a>>,
}

impl<'a> TextColumn<'_, 'a> {
    /// The text; an empty one is as good as none.
    pub(super) fn get(&self, row: usize, limits: &Limits) -> Result<Option<&'a str>, Problem> {
        let Some(texts) = &self.texts else { return Ok(None) };
        match known(self.name, texts.get(row))? {
            Some(text) if text.len() > limits.field_bytes => {
                Err(Problem::new(Reason::TooLarge, too_long(self.name, limits.field_bytes)))
            }
            text => Ok(text.filter(|text| !text.is_empty())),
        }
    }

    pub(super) fn optional(&self, row: usize, limits: &Limits) -> Result<Option<Cow<'a, str>>, Problem> {
        Ok(self.get(row, limits)?.map(Cow::Borrowed))
    }

    pub(super) fn required(&self, row: usize, limits: &Limits) -> Result<&'a str, Problem> {
        self.get(row, limits)?.ok_or_else(|| missing(self.name))
    }
}

/// A column of whole numbers; without a name it is not there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CountColumn<'a> {
    pub(super) name: &'static str,
    pub(super) max: u64,
    pub(super) ints: Option<Ints<'a>>,
}

impl CountColumn<'_> {
    pub(super) fn get(&self, row: usize) -> Result<Option<u64>, Problem> {
        let Some(ints) = &self.ints else { return Ok(None) };
        match known(self.name, ints.get(row))? {
            Some(number) if number > self.max => {
                Err(Problem::new(Reason::Overflow, format!("{} exceeds {}", self.name, self.max)))
            }
            number => Ok(number),
        }
    }
}

/// A number that is known to fit, in its own type.
pub(super) fn narrow<T: TryFrom<u64>>(number: Option<u64>) -> Option<T> {
    number.and_then(|number| T::try_from(number).ok())
}

pub(super) fn known<T>(column: &'static str, cell: Cell<T>) -> Result<Option<T>, Problem> {
    cell.map_err(|flaw| problem_of(column, flaw))
}

#[cold]
pub(super) fn problem_of(column: &'static str, flaw: Flaw) -> Problem {
    match flaw {
        Flaw::NotUtf8 => malformed(format!("{column} is not UTF-8")),
        Flaw::Dangling => malformed(format!("{column} points to a value that is not in the message")),
        Flaw::NullInside => malformed(format!("{column} has a null inside")),
        Flaw::Negative => Problem::new(Reason::Negative, format!("{column} is below zero")),
        Flaw::Time => Problem::new(Reason::AbsurdTime, format!("{column} is outside the years 0 to 9999")),
    }
}

#[cold]
pub(super) fn missing(column: &str) -> Problem {
    Problem::new(Reason::MissingField, missing_detail(column))
}
