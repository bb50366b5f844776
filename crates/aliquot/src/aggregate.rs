//! Runs the pipeline as a task: from a log into lake and ledger. Wires; the pipeline decides.

use aliquot_core::ports::Source;
use aliquot_core::position::Positions;
use aliquot_ledger::Ledger;
use aliquot_pipeline::{Progress, Settings};
use anyhow::{Context, bail};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::stop::{self, Stopper};
use crate::stores::{self, Layout};

/// A running pipeline.
#[derive(Debug)]
pub(crate) struct Aggregator {
    tasks: JoinSet<anyhow::Result<Progress>>,
    progress: watch::Receiver<Progress>,
    stopper: Stopper,
    ledger: Ledger,
}

impl Aggregator {
    /// Opens the stores and begins to read. `log` names the log that `source` reads, with all that offsets depend on.
    pub(crate) async fn start<S>(source: S, log: &str, layout: &Layout, settings: Settings) -> anyhow::Result<Self>
    where
        S: Source + 'static,
    {
        let lake = layout.open_lake().await?;
        let ledger = layout.open_ledger().await?;
        ledger.claim_log(log).await?;
        let books = stores::books(&ledger).await?;
        let (published, progress) = watch::channel(Progress::default());
        let (stopper, stop) = stop::pair();
        let mut tasks = JoinSet::new();
        let sink = ledger.clone();
        tasks.spawn(async move {
            let run = aliquot_pipeline::run(source, lake, sink, &books, settings, published, stop.wait());
            Ok(Box::pin(run).await?)
        });
        Ok(Self { tasks, progress, stopper, ledger })
    }

    /// How far it is, kept up to date.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// The ledger it writes.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Waits for whoever fills the log, unless the pipeline ends before: then nobody would empty it any more.
    pub(crate) async fn while_feeding<T>(
        &mut self,
        feed: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            fed = feed => fed,
            ended = self.ended() => match ended {
                Ok(()) => bail!("the pipeline ended while events were coming"),
                Err(error) => Err(error),
            },
        }
    }

    /// Waits until everything below `ends` is durable in all stores.
    ///
    /// # Errors
    /// What ended the pipeline before.
    pub(crate) async fn reach(&mut self, ends: &Positions) -> anyhow::Result<()> {
        let reached = |progress: &Progress| {
            ends.iter()
                .all(|(partition, end)| end.0 == 0 || progress.positions.get(partition).is_some_and(|at| at >= end))
        };
        let mut progress = self.progress.clone();
        tokio::select! {
            answer = progress.wait_for(reached) => answer.map(drop).context("the pipeline ended before it had read everything"),
            ended = self.ended() => ended.and_then(|()| bail!("the pipeline ended before it had read everything")),
        }
    }

    /// Waits until the pipeline ends by itself, which it does only on an error.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<()> {
        match self.tasks.join_next().await {
            Some(ended) => ended?.map(drop),
            None => Ok(()),
        }
    }

    /// Asks it to finish what is under way, waits, and closes the ledger, so that its one file is complete.
    pub(crate) async fn stop(mut self) -> anyhow::Result<Progress> {
        self.stopper.stop();
        let progress = match self.tasks.join_next().await {
            Some(ended) => ended??,
            None => self.progress.borrow().clone(),
        };
        self.ledger.close().await;
        Ok(progress)
    }
}
