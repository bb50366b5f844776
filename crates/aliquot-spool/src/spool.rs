//! The handle of the embedded log: opens it, hands out its two ports, says how far it reaches, closes it with the last user.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use aliquot_core::position::{Offset, Partition, Positions};
use tokio::sync::{mpsc, oneshot, watch};

use crate::log::{Extent, Log};
use crate::writer::{Order, Reply, Writer};
use crate::{Error, Mode, SpoolOutlet, SpoolSource};

/// Orders waiting for the writer; beyond it, senders wait. Each is one request's messages, so this bounds memory.
const ORDERS_MAX: usize = 64;

/// How much the log may hold, counted as messages' bytes plus a fixed part per message; the file is somewhat larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Beyond this, appending fails with an error that says to try again.
    pub bytes_max: u64,
    /// Acknowledged messages are dropped, the oldest of the fullest partition first, while the log holds more than this.
    /// Keeping some lets a store that lost its newest state go back to an older one.
    pub keep_bytes: u64,
}

impl Default for Limits {
    /// 8 GiB, of which 1 GiB is kept.
    fn default() -> Self {
        Self { bytes_max: 8 << 30, keep_bytes: 1 << 30 }
    }
}

/// The embedded log. Clones are handles of the same log; it closes when the last handle, source and outlet are gone.
#[derive(Clone, Debug)]
pub struct Spool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: Arc<Log>,
    extents: watch::Receiver<Vec<Extent>>,
    orders: Option<mpsc::Sender<Order>>,
    writer: Option<JoinHandle<()>>,
}

impl Spool {
    /// Opens the log in `dir`, or makes it there with `partitions` partitions. What was acknowledged as durable is there
    /// again after any crash.
    ///
    /// # Errors
    /// [`Error::InUse`] while another process has it open; [`Error::Partitions`] if it has another number of them.
    pub async fn open(dir: impl AsRef<Path>, partitions: u16, limits: Limits) -> Result<Self, Error> {
        let dir = dir.as_ref().to_owned();
        blocking(move || {
            let (log, extents) = Log::open(&dir, partitions)?;
            let log = Arc::new(log);
            let (orders, waiting) = mpsc::channel(ORDERS_MAX);
            let (published, watched) = watch::channel(extents.clone());
            let writer = Writer { log: Arc::clone(&log), limits, extents, published };
            let thread = std::thread::Builder::new().name("spool-writer".to_owned()).spawn(move || writer.run(waiting));
            let writer = thread.map_err(|source| Error::Directory { dir, source: Arc::new(source) })?;
            let shared = Shared { log, extents: watched, orders: Some(orders), writer: Some(writer) };
            Ok(Self { shared: Arc::new(shared) })
        })
        .await
    }

    /// A reader of all partitions. The pipeline has one; acknowledging through it is what lets messages be dropped.
    pub fn source(&self, mode: Mode) -> SpoolSource {
        SpoolSource::new(self.clone(), mode)
    }

    /// A way in.
    pub fn outlet(&self) -> SpoolOutlet {
        SpoolOutlet::new(self.clone())
    }

    /// For each partition, the first offset that is held.
    pub fn starts(&self) -> Positions {
        self.positions(|extent| extent.start)
    }

    /// For each partition, one past the last message.
    pub fn ends(&self) -> Positions {
        self.positions(|extent| extent.end)
    }

    /// What the log holds, as [`Limits`] count it.
    pub fn bytes(&self) -> u64 {
        self.shared.extents.borrow().iter().map(|extent| extent.bytes).sum()
    }

    fn positions(&self, offset: impl Fn(&Extent) -> i64) -> Positions {
        let extents = self.shared.extents.borrow();
        (0..).zip(extents.iter()).map(|(partition, extent)| (Partition(partition), Offset(offset(extent)))).collect()
    }

    pub(crate) fn log(&self) -> Arc<Log> {
        Arc::clone(&self.shared.log)
    }

    pub(crate) fn extents(&self) -> watch::Receiver<Vec<Extent>> {
        self.shared.extents.clone()
    }

    /// Gives the writer an order and waits until it is carried out durably.
    pub(crate) async fn order(&self, order: impl FnOnce(Reply) -> Order) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        let orders = self.shared.orders.as_ref().ok_or(Error::Closed)?;
        orders.send(order(reply)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

impl Drop for Shared {
    /// Waits for the writer, so that the directory can be opened again as soon as the last handle is gone.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

/// Runs a call of the store where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(call).await.unwrap_or(Err(Error::Closed))
}
