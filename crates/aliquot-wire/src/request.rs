//! The `data` of `aliquot.request.v1` as JSON. Whether the parts add up is core's question; here they only have to be numbers.

use std::fmt;

use aliquot_core::event::Event;
use aliquot_core::time::Micros;
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, Visitor};

use crate::cloudevent::missing;
use crate::field::{Name, Reading};
use crate::prompt_text::Suspect;
use limits::LimitList;
use prefix::PrefixObject;
use usage::UsageObject;

mod cache_use;
mod limits;
mod prefix;
mod usage;

pub(crate) use limits::too_many_limits;
pub(crate) use prefix::{SAMPLE_THEM, chain_counts_from_one};
pub(crate) use usage::reports_cache;

/// Longest interval that fits the event's signed microseconds.
pub(crate) const MICROS_MAX: u64 = i64::MAX.unsigned_abs();

/// Reads `data` into `event`, which holds the defaults.
#[derive(Debug)]
pub(crate) struct Request<'s, 'c, 'de> {
    pub(crate) reading: &'s mut Reading<'c>,
    pub(crate) event: &'s mut Event<'de>,
}

impl<'de> DeserializeSeed<'de> for Request<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.reading.field = "data";
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Request<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the data of a request")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut numbers = Numbers::default();
        let mut has = Objects::default();
        while let Some(name) = map.next_key_seed(Name)? {
            match name.as_ref() {
                object @ ("usage" | "prefix" | "cache" | "limits") => self.object(object, &mut has, &mut map)?,
                name => self.field(name, &mut numbers, &mut map)?,
            }
        }
        let Self { reading, event } = self;
        if event.provider.is_empty() {
            return Err(missing(reading, "data.provider"));
        }
        if event.request_model.is_empty() {
            return Err(missing(reading, "data.request_model"));
        }
        if !has.usage {
            return Err(missing(reading, "data.usage"));
        }
        if !has.prefix {
            event.prefix = None;
        }
        numbers.put_into(event);
        Ok(())
    }
}

/// The objects that came.
#[derive(Debug, Default)]
struct Objects {
    usage: bool,
    prefix: bool,
    cache: bool,
    limits: bool,
}

impl Objects {
    /// Notes that an object comes; answers whether it came before.
    fn note(&mut self, name: &str) -> bool {
        let has = match name {
            "usage" => &mut self.usage,
            "prefix" => &mut self.prefix,
            "cache" => &mut self.cache,
            _ => &mut self.limits,
        };
        core::mem::replace(has, true)
    }
}

#[derive(Debug, Default)]
struct Numbers {
    attempt: Option<u64>,
    http_status: Option<u64>,
    queue: Option<u64>,
    ttft: Option<u64>,
    duration: Option<u64>,
}

impl Numbers {
    /// Every number was held against its own maximum when it was read, so that none is lost here.
    fn put_into(&self, event: &mut Event<'_>) {
        let micros = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok()).map(Micros);
        event.attempt = self.attempt.and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
        event.http_status = self.http_status.and_then(|number| u16::try_from(number).ok());
        event.queue = micros(self.queue);
        event.ttft = micros(self.ttft);
        event.duration = micros(self.duration);
    }
}

impl<'de> Request<'_, '_, 'de> {
    fn object<A: MapAccess<'de>>(&mut self, name: &str, has: &mut Objects, map: &mut A) -> Result<(), A::Error> {
        let Self { reading, event } = self;
        if has.note(name) {
            return Err(reading.twice(name));
        }
        match name {
            "usage" => map.next_value_seed(UsageObject { reading, usage: &mut event.usage }),
            "prefix" => map.next_value_seed(PrefixObject { reading, prefix: &mut event.prefix }),
            "cache" => cache_use::read(reading, map, &mut event.cache),
            _ => map.next_value_seed(LimitList { reading, limits: &mut event.limits }),
        }
    }

    fn field<A: MapAccess<'de>>(&mut self, name: &str, numbers: &mut Numbers, map: &mut A) -> Result<(), A::Error> {
        let Self { reading, event } = self;
        match name {
            "provider" => reading.text(map, "data.provider", &mut event.provider),
            "request_model" => reading.text(map, "data.request_model", &mut event.request_model),
            "response_model" => reading.optional_text(map, "data.response_model", &mut event.response_model),
            "operation" => reading.optional_text(map, "data.operation", &mut event.operation),
            "service_tier" => reading.optional_text(map, "data.service_tier", &mut event.service_tier),
            "region" => reading.optional_text(map, "data.region", &mut event.region),
            "feature" => reading.optional_text(map, "data.feature", &mut event.feature),
            "project" => reading.optional_text(map, "data.project", &mut event.project),
            "traffic_class" => reading.optional_text(map, "data.traffic_class", &mut event.traffic_class),
            "attempt" => reading.number_into(map, "data.attempt", u64::from(u32::MAX), &mut numbers.attempt),
            "http_status" => {
                reading.number_into(map, "data.http_status", u64::from(u16::MAX), &mut numbers.http_status)
            }
            "queue_us" => reading.number_into(map, "data.queue_us", MICROS_MAX, &mut numbers.queue),
            "ttft_us" => reading.number_into(map, "data.ttft_us", MICROS_MAX, &mut numbers.ttft),
            "duration_us" => reading.number_into(map, "data.duration_us", MICROS_MAX, &mut numbers.duration),
            unknown => map.next_value_seed(Suspect::new(reading, unknown)),
        }
    }
}
