//! `aliquot bench ingest`: the same messages, read from the embedded log five times with one more stage each time. The second is
//! the floor that any pipeline over this log has: read, decoded, summed.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use aliquot_core::event::Report;
use aliquot_core::ports::{Activations, Pulled, Sink, Snapshots, Source};
use aliquot_core::position::Offset;
use aliquot_pipeline::{Books, Progress, Settings};
use aliquot_sim::load::Load;
use aliquot_spool::{Limits, Mode, Spool};
use aliquot_wire::prices::book;
use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{memory, stages::Nothing};
use crate::cli::{BenchIngest, Style, spelling};
use crate::feed::feed;
use crate::stores::Layout;
use crate::table::{count, percent, table};
use crate::{clock, output};

/// Partitions of the measured log.
const PARTITIONS: u16 = 4;

/// One stage's figures.
#[derive(Clone, Debug)]
struct Measured {
    stage: &'static str,
    elapsed: Duration,
    events: u64,
    bytes: u64,
    peak_kib: Option<u64>,
}

impl Measured {
    fn per_second(&self, number: u64) -> u64 {
        let micros = self.elapsed.as_micros().max(1);
        u64::try_from(u128::from(number) * 1_000_000 / micros).unwrap_or(u64::MAX)
    }

    fn events_per_second(&self) -> u64 {
        self.per_second(self.events)
    }

    fn mb_per_second(&self) -> u64 {
        self.per_second(self.bytes) / 1_000_000
    }
}

pub(super) async fn run(args: BenchIngest) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let dir = args.data_dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    let layout = Layout::new(&dir);
    output::note(&format!("filling the log with {} events", count(args.events.into())));
    let spool =
        Spool::open(layout.log(), PARTITIONS, Limits { bytes_max: u64::MAX / 2, keep_bytes: u64::MAX / 2 }).await?;
    let load = Load {
        events: args.events,
        tenants: NonZeroU32::new(args.tenants).context("--tenants counts from 1")?,
        blocks_per_event: args.blocks,
        encoding: args.encoding.into(),
        ..Load::default()
    };
    drop(feed(load.messages().map(anyhow::Ok), &spool.outlet(), |_| ()).await?);
    let truth = load.truth();
    let written = truth.events + truth.malformed;
    let stages = measure(&layout, &spool, written).await?;
    output::print(&match args.format {
        Style::Text => text(&args, &stages),
        Style::Json => format!("{:#}\n", json(&args, &stages)),
    })
}

async fn measure(layout: &Layout, spool: &Spool, events: u64) -> anyhow::Result<Vec<Measured>> {
    let books = Books { current: book::builtin().id, all: BTreeMap::from([(book::builtin().id, book::builtin())]) };
    let alone = Layout::new(&layout.dir.join("lake-alone"));
    let mut stages = vec![
        walk("read", spool, events, |_, _| Sums::default()).await?,
        walk("decode and sum (floor)", spool, events, sum).await?,
        pipe("deduplicate and rate", spool, &books, Nothing::default(), Nothing::default()).await?,
    ];
    stages.push(pipe("write the lake", spool, &books, alone.open_lake().await?, Nothing::default()).await?);
    let (lake, ledger) = (layout.open_lake().await?, layout.open_ledger().await?);
    stages.push(pipe("write lake and ledger", spool, &books, lake, ledger).await?);
    Ok(stages)
}

/// What the floor makes of the messages; it is looked at, so that no compiler can leave it out.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    events: u64,
    tokens: u64,
    blocks: u64,
}

fn sum(content_type: &str, payload: &[u8]) -> Sums {
    let mut sums = Sums::default();
    aliquot_wire::decode(content_type, payload, &aliquot_wire::Limits::default(), &mut |_, event| {
        sums.events += 1;
        if let Some(event) = event.ok().and_then(Report::request) {
            sums.tokens += event.usage.parts.iter().map(|(_, quantity)| quantity).sum::<u64>();
            sums.blocks += event.prefix.as_ref().map_or(0, |chain| chain.blocks.len() as u64);
        }
    });
    sums
}

/// Reads everything and calls `each` for every message.
async fn walk(
    stage: &'static str,
    spool: &Spool,
    events: u64,
    mut each: impl FnMut(&str, &[u8]) -> Sums,
) -> anyhow::Result<Measured> {
    let mut source = spool.source(Mode::Finite);
    let (mut bytes, mut sums) = (0_u64, Sums::default());
    memory::reset();
    let watch = clock::stopwatch();
    loop {
        match source.pull().await? {
            Pulled::Assigned(partitions) => {
                for partition in partitions {
                    source.seek(partition, Offset(0)).await?;
                }
            }
            Pulled::Batch(batch) => {
                for message in &batch.messages {
                    bytes += message.payload.len() as u64;
                    let of_message = each(&message.content_type, &message.payload);
                    sums.events += of_message.events;
                    sums.tokens = sums.tokens.wrapping_add(of_message.tokens);
                    sums.blocks += of_message.blocks;
                }
            }
            Pulled::End => break,
            Pulled::Revoked(_) | Pulled::Idle => {}
        }
    }
    let elapsed = watch.elapsed();
    tracing::info!(stage, sums.events, sums.tokens, sums.blocks, "walked");
    if sums.events != 0 && sums.events != events {
        bail!("the floor read {} events where {events} were written", sums.events);
    }
    Ok(Measured { stage, elapsed, events, bytes, peak_kib: memory::peak_kib() })
}

/// Runs the pipeline over everything, into these stores.
async fn pipe<A, L>(stage: &'static str, spool: &Spool, books: &Books, lake: A, ledger: L) -> anyhow::Result<Measured>
where
    A: Sink + 'static,
    L: Sink + Snapshots + Activations + 'static,
{
    let (published, _progress) = watch::channel(Progress::default());
    memory::reset();
    let watch = clock::stopwatch();
    let source = spool.source(Mode::Finite);
    let run =
        aliquot_pipeline::run(source, lake, ledger, books, Settings::default(), published, std::future::pending());
    let progress = Box::pin(run).await?;
    let elapsed = watch.elapsed();
    Ok(Measured { stage, elapsed, events: progress.events, bytes: progress.bytes, peak_kib: memory::peak_kib() })
}

/// The stage that the whole is held against.
const FLOOR: usize = 1;

fn text(args: &BenchIngest, stages: &[Measured]) -> String {
    let mut before = Duration::ZERO;
    let whole = stages.last().map_or(Duration::ZERO, |stage| stage.elapsed);
    let rows = stages.iter().map(|stage| {
        let more = stage.elapsed.saturating_sub(before);
        before = stage.elapsed;
        vec![
            stage.stage.to_owned(),
            count(stage.events_per_second().into()),
            count(stage.mb_per_second().into()),
            stage.peak_kib.map_or_else(|| "–".to_owned(), |kib| count((kib / 1024).into())),
            percent(more.as_micros(), whole.as_micros()),
        ]
    });
    let header = ["up to this stage", "events/s", "MB/s", "peak MiB", "its share"];
    let of_floor = match (stages.get(FLOOR), stages.last()) {
        (Some(floor), Some(last)) => percent(last.events_per_second().into(), floor.events_per_second().into()),
        _ => String::new(),
    };
    format!(
        "{} events as {}, {} blocks each, {} tenants, {} partitions\n\n{}\n\nthe whole runs at {of_floor} of the floor\n",
        count(args.events.into()),
        spelling(args.encoding),
        args.blocks,
        count(args.tenants.into()),
        PARTITIONS,
        table(&header, 1, rows)
    )
}

fn json(args: &BenchIngest, stages: &[Measured]) -> Value {
    let stage = |stage: &Measured| {
        json!({
            "stage": stage.stage,
            "elapsed_s": stage.elapsed.as_secs_f64(),
            "events_per_second": stage.events_per_second(),
            "mb_per_second": stage.mb_per_second(),
            "peak_kib": stage.peak_kib,
        })
    };
    json!({
        "events": args.events,
        "encoding": spelling(args.encoding),
        "blocks": args.blocks,
        "tenants": args.tenants,
        "stages": stages.iter().map(stage).collect::<Vec<_>>(),
    })
}
