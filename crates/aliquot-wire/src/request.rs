//! The `data` of `aliquot.request.v1` as JSON. Whether the parts add up is core's question; here they only have to be numbers.

use std::fmt;

use aliquot_core::event::{Event, PrefixChain, Usage};
use aliquot_core::reject::Reason;
use aliquot_core::time::Micros;
use aliquot_core::usage::{ByClass, Class};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use crate::blocks;
use crate::cloudevent::missing;
use crate::field::{Name, Reading, Text};
use crate::limits::Limits;
use crate::prompt_text::Suspect;

/// Longest interval that fits the event's signed microseconds.
pub(crate) const MICROS_MAX: u64 = i64::MAX.unsigned_abs();

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

/// Reads `data` into `event`.
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
        let mut has_usage = false;
        let mut has_prefix = false;
        while let Some(name) = map.next_key_seed(Name)? {
            match name.as_ref() {
                "usage" if !core::mem::replace(&mut has_usage, true) => {
                    map.next_value_seed(UsageObject { reading: self.reading, usage: &mut self.event.usage })?;
                }
                "prefix" if !core::mem::replace(&mut has_prefix, true) => {
                    map.next_value_seed(PrefixObject { reading: self.reading, prefix: &mut self.event.prefix })?;
                }
                twice @ ("usage" | "prefix") => return Err(self.reading.twice(twice)),
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
        if !has_usage {
            return Err(missing(reading, "data.usage"));
        }
        if !has_prefix {
            event.prefix = None;
        }
        numbers.put_into(event);
        Ok(())
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

#[derive(Debug)]
struct UsageObject<'s, 'c> {
    reading: &'s mut Reading<'c>,
    usage: &'s mut Usage,
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
                "cache_reported" => {
                    reading.field = "cache_reported";
                    let flag: Option<bool> = map.next_value()?;
                    if flag.is_some() && cache_reported.is_some() {
                        return Err(reading.twice("cache_reported"));
                    }
                    cache_reported = cache_reported.or(flag);
                }
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

/// Reads a prefix chain into `prefix`, whose list is used again if there is one.
#[derive(Debug)]
struct PrefixObject<'s, 'c> {
    reading: &'s mut Reading<'c>,
    prefix: &'s mut Option<PrefixChain>,
}

impl<'de> DeserializeSeed<'de> for PrefixObject<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.reading.field = "data.prefix";
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PrefixObject<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a prefix chain")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        *self.prefix = None;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { reading, prefix } = self;
        let chain = prefix.get_or_insert_default();
        let (mut block_tokens, mut sampled_of, mut has_blocks) = (None, None, false);
        chain.blocks.clear();
        while let Some(name) = map.next_key_seed(Name)? {
            match name.as_ref() {
                "block_tokens" => {
                    reading.number_into(&mut map, "prefix.block_tokens", u64::from(u32::MAX), &mut block_tokens)?;
                }
                "sampled_of" => {
                    reading.number_into(&mut map, "prefix.sampled_of", u64::from(u32::MAX), &mut sampled_of)?;
                }
                "blocks" if has_blocks => return Err(reading.twice("prefix.blocks")),
                "blocks" => {
                    reading.field = "prefix.blocks";
                    let text = map.next_value_seed(Text)?;
                    has_blocks = text.is_some();
                    read_blocks(reading, text.as_deref().unwrap_or_default(), &mut chain.blocks)?;
                }
                unknown => map.next_value_seed(Suspect::new(reading, unknown))?,
            }
        }
        if !has_blocks {
            return Err(missing(reading, "prefix.blocks"));
        }
        let Some(block_tokens) = block_tokens else { return Err(missing(reading, "prefix.block_tokens")) };
        if block_tokens == 0 || sampled_of == Some(0) {
            let detail = chain_counts_from_one("prefix.block_tokens", "prefix.sampled_of");
            return Err(reading.refuse(Reason::WrongType, detail));
        }
        chain.block_tokens = u32::try_from(block_tokens).unwrap_or(u32::MAX);
        chain.sampled_of = sampled_of.map_or(1, |rate| u32::try_from(rate).unwrap_or(u32::MAX));
        Ok(())
    }
}

/// The detail of a chain beyond the limit.
pub(crate) fn too_many_blocks(field: &str, limits: &Limits) -> String {
    format!("{field} has more than {} blocks: sample them", limits.blocks_per_event)
}

/// The detail of a chain whose blocks hold nothing.
pub(crate) fn chain_counts_from_one(block_tokens: &str, sampled_of: &str) -> String {
    format!("{block_tokens} and {sampled_of} count from 1")
}

fn read_blocks<E: Error>(reading: &mut Reading<'_>, text: &str, blocks: &mut Vec<u64>) -> Result<(), E> {
    if text.len() / blocks::DIGITS > reading.limits.blocks_per_event {
        let detail = too_many_blocks("prefix.blocks", reading.limits);
        return Err(reading.refuse(Reason::TooLarge, detail));
    }
    blocks::parse(text.as_bytes(), blocks)
        .ok_or_else(|| reading.refuse(Reason::Malformed, "prefix.blocks must be 16 hexadecimal digits for each block"))
}
