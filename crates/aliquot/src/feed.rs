//! Moves messages from a generator, which computes on a thread of its own, into an outlet, with back-pressure both ways.

use std::time::Duration;

use aliquot_core::ports::{Fault, Kind, Outgoing, Outlet};
use tokio::sync::mpsc;

/// Lots of messages under way between the generator and the outlet: bounds memory, and keeps both busy.
const LOTS_MAX: usize = 4;

/// Messages handed to the outlet at once, and their bytes: one sync of the embedded log, one round of Kafka's producer.
const LOT_MESSAGES: usize = 1_024;
const LOT_BYTES: usize = 4 << 20;

/// How long a full outlet is left alone before the next try.
const RETRY_WAIT: Duration = Duration::from_millis(100);

/// Appends what the generator yields to the outlet, in order, and gives the generator back when it has ended. `fed` is told how
/// many messages more are durable.
///
/// # Errors
/// The generator's, or the outlet's when trying again cannot help.
pub(crate) async fn feed<G, O>(generator: G, outlet: &O, mut fed: impl FnMut(u64) + Send) -> anyhow::Result<G>
where
    G: Iterator<Item = anyhow::Result<Outgoing>> + Send + 'static,
    O: Outlet,
{
    let (sender, mut lots) = mpsc::channel(LOTS_MAX);
    let thread = tokio::task::spawn_blocking(move || generate(generator, &sender));
    while let Some(lot) = lots.recv().await {
        let messages = Vec::len(&lot);
        append(outlet, lot).await?;
        fed(u64::try_from(messages).unwrap_or(u64::MAX));
    }
    thread.await?
}

fn generate<G>(mut generator: G, sender: &mpsc::Sender<Vec<Outgoing>>) -> anyhow::Result<G>
where
    G: Iterator<Item = anyhow::Result<Outgoing>>,
{
    loop {
        let (mut lot, mut bytes, mut fault) = (Vec::with_capacity(LOT_MESSAGES), 0, None);
        while lot.len() < LOT_MESSAGES && bytes < LOT_BYTES && fault.is_none() {
            match generator.next() {
                Some(Ok(message)) => {
                    bytes += message.payload.len();
                    lot.push(message);
                }
                Some(Err(error)) => fault = Some(error),
                None => break,
            }
        }
        // A receiver that is gone has failed; its error is the one that counts. What came before a fault is sent all the same.
        let is_over = lot.is_empty() || sender.blocking_send(lot).is_err();
        match fault {
            Some(error) => return Err(error),
            None if is_over => return Ok(generator),
            None => {}
        }
    }
}

async fn append<O: Outlet>(outlet: &O, lot: Vec<Outgoing>) -> anyhow::Result<()> {
    loop {
        match outlet.append(lot.clone()).await {
            Ok(()) => return Ok(()),
            // Sending all of it again is safe: events carry their identity and are counted once.
            Err(error) if error.kind() == Kind::Retry => {
                tracing::info!(error = %error, "the log takes nothing at the moment; trying again");
                tokio::time::sleep(RETRY_WAIT).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
