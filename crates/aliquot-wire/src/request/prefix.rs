//! `data.prefix` of a request as JSON: a prompt as a chain of blocks.

use std::fmt;

use aliquot_core::event::PrefixChain;
use aliquot_core::reject::Reason;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use crate::cloudevent::missing;
use crate::field::{BlockSlot, Name, Reading};
use crate::prompt_text::Suspect;

/// What a sender of too long a chain should do.
pub(crate) const SAMPLE_THEM: &str = "sample them";

/// Reads a prefix chain into `prefix`, whose list is used again if there is one.
#[derive(Debug)]
pub(super) struct PrefixObject<'s, 'c> {
    pub(super) reading: &'s mut Reading<'c>,
    pub(super) prefix: &'s mut Option<PrefixChain>,
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
                "blocks" => {
                    let slot = BlockSlot { has_blocks: &mut has_blocks, blocks: &mut chain.blocks };
                    reading.blocks_into(&mut map, "prefix.blocks", SAMPLE_THEM, slot)?;
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

/// The detail of a chain whose blocks hold nothing.
pub(crate) fn chain_counts_from_one(block_tokens: &str, sampled_of: &str) -> String {
    format!("{block_tokens} and {sampled_of} count from 1")
}
