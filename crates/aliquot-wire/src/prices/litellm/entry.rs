//! One entry of the LiteLLM map, key by key: what is said about which class, in which band, for which tier.

use std::collections::BTreeMap;

use aliquot_core::money::Rate;
use aliquot_core::prices::{Attribute, Multiplier};
use aliquot_core::usage::Class;

use super::multiplier;
use crate::prices::document::Node;
use crate::prices::quotes::{Quote, Quotes};
use crate::prices::{Error, Skipped, rate_text};

/// Names of prices per token or call, without the endings for bands and tiers.
const UNITS: [(&str, Class); 15] = [
    ("input_cost_per_token", Class::Uncached),
    ("output_cost_per_token", Class::Output),
    ("output_cost_per_reasoning_token", Class::Reasoning),
    ("cache_read_input_token_cost", Class::CacheRead),
    ("cache_creation_input_token_cost", Class::CacheWrite5m),
    ("cache_creation_input_token_cost_above_1hr", Class::CacheWrite1h),
    ("input_cost_per_audio_token", Class::AudioIn),
    ("input_cost_per_image_token", Class::ImageIn),
    ("input_cost_per_video_token", Class::VideoIn),
    ("cache_read_input_audio_token_cost", Class::AudioCacheRead),
    ("cache_read_input_image_token_cost", Class::ImageCacheRead),
    ("output_cost_per_audio_token", Class::AudioOut),
    ("output_cost_per_image_token", Class::ImageOut),
    ("output_cost_per_video_token", Class::VideoOut),
    ("input_cost_per_request", Class::Requests),
];

/// Endings that name a service tier, and the tier as requests report it.
const TIERS: [(&str, &str); 5] = [
    ("_batches", "batch"),
    ("_flex", "flex"),
    ("_priority", "priority"),
    ("_ultrafast", "ultrafast"),
    ("_balanced", "balanced"),
];

/// Keys with a factor for a region.
const UPLIFTS: [(&str, &str); 2] =
    [("regional_processing_uplift_multiplier_eu", "eu"), ("regional_processing_uplift_multiplier_us", "us")];

/// What an entry says so far.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) standard: Quotes,
    pub(super) tiers: BTreeMap<&'static str, Quotes>,
    pub(super) multipliers: Vec<Multiplier>,
    /// A unit with a price above zero that is no class of usage.
    pub(super) other_unit: Option<String>,
    pub(super) skipped: Vec<Skipped>,
}

/// What a key is about.
struct Key {
    class: Class,
    above_tokens: u64,
    tier: Option<&'static str>,
}

impl Key {
    fn of(name: &str) -> Option<Self> {
        let (name, tier) = TIERS
            .iter()
            .find_map(|(ending, tier)| Some((name.strip_suffix(ending)?, Some(*tier))))
            .unwrap_or((name, None));
        let (name, above_tokens) = band(name).unwrap_or((name, 0));
        Some(Self { class: class_of(name)?, above_tokens, tier })
    }
}

/// The class of a price that is for no band and no tier in particular.
pub(super) fn class_of(name: &str) -> Option<Class> {
    UNITS.iter().find(|(unit, _)| *unit == name).map(|(_, class)| *class)
}

/// `…_above_200k_tokens` as the name before it and 200,000.
fn band(name: &str) -> Option<(&str, u64)> {
    let (name, thousands) = name.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
    Some((name, thousands.parse::<u64>().ok()?.checked_mul(1_000)?))
}

/// Whether a key speaks of money at all.
fn is_price(key: &str) -> bool {
    ["cost", "pricing", "multiplier", "credit", "free_requests"].iter().any(|word| key.contains(word))
}

impl Entry {
    pub(super) fn skip(&mut self, node: &Node<'_>, why: &str) {
        self.skipped.push(Skipped { path: node.path.clone(), why: why.to_owned() });
    }

    /// Whether some class has a price above zero.
    pub(super) fn has_positive(&self) -> bool {
        self.standard.has_positive() || self.tiers.values().any(Quotes::has_positive)
    }

    /// Reads one key of the entry.
    pub(super) fn read(&mut self, name: &str, node: &Node<'_>) -> Result<(), Error> {
        if node.is_null() {
            return Ok(());
        }
        if let Some(key) = Key::of(name) {
            let quote = self.quote(node)?;
            let quotes = key.tier.map_or(&mut self.standard, |tier| self.tiers.entry(tier).or_default());
            quotes.put(key.above_tokens, key.class, quote);
            return Ok(());
        }
        match name {
            "off_peak_pricing" => Ok(()),
            "input_cost_per_token_cache_hit" => self.cache_hit(node),
            "search_context_cost_per_query" => self.searches(node),
            "tiered_pricing" => self.bands(node),
            "provider_specific_entry" => self.factors(node),
            _ => match UPLIFTS.iter().find(|(key, _)| *key == name) {
                Some((_, region)) => {
                    self.multipliers.push(multiplier(Attribute::Region, region, node)?);
                    Ok(())
                }
                None => {
                    self.other(name, node);
                    Ok(())
                }
            },
        }
    }

    pub(super) fn quote(&mut self, node: &Node<'_>) -> Result<Quote, Error> {
        Ok(match rate_text::rate(node.number()?, 1) {
            Ok(rate) => Quote::Stated(rate),
            Err(bad) => {
                self.skip(node, bad.why());
                Quote::Unchargeable
            }
        })
    }

    /// A price in a unit without a class, or something that is no price.
    fn other(&mut self, name: &str, node: &Node<'_>) {
        if !is_price(name) {
            return;
        }
        let is_zero = node.number().is_ok_and(|text| rate_text::rate(text, 1) == Ok(Rate::FREE));
        if !is_zero {
            self.other_unit.get_or_insert_with(|| name.to_owned());
        }
        self.skip(node, "there is no class of usage for this unit, tier or lifetime");
    }

    /// An older name for the price of a cache read.
    fn cache_hit(&mut self, node: &Node<'_>) -> Result<(), Error> {
        let quote = self.quote(node)?;
        match self.standard.base(Class::CacheRead) {
            Quote::Unstated => self.standard.put(0, Class::CacheRead, quote),
            stated if stated == quote => {}
            _ => self.skip(node, "differs from cache_read_input_token_cost, which counts"),
        }
        Ok(())
    }

    /// Prices per search by the amount of context; a request does not report which it had, so they must be one price.
    fn searches(&mut self, node: &Node<'_>) -> Result<(), Error> {
        let object = node.object()?;
        let mut quotes = object.members().map(|(_, size)| self.quote(size)).collect::<Result<Vec<_>, _>>()?;
        quotes.dedup();
        match quotes.as_slice() {
            [quote] => self.standard.put(0, Class::WebSearches, *quote),
            _ => self.skip(node, "searches cost differently by context size, which no event reports"),
        }
        Ok(())
    }

    /// Bands as a list with ranges.
    fn bands(&mut self, node: &Node<'_>) -> Result<(), Error> {
        for band in node.list()? {
            let object = band.object()?;
            let Some(range) = object.get("range") else {
                self.other_unit.get_or_insert_with(|| "tiered_pricing".to_owned());
                self.skip(&band, "a tier that does not go by the prompt's length");
                continue;
            };
            let bounds = range.list()?;
            let [from, _] = bounds.as_slice() else { return Err(range.error("must be a range of two numbers")) };
            let above_tokens = from.whole()?;
            for (name, price) in object.members().filter(|(name, _)| *name != "range") {
                match class_of(name) {
                    Some(class) => {
                        let quote = self.quote(price)?;
                        self.standard.put(above_tokens, class, quote);
                    }
                    None => self.other(name, price),
                }
            }
        }
        Ok(())
    }

    /// Factors under short names; the other members are hints for the caller and no prices.
    fn factors(&mut self, node: &Node<'_>) -> Result<(), Error> {
        for (name, factor) in node.object()?.members().filter(|(_, node)| node.number().is_ok()) {
            match *name {
                "us" | "eu" => self.multipliers.push(multiplier(Attribute::Region, name, factor)?),
                "fast" => self.multipliers.push(multiplier(Attribute::ServiceTier, name, factor)?),
                _ => self.skip(factor, "a factor whose meaning is not known"),
            }
        }
        Ok(())
    }
}
