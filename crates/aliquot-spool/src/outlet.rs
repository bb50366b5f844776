//! The way into the embedded log: answers once the messages are on disk. Does not look into them.

use aliquot_core::ports::{Outgoing, Outlet};

use crate::writer::Order;
use crate::{Error, Spool};

/// The embedded log as an outlet. Appends that wait at the same time share one sync.
#[derive(Clone, Debug)]
pub struct SpoolOutlet {
    spool: Spool,
}

impl SpoolOutlet {
    pub(crate) const fn new(spool: Spool) -> Self {
        Self { spool }
    }
}

impl Outlet for SpoolOutlet {
    type Error = Error;

    async fn append(&self, messages: Vec<Outgoing>) -> Result<(), Error> {
        if messages.is_empty() {
            return Ok(());
        }
        self.spool.order(|reply| Order::Append(messages, reply)).await
    }
}
