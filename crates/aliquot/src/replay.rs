//! `aliquot replay`: a recorded trace through simulated nodes and the real pipeline, or into Kafka or a gateway. The nodes and the
//! truth are `aliquot-sim`'s; what was charged is read back from the ledger.

use std::num::NonZeroU32;
use std::path::Path;

use aliquot_core::ports::Outlet;
use aliquot_core::time::Micros;
use aliquot_kafka::KafkaOutlet;
use aliquot_sim::node;
use aliquot_sim::replay::{Replay as Simulation, Settings};
use aliquot_sim::trace::{Format, Requests};
use aliquot_spool::{Mode, Spool};
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::aggregate::Aggregator;
use crate::cli::{Engine, Replay, Target, Trace};
use crate::config::Config;
use crate::feed::feed;
use crate::http::HttpOutlet;
use crate::messages::Messages;
use crate::serve;
use crate::stores::Layout;
use crate::summary::{Run, Summary};
use crate::{clock, output};

/// A replay is fast, so its commits are large all the same; its end is not kept waiting.
const COMMIT_INTERVAL_MS: u64 = 1_000;

/// The trace's requests on simulated nodes.
type Simulated = Simulation<std::iter::Take<Requests>>;

pub(crate) async fn run(args: Replay) -> anyhow::Result<()> {
    let settings = settings(&args)?;
    let format = format(args.trace);
    let stagger = Micros(i64::try_from(args.stagger_s)?.saturating_mul(Micros::SECOND.0));
    let requests = format.open(&args.input, stagger)?;
    let messages = Messages::new(Simulation::new(requests.take_some(args.limit), settings), args.encoding);
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

const fn format(trace: Trace) -> Format {
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
    Ok(Settings {
        engine: match args.engine {
            Engine::Lru => node::Engine::Lru,
            Engine::Vllm => node::Engine::Vllm,
        },
        capacity_blocks: capacity,
        nodes: positive(args.nodes, "nodes")?,
        tenants: positive(args.tenants, "tenants")?,
        seed: args.seed,
        sampled_of: positive(args.sample_of, "sample-of")?,
        ..Settings::of(format(args.trace))
    })
}

/// At most so many requests of a trace.
trait TakeSome: Iterator + Sized {
    fn take_some(self, limit: Option<u64>) -> std::iter::Take<Self> {
        self.take(limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX))
    }
}

impl TakeSome for Requests {}

async fn into_dir(args: &Replay, messages: Messages<Simulated>) -> anyhow::Result<()> {
    let layout = Layout::new(&args.data_dir);
    refuse_used(&layout.dir)?;
    let mut config = Config::default();
    config.pipeline.commit_interval_ms = COMMIT_INTERVAL_MS;
    let watch = clock::stopwatch();
    let spool = Spool::open(layout.log(), config.log.partitions, config.spool_limits()).await?;
    let (source, log) = (spool.source(Mode::Follow), serve::embedded_log(&config));
    let mut aggregator = Aggregator::start(source, &log, &layout, config.pipeline_settings()).await?;
    let bar = bar("messages durable in the log");
    let outlet = spool.outlet();
    let fed = feed(messages, &outlet, |count: usize| bar.inc(count as u64));
    let messages = aggregator.while_feeding(fed).await;
    let Ok(messages) = messages else {
        // What came before the fault is kept, and nothing is torn down while it is being written.
        aggregator.stop().await?;
        return messages.map(drop);
    };
    bar.set_message("waiting for the last commit");
    aggregator.reach(&spool.ends()).await?;
    bar.finish_and_clear();
    let ledger = aggregator.ledger().clone();
    let progress = aggregator.stop().await?;
    let elapsed = watch.elapsed();
    let truth = messages.source().truth().clone();
    let run = Run {
        title: format!("{:?} by {:?} into {}", args.trace, args.engine, layout.dir.display()),
        elapsed,
        truth: Some(truth),
    };
    let totals = ledger.totals(None, None).await?;
    output::print(&Summary::new(run, &progress, &totals).write(args.format)?)
}

async fn only_send<O: Outlet>(args: &Replay, messages: Messages<Simulated>, outlet: &O) -> anyhow::Result<()> {
    let watch = clock::stopwatch();
    let bar = bar("messages sent");
    let messages = feed(messages, outlet, |count: usize| bar.inc(count as u64)).await?;
    bar.finish_and_clear();
    let title = format!("{:?} by {:?}, sent", args.trace, args.engine);
    let run = Run { title, elapsed: watch.elapsed(), truth: Some(messages.source().truth().clone()) };
    output::print(&Summary::sent(run).write(args.format)?)
}

/// A replay into a directory with data would be added to it, or be taken for duplicates of it.
fn refuse_used(dir: &Path) -> anyhow::Result<()> {
    if dir.join("ledger.sqlite").exists() {
        bail!("{} holds data already; choose another --data-dir, or remove it", dir.display());
    }
    Ok(())
}

/// A line that shows that something moves; it is hidden where nobody watches.
pub(crate) fn bar(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} {msg} ({per_sec}, {elapsed})")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style).with_message(what);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}
