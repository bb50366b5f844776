//! A gateway as an outlet: one POST per message, tried again while the gateway says that it is busy. For `replay --to http`.

use std::time::Duration;

use aliquot_core::ports::{Fault, Kind, Outgoing, Outlet};
use reqwest::{Client, StatusCode, Url};

/// How long a gateway may take to make a message durable.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// Posts to `/v1/events`.
#[derive(Clone, Debug)]
pub(crate) struct HttpOutlet {
    client: Client,
    url: Url,
}

/// The gateway did not take a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the gateway does not answer: {0}; is `aliquot serve` running at --url?")]
    Unreachable(#[from] reqwest::Error),
    #[error("the gateway is busy ({0})")]
    Busy(StatusCode),
    #[error("the gateway refused a message with {status}: {body}")]
    Refused { status: StatusCode, body: String },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Busy(_) => Kind::Retry,
            Self::Unreachable(_) | Self::Refused { .. } => Kind::Halt,
        }
    }
}

impl HttpOutlet {
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        let url = Url::parse(url)?.join("/v1/events")?;
        Ok(Self { client: Client::builder().timeout(ANSWER_WAIT).build()?, url })
    }

    async fn post(&self, message: Outgoing) -> Result<(), Error> {
        let request =
            self.client.post(self.url.clone()).header("content-type", message.content_type).body(message.payload);
        let answer = request.send().await?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status @ (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => Err(Error::Busy(status)),
            status => Err(Error::Refused { status, body: answer.text().await? }),
        }
    }
}

impl Outlet for HttpOutlet {
    type Error = Error;

    async fn append(&self, messages: Vec<Outgoing>) -> Result<(), Error> {
        for message in messages {
            self.post(message).await?;
        }
        Ok(())
    }
}
