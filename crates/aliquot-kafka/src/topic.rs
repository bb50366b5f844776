//! Makes the topic where there is none. Never changes one that exists.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::{Config, Error};

/// How long the cluster may take to answer.
const ADMIN_WAIT: Duration = Duration::from_secs(30);

/// How often a new topic is looked for before that counts as a failure, and the pause between two looks.
const LOOKS: u32 = 100;
const LOOK_WAIT: Duration = Duration::from_millis(100);

/// Creates the configured topic with `partitions` partitions, `replication` copies and `settings` (`retention.ms`,
/// `max.message.bytes`, …) unless it exists; answers how many partitions it has, which an existing one keeps.
///
/// # Errors
/// [`Error::Config`], [`Error::Forbidden`], or [`Error::Client`] when the cluster does not answer.
pub async fn ensure_topic(
    config: &Config,
    partitions: i32,
    replication: i32,
    settings: &[(&str, &str)],
) -> Result<usize, Error> {
    let failed = |source| Error::from_client("create the topic", &config.topic, "", source);
    let admin: AdminClient<DefaultClientContext> = config.client(&[])?.create().map_err(failed)?;
    let new = NewTopic::new(&config.topic, partitions, TopicReplication::Fixed(replication));
    let new = settings.iter().fold(new, |new, (key, value)| new.set(key, value));
    let options = AdminOptions::new().request_timeout(Some(ADMIN_WAIT)).operation_timeout(Some(ADMIN_WAIT));
    let results = admin.create_topics([&new], &options).await.map_err(failed)?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(failed(KafkaError::Global(code))),
        }
    }
    let admin = Arc::new(admin);
    for _ in 0..LOOKS {
        let (admin, topic) = (Arc::clone(&admin), config.topic.clone());
        let look = tokio::task::spawn_blocking(move || admin.inner().fetch_metadata(Some(&topic), ADMIN_WAIT));
        let metadata = look.await.unwrap_or(Err(KafkaError::Canceled)).map_err(failed)?;
        let found = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        if found > 0 {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_WAIT).await;
    }
    Err(Error::NoTopic { topic: config.topic.clone() })
}
