//! `aliquot demo`: the built-in fleet through the pipeline as in production, a table of who paid what, and then the API over it.
//! The table is read from the lake, not from what the fleet knows about itself.

use std::convert::Infallible;
use std::path::Path;

use aliquot_core::ports::Outgoing;
use aliquot_sim::Emitted;
use aliquot_sim::fleet::{Fleet, FleetSettings};
use anyhow::{Context, bail};

use crate::cli::{Demo, Encoding};
use crate::embedded::Embedded;
use crate::messages::Messages;
use crate::stores::Layout;
use crate::{clock, output, query, serve};

mod incident;
mod report;

/// Marks a directory as a demo's, which the next demo may remove.
const MARK: &str = "demo.txt";
const MARK_TEXT: &str = "Made by `aliquot demo`. The next demo removes this directory.\n";

/// Runs the command.
pub(crate) async fn run(args: Demo) -> anyhow::Result<()> {
    // Taken first, so that a used address is known before the work and not after it.
    let listener = if args.once { None } else { Some(serve::listen(&args.listen).await?) };
    make_room(&args.data_dir)?;
    let layout = Layout::new(&args.data_dir);
    let settings = FleetSettings { seed: args.seed, ..FleetSettings::default() };
    output::note("aliquot demo: ten minutes of a fleet with one large launch, through the pipeline as in production");
    let watch = clock::stopwatch();
    let mut embedded = Embedded::start(&layout).await?;
    embedded.fill(messages(settings)).await.map(drop)?;
    let Embedded { config, spool, aggregator } = embedded;
    let progress = aggregator.progress().borrow().clone();
    let engine = query::engine(&layout).await?;
    let report = report::Report::read(&engine, settings.launch(), &progress, watch.elapsed()).await?;
    output::print(&report.write(args.format)?)?;
    let Some(listener) = listener else { return aggregator.stop().await.map(drop) };
    output::note(&hints(&listener, &layout.dir)?);
    // The fleet is made up, so that everybody may see what it paid.
    serve::over_spool(&config, listener, spool, aggregator, true).await
}

/// The fleet's events in messages, and between them those that no decoder accepts.
fn messages(settings: FleetSettings) -> impl Iterator<Item = anyhow::Result<Outgoing>> + Send + 'static {
    let fleet = Fleet::new(settings);
    let malformed = fleet.malformed().into_iter().map(anyhow::Ok);
    malformed.chain(Messages::new(fleet.map(Ok::<Emitted, Infallible>), Encoding::JsonBatch))
}

/// Removes a former demo, and nothing else.
fn make_room(dir: &Path) -> anyhow::Result<()> {
    if dir.join(MARK).exists() {
        std::fs::remove_dir_all(dir).with_context(|| format!("cannot remove the former demo in {}", dir.display()))?;
    } else if dir.exists() && dir.read_dir()?.next().is_some() {
        bail!("{} holds something that is no former demo; choose another --data-dir", dir.display());
    }
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(dir.join(MARK), MARK_TEXT))
        .with_context(|| format!("cannot write to {}; choose another --data-dir", dir.display()))
}

fn hints(listener: &tokio::net::TcpListener, dir: &Path) -> anyhow::Result<String> {
    let (address, dir) = (listener.local_addr()?, dir.display());
    Ok(format!(
        "The API answers at http://{address} until Ctrl-C. For example:\n  \
         curl 'http://{address}/v1/hit-rates?from=2026-11-17T09:42:00Z&to=2026-11-17T09:52:00Z&bucket=minute'\n  \
         curl 'http://{address}/v1/costs?from=2026-11-17T00:00:00Z&to=2026-11-18T00:00:00Z&group_by=tenant'\n  \
         curl 'http://{address}/v1/externalities?from=2026-11-17T09:00:00Z&to=2026-11-17T10:00:00Z'\n  \
         aliquot query reports/culprit_ranking --data-dir {dir}\n  \
         aliquot audit --data-dir {dir}"
    ))
}
