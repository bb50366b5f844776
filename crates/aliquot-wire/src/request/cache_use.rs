//! `data.cache` of a request as JSON: what the cache was asked and did.

use aliquot_core::event::{CacheUse, QUANTITY_MAX};
use aliquot_core::time::Micros;
use serde::de::MapAccess;

use super::MICROS_MAX;
use crate::field::Reading;
use crate::object::{Fields, Object};
use crate::prompt_text::Suspect;

#[derive(Debug)]
struct CacheFields<'s, 'de> {
    cache: &'s mut CacheUse<'de>,
    lifetime: Option<u64>,
    bypass: Option<bool>,
    recomputed_tokens: Option<u64>,
}

/// Reads the next value of `map` into `cache`, which holds the defaults.
pub(super) fn read<'de, A: MapAccess<'de>>(
    reading: &mut Reading<'_>,
    map: &mut A,
    cache: &mut CacheUse<'de>,
) -> Result<(), A::Error> {
    let mut fields = CacheFields { cache, lifetime: None, bypass: None, recomputed_tokens: None };
    map.next_value_seed(Object { reading, fields: &mut fields })?;
    let CacheFields { cache, lifetime, bypass, recomputed_tokens } = fields;
    cache.lifetime = lifetime.and_then(|lifetime| i64::try_from(lifetime).ok()).map(Micros);
    cache.bypass = bypass.unwrap_or_default();
    cache.recomputed_tokens = recomputed_tokens.unwrap_or_default();
    Ok(())
}

impl<'de> Fields<'de> for CacheFields<'_, 'de> {
    const PLACE: &'static str = "data.cache";

    fn field<A: MapAccess<'de>>(&mut self, name: &str, reading: &mut Reading<'_>, map: &mut A) -> Result<(), A::Error> {
        let Self { cache, lifetime, bypass, recomputed_tokens } = self;
        match name {
            "session" => reading.optional_text(map, "cache.session", &mut cache.session),
            "replica" => reading.optional_text(map, "cache.replica", &mut cache.replica),
            "router_reason" => reading.optional_text(map, "cache.router_reason", &mut cache.router_reason),
            "lifetime_us" => reading.number_into(map, "cache.lifetime_us", MICROS_MAX, lifetime),
            "bypass" => reading.flag_into(map, "cache.bypass", bypass),
            "cacheable_tokens" => {
                reading.number_into(map, "cache.cacheable_tokens", QUANTITY_MAX, &mut cache.cacheable_tokens)
            }
            "miss_reason" => reading.optional_text(map, "cache.miss_reason", &mut cache.miss_reason),
            "recomputed_tokens" => reading.number_into(map, "cache.recomputed_tokens", QUANTITY_MAX, recomputed_tokens),
            "weights" => reading.optional_text(map, "cache.weights", &mut cache.weights),
            unknown => map.next_value_seed(Suspect::new(reading, unknown)),
        }
    }
}
