//! The `data` of `aliquot.cache.v1` as JSON: blocks spelled as in a prefix chain.

use aliquot_core::event::CacheReport;
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess};

use crate::cloudevent::missing;
use crate::field::{BlockSlot, Reading};
use crate::object::{Fields, Object};
use crate::prompt_text::Suspect;

/// What a sender of too many blocks should do.
const ADVICE: &str = "send them in several reports";

#[derive(Debug)]
struct Cache<'s, 'de> {
    report: &'s mut CacheReport<'de>,
    has_stored: bool,
    has_removed: bool,
    cleared: Option<bool>,
    lost: Option<bool>,
}

/// Reads `data` into `report`, which holds the defaults.
pub(crate) fn read<'de, D: Deserializer<'de>>(
    reading: &mut Reading<'_>,
    report: &mut CacheReport<'de>,
    deserializer: D,
) -> Result<(), D::Error> {
    let mut cache = Cache { report, has_stored: false, has_removed: false, cleared: None, lost: None };
    if !(Object { reading, fields: &mut cache }).deserialize(deserializer)? {
        return Err(missing(reading, "data"));
    }
    let Cache { report, cleared, lost, .. } = cache;
    report.cleared = cleared.unwrap_or_default();
    report.lost = lost.unwrap_or_default();
    Ok(())
}

impl<'de> Fields<'de> for Cache<'_, 'de> {
    const PLACE: &'static str = "data";

    fn field<A: MapAccess<'de>>(&mut self, name: &str, reading: &mut Reading<'_>, map: &mut A) -> Result<(), A::Error> {
        let Self { report, has_stored, has_removed, cleared, lost } = self;
        match name {
            "replica" => reading.optional_text(map, "data.replica", &mut report.replica),
            "stored" => {
                let slot = BlockSlot { has_blocks: has_stored, blocks: &mut report.stored };
                reading.blocks_into(map, "data.stored", ADVICE, slot)
            }
            "removed" => {
                let slot = BlockSlot { has_blocks: has_removed, blocks: &mut report.removed };
                reading.blocks_into(map, "data.removed", ADVICE, slot)
            }
            "cleared" => reading.flag_into(map, "data.cleared", cleared),
            "lost" => reading.flag_into(map, "data.lost", lost),
            unknown => map.next_value_seed(Suspect::new(reading, unknown)),
        }
    }
}
