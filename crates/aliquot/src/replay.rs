//! `aliquot replay`: a recorded trace through simulated nodes and the real pipeline, or into Kafka or a gateway. The nodes and the
//! truth are `aliquot-sim`'s; what was charged is read back from the ledger.

use std::iter::{Peekable, Take};
use std::num::NonZeroU32;
use std::path::Path;

use aliquot_core::ports::Outlet;
use aliquot_core::time::Micros;
use aliquot_kafka::KafkaOutlet;
use aliquot_sim::node;
use aliquot_sim::replay::{self, Replay as Simulation, Settings};
use aliquot_sim::trace::{Format, Requests};
use anyhow::{Context, bail};

use crate::cli::{Billing, Engine, Replay, Target, Trace, spelling};
use crate::config::Config;
use crate::embedded::{Embedded, bar};
use crate::feed::feed;
use crate::http::HttpOutlet;
use crate::messages::Messages;
use crate::stores::Layout;
use crate::summary::{Run, Summary};
use crate::{clock, output};

/// The trace's requests on simulated nodes.
type Simulated = Simulation<Take<Peekable<Requests>>>;

pub(crate) async fn run(args: Replay) -> anyhow::Result<()> {
    let settings = settings(&args)?;
    let format = format(args.trace);
    let stagger = Micros(i64::try_from(args.stagger_s)?.saturating_mul(Micros::SECOND.0));
    let mut requests = format.open(&args.input, stagger)?.peekable();
    // The first record is read before anything is made: a file of another format leaves no directory behind.
    match requests.next_if(Result::is_err) {
        Some(fault) => fault.map(drop)?,
        None if requests.peek().is_none() => bail!("there is no request in {}", args.input.display()),
        None => {}
    }
    let limit = args.limit.map_or(Ok(usize::MAX), usize::try_from)?;
    let messages = Messages::new(Simulation::new(requests.take(limit), settings), args.encoding);
    match args.to {
        Target::Dir => into_dir(&args, messages).await,
        Target::Kafka => {
            let config = Config::load(args.config.as_deref())?;
            config.ensure_topic().await?;
            only_send(&args, messages, &KafkaOutlet::open(&config.kafka()?)?).await
        }
        Target::Http => only_send(&args, messages, &HttpOutlet::new(&args.url)?).await,
    }
}

pub(crate) const fn format(trace: Trace) -> Format {
    match trace {
        Trace::ClaudeCode => Format::ClaudeCode,
        Trace::Mooncake => Format::Mooncake,
        Trace::Azure => Format::Azure,
    }
}

fn settings(args: &Replay) -> anyhow::Result<Settings> {
    let positive = |number: u32, name: &str| NonZeroU32::new(number).with_context(|| format!("--{name} counts from 1"));
    let capacity = match args.capacity_blocks {
        Some(0) => bail!("--capacity-blocks counts from 1; leave it out for a cache that never evicts"),
        Some(blocks) => NonZeroU32::new(u32::try_from(blocks).context("--capacity-blocks is beyond 2^32")?),
        None => None,
    };
    let recorded = Settings::of(format(args.trace));
    let usual = if capacity.is_some() { Billing::OwnGpus } else { Billing::Recorded };
    Ok(Settings {
        billing: match args.billing.unwrap_or(usual) {
            Billing::Recorded => recorded.billing,
            Billing::OwnGpus => replay::Billing::OwnGpus,
        },
        engine: match args.engine {
            Engine::Lru => node::Engine::Lru,
            Engine::Vllm => node::Engine::Vllm,
        },
        capacity_blocks: capacity,
        nodes: positive(args.nodes, "nodes")?,
        tenants: positive(args.tenants, "tenants")?,
        seed: args.seed,
        sampled_of: positive(args.sample_of, "sample-of")?,
        ..recorded
    })
}

async fn into_dir(args: &Replay, messages: Messages<Simulated>) -> anyhow::Result<()> {
    let layout = Layout::new(&args.data_dir);
    refuse_used(&layout.dir)?;
    let watch = clock::stopwatch();
    let mut embedded = Embedded::start(&layout).await?;
    let filled = embedded.fill(messages).await;
    let totals = embedded.aggregator.ledger().totals(None, None).await?;
    let progress = embedded.aggregator.stop().await?;
    let messages = filled.with_context(|| {
        let (requests, dir) = (progress.charged, layout.dir.display());
        format!(
            "the {requests} requests before it are in {dir}; remove it, or choose another --data-dir, to replay again"
        )
    })?;
    let run = Run {
        title: format!("{} into {}", title(args), layout.dir.display()),
        elapsed: watch.elapsed(),
        truth: Some(messages.source().truth().clone()),
    };
    output::print(&Summary::new(run, &progress, &totals).write(args.format)?)
}

fn title(args: &Replay) -> String {
    format!("{} by {}", spelling(args.trace), spelling(args.engine))
}

async fn only_send<O: Outlet>(args: &Replay, messages: Messages<Simulated>, outlet: &O) -> anyhow::Result<()> {
    let watch = clock::stopwatch();
    let bar = bar("messages sent");
    let messages = feed(messages, outlet, |messages| bar.inc(messages)).await?;
    bar.finish_and_clear();
    let run = Run {
        title: format!("{}, sent", title(args)),
        elapsed: watch.elapsed(),
        truth: Some(messages.source().truth().clone()),
    };
    output::print(&Summary::sent(run).write(args.format)?)
}

/// A replay into a directory with data would be added to it, or be taken for duplicates of it.
fn refuse_used(dir: &Path) -> anyhow::Result<()> {
    if dir.join("ledger.sqlite").exists() {
        bail!("{} holds data already; choose another --data-dir, or remove it", dir.display());
    }
    Ok(())
}
