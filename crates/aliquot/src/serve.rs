//! `aliquot serve`: one process, one or all roles, until it is asked to stop. Wires log, stores and API; decides nothing.

use std::sync::Arc;
use std::time::Duration;

use aliquot_api::{Access, Clock, Concurrency, Door, Gateway, Metrics, Readers, RequestIds, State};
use aliquot_kafka::{KafkaOutlet, KafkaSource};
use aliquot_lake::Lake;
use aliquot_query::{Engine, Limits};
use aliquot_spool::{Mode, Spool};
use anyhow::{Context, anyhow, bail};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::aggregate::Aggregator;
use crate::cli::{Role, Serve, spelling};
use crate::config::{self, Config, LogKind};
use crate::observe::{self, Ends};
use crate::stop::{self, Stop};
use crate::stores::Layout;
use crate::{clock, output};

/// Runs the command.
pub(crate) async fn run(args: Serve) -> anyhow::Result<()> {
    if args.print_config {
        return output::print(config::EXAMPLE);
    }
    let config = Config::load(args.config.as_deref())?;
    if config.log.kind == LogKind::Embedded && args.role != Role::All {
        bail!(
            "the embedded log belongs to one process, so only --role all is possible; set log.kind = \"kafka\" for the others"
        );
    }
    let listener = listen(&config.api.listen).await?;
    match config.log.kind {
        LogKind::Embedded => embedded(&config, listener, args.open).await,
        LogKind::Kafka => with_kafka(&config, args.role, listener, args.open).await,
    }
}

/// Takes the address.
pub(crate) async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}; another process may use it: choose another address, or port 0 for a free one"
        )
    })
}

async fn embedded(config: &Config, listener: TcpListener, open: bool) -> anyhow::Result<()> {
    let layout = config.layout()?;
    let spool = Spool::open(layout.log(), config.log.partitions, config.spool_limits()).await?;
    let source = spool.source(Mode::Follow);
    let aggregator = Aggregator::start(source, &embedded_log(config), &layout, config.pipeline_settings()).await?;
    over_spool(config, listener, spool, aggregator, open).await
}

/// The embedded log's name in the ledger.
pub(crate) fn embedded_log(config: &Config) -> String {
    format!("the embedded log with {} partitions", config.log.partitions)
}

/// Serves everything over an embedded log whose pipeline runs already.
pub(crate) async fn over_spool(
    config: &Config,
    listener: TcpListener,
    spool: Spool,
    aggregator: Aggregator,
    open: bool,
) -> anyhow::Result<()> {
    let door = Door::to(spool.outlet());
    let ends: Ends = Arc::new(move || spool.ends());
    Process { config, role: Role::All, listener, aggregator: Some(aggregator), door: Some(door), ends, open }
        .run()
        .await
}

async fn with_kafka(config: &Config, role: Role, listener: TcpListener, open: bool) -> anyhow::Result<()> {
    let kafka = config.kafka()?;
    let partitions = config.ensure_topic().await?;
    let aggregator = if role.aggregates() {
        let layout = config.layout()?;
        let log = format!("topic {} with {partitions} partitions", kafka.topic);
        Some(Aggregator::start(KafkaSource::open(&kafka)?, &log, &layout, config.pipeline_settings()).await?)
    } else {
        None
    };
    let door = if role.takes_events() { Some(Door::to(KafkaOutlet::open(&kafka)?)) } else { None };
    // Where a topic ends, its brokers know; the group's lag is read there, by the usual tools.
    let ends: Ends = Arc::new(Default::default);
    Process { config, role, listener, aggregator, door, ends, open }.run().await
}

/// A process with its parts, before it runs.
struct Process<'c> {
    config: &'c Config,
    role: Role,
    listener: TcpListener,
    aggregator: Option<Aggregator>,
    door: Option<Door>,
    ends: Ends,
    open: bool,
}

impl Process<'_> {
    /// Runs until somebody asks to stop, or a part fails; then finishes what is under way.
    async fn run(self) -> anyhow::Result<()> {
        let Self { config, role, listener, mut aggregator, door, ends, open } = self;
        let layout = config.layout()?;
        let (stopper, stop) = stop::pair();
        let mut tasks = JoinSet::new();
        let metrics = Metrics::default();
        let progress = aggregator.as_ref().map(Aggregator::progress);
        let access = access(&layout, &listener, open).await?;
        let state = State {
            access,
            clock: Clock::new(clock::now),
            request_ids: RequestIds::starting_at(clock::now()),
            readiness: observe::readiness(&mut tasks, progress.clone(), &stop),
            metrics: metrics.clone(),
            concurrency: Concurrency::default(),
            gateway: door.map(|door| Gateway::new(door, config.pipeline_settings().rules)),
            readers: if role.answers() { Some(readers(&layout).await?) } else { None },
        };
        observe::metrics(&mut tasks, progress, metrics, ends, &stop);
        let address = listener.local_addr()?;
        let api = aliquot_api::serve(listener, aliquot_api::router(state), stop.clone().wait());
        tasks.spawn(async move { api.await.context("the API ended") });
        if role.aggregates() {
            tasks.spawn(upkeep(config.clone(), stop));
        }
        let role = spelling(role);
        output::note(&format!("aliquot: role {role} at http://{address}, data in {}", layout.dir.display()));
        let outcome = tokio::select! {
            asked = stop::asked() => asked,
            ended = ended(&mut aggregator) => ended,
            Some(ended) = tasks.join_next() => ended.context("a part of the process ended").and_then(|ended| ended),
        };
        output::note("aliquot: finishing what is under way");
        stopper.stop();
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        // A pipeline that failed has ended already, and its error is the outcome.
        if let Some(aggregator) = aggregator.filter(|_| outcome.is_ok()) {
            aggregator.stop().await?;
        }
        outcome
    }
}

/// Who may ask. Without keys everybody on this machine may, so that a first try needs none; beyond it only if that is said.
async fn access(layout: &Layout, listener: &TcpListener, open: bool) -> anyhow::Result<Access> {
    let ledger = layout.open_ledger().await?;
    if ledger.has_keys().await? {
        return Ok(Access::Keys(ledger));
    }
    ledger.close().await;
    let address = listener.local_addr()?;
    if !(address.ip().is_loopback() || open) {
        let refused = anyhow!(
            "there is no API key, and {address} can be reached from other machines; make a key with `aliquot key create`, listen on \
             127.0.0.1, or let everybody in with --open"
        );
        return Err(refused.context(config::Unusable));
    }
    output::note(
        "aliquot: there is no API key, so everybody who reaches this address may ask; keys hold from the next start on",
    );
    Ok(Access::Open)
}

async fn ended(aggregator: &mut Option<Aggregator>) -> anyhow::Result<()> {
    match aggregator {
        Some(aggregator) => aggregator.ended().await.context("the pipeline ended"),
        None => std::future::pending().await,
    }
}

/// The stores for reading. Where no aggregator has written yet they are made, so that the API can answer with nothing.
async fn readers(layout: &Layout) -> anyhow::Result<Readers> {
    drop(layout.open_lake().await?);
    let ledger = layout.open_ledger().await?;
    let engine = Engine::open(&layout.lake(), Limits::default())?;
    Ok(Readers { engine, ledger })
}

/// Keeps the lake in shape. A failure is logged and tried again at the next turn: nothing depends on it today.
async fn upkeep(config: Config, stop: Stop) -> anyhow::Result<()> {
    let lake = Layout::new(&config.data_dir).lake();
    let work = async {
        loop {
            tokio::time::sleep(Duration::from_secs(config.upkeep.interval_s)).await;
            match Box::pin(Lake::maintain(&lake, config.upkeep())).await {
                Ok(done) => {
                    tracing::info!(files.merged = done.files_merged, files.deleted = done.files_deleted, "upkeep")
                }
                Err(error) => tracing::warn!(error = %error, "the lake's upkeep failed; it is tried again later"),
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = stop.wait() => {}
    }
    Ok(())
}
