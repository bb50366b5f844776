//! One JSON value into one field of an event: texts, whole numbers, flags, blocks. Knows no field by name.

use std::borrow::Cow;
use std::fmt;

use aliquot_core::reject::Reason;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use crate::blocks;
use crate::limits::Limits;
use crate::refusal::Problem;

/// What a decoder carries through one event: its limits, where it stands, and what it found wrong.
#[derive(Debug)]
pub(crate) struct Reading<'c> {
    pub(crate) limits: &'c Limits,
    /// The field being read, for the refusal of a value of the wrong type.
    pub(crate) field: &'static str,
    /// The first thing wrong. Set before the error is returned, because an error of the JSON reader may quote the value.
    pub(crate) problem: Option<Problem>,
}

impl<'c> Reading<'c> {
    pub(crate) fn new(limits: &'c Limits) -> Self {
        Self { limits, field: "", problem: None }
    }

    /// Notes why the event is refused, and makes the error that ends the reading.
    pub(crate) fn refuse<E: Error>(&mut self, reason: Reason, detail: impl Into<String>) -> E {
        self.problem.get_or_insert_with(|| Problem::new(reason, detail));
        E::custom("refused")
    }

    /// What the end of a reading means: the problem noted, else a wrong type, else bytes that are not JSON.
    pub(crate) fn problem_of(&mut self, error: &serde_json::Error) -> Problem {
        if let Some(problem) = self.problem.take() {
            return problem;
        }
        if error.is_data() {
            let detail = match self.field {
                "" => "an event is a JSON object".to_owned(),
                field => format!("{field} has the wrong type"),
            };
            return Problem::new(Reason::WrongType, detail);
        }
        let detail = format!("not JSON: line {}, column {}", error.line(), error.column());
        Problem::new(Reason::Malformed, detail)
    }

    /// Puts the next value of `map` into a text that must be there; it must come once and not be empty.
    pub(crate) fn text<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        field: &'static str,
        slot: &mut Cow<'de, str>,
    ) -> Result<(), A::Error> {
        let mut text = None;
        self.optional_text(map, field, &mut text)?;
        match text {
            Some(text) if slot.is_empty() => *slot = text,
            Some(_) => return Err(self.twice(field)),
            None => {}
        }
        Ok(())
    }

    /// Puts the next value of `map` into a text that may be missing; an empty one is as good as none.
    pub(crate) fn optional_text<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        field: &'static str,
        slot: &mut Option<Cow<'de, str>>,
    ) -> Result<(), A::Error> {
        self.field = field;
        let text = map.next_value_seed(Text)?;
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            if text.len() > self.limits.field_bytes {
                return Err(self.refuse(Reason::TooLarge, too_long(field, self.limits.field_bytes)));
            }
            if slot.is_some() {
                return Err(self.twice(field));
            }
            *slot = Some(text);
        }
        Ok(())
    }

    /// The next value of `map`: a whole number from 0 to `max`, or nothing.
    pub(crate) fn number<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        field: &'static str,
        max: u64,
    ) -> Result<Option<u64>, A::Error> {
        self.field = field;
        let number = map.next_value_seed(Number { may_be_text: false })?;
        self.within(number, field, max)
    }

    fn within<E: Error>(&mut self, number: Numeric, field: &'static str, max: u64) -> Result<Option<u64>, E> {
        match number {
            Numeric::None => Ok(None),
            Numeric::Whole(number) if number <= max => Ok(Some(number)),
            Numeric::Whole(_) | Numeric::TooLarge => {
                Err(self.refuse(Reason::Overflow, format!("{field} exceeds {max}")))
            }
            Numeric::Negative => Err(self.refuse(Reason::Negative, format!("{field} is below zero"))),
            Numeric::Fraction => Err(self.refuse(Reason::WrongType, format!("{field} must be a whole number"))),
        }
    }

    /// As [`Self::number`], into a slot that must still be empty.
    pub(crate) fn number_into<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        field: &'static str,
        max: u64,
        slot: &mut Option<u64>,
    ) -> Result<(), A::Error> {
        if let Some(number) = self.number(map, field, max)?
            && slot.replace(number).is_some()
        {
            return Err(self.twice(field));
        }
        Ok(())
    }

    /// Puts the next value of `map`, a number or the digits of one, into a slot that must still be empty: CloudEvents
    /// integers end at 2³¹ and travel as strings beyond.
    pub(crate) fn extension<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        field: &'static str,
        slot: &mut Option<u64>,
    ) -> Result<(), A::Error> {
        self.field = field;
        let number = map.next_value_seed(Number { may_be_text: true })?;
        if let Some(number) = self.within(number, field, u64::MAX)?
            && slot.replace(number).is_some()
        {
            return Err(self.twice(field));
        }
        Ok(())
    }

    /// Puts the next value of `map`, true, false or nothing, into a slot that must still be empty.
    pub(crate) fn flag_into<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        field: &'static str,
        slot: &mut Option<bool>,
    ) -> Result<(), A::Error> {
        self.field = field;
        if let Some(flag) = map.next_value::<Option<bool>>()?
            && slot.replace(flag).is_some()
        {
            return Err(self.twice(field));
        }
        Ok(())
    }

    /// Appends the blocks that the next value of `map` spells; `advice` is for a sender of too many.
    pub(crate) fn blocks_into<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        field: &'static str,
        advice: &str,
        slot: BlockSlot<'_>,
    ) -> Result<(), A::Error> {
        if *slot.has_blocks {
            return Err(self.twice(field));
        }
        self.field = field;
        let Some(text) = map.next_value_seed(Text)? else { return Ok(()) };
        *slot.has_blocks = true;
        if text.len() / blocks::DIGITS > self.limits.blocks_per_event {
            return Err(self.refuse(Reason::TooLarge, too_many_blocks(field, self.limits, advice)));
        }
        blocks::parse(text.as_bytes(), slot.blocks).ok_or_else(|| {
            self.refuse(Reason::Malformed, format!("{field} must be 16 hexadecimal digits for each block"))
        })
    }

    /// The refusal of an object that has a name twice: which of the values was meant is nobody's to guess.
    pub(crate) fn twice<E: Error>(&mut self, field: &str) -> E {
        self.refuse(Reason::Malformed, format!("{field} is given twice"))
    }
}

/// Where blocks go, and whether any came.
#[derive(Debug)]
pub(crate) struct BlockSlot<'s> {
    pub(crate) has_blocks: &'s mut bool,
    pub(crate) blocks: &'s mut Vec<u64>,
}

/// The detail of more blocks than the limit.
pub(crate) fn too_many_blocks(field: &str, limits: &Limits, advice: &str) -> String {
    format!("{field} has more than {} blocks: {advice}", limits.blocks_per_event)
}

/// The detail of a string beyond the limit.
pub(crate) fn too_long(field: &str, bytes_max: usize) -> String {
    format!("{field} has more than {bytes_max} bytes")
}

/// A string, borrowed where it has no escapes; null is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// The name of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// What a JSON number is as a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numeric {
    None,
    Whole(u64),
    Negative,
    TooLarge,
    Fraction,
}

/// A number, or where that is allowed the decimal digits of one in a string.
#[derive(Clone, Copy, Debug)]
struct Number {
    may_be_text: bool,
}

impl<'de> DeserializeSeed<'de> for Number {
    type Value = Numeric;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Numeric, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Number {
    type Value = Numeric;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Numeric, E> {
        Ok(Numeric::Whole(number))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Numeric, E> {
        // The JSON reader answers with an unsigned number wherever it can.
        Ok(Numeric::Negative)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Numeric, E> {
        Ok(if number < 0.0 {
            Numeric::Negative
        } else if number >= 18_446_744_073_709_551_616.0 {
            Numeric::TooLarge
        } else {
            Numeric::Fraction
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Numeric, E> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !self.may_be_text || digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(E::custom("not a number"));
        }
        if digits.len() < text.len() {
            return Ok(Numeric::Negative);
        }
        Ok(digits.parse().map_or(Numeric::TooLarge, Numeric::Whole))
    }

    fn visit_unit<E: Error>(self) -> Result<Numeric, E> {
        Ok(Numeric::None)
    }
}
