//! `data.limits` of a request as JSON. The numbers come out of headers that somebody else wrote: one that is none becomes unknown,
//! and costs the event nothing. What of the rest can be true is core's question.

use std::fmt;

use aliquot_core::event::Limit;
use aliquot_core::reject::Reason;
use aliquot_core::time::Micros;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use crate::cloudevent::missing;
use crate::field::Reading;
use crate::limits::Limits;
use crate::object::{Fields, Object};
use crate::prompt_text::Suspect;

/// Reads a list of limits into `limits`, which is empty.
#[derive(Debug)]
pub(super) struct LimitList<'s, 'c, 'de> {
    pub(super) reading: &'s mut Reading<'c>,
    pub(super) limits: &'s mut Vec<Limit<'de>>,
}

impl<'de> DeserializeSeed<'de> for LimitList<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.reading.field = "data.limits";
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LimitList<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of limits")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { reading, limits } = self;
        let mut fields = LimitFields::default();
        while let Some(is_there) = list.next_element_seed(Object { reading, fields: &mut fields })? {
            let limit = core::mem::take(&mut fields);
            if !is_there {
                continue;
            }
            if limits.len() >= reading.limits.limits_per_event {
                let detail = too_many_limits("data.limits", reading.limits);
                return Err(reading.refuse(Reason::TooLarge, detail));
            }
            limits.push(limit.finish(reading)?);
        }
        Ok(())
    }
}

/// The detail of more limits than an event may have.
pub(crate) fn too_many_limits(field: &str, limits: &Limits) -> String {
    format!("{field} has more than {} limits: send those that bind", limits.limits_per_event)
}

#[derive(Debug, Default)]
struct LimitFields<'de> {
    limit: Limit<'de>,
    reset: Option<u64>,
    refused: Option<bool>,
}

impl<'de> LimitFields<'de> {
    fn finish<E: Error>(self, reading: &mut Reading<'_>) -> Result<Limit<'de>, E> {
        let Self { limit, reset, refused } = self;
        if limit.bucket.is_empty() {
            return Err(missing(reading, "limits.bucket"));
        }
        if limit.counts.is_empty() {
            return Err(missing(reading, "limits.counts"));
        }
        let reset = reset.and_then(|reset| i64::try_from(reset).ok()).map(Micros);
        Ok(Limit { reset, refused: refused.unwrap_or_default(), ..limit }.plausible())
    }
}

impl<'de> Fields<'de> for LimitFields<'de> {
    const PLACE: &'static str = "data.limits";

    fn field<A: MapAccess<'de>>(&mut self, name: &str, reading: &mut Reading<'_>, map: &mut A) -> Result<(), A::Error> {
        let Self { limit, reset, refused } = self;
        match name {
            "bucket" => reading.text(map, "limits.bucket", &mut limit.bucket),
            "counts" => reading.text(map, "limits.counts", &mut limit.counts),
            "limit" => header_number(reading, map, "limits.limit", &mut limit.limit),
            "remaining" => header_number(reading, map, "limits.remaining", &mut limit.remaining),
            "reset_us" => header_number(reading, map, "limits.reset_us", reset),
            "refused" => reading.flag_into(map, "limits.refused", refused),
            unknown => map.next_value_seed(Suspect::new(reading, unknown)),
        }
    }
}

/// Puts the next value of `map` into a slot that must still be empty, if it is a number at all.
fn header_number<'de, A: MapAccess<'de>>(
    reading: &mut Reading<'_>,
    map: &mut A,
    field: &'static str,
    slot: &mut Option<u64>,
) -> Result<(), A::Error> {
    reading.field = field;
    if let Some(number) = map.next_value_seed(HeaderNumber { reading, field })?
        && slot.replace(number).is_some()
    {
        return Err(reading.twice(field));
    }
    Ok(())
}

/// A whole number from 0 on; any other number, flag or word is none. A word too long for one is refused as text.
#[derive(Debug)]
struct HeaderNumber<'s, 'c> {
    reading: &'s mut Reading<'c>,
    field: &'static str,
}

impl<'de> DeserializeSeed<'de> for HeaderNumber<'_, '_> {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u64>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for HeaderNumber<'_, '_> {
    type Value = Option<u64>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a number, or whatever the header said")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<u64>, E> {
        Ok(Some(number))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<u64>, E> {
        Suspect::new(self.reading, self.field).visit_str(text)?;
        Ok(text.parse().ok())
    }
}
