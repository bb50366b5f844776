//! Carries what the pipeline says of itself to the metrics and to `/readyz`. Counts nothing itself.

use std::sync::Arc;

use aliquot_api::{Counts, Metrics, Readiness};
use aliquot_core::position::Positions;
use aliquot_pipeline::Progress;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::stop::Stop;

/// Where the log of each partition ends, as far as that is known.
pub(crate) type Ends = Arc<dyn Fn() -> Positions + Send + Sync>;

/// Ready as long as nothing that the pipeline needs is being waited for; a process without a pipeline is ready at once.
pub(crate) fn readiness(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    progress: Option<watch::Receiver<Progress>>,
    stop: &Stop,
) -> watch::Receiver<Readiness> {
    let (sender, receiver) = watch::channel(Readiness::READY);
    if let Some(progress) = progress {
        let tell = move |progress: &Progress| {
            let waiting_for =
                progress.stalled.iter().map(|name| format!("the {name} does not answer and is tried again")).collect();
            sender.send_replace(Readiness { waiting_for });
        };
        tasks.spawn(follow(progress, tell, stop.clone()));
    }
    receiver
}

/// Keeps the metrics at what the pipeline says.
pub(crate) fn metrics(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    progress: Option<watch::Receiver<Progress>>,
    metrics: Metrics,
    ends: Ends,
    stop: &Stop,
) {
    if let Some(progress) = progress {
        let tell = move |progress: &Progress| metrics.record(&counts(progress, ends()));
        tasks.spawn(follow(progress, tell, stop.clone()));
    }
}

fn counts(progress: &Progress, ends: Positions) -> Counts {
    Counts {
        charged: progress.charged,
        reports: progress.reports,
        duplicates: progress.duplicates,
        rejected: progress.rejected.clone(),
        unpriced: progress.unpriced,
        read_bytes: progress.bytes,
        commits: progress.commits,
        read_messages: progress.messages,
        retries: progress.retries,
        fenced: progress.fenced,
        stalled: progress.stalled.clone(),
        event_time_latest: progress.latest,
        positions: progress.positions.clone(),
        ends,
    }
}

/// Calls `tell` with the progress now and at every change, until it is time to stop.
async fn follow(
    mut progress: watch::Receiver<Progress>,
    mut tell: impl FnMut(&Progress) + Send,
    stop: Stop,
) -> anyhow::Result<()> {
    let telling = async {
        loop {
            tell(&progress.borrow_and_update().clone());
            if progress.changed().await.is_err() {
                // The pipeline has ended; what that means is for others to say.
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = telling => {}
        () = stop.wait() => {}
    }
    Ok(())
}
