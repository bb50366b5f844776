//! The gateway's way out, whichever log lies behind it. Knows nothing of events.
//!
//! # Why `dyn`, when the port is a trait already?
//! `Outlet` answers with a future of its own type, so it cannot be chosen at run time; the log is (Kafka or embedded, by
//! configuration). Behind this door the choice stays in the binary, and neither the router nor a handler is generic.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use aliquot_core::ports::{Fault, Kind, Outgoing, Outlet};

type Appending<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>>;

/// A log that takes events.
#[derive(Clone)]
pub struct Door(Arc<dyn Append>);

/// Why the log did not take them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) kind: Kind,
    pub(crate) inside: String,
}

impl Door {
    /// A door to `outlet`.
    pub fn to(outlet: impl Outlet + 'static) -> Self {
        Self(Arc::new(outlet))
    }

    /// Appends the messages; answers when all of them are durable.
    pub(crate) async fn append(&self, messages: Vec<Outgoing>) -> Result<(), Refused> {
        self.0.append(messages).await
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Door")
    }
}

trait Append: Send + Sync {
    fn append(&self, messages: Vec<Outgoing>) -> Appending<'_>;
}

impl<O: Outlet> Append for O {
    fn append(&self, messages: Vec<Outgoing>) -> Appending<'_> {
        Box::pin(async move {
            Outlet::append(self, messages)
                .await
                .map_err(|error| Refused { kind: error.kind(), inside: error.to_string() })
        })
    }
}
