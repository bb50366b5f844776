//! `aliquot price`: puts a catalogue's prices into the book in force, lists books, shows a model's prices. Prices nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use aliquot_core::money::Usd;
use aliquot_core::prices::{Price as Row, PriceBook};
use aliquot_core::rating;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;
use aliquot_ledger::StoredBook;
use aliquot_sim::trace;
use aliquot_wire::prices::{self, Imported, book};
use anyhow::{Context, anyhow, bail};
use chrono::{DateTime, NaiveDate, NaiveTime};

use crate::cli::{Catalogue, Price, PriceImport, PriceList, PriceShow, spelling};
use crate::stores;
use crate::{clock, output, table};

pub(crate) async fn run(command: Price) -> anyhow::Result<()> {
    match command {
        Price::Import(args) => import(args).await,
        Price::List(args) => list(args).await,
        Price::Show(args) => show(args).await,
    }
}

async fn import(args: PriceImport) -> anyhow::Result<()> {
    let Imported { book: imported, skipped } = catalogue(args.source, &args.input)?;
    let ledger = args.place.layout()?.open_ledger().await?;
    let is_first =
        args.replace || ledger.current_price_book().await?.is_none_or(|stored| stored.source == stores::BUILT_IN);
    let current = if args.replace { PriceBook::default() } else { stores::current_book(&ledger).await? };
    let otherwise = if is_first { EventTime::MIN } else { midnight(clock::now()) };
    let merged = prices::merge(current, imported, args.effective_from.map_or(otherwise, start_of));
    let stored = StoredBook {
        id: merged.id,
        source: spelling(args.source),
        imported_at: clock::now(),
        body: book::encode(&merged),
    };
    ledger.put_price_book(&stored).await?;
    let models: usize = merged.providers.values().map(|provider| provider.models.len()).sum();
    output::print(&format!(
        "price book {:016x} is in force: {} providers, {} models; a running aggregator uses it from its next start\n",
        merged.id.0,
        merged.providers.len(),
        models
    ))?;
    report(&skipped, args.verbose)
}

fn report(skipped: &[prices::Skipped], verbose: bool) -> anyhow::Result<()> {
    if skipped.is_empty() {
        return Ok(());
    }
    let hint = if verbose { "" } else { "; --verbose lists them" };
    output::print(&format!("{} entries of the catalogue cannot be expressed{hint}\n", skipped.len()))?;
    if verbose {
        for entry in skipped {
            output::print(&format!("  {}: {}\n", entry.path, entry.why))?;
        }
    }
    Ok(())
}

/// The prices in the file.
fn catalogue(source: Catalogue, path: &Path) -> anyhow::Result<Imported> {
    let bytes = read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = match source {
        Catalogue::Aliquot => book::decode(&bytes).map(|book| Imported { book, skipped: Vec::new() }),
        Catalogue::Litellm => prices::litellm::import(&bytes),
        Catalogue::GenaiPrices => prices::genai::import(&bytes),
        Catalogue::ModelsDev => prices::models_dev::import(&bytes),
    };
    let wrong = || format!("{} is no {} catalogue; is --source right?", path.display(), spelling(source));
    let read = read.with_context(wrong)?;
    if read.book.providers.values().all(|provider| provider.models.is_empty()) {
        bail!("{} has no model in it; nothing was changed", path.display());
    }
    Ok(read)
}

/// The file's bytes, unpacked if they are compressed.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than is taken: what reaches it is refused as too large by the importer, which knows the limit.
    let limit = u64::try_from(prices::BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    trace::plain(io::BufReader::new(File::open(path)?))?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn start_of(date: NaiveDate) -> EventTime {
    EventTime(date.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
}

fn midnight(time: EventTime) -> EventTime {
    EventTime(time.0 - time.0.rem_euclid(Micros::DAY.0))
}

async fn list(args: PriceList) -> anyhow::Result<()> {
    let ledger = args.place.layout()?.read_ledger().await?;
    let current = ledger.current_price_book().await?.map(|stored| stored.id);
    let rows = ledger.price_books().await?.into_iter().map(|stored| {
        let mark = if Some(stored.id) == current { "in force" } else { "" };
        vec![format!("{:016x}", stored.id.0), stored.source, when(stored.imported_at), mark.to_owned()]
    });
    output::print(&format!("{}\n", table::table(&["book", "source", "imported", ""], 4, rows)))
}

fn when(time: EventTime) -> String {
    DateTime::from_timestamp_micros(time.0)
        .map_or_else(|| time.0.to_string(), |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

async fn show(args: PriceShow) -> anyhow::Result<()> {
    let ledger = args.place.layout()?.read_ledger().await?;
    let current = stores::book_in_force(&ledger).await?;
    let (_, models) = rating::look_up(&current, &args.provider, &args.model).map_err(|unpriced| {
        anyhow!(
            "{}: the book in force does not price {} of {}; requests for it are counted as unpriced",
            unpriced.name(),
            args.model,
            args.provider
        )
    })?;
    let header = ["from", "until", "tier", "region", "hours", "prompt above", "class", "USD per unit"];
    for model in models {
        let rows = model.prices.iter().flat_map(price_rows);
        output::print(&format!("{}\n{}\n", model.id, table::table(&header, 5, rows)))?;
    }
    Ok(())
}

fn price_rows(price: &Row) -> Vec<Vec<String>> {
    let from = if price.effective_from == EventTime::MIN { "ever".to_owned() } else { when(price.effective_from) };
    let mut rows = Vec::new();
    for band in &price.bands {
        for class in Class::ALL {
            let Some(rate) = band.rates.get(class) else { continue };
            rows.push(vec![
                from.clone(),
                price.effective_to.map(when).unwrap_or_default(),
                price.tier.clone().unwrap_or_default(),
                price.region.clone().unwrap_or_default(),
                if price.calendar.is_some() { "calendar".to_owned() } else { String::new() },
                table::count(u128::from(band.above_tokens)),
                class.name().to_owned(),
                Usd::from_pico(i128::from(rate.pico())).to_string(),
            ]);
        }
    }
    rows
}
