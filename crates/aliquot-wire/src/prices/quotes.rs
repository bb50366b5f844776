//! What a catalogue says about a model, class by class and band by band, before it is a row of prices.
//!
//! A class has three states here: the catalogue says nothing, says something that cannot be charged, or states a price. Only
//! for the first may another class's price stand in; the second stays without a price.

use std::collections::BTreeMap;

use aliquot_core::money::Rate;
use aliquot_core::prices::{Band, BandRule, Calendar, Matcher, Model, Price};
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};

/// What is said about one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Quote {
    #[default]
    Unstated,
    Unchargeable,
    Stated(Rate),
}

impl Quote {
    /// This one, or `other` where nothing is said.
    pub(super) const fn or(self, other: Self) -> Self {
        match self {
            Self::Unstated => other,
            said => said,
        }
    }

    pub(super) fn is_said(self) -> bool {
        self != Self::Unstated
    }

    const fn rate(self) -> Option<Rate> {
        match self {
            Self::Stated(rate) => Some(rate),
            Self::Unstated | Self::Unchargeable => None,
        }
    }
}

/// The quotes of one set of conditions, by band.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotes(BTreeMap<u64, ByClass<Quote>>);

impl Quotes {
    /// Puts a quote for prompts of more than `above_tokens` tokens.
    pub(super) fn put(&mut self, above_tokens: u64, class: Class, quote: Quote) {
        self.0.entry(above_tokens).or_default().set(class, quote);
    }

    /// What is said of `class` for short prompts.
    pub(super) fn base(&self, class: Class) -> Quote {
        self.0.get(&0).map_or(Quote::Unstated, |quotes| quotes.get(class))
    }

    /// Whether some price is above zero.
    pub(super) fn has_positive(&self) -> bool {
        let positive = |quote: Quote| quote.rate().is_some_and(|rate| rate > Rate::FREE);
        self.0.values().any(|band| band.iter().any(|(_, quote)| positive(quote)))
    }

    /// Whether nothing chargeable is said at all.
    pub(super) fn is_empty(&self) -> bool {
        !self.0.values().any(|band| band.iter().any(|(_, quote)| quote.rate().is_some()))
    }

    /// These quotes where they say something, those of `base` elsewhere.
    pub(super) fn over(&self, base: &Self) -> Self {
        let mut both = base.clone();
        for (above, band) in &self.0 {
            band.iter().filter(|(_, quote)| quote.is_said()).for_each(|(class, quote)| both.put(*above, class, quote));
        }
        both
    }

    /// Takes back every class that `standard` has another quote for above some length and these quotes have none: whether the
    /// discount goes on there, nobody says. Returns the lengths at which that is so.
    pub(super) fn withhold(&mut self, standard: &Self) -> Vec<u64> {
        let mut lengths = Vec::new();
        for (above, band) in standard.0.range(1..) {
            let own = self.0.get(above).copied().unwrap_or_default();
            let priced = |class: Class| matches!(self.base(class), Quote::Stated(rate) if rate > Rate::FREE);
            let silent: Vec<Class> = band
                .iter()
                .filter(|(class, quote)| quote.is_said() && !own.get(*class).is_said() && priced(*class))
                .map(|(class, _)| class)
                .collect();
            if !silent.is_empty() {
                lengths.push(*above);
            }
            silent.into_iter().for_each(|class| self.put(*above, class, Quote::Unchargeable));
        }
        lengths
    }

    /// The bands, from 0 on. A band repeats only what changes, so that the rest is as below it; `complete` then fills in what a
    /// catalogue leaves to its readers.
    pub(super) fn bands(&self, complete: fn(&mut ByClass<Quote>)) -> Vec<Band> {
        let mut below = ByClass::<Quote>::default();
        let starts = core::iter::once(0).chain(self.0.keys().copied().filter(|above| *above > 0));
        starts
            .map(|above_tokens| {
                if let Some(said) = self.0.get(&above_tokens) {
                    said.iter().for_each(|(class, quote)| below.set(class, quote.or(below.get(class))));
                }
                let mut quotes = below;
                complete(&mut quotes);
                let mut rates = ByClass::all(None);
                quotes.iter().for_each(|(class, quote)| rates.set(class, quote.rate()));
                Band { above_tokens, rates }
            })
            .collect()
    }
}

/// Sets `class` to the first of `others` that is said, if nothing is said of it.
pub(super) fn stand_in(quotes: &mut ByClass<Quote>, class: Class, others: &[Class]) {
    let said = others.iter().fold(quotes.get(class), |said, other| said.or(quotes.get(*other)));
    quotes.set(class, said);
}

/// A row that holds at all times, in any tier and region.
pub(super) fn standard(bands: Vec<Band>) -> Price {
    Price {
        effective_from: EventTime::MIN,
        effective_to: None,
        calendar: None,
        tier: None,
        region: None,
        bands,
        band_rule: BandRule::WholeRequest,
    }
}

/// A row at some hours only.
pub(super) fn at_hours(calendar: Calendar, bands: Vec<Band>) -> Price {
    Price { calendar: Some(calendar), ..standard(bands) }
}

/// A model that is only its name and its prices.
pub(super) fn model(id: &str, matcher: Matcher, prices: Vec<Price>) -> Model {
    Model { id: id.to_owned(), matcher, prices, multipliers: Vec::new() }
}
