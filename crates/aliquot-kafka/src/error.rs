//! What can go wrong with Kafka, and what the pipeline may do about it. Decides nothing else.

use aliquot_core::ports::{Fault, Kind};
use aliquot_core::position::{Offset, Partition};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// An error of the Kafka adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error("the Kafka configuration cannot be used: {problem}")]
    Config {
        /// What is wrong and what to do.
        problem: String,
    },
    /// The cluster refused the login, or the certificates do not fit.
    #[error("Kafka refuses us: {reason}; check user name, password, mechanism and certificates")]
    Denied {
        /// What the client library says.
        reason: String,
    },
    /// The cluster does not let this user do that.
    #[error(
        "Kafka forbids it ({code}): topic {topic}, group {group}; grant read and describe on both, or write on the topic"
    )]
    Forbidden {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
        /// Which authorization is missing.
        code: RDKafkaErrorCode,
    },
    /// There is no such topic.
    #[error("topic {topic} does not exist; create it with as many partitions as you will want consumers")]
    NoTopic {
        /// The topic.
        topic: String,
    },
    /// Retention deleted messages before they were read.
    #[error("partition {} of topic {topic} begins at offset {}, but {} is wanted: retention deleted what was not yet read; restore it, or set skip_deleted to go on without it, and raise the topic's retention", .partition.0, .start.0, .wanted.0)]
    Deleted {
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
        /// The first offset it has.
        start: Offset,
        /// The offset asked for.
        wanted: Offset,
    },
    /// The stores are ahead of the topic: it is not the topic they were filled from.
    #[error("partition {} of topic {topic} ends at offset {}, but {} is wanted: the stores were filled from another topic, or it was created anew; set the right topic, or begin with empty stores", .partition.0, .end.0, .wanted.0)]
    Ahead {
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
        /// One past its last message.
        end: Offset,
        /// The offset asked for.
        wanted: Offset,
    },
    /// The group gave the partition to somebody else meanwhile.
    #[error("partition {} of topic {topic} is not assigned to this member", .partition.0)]
    NotAssigned {
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
    },
    /// The pipeline pulled without having said where to begin.
    #[error("partition {} was assigned, but nobody said where to begin reading it", .partition.0)]
    NotSought {
        /// The partition.
        partition: Partition,
    },
    /// A message is larger than the cluster takes.
    #[error(
        "a message of {bytes} bytes is larger than Kafka takes; send less at once, or raise message.max.bytes here and at the topic"
    )]
    TooLarge {
        /// Its payload.
        bytes: usize,
    },
    /// The client cannot go on.
    #[error("the Kafka client cannot go on: {0}; restart this process")]
    Fatal(KafkaError),
    /// Anything else; it may pass.
    #[error("cannot {doing}: {source}; it is tried again, check that the brokers are up and reachable")]
    Client {
        /// What was tried.
        doing: &'static str,
        /// What the client library says.
        source: KafkaError,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Client { .. } => Kind::Retry,
            Self::NotAssigned { .. } => Kind::Fenced,
            Self::Config { .. }
            | Self::Denied { .. }
            | Self::Forbidden { .. }
            | Self::NoTopic { .. }
            | Self::Deleted { .. }
            | Self::Ahead { .. }
            | Self::NotSought { .. }
            | Self::TooLarge { .. }
            | Self::Fatal(_) => Kind::Halt,
        }
    }
}

impl Error {
    /// What an error of the client library means while `doing` something with `topic`.
    pub(crate) fn from_client(doing: &'static str, topic: &str, group: &str, source: KafkaError) -> Self {
        use RDKafkaErrorCode as Code;
        let (topic, group) = (topic.to_owned(), group.to_owned());
        match (&source, source.rdkafka_error_code()) {
            (KafkaError::ClientConfig(_, problem, key, value), _) => {
                Self::Config { problem: format!("`{key} = {value}`: {problem}") }
            }
            (KafkaError::ClientCreation(problem), _) => Self::Config { problem: problem.clone() },
            (KafkaError::MessageConsumptionFatal(_), _) | (_, Some(Code::Fatal)) => Self::Fatal(source),
            (_, Some(Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL)) => {
                Self::Denied { reason: source.to_string() }
            }
            (
                _,
                Some(
                    code @ (Code::TopicAuthorizationFailed
                    | Code::GroupAuthorizationFailed
                    | Code::ClusterAuthorizationFailed),
                ),
            ) => Self::Forbidden { topic, group, code },
            (_, Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition)) => {
                Self::NoTopic { topic }
            }
            _ => Self::Client { doing, source },
        }
    }
}
