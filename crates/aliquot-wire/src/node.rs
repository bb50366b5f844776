//! The `data` of `aliquot.node.v1` as JSON. Whether its numbers fit one another is core's question; here each is held against its
//! own bounds.

use aliquot_core::event::NodeReport;
use aliquot_core::event::node::{GPUS_MAX, INTERVAL_MAX, KV_BLOCKS_MAX};
use aliquot_core::reject::Reason;
use aliquot_core::time::Micros;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess};

use crate::cloudevent::missing;
use crate::field::Reading;
use crate::object::{Fields, Object};
use crate::prompt_text::Suspect;
use crate::request::MICROS_MAX;

#[derive(Debug)]
struct Node<'s, 'de> {
    report: &'s mut NodeReport<'de>,
    numbers: Numbers,
}

#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    interval: Option<u64>,
    gpu_count: Option<u64>,
    busy: Option<u64>,
    kv_blocks: Option<u64>,
    block_tokens: Option<u64>,
}

/// Reads `data` into `report`, which holds the defaults.
pub(crate) fn read<'de, D: Deserializer<'de>>(
    reading: &mut Reading<'_>,
    report: &mut NodeReport<'de>,
    deserializer: D,
) -> Result<(), D::Error> {
    let mut node = Node { report, numbers: Numbers::default() };
    if !(Object { reading, fields: &mut node }).deserialize(deserializer)? {
        return Err(missing(reading, "data"));
    }
    let Node { report, numbers } = node;
    numbers.put_into(report, reading)
}

impl<'de> Fields<'de> for Node<'_, 'de> {
    const PLACE: &'static str = "data";

    fn field<A: MapAccess<'de>>(&mut self, name: &str, reading: &mut Reading<'_>, map: &mut A) -> Result<(), A::Error> {
        let Self { report, numbers } = self;
        let interval_max = INTERVAL_MAX.0.unsigned_abs();
        match name {
            "replica" => reading.optional_text(map, "data.replica", &mut report.replica),
            "interval_us" => reading.number_into(map, "data.interval_us", interval_max, &mut numbers.interval),
            "gpu_count" => reading.number_into(map, "data.gpu_count", GPUS_MAX.into(), &mut numbers.gpu_count),
            "gpu_type" => reading.text(map, "data.gpu_type", &mut report.gpu_type),
            "busy_us" => reading.number_into(map, "data.busy_us", MICROS_MAX, &mut numbers.busy),
            "kv_blocks" => reading.number_into(map, "data.kv_blocks", KV_BLOCKS_MAX, &mut numbers.kv_blocks),
            "block_tokens" => {
                reading.number_into(map, "data.block_tokens", u64::from(u32::MAX), &mut numbers.block_tokens)
            }
            "engine" => reading.optional_text(map, "data.engine", &mut report.engine),
            "engine_version" => reading.optional_text(map, "data.engine_version", &mut report.engine_version),
            "eviction" => reading.optional_text(map, "data.eviction", &mut report.eviction),
            "reserved_for" => reading.optional_text(map, "data.reserved_for", &mut report.reserved_for),
            unknown => map.next_value_seed(Suspect::new(reading, unknown)),
        }
    }
}

impl Numbers {
    /// Every number was held against its own maximum when it was read, so that none is lost here.
    fn put_into<E: Error>(self, report: &mut NodeReport<'_>, reading: &mut Reading<'_>) -> Result<(), E> {
        let Some(interval) = self.interval else { return Err(missing(reading, "data.interval_us")) };
        let Some(gpu_count) = self.gpu_count else { return Err(missing(reading, "data.gpu_count")) };
        if report.gpu_type.is_empty() {
            return Err(missing(reading, "data.gpu_type"));
        }
        // A cache of nothing would be a cache in which every block was pushed out by somebody.
        if self.kv_blocks == Some(0) || self.block_tokens == Some(0) {
            let detail = "data.kv_blocks and data.block_tokens count from 1: leave out what is not known";
            return Err(reading.refuse(Reason::WrongType, detail));
        }
        let micros = |number: u64| Micros(i64::try_from(number).unwrap_or(i64::MAX));
        (report.interval, report.busy) = (micros(interval), self.busy.map(micros));
        report.gpu_count = u32::try_from(gpu_count).unwrap_or(u32::MAX);
        report.kv_blocks = self.kv_blocks;
        report.block_tokens = self.block_tokens.and_then(|tokens| u32::try_from(tokens).ok());
        Ok(())
    }
}
