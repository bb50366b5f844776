//! A newer catalogue over a book: what was charged stays chargeable (B1), what changed changes from a date on.

use std::collections::BTreeSet;

use aliquot_core::prices::{Band, Calendar, Matcher, Model, Multiplier, Price, PriceBook, Provider};
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};

use super::book::named;
use super::history::{before, periods, since};
use super::matcher::Written;
use super::quotes;
use crate::timestamp;

/// `current` with everything `imported` says from `effective_from` on.
///
/// | in the book | in the import | after the merge |
/// |---|---|---|
/// | a price | the same price | one row, unchanged |
/// | a price | another price | the old row ends at `effective_from`, a new one begins there |
/// | a price from a later date on | another price | the import counts from `effective_from`, as it knows better |
/// | – | a price | a new row from `effective_from`: the import does not say what was charged before |
/// | a model, or a tier, region or class of usage of one | not mentioned | stays: an import is no word about what it leaves out |
/// | hours of a calendar | the same tier and region without them | they end at `effective_from` |
///
/// Dates in the import that lie before `effective_from` are not taken: what a book said about the past is what was charged.
/// `effective_from` = [`EventTime::MIN`] takes the import for all time, which is meant for a first one.
///
/// The models of the import come first, in its order, because its matchers were made for that order. A model that is new is not
/// asked about earlier events ([`Provider::models`]), and a model whose names changed is kept once more under its old ones, at the
/// end and until `effective_from`: so earlier events find the model and the price they had. The exception is a name that passes from
/// one model to another one that was known before; replays are safe even from that, because they use the book of their time.
pub fn merge(current: PriceBook, imported: PriceBook, effective_from: EventTime) -> PriceBook {
    let mut book = current;
    for (name, newer) in imported.providers {
        let provider = book.providers.entry(name).or_default();
        let older = core::mem::take(provider);
        *provider = merge_provider(older, newer, effective_from);
    }
    for (alias, provider) in imported.provider_aliases {
        book.provider_aliases.entry(alias).or_insert(provider);
    }
    for (matcher, provider) in imported.provider_matchers {
        let is_same = |(known, name): &(Matcher, String)| *name == provider && text(known) == text(&matcher);
        if !book.provider_matchers.iter().any(is_same) {
            book.provider_matchers.push((matcher, provider));
        }
    }
    for (calendar, days) in imported.holidays {
        book.holidays.entry(calendar).or_default().extend(days);
    }
    named(book)
}

fn merge_provider(older: Provider, newer: Provider, effective_from: EventTime) -> Provider {
    let mut older_models = older.models;
    let (mut models, mut retired) = (Vec::new(), Vec::new());
    for model in newer.models {
        match older_models.iter().position(|known| known.id == model.id).map(|place| older_models.remove(place)) {
            Some(known) => {
                let earlier = names_until(&known, &model.matcher, effective_from);
                retired.extend(earlier.map(|earlier| with_free_id(earlier, &older_models)));
                models.push(merge_model(known, model, effective_from));
            }
            None => models.push(Model { prices: merge_prices(Vec::new(), &model.prices, effective_from), ..model }),
        }
    }
    models.append(&mut older_models);
    models.append(&mut retired);
    let mut fallbacks = older.fallbacks;
    for fallback in newer.fallbacks {
        if !fallbacks.contains(&fallback) {
            fallbacks.push(fallback);
        }
    }
    let multipliers = merge_multipliers(older.multipliers, newer.multipliers, effective_from);
    Provider { models, fallbacks, multipliers }
}

fn merge_model(older: Model, newer: Model, effective_from: EventTime) -> Model {
    let mut prices = merge_prices(older.prices.clone(), &newer.prices, effective_from);
    if older.prices.is_empty() && !prices.is_empty() && effective_from > EventTime::MIN {
        // The name was taken and had no price. It stays so: without this row another model would be asked about that time.
        let bands = vec![Band { above_tokens: 0, rates: ByClass::all(None) }];
        prices.push(Price { effective_to: Some(effective_from), ..quotes::standard(bands) });
    }
    let multipliers = merge_multipliers(older.multipliers, newer.multipliers, effective_from);
    Model { id: newer.id, matcher: newer.matcher, prices, multipliers }
}

/// The model as it was, for names that the import may mean by another model, or by none: asked last, and only about the time
/// before. `None` if every name it accepts is accepted still.
fn names_until(older: &Model, newer: &Matcher, effective_from: EventTime) -> Option<Model> {
    let prices = before(&older.prices, effective_from);
    if prices.is_empty() || alternatives(newer).is_superset(&alternatives(&older.matcher)) {
        return None;
    }
    let mut until = Vec::new();
    timestamp::write(effective_from, &mut until);
    let id = format!("{} (names until {})", older.id, String::from_utf8_lossy(&until));
    Some(Model { id, prices, ..older.clone() })
}

/// The model under an id that none of `others` has: names may change twice for the same date.
fn with_free_id(model: Model, others: &[Model]) -> Model {
    match others.iter().filter(|other| other.id.starts_with(&model.id)).count() {
        0 => model,
        taken => Model { id: format!("{} {}", model.id, taken.saturating_add(1)), ..model },
    }
}

/// The alternatives of a matcher, as texts that can be compared.
fn alternatives(matcher: &Matcher) -> BTreeSet<String> {
    match matcher {
        Matcher::Or(parts) => parts.iter().flat_map(alternatives).collect(),
        Matcher::AnyCase(inner) => alternatives(inner).into_iter().map(|text| format!("any case: {text}")).collect(),
        one => BTreeSet::from([text(one)]),
    }
}

fn text(matcher: &Matcher) -> String {
    serde_json::to_string(&Written(matcher)).unwrap_or_default()
}

/// What has to be equal for two rows to be about the same thing at different times.
type Kind = (Option<String>, Option<String>);

fn kind(price: &Price) -> Kind {
    (price.tier.clone(), price.region.clone())
}

fn merge_prices(older: Vec<Price>, newer: &[Price], effective_from: EventTime) -> Vec<Price> {
    let kinds: BTreeSet<Kind> = newer.iter().map(kind).collect();
    let (replaced, mut prices): (Vec<_>, Vec<_>) = older.into_iter().partition(|price| kinds.contains(&kind(price)));
    for one in kinds {
        let of_kind =
            |rows: &[Price]| -> Vec<Price> { rows.iter().filter(|price| kind(price) == one).cloned().collect() };
        prices.extend(merge_kind(of_kind(&replaced), &of_kind(newer), effective_from));
    }
    prices
}

fn merge_kind(older: Vec<Price>, newer: &[Price], effective_from: EventTime) -> Vec<Price> {
    let calendars: BTreeSet<&Option<Calendar>> = older.iter().chain(newer).map(|price| &price.calendar).collect();
    let mut prices = Vec::new();
    for calendar in calendars {
        let rows_of = |rows: &'_ [Price]| -> Vec<Price> {
            periods(&rows.iter().filter(|price| price.calendar == *calendar).collect::<Vec<_>>())
        };
        let was = rows_of(&older);
        let mut is = since(&rows_of(newer), effective_from);
        is.iter_mut().for_each(|row| keep_left_out(row, &was));
        if since(&was, effective_from) == is {
            prices.extend(older.iter().filter(|price| price.calendar == *calendar).cloned());
        } else {
            prices.extend(before(&was, effective_from));
            prices.extend(is);
        }
    }
    prices
}

/// Classes that no band of the newer row speaks of keep the price they had when it begins. A class that some band speaks of is the
/// import's alone, also where another band has no price for it.
fn keep_left_out(newer: &mut Price, was: &[Price]) {
    let holds = |row: &&Price| {
        row.effective_from <= newer.effective_from && row.effective_to.is_none_or(|end| newer.effective_from < end)
    };
    let Some(older) = was.iter().find(holds) else { return };
    for class in Class::ALL {
        if newer.bands.iter().any(|band| band.rates.get(class).is_some()) {
            continue;
        }
        for band in &mut newer.bands {
            let below = older.bands.iter().filter(|older| older.above_tokens <= band.above_tokens);
            let rate = below.max_by_key(|older| older.above_tokens).and_then(|older| older.rates.get(class));
            band.rates.set(class, rate);
        }
    }
}

fn merge_multipliers(older: Vec<Multiplier>, newer: Vec<Multiplier>, effective_from: EventTime) -> Vec<Multiplier> {
    let mut multipliers = older;
    for multiplier in newer {
        let since = multiplier.effective_from.max(effective_from);
        let rules = |known: &&Multiplier| {
            known.attribute == multiplier.attribute && known.value == multiplier.value && known.effective_from <= since
        };
        let in_force = multipliers.iter().filter(rules).max_by_key(|known| known.effective_from);
        let factor = |known: &Multiplier| (known.numerator, known.denominator);
        if in_force.map(factor) != Some(factor(&multiplier)) {
            multipliers.retain(|known| {
                (known.attribute, &known.value) != (multiplier.attribute, &multiplier.value)
                    || known.effective_from < since
            });
            multipliers.push(Multiplier { effective_from: since, ..multiplier });
        }
    }
    multipliers
}
