//! The genai-prices catalogue (version 2 of its data): providers, matchers, dated prices, prices by time of day, long prompts.
//!
//! Its rules, as far as they decide a price: names are compared in any case; of a model's conditional prices the last that is
//! active counts; a unit without a price of its own is charged as the wider unit it is part of; a prompt beyond a threshold
//! pays the higher price for all its tokens. Which provider a bare model name hints at (`model_match`) and how usage is read
//! from a response (`extractors`) are not prices and are left alone.

use aliquot_core::prices::{Band, Calendar, Matcher, Model, Price, PriceBook, Provider};
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};

use super::book::{minute, named};
use super::document::{Document, Node, Object};
use super::matcher::{self, Case};
use super::quotes::{self, Quote, Quotes, stand_in};
use super::{Error, Imported, Skipped, rate_text};
use crate::timestamp;

/// Its units of a million tokens, each with the class it becomes.
const TOKENS: [(&str, Class); 15] = [
    ("input_mtok", Class::Uncached),
    ("cache_read_mtok", Class::CacheRead),
    ("cache_write_mtok", Class::CacheWriteOther),
    ("cache_write_5m_mtok", Class::CacheWrite5m),
    ("cache_write_1h_mtok", Class::CacheWrite1h),
    ("input_audio_mtok", Class::AudioIn),
    ("input_image_mtok", Class::ImageIn),
    ("input_video_mtok", Class::VideoIn),
    ("cache_audio_read_mtok", Class::AudioCacheRead),
    ("cache_image_read_mtok", Class::ImageCacheRead),
    ("output_mtok", Class::Output),
    ("output_reasoning_mtok", Class::Reasoning),
    ("output_audio_mtok", Class::AudioOut),
    ("output_image_mtok", Class::ImageOut),
    ("output_video_mtok", Class::VideoOut),
];

/// Its units of a thousand.
const COUNTS: [(&str, Class); 2] = [("web_searches_kcount", Class::WebSearches), ("requests_kcount", Class::Requests)];

/// Reads the catalogue.
///
/// # Errors
/// When it is not this catalogue, or has a matcher that cannot be read: its models would be priced as others.
pub fn import(bytes: &[u8]) -> Result<Imported, Error> {
    let document = Document::read(bytes)?;
    let mut import = Import::default();
    for node in document.root().list()? {
        import.provider(&node)?;
    }
    let Import { mut book, skipped } = import;
    let known: Vec<String> = book.providers.keys().cloned().collect();
    book.providers.values_mut().for_each(|provider| provider.fallbacks.retain(|name| known.contains(name)));
    Ok(Imported { book: named(book), skipped })
}

#[derive(Default)]
struct Import {
    book: PriceBook,
    skipped: Vec<Skipped>,
}

impl Import {
    fn skip(&mut self, error: Error) {
        self.skipped.push(Skipped { path: error.path, why: error.problem });
    }

    fn provider(&mut self, node: &Node<'_>) -> Result<(), Error> {
        let object = node.object()?;
        let id = object.required("id")?.text()?.to_owned();
        if let Some(node) = object.get("provider_match") {
            self.book.provider_matchers.push((matcher::read(node, Case::Any)?, id.clone()));
        }
        let mut provider = Provider::default();
        for fallback in object.list("fallback_model_providers")? {
            provider.fallbacks.push(fallback.text()?.to_owned());
        }
        for model in object.required("models")?.list()? {
            provider.models.push(self.model(&model)?);
        }
        self.book.providers.insert(id, provider);
        Ok(())
    }

    /// A model whose prices cannot be expressed keeps its name and stays unpriced: without it the name could mean another one.
    fn model(&mut self, node: &Node<'_>) -> Result<Model, Error> {
        let object = node.object()?;
        let id = object.required("id")?.text()?;
        let matcher: Matcher = matcher::read(object.required("match")?, Case::Any)?;
        let prices = self.prices(object.required("prices")?).unwrap_or_else(|error| {
            self.skip(error);
            Vec::new()
        });
        Ok(quotes::model(id, matcher, prices))
    }

    /// The rows of one model. The catalogue lets the last active entry count, so an entry ends where a later one begins.
    fn prices(&mut self, node: &Node<'_>) -> Result<Vec<Price>, Error> {
        if !node.is_list() {
            return Ok(self.bands(node)?.map(quotes::standard).into_iter().collect());
        }
        let mut rows: Vec<Price> = Vec::new();
        for (place, entry) in node.list()?.iter().enumerate() {
            let entry = entry.object()?;
            let constraint = entry.get("constraint").map(Node::object).transpose()?;
            // The first entry counts whenever no other does, whatever it asks for.
            let (from, calendar) = match constraint.filter(|_| place > 0) {
                Some(constraint) => conditions(&constraint)?,
                None => (EventTime::MIN, None),
            };
            let Some(bands) = self.bands(entry.required("prices")?)? else { continue };
            if calendar.is_none() {
                rows.retain(|row| row.effective_from < from);
                for row in &mut rows {
                    row.effective_to = Some(row.effective_to.map_or(from, |end| end.min(from)));
                }
            }
            rows.push(Price { effective_from: from, calendar, ..quotes::standard(bands) });
        }
        Ok(rows)
    }

    /// The bands of one set of prices, `None` if it states none.
    fn bands(&mut self, node: &Node<'_>) -> Result<Option<Vec<Band>>, Error> {
        let mut quotes = Quotes::default();
        for (unit, node) in node.object()?.members() {
            let in_table =
                |table: &[(&str, Class)]| table.iter().find(|(name, _)| name == unit).map(|(_, class)| *class);
            match (in_table(&TOKENS), in_table(&COUNTS)) {
                (Some(class), _) => self.unit(node, class, 1_000_000, &mut quotes)?,
                (None, Some(class)) => self.unit(node, class, 1_000, &mut quotes)?,
                (None, None) => self.skip(node.error("there is no class of usage for this unit")),
            }
        }
        if quotes.is_empty() {
            self.skip(node.error("states no price that can be charged: the model stays unpriced, it is not free"));
            return Ok(None);
        }
        Ok(Some(quotes.bands(complete)))
    }

    fn unit(&mut self, node: &Node<'_>, class: Class, per: u64, quotes: &mut Quotes) -> Result<(), Error> {
        if !node.is_object() {
            quotes.put(0, class, self.quote(node, per)?);
            return Ok(());
        }
        let object = node.object()?;
        quotes.put(0, class, self.quote(object.required("base")?, per)?);
        for tier in object.required("tiers")?.list()? {
            let tier = tier.object()?;
            quotes.put(tier.required("start")?.whole()?, class, self.quote(tier.required("price")?, per)?);
        }
        Ok(())
    }

    fn quote(&mut self, node: &Node<'_>, per: u64) -> Result<Quote, Error> {
        Ok(match rate_text::rate(node.number()?, per) {
            Ok(rate) => Quote::Stated(rate),
            Err(bad) => {
                self.skip(node.error(bad.why()));
                Quote::Unchargeable
            }
        })
    }
}

/// From when on, and at which hours.
fn conditions(constraint: &Object<'_>) -> Result<(EventTime, Option<Calendar>), Error> {
    constraint.only(&["start_date", "start_time", "end_time"])?;
    let from = match constraint.get("start_date") {
        Some(node) => timestamp::parse(&format!("{}T00:00:00Z", node.text()?))
            .ok_or_else(|| node.error("not a date: the model stays unpriced"))?,
        None => EventTime::MIN,
    };
    let calendar = match (constraint.get("start_time"), constraint.get("end_time")) {
        (None, None) => None,
        (Some(start), Some(end)) => {
            Some(Calendar { weekdays: 0x7f, windows: vec![(minute_utc(start)?, minute_utc(end)?)], holidays: None })
        }
        (Some(node), None) | (None, Some(node)) => {
            return Err(node.error("an hour without its counterpart: the model stays unpriced"));
        }
    };
    Ok((from, calendar))
}

/// Minutes since midnight of `HH:MM:00Z`.
fn minute_utc(node: &Node<'_>) -> Result<u16, Error> {
    let whole_minute = node.text()?.strip_suffix(":00Z").and_then(minute);
    whole_minute.ok_or_else(|| node.error("not a whole minute of UTC: the model stays unpriced"))
}

/// The catalogue's rule for a unit without a price of its own: the wider unit's. With two exceptions, where that would be a
/// guess at somebody's cost: a cache write that lives an hour is not charged as one of five minutes, and a cached audio or image
/// token not as a cached text token where both caching and the modality have prices of their own.
fn complete(quotes: &mut ByClass<Quote>) {
    let stated = *quotes;
    stand_in(quotes, Class::CacheWrite5m, &[Class::CacheWriteOther]);
    for class in
        [Class::CacheRead, Class::CacheWrite5m, Class::CacheWriteOther, Class::AudioIn, Class::ImageIn, Class::VideoIn]
    {
        stand_in(quotes, class, &[Class::Uncached]);
    }
    if !stated.get(Class::CacheWriteOther).is_said() {
        stand_in(quotes, Class::CacheWrite1h, &[Class::Uncached]);
    }
    for (both, modality) in [(Class::AudioCacheRead, Class::AudioIn), (Class::ImageCacheRead, Class::ImageIn)] {
        match (stated.get(Class::CacheRead).is_said(), stated.get(modality).is_said()) {
            (true, true) => {}
            (true, false) => stand_in(quotes, both, &[Class::CacheRead]),
            (false, _) => stand_in(quotes, both, &[modality]),
        }
    }
    for class in [Class::Reasoning, Class::AudioOut, Class::ImageOut, Class::VideoOut] {
        stand_in(quotes, class, &[Class::Output]);
    }
}
