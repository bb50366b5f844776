//! `data.usage` of a request as JSON: quantities by class, and what follows from which of them are given.

use std::fmt;

use aliquot_core::event::Usage;
use aliquot_core::usage::{ByClass, Class};
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, Visitor};

use crate::field::{Name, Reading};
use crate::prompt_text::Suspect;

/// Classes whose presence says that the reporter knows about cache reads or writes.
const CACHE: [Class; 6] = [
    Class::CacheRead,
    Class::CacheWrite5m,
    Class::CacheWrite1h,
    Class::CacheWriteOther,
    Class::AudioCacheRead,
    Class::ImageCacheRead,
];

/// Whether a report that gives only the classes in `given` says anything about its cache.
pub(crate) fn reports_cache(given: impl Fn(Class) -> bool) -> bool {
    CACHE.into_iter().any(given)
}

/// Reads quantities into `usage`.
#[derive(Debug)]
pub(super) struct UsageObject<'s, 'c> {
    pub(super) reading: &'s mut Reading<'c>,
    pub(super) usage: &'s mut Usage,
}

impl<'de> DeserializeSeed<'de> for UsageObject<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.reading.field = "data.usage";
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for UsageObject<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("quantities by class")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { reading, usage } = self;
        let mut given = ByClass::all(false);
        let mut cache_reported = None;
        while let Some(name) = map.next_key_seed(Name)? {
            if let Some(class) = Class::from_name(&name) {
                if given.get(class) {
                    return Err(reading.twice(class.name()));
                }
                if let Some(quantity) = reading.number(&mut map, class.name(), u64::MAX)? {
                    usage.parts.set(class, quantity);
                    given.set(class, true);
                }
                continue;
            }
            match name.as_ref() {
                "input_total" => reading.number_into(&mut map, "input_total", u64::MAX, &mut usage.input_total)?,
                "output_total" => reading.number_into(&mut map, "output_total", u64::MAX, &mut usage.output_total)?,
                "cache_reported" => reading.flag_into(&mut map, "cache_reported", &mut cache_reported)?,
                unknown => map.next_value_seed(Suspect::new(reading, unknown))?,
            }
        }
        if !given.get(Class::Requests) {
            usage.parts.set(Class::Requests, 1);
        }
        usage.cache_reported = cache_reported.unwrap_or_else(|| reports_cache(|class| given.get(class)));
        Ok(())
    }
}
