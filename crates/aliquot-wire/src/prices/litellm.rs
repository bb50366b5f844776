//! The LiteLLM model map: model → dollars per token under names such as `input_cost_per_token_above_200k_tokens_priority`. Its
//! prices have no dates, and most of its units are not tokens.
//!
//! What its names mean here: `_above_200k_tokens` is a band of the whole request, `_batches`, `_flex`, `_priority` and the like a
//! service tier, `off_peak_pricing` a calendar, `us` in `provider_specific_entry` a region with a factor. A tier has the prices
//! it states and the standard fees; what it leaves out is not known, for nobody says that a discount does not reach it.

use std::collections::BTreeSet;

use aliquot_core::prices::{Attribute, Matcher, Model, Multiplier, Price, PriceBook};
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};

use super::book::named;
use super::document::{Document, Node, Object};
use super::quotes::{self, Quote, stand_in};
use super::{Error, Imported, Skipped, rate_text};
use entry::Entry;

mod entry;
mod off_peak;

/// The entry that explains the others.
const SAMPLE: &str = "sample_spec";

/// Providers that the map splits by the interface they are called through.
const FOLDED: [(&str, &str); 6] = [
    ("bedrock_converse", "bedrock"),
    ("cohere_chat", "cohere"),
    ("azure_text", "azure"),
    ("text-completion-openai", "openai"),
    ("text-completion-codestral", "codestral"),
    ("text-completion-inception", "inception"),
];

/// Providers that the map splits by who made the model: `vertex_ai-anthropic_models` is `vertex_ai`.
const SPLIT: [&str; 2] = ["vertex_ai-", "fireworks_ai-"];

/// Reads the catalogue.
///
/// # Errors
/// When it is not this catalogue.
pub fn import(bytes: &[u8]) -> Result<Imported, Error> {
    let document = Document::read(bytes)?;
    let entries = document.root().object()?;
    let mut names = BTreeSet::new();
    for (name, node) in entries.members() {
        names.extend(node.object()?.text("litellm_provider")?.map(|provider| (provider_of(provider), *name)));
    }
    let mut book = PriceBook::default();
    let mut skipped = Vec::new();
    for (name, node) in entries.members().filter(|(name, _)| *name != SAMPLE) {
        let object = node.object()?;
        let Some(provider) = object.text("litellm_provider")?.map(provider_of) else {
            skipped.push(Skipped { path: node.path.clone(), why: "names no provider".to_owned() });
            continue;
        };
        let mut entry = Entry::default();
        let prices = read_entry(&mut entry, node, &object);
        skipped.append(&mut entry.skipped);
        let prices = prices.unwrap_or_else(|error| {
            skipped.push(Skipped { path: error.path, why: format!("{}: the model stays unpriced", error.problem) });
            Vec::new()
        });
        let matcher = matcher_of(name, provider, &names);
        let model = Model { multipliers: entry.multipliers, ..quotes::model(name, matcher, prices) };
        book.providers.entry(provider.to_owned()).or_default().models.push(model);
    }
    Ok(Imported { book: named(book), skipped })
}

fn provider_of(name: &str) -> &str {
    let whole = SPLIT.iter().find(|start| name.starts_with(**start)).map(|start| start.trim_end_matches('-'));
    let folded = FOLDED.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    whole.or(folded).unwrap_or(name)
}

/// The name itself, and without the provider before it, as requests spell it; unless the provider has that name too.
fn matcher_of(name: &str, provider: &str, names: &BTreeSet<(&str, &str)>) -> Matcher {
    let whole = Matcher::Equals(name.to_owned());
    let bare = name.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
    match bare.filter(|bare| !names.contains(&(provider, *bare))) {
        Some(bare) => Matcher::Or(vec![whole, Matcher::Equals(bare.to_owned())]),
        None => whole,
    }
}

fn read_entry(entry: &mut Entry, node: &Node<'_>, object: &Object<'_>) -> Result<Vec<Price>, Error> {
    for (key, value) in object.members() {
        entry.read(key, value)?;
    }
    if let Some(unit) = entry.other_unit.take().filter(|_| !entry.has_positive()) {
        // A zero per token beside a price per image or second says that tokens are not what is paid for, not that all is free.
        entry.skip(node, &format!("what it charges for is \"{unit}\", which is no class of usage"));
        return Ok(Vec::new());
    }
    let mut prices = Vec::new();
    if entry.standard.is_empty() {
        entry.skip(node, "states no standard price that can be charged");
    } else {
        prices.push(quotes::standard(entry.standard.bands(complete)));
    }
    if let Some(pricing) = object.get("off_peak_pricing") {
        prices.extend(off_peak::rows(entry, pricing)?);
    }
    for (tier, mut quotes) in core::mem::take(&mut entry.tiers).into_iter().filter(|(_, quotes)| !quotes.is_empty()) {
        for above in quotes.withhold(&entry.standard) {
            entry.skip(
                node,
                &format!("does not say what prompts above {above} tokens cost in tier {tier}: unpriced there"),
            );
        }
        for fee in [Class::WebSearches, Class::Requests] {
            quotes.put(0, fee, quotes.base(fee).or(entry.standard.base(fee)));
        }
        let row = quotes::standard(quotes.bands(complete));
        prices.push(Price { tier: Some(tier.to_owned()), ..row });
    }
    Ok(prices)
}

/// Reasoning is output unless it has a price of its own; a write without a lifetime is the short one.
fn complete(quotes: &mut ByClass<Quote>) {
    stand_in(quotes, Class::Reasoning, &[Class::Output]);
    stand_in(quotes, Class::CacheWriteOther, &[Class::CacheWrite5m]);
}

fn multiplier(attribute: Attribute, value: &str, node: &Node<'_>) -> Result<Multiplier, Error> {
    let (numerator, denominator) = rate_text::factor(node.number()?).ok_or_else(|| node.error("not a factor"))?;
    Ok(Multiplier { attribute, value: value.to_owned(), effective_from: EventTime::MIN, numerator, denominator })
}
