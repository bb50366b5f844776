//! One listener served until it is told to stop: requests that run then are answered, within a bound. Routes nothing.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::connections::{CONNECTIONS_MAX, Limited, SILENCE_MAX};

/// How long running requests may take to end after the stop: longer than the slowest query that is allowed, and within the
/// 30 seconds after which supervisors kill.
pub const DRAIN_TIME: Duration = Duration::from_secs(25);

/// Serves `router` until `shutdown` is done. Then nothing new is accepted, and the call ends when every running request is
/// answered, or after [`DRAIN_TIME`].
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = oneshot::channel();
    let listener = Limited::new(listener, CONNECTIONS_MAX, SILENCE_MAX);
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        // The other end is gone only when the server is.
        let _ = stopping.send(());
    });
    let patience = async {
        // Without a word the shutdown future was dropped with the server, whose end the other branch sees.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(DRAIN_TIME).await;
    };
    tokio::select! {
        ended = server => ended,
        () = patience => {
            tracing::warn!(drain_ms = DRAIN_TIME.as_millis(), "requests still running after the drain time are cut off");
            Ok(())
        }
    }
}
