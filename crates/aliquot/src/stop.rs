//! When to stop: Ctrl-C or SIGTERM, told to everybody who works. The first asks to finish; what is under way is finished.

use anyhow::Context;
use tokio::sync::watch;

/// Becomes true once it is time to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// Says that it is time.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// A pair of the two.
pub(crate) fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Answers once it is time; a stopper that is gone counts as saying so.
    pub(crate) async fn wait(mut self) {
        drop(self.0.wait_for(|stop| *stop).await);
    }
}

/// Answers when the process is asked to end.
///
/// # Errors
/// When the system refuses to tell us of signals.
pub(crate) async fn asked() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot listen for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
