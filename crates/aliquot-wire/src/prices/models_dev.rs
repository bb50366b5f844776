//! The models.dev catalogue as one JSON snapshot: provider → model → dollars per million tokens. Its prices have no dates.

use aliquot_core::prices::{Matcher, PriceBook, Provider};
use aliquot_core::usage::{ByClass, Class};

use super::book::named;
use super::document::{Document, Node};
use super::quotes::{self, Quote, Quotes, stand_in};
use super::{Error, Imported, Skipped, rate_text};

/// Its names of prices, each with the class it becomes.
const TOKENS: [(&str, Class); 7] = [
    ("input", Class::Uncached),
    ("cache_read", Class::CacheRead),
    ("cache_write", Class::CacheWriteOther),
    ("input_audio", Class::AudioIn),
    ("output", Class::Output),
    ("reasoning", Class::Reasoning),
    ("output_audio", Class::AudioOut),
];

const PER: u64 = 1_000_000;

/// Reads the catalogue.
///
/// # Errors
/// When it is not this catalogue.
pub fn import(bytes: &[u8]) -> Result<Imported, Error> {
    let document = Document::read(bytes)?;
    let mut book = PriceBook::default();
    let mut skipped = Vec::new();
    for (id, node) in document.root().object()?.members() {
        let mut provider = Provider::default();
        for (name, node) in node.object()?.required("models")?.object()?.members() {
            // A model without a price keeps its name, so that it shows up as known and unpriced.
            let prices = match node.object()?.get("cost") {
                Some(cost) => read_cost(cost, &mut skipped)?.map(|quotes| quotes::standard(quotes.bands(complete))),
                None => {
                    skipped.push(Skipped {
                        path: node.path.clone(),
                        why: "states no price: the model stays unpriced".to_owned(),
                    });
                    None
                }
            };
            provider.models.push(quotes::model(
                name,
                Matcher::Equals((*name).to_owned()),
                prices.into_iter().collect(),
            ));
        }
        book.providers.insert((*id).to_owned(), provider);
    }
    Ok(Imported { book: named(book), skipped })
}

fn read_cost(cost: &Node<'_>, skipped: &mut Vec<Skipped>) -> Result<Option<Quotes>, Error> {
    let mut quotes = Quotes::default();
    read_prices(cost, 0, &mut quotes, skipped)?;
    for tier in cost.object()?.list("tiers")? {
        let bounds = tier.object()?.required("tier")?.object()?;
        if let Err(error) = bounds.only(&["size", "type"]) {
            skipped.push(Skipped { path: error.path, why: "a condition other than the prompt's length".to_owned() });
            continue;
        }
        read_prices(&tier, bounds.required("size")?.whole()?, &mut quotes, skipped)?;
    }
    if quotes.is_empty() {
        skipped.push(Skipped { path: cost.path.clone(), why: "states no price that can be charged".to_owned() });
        return Ok(None);
    }
    Ok(Some(quotes))
}

fn read_prices(
    node: &Node<'_>,
    above_tokens: u64,
    quotes: &mut Quotes,
    skipped: &mut Vec<Skipped>,
) -> Result<(), Error> {
    for (name, node) in node.object()?.members().filter(|(name, _)| !["tier", "tiers"].contains(name)) {
        let mut skip = |why: &str| skipped.push(Skipped { path: node.path.clone(), why: why.to_owned() });
        let Some((_, class)) = TOKENS.iter().find(|(known, _)| known == name) else {
            skip("not a name of a price that the catalogue defines for tokens");
            continue;
        };
        let quote = match rate_text::rate(node.number()?, PER) {
            Ok(rate) => Quote::Stated(rate),
            Err(bad) => {
                skip(bad.why());
                Quote::Unchargeable
            }
        };
        quotes.put(above_tokens, *class, quote);
    }
    Ok(())
}

/// Reasoning is output unless it has a price of its own; a write without a lifetime is one of five minutes, the lifetime that
/// providers give when none is asked for. Everything else that is not stated is not known.
fn complete(quotes: &mut ByClass<Quote>) {
    stand_in(quotes, Class::Reasoning, &[Class::Output]);
    stand_in(quotes, Class::CacheWrite5m, &[Class::CacheWriteOther]);
}
