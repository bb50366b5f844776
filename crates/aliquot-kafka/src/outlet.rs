//! Puts events into a topic: idempotent, and answered only when every replica has them. Does not look into them.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use aliquot_core::ports::{Outgoing, Outlet};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::batch::CONTENT_TYPE;
use crate::context::{Context, Denial};
use crate::{Config, Error};

/// How long to wait for room in the producer's queue when it is full of other senders' messages.
const QUEUE_WAIT: Duration = Duration::from_millis(10);

/// Kafka as an outlet. Clones share one producer.
#[derive(Clone)]
pub struct KafkaOutlet {
    producer: FutureProducer<Context>,
    denial: Denial,
    topic: String,
}

impl fmt::Debug for KafkaOutlet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KafkaOutlet").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl KafkaOutlet {
    /// Makes the producer. Whether the cluster can be reached, and takes us, shows when appending.
    ///
    /// # Errors
    /// [`Error::Config`] if the settings contradict each other or a certificate cannot be read.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let failed = |source| Error::from_client("open a producer", &config.topic, "", source);
        let context = Context::default();
        let denial = context.denial();
        let producer = config.producer()?.create_with_context(context).map_err(failed)?;
        Ok(Self { producer, denial, topic: config.topic.clone() })
    }

    /// Puts one message into the producer's queue; while that is full, waits for `in_flight`, oldest first.
    async fn send(&self, message: &Outgoing, in_flight: &mut VecDeque<InFlight>) -> Result<(), Error> {
        let header = Header { key: CONTENT_TYPE, value: Some(&message.content_type) };
        let mut record = FutureRecord::to(&self.topic)
            .key(&message.key)
            .payload(&message.payload)
            .timestamp(message.received_at.0.div_euclid(1_000))
            .headers(OwnedHeaders::new_with_capacity(1).insert(header));
        loop {
            match self.producer.send_result(record) {
                Ok(delivery) => {
                    in_flight.push_back(InFlight { delivery, bytes: message.payload.len() });
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => record = refused,
                Err((error, _)) => return Err(self.error(error, message.payload.len())),
            }
            match in_flight.pop_front() {
                Some(oldest) => self.delivered(oldest).await?,
                None => tokio::time::sleep(QUEUE_WAIT).await,
            }
        }
    }

    async fn delivered(&self, sent: InFlight) -> Result<(), Error> {
        match sent.delivery.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((error, _))) => Err(self.error(error, sent.bytes)),
            Err(_) => Err(self.error(KafkaError::Canceled, sent.bytes)),
        }
    }

    fn error(&self, source: KafkaError, bytes: usize) -> Error {
        if source.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) {
            return Error::TooLarge { bytes };
        }
        match self.denial.take() {
            Some(reason) => Error::Denied { reason },
            None => Error::from_client("write events", &self.topic, "", source),
        }
    }
}

/// A message the producer has taken, and the size of its payload.
struct InFlight {
    delivery: DeliveryFuture,
    bytes: usize,
}

impl Outlet for KafkaOutlet {
    type Error = Error;

    /// After an error some of the messages may be in the log; sending all of them again is safe, since events carry their
    /// identity and are counted once.
    async fn append(&self, messages: Vec<Outgoing>) -> Result<(), Error> {
        let mut in_flight = VecDeque::with_capacity(messages.len());
        for message in &messages {
            self.send(message, &mut in_flight).await?;
        }
        for sent in in_flight {
            self.delivered(sent).await?;
        }
        Ok(())
    }
}
