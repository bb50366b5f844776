//! The embedded log with a pipeline behind it, filled by a simulation: what the demo and the replay have in common. Prints nothing
//! but a line that shows that something moves.

use std::time::Duration;

use aliquot_core::ports::Outgoing;
use aliquot_spool::{Mode, Spool};
use indicatif::{ProgressBar, ProgressStyle};

use crate::aggregate::Aggregator;
use crate::config::Config;
use crate::feed::feed;
use crate::serve;
use crate::stores::Layout;

/// Somebody waits for the end, so that the last events are not kept waiting for company.
const COMMIT_INTERVAL_MS: u64 = 500;

/// A log and its pipeline, running.
pub(crate) struct Embedded {
    pub(crate) config: Config,
    pub(crate) spool: Spool,
    pub(crate) aggregator: Aggregator,
}

impl Embedded {
    /// Opens both in the directory.
    pub(crate) async fn start(layout: &Layout) -> anyhow::Result<Self> {
        let mut config = Config::default();
        config.data_dir.clone_from(&layout.dir);
        config.pipeline.commit_interval_ms = COMMIT_INTERVAL_MS;
        let spool = Spool::open(layout.log(), config.log.partitions, config.spool_limits()).await?;
        let (source, log) = (spool.source(Mode::Follow), serve::embedded_log(&config));
        let aggregator = Aggregator::start(source, &log, layout, config.pipeline_settings()).await?;
        Ok(Self { config, spool, aggregator })
    }

    /// Sends everything, waits until it is durable in all stores, and gives the generator back.
    ///
    /// # Errors
    /// The generator's; what came before its fault is durable all the same.
    pub(crate) async fn fill<G>(&mut self, generator: G) -> anyhow::Result<G>
    where
        G: Iterator<Item = anyhow::Result<Outgoing>> + Send + 'static,
    {
        let bar = bar("messages durable in the log");
        let outlet = self.spool.outlet();
        let fed = self.aggregator.while_feeding(feed(generator, &outlet, |messages| bar.inc(messages))).await;
        bar.set_message("waiting for the last commit");
        let reached = self.aggregator.reach(&self.spool.ends()).await;
        bar.finish_and_clear();
        // A pipeline that failed ended the feed with its error; that it did not get to the end follows from it.
        let generator = fed?;
        reached.map(|()| generator)
    }
}

/// A line that shows that something moves; it is hidden where nobody watches.
pub(crate) fn bar(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} {msg} ({per_sec}, {elapsed})")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style).with_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
