//! The same call again, later and later: what is done about errors that may pass. Makes no call itself.

use std::time::Duration;

use aliquot_core::ports::{Fault, Kind};
use tokio::sync::watch;

use crate::Progress;
use crate::error::{Error, Failure};
use crate::settings::Backoff;

/// What waiting needs: how long, whom to tell, and whether a stop was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    pub(crate) backoff: Backoff,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Patience {
    /// The tries of one call.
    pub(crate) fn attempts(&self, name: &'static str, doing: &'static str) -> Attempts {
        let delay = self.backoff.first;
        Attempts { patience: self.clone(), name, doing, delay, failed: 0, failed_after_stop: 0 }
    }

    /// Whether a stop was asked for.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Answers once a stop is asked for.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // With the asker gone nobody can ask any more, and the run is being dropped.
        let _gone = stopping.wait_for(|is_asked| *is_asked).await;
    }
}

/// The tries of one call.
#[derive(Debug)]
pub(crate) struct Attempts {
    patience: Patience,
    name: &'static str,
    doing: &'static str,
    delay: Duration,
    failed: u32,
    failed_after_stop: u32,
}

impl Attempts {
    /// The call failed: waits, if another try makes sense.
    pub(crate) async fn failed(&mut self, error: impl Fault) -> Result<(), Failure> {
        let (name, doing) = (self.name, self.doing);
        match error.kind() {
            Kind::Halt => return Err(Error::Halt { name, doing, source: Box::new(error) }.into()),
            Kind::Fenced => return Err(Failure::Fenced),
            Kind::Retry => {}
        }
        self.failed = self.failed.saturating_add(1);
        if self.patience.is_stopping() {
            self.failed_after_stop = self.failed_after_stop.saturating_add(1);
            if self.failed_after_stop > self.patience.backoff.tries_after_stop {
                return Err(Error::GaveUp { name, doing, source: Box::new(error) }.into());
            }
        }
        self.patience.progress.send_modify(|progress| {
            progress.retries = progress.retries.saturating_add(1);
            progress.stalled.insert(name);
        });
        let delay_ms = self.delay.as_millis();
        tracing::warn!(store = name, attempt = self.failed, delay_ms, error = %error, "cannot {doing} {name}, trying again");
        drop(error);
        self.pause().await;
        Ok(())
    }

    /// Waits, and longer the next time; a stop cuts the wait short.
    pub(crate) async fn pause(&mut self) {
        let delay = self.delay;
        self.delay = delay.saturating_mul(2).min(self.patience.backoff.max);
        if delay.is_zero() {
            return tokio::task::yield_now().await;
        }
        let is_stopping = self.patience.is_stopping();
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.patience.stopped(), if !is_stopping => {}
        }
    }

    /// The call succeeded: the next failure is a first one again.
    pub(crate) fn succeeded(&mut self) {
        if self.failed == 0 {
            return;
        }
        tracing::info!(store = self.name, attempts = self.failed, "{} answers again", self.name);
        self.reset();
    }

    fn reset(&mut self) {
        self.failed = 0;
        self.failed_after_stop = 0;
        self.delay = self.patience.backoff.first;
        self.patience.progress.send_modify(|progress| {
            progress.stalled.remove(self.name);
        });
    }
}

impl Drop for Attempts {
    /// Whatever became of the call, it is not being tried any more.
    fn drop(&mut self) {
        if self.failed > 0 {
            self.reset();
        }
    }
}
