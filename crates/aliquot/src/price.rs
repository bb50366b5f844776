//! `aliquot price`: puts a catalogue's prices into the book in force, lists books, shows a model's prices. Prices nothing.

use std::io::Read;
use std::path::Path;

use aliquot_core::prices::{Price as Row, PriceBook};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;
use aliquot_ledger::StoredBook;
use aliquot_wire::prices::{self, Imported, book};
use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDate, NaiveTime};
use clap::ValueEnum;

use crate::cli::{Catalogue, Price, PriceImport, PriceList, PriceShow};
use crate::stores::{self, Layout};
use crate::{clock, output, table};

/// The first bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub(crate) async fn run(command: Price) -> anyhow::Result<()> {
    match command {
        Price::Import(args) => import(args).await,
        Price::List(args) => list(args).await,
        Price::Show(args) => show(args).await,
    }
}

async fn import(args: PriceImport) -> anyhow::Result<()> {
    let bytes = read(&args.input)?;
    let Imported { book: imported, skipped } = match args.source {
        Catalogue::Aliquot => Imported { book: book::decode(&bytes)?, skipped: Vec::new() },
        Catalogue::Litellm => prices::litellm::import(&bytes)?,
        Catalogue::GenaiPrices => prices::genai::import(&bytes)?,
        Catalogue::ModelsDev => prices::models_dev::import(&bytes)?,
    };
    let ledger = Layout::new(&args.data_dir).open_ledger().await?;
    let is_first =
        args.replace || ledger.current_price_book().await?.is_none_or(|stored| stored.source == stores::BUILT_IN);
    let current = if args.replace { PriceBook::default() } else { stores::current_book(&ledger).await? };
    let otherwise = if is_first { EventTime::MIN } else { midnight(clock::now()) };
    let merged = prices::merge(current, imported, args.effective_from.map_or(otherwise, start_of));
    let stored = StoredBook {
        id: merged.id,
        source: args.source.to_possible_value().map(|name| name.get_name().to_owned()).unwrap_or_default(),
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

/// The file's bytes, unpacked if they are compressed.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = || format!("cannot read {}", path.display());
    let bytes = std::fs::read(path).with_context(failed)?;
    if !bytes.starts_with(&ZSTD_MAGIC) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    // One byte more than is taken: what reaches it is refused as too large by the importer, which knows the limit.
    let limit = u64::try_from(prices::BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    zstd::Decoder::new(bytes.as_slice())
        .with_context(failed)?
        .take(limit)
        .read_to_end(&mut plain)
        .with_context(failed)?;
    Ok(plain)
}

fn start_of(date: NaiveDate) -> EventTime {
    EventTime(date.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
}

fn midnight(time: EventTime) -> EventTime {
    EventTime(time.0 - time.0.rem_euclid(Micros::DAY.0))
}

async fn list(args: PriceList) -> anyhow::Result<()> {
    let ledger = Layout::new(&args.data_dir).read_ledger().await?;
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
    let ledger = Layout::new(&args.data_dir).open_ledger().await?;
    let current = stores::current_book(&ledger).await?;
    let name = current.provider_aliases.get(&args.provider).unwrap_or(&args.provider);
    let Some(provider) = current.providers.get(name) else {
        bail!("the book in force knows no provider {}; it knows {}", args.provider, names(&current));
    };
    let matched = provider.models.iter().find(|model| model.matcher.accepts(&args.model));
    let Some(model) = matched else {
        bail!(
            "the book in force has no model {} of {}; requests for it are counted as unpriced",
            args.model,
            args.provider
        );
    };
    let rows = model.prices.iter().flat_map(price_rows);
    let header = ["from", "until", "tier", "region", "hours", "prompt above", "class", "USD per unit"];
    output::print(&format!("{} of {name}\n{}\n", model.id, table::table(&header, 5, rows)))
}

fn names(book: &PriceBook) -> String {
    book.providers.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
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
                aliquot_core::money::Usd::from_pico(i128::from(rate.pico())).to_string(),
            ]);
        }
    }
    rows
}
