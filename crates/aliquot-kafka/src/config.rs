//! How to reach a Kafka cluster, and what the client is told. Reads no files and no environment.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::Error;

/// Settings that this crate decides, because the promises it makes hang on them; [`Config::extra`] may not name them.
const RESERVED: [&str; 19] = [
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "partition.assignment.strategy",
    "partitioner",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
];

/// What a consumer uses. Fetched messages wait in a queue of 32 MiB, refilled by answers of at most 16 MiB, 2 MiB for one
/// partition: enough to keep a fast pipeline busy, and a bound on memory that does not grow with the number of partitions.
/// A full queue is looked at again after 10 ms; the client's own second would let the pipeline run dry.
/// Members that died are missed after 10 seconds.
const CONSUMER: [(&str, &str); 10] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("queued.max.messages.kbytes", "32768"),
    ("fetch.max.bytes", "16777216"),
    ("fetch.message.max.bytes", "2097152"),
    ("fetch.queue.backoff.ms", "10"),
    ("session.timeout.ms", "10000"),
    ("heartbeat.interval.ms", "2000"),
];

/// What a producer uses. A message counts as lost after 30 seconds, so that a sender gets an answer; at most 64 MiB wait.
const PRODUCER: [(&str, &str); 8] = [
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("partitioner", "murmur2_random"),
    ("compression.type", "lz4"),
    ("linger.ms", "5"),
    ("message.timeout.ms", "30000"),
    ("queue.buffering.max.kbytes", "65536"),
    ("queue.buffering.max.messages", "100000"),
];

/// How to reach a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Brokers to ask first: `host:port`, separated by commas.
    pub bootstrap: String,
    /// The topic of events.
    pub topic: String,
    /// The consumer group that shares the topic's partitions.
    pub group: String,
    /// A name for this member, unique in the group. A member that comes back under its name within the session timeout gets
    /// its partitions back at once; without a name the group waits until the session of the former one has timed out.
    pub instance: Option<String>,
    /// Encryption and login.
    pub security: Security,
    /// Whether messages that the topic's retention deleted before they were read are skipped with a warning; otherwise that
    /// is an error for an operator.
    pub skip_deleted: bool,
    /// Further settings of librdkafka, by their names there.
    pub extra: BTreeMap<String, String>,
}

/// Encryption and login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Neither.
    #[default]
    Plaintext,
    /// Encryption, and login by certificate where one is given.
    Tls(Tls),
    /// Login by password.
    Sasl {
        /// How the password is shown.
        mechanism: Mechanism,
        /// Who.
        username: String,
        /// The password.
        password: Secret,
        /// Encryption; without it PLAIN sends the password readably.
        tls: Option<Tls>,
    },
}

/// Whom to trust and what to show; all files are PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of authorities; `None` = those of the system.
    pub ca: Option<PathBuf>,
    /// The client's certificate.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// The key's password.
    pub key_password: Option<Secret>,
}

/// A SASL mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// `PLAIN`
    Plain,
    /// `SCRAM-SHA-256`
    ScramSha256,
    /// `SCRAM-SHA-512`
    ScramSha512,
}

impl Mechanism {
    /// The mechanism's registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// A password: whatever prints it prints stars.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Config {
    /// A configuration without encryption, login or further settings.
    pub fn new(bootstrap: impl Into<String>, topic: impl Into<String>, group: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            topic: topic.into(),
            group: group.into(),
            instance: None,
            security: Security::Plaintext,
            skip_deleted: false,
            extra: BTreeMap::new(),
        }
    }

    pub(crate) fn consumer(&self) -> Result<ClientConfig, Error> {
        let mut client = self.client(&CONSUMER)?;
        client.set("group.id", &self.group);
        if let Some(instance) = &self.instance {
            client.set("group.instance.id", instance);
        }
        Ok(client)
    }

    pub(crate) fn producer(&self) -> Result<ClientConfig, Error> {
        self.client(&PRODUCER)
    }

    /// What every client uses, and `defaults`, which [`Config::extra`] may override where they are not reserved.
    pub(crate) fn client(&self, defaults: &[(&str, &str)]) -> Result<ClientConfig, Error> {
        if let Some(key) = self.extra.keys().find(|key| RESERVED.contains(&key.as_str())) {
            let problem = format!("`{key}` is not free to set; remove it from the extra settings");
            return Err(Error::Config { problem });
        }
        let mut client = ClientConfig::new();
        client.set_log_level(RDKafkaLogLevel::Warning);
        client.set("bootstrap.servers", &self.bootstrap).set("client.id", "aliquot");
        for (key, value) in defaults {
            client.set(*key, *value);
        }
        for (key, value) in &self.extra {
            client.set(key, value);
        }
        self.secure(&mut client)?;
        Ok(client)
    }

    fn secure(&self, client: &mut ClientConfig) -> Result<(), Error> {
        let (protocol, tls) = match &self.security {
            Security::Plaintext => ("plaintext", None),
            Security::Tls(tls) => ("ssl", Some(tls)),
            Security::Sasl { mechanism, username, password, tls } => {
                client.set("sasl.mechanism", mechanism.name());
                client.set("sasl.username", username).set("sasl.password", &password.0);
                (if tls.is_some() { "sasl_ssl" } else { "sasl_plaintext" }, tls.as_ref())
            }
        };
        client.set("security.protocol", protocol);
        let Some(tls) = tls else { return Ok(()) };
        let files =
            [("ssl.ca.location", &tls.ca), ("ssl.certificate.location", &tls.cert), ("ssl.key.location", &tls.key)];
        for (key, path) in files {
            if let Some(path) = path {
                client.set(key, readable(path)?);
            }
        }
        if let Some(password) = &tls.key_password {
            client.set("ssl.key.password", &password.0);
        }
        Ok(())
    }
}

/// The path as the client wants it.
fn readable(path: &Path) -> Result<&str, Error> {
    path.to_str()
        .ok_or_else(|| Error::Config { problem: format!("the path {} is not UTF-8; rename the file", path.display()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new("localhost:9092", "events", "aliquot")
    }

    #[test]
    fn each_way_to_log_in_becomes_the_settings_it_needs() {
        let tls = Tls {
            ca: Some("/ca.pem".into()),
            cert: Some("/cert.pem".into()),
            key: Some("/key.pem".into()),
            key_password: Some(Secret("k".into())),
        };
        let sasl =
            |mechanism, tls| Security::Sasl { mechanism, username: "u".into(), password: Secret("p".into()), tls };
        let cases = [
            (Security::Plaintext, vec![("security.protocol", "plaintext")]),
            (Security::Tls(Tls::default()), vec![("security.protocol", "ssl")]),
            (
                Security::Tls(tls),
                vec![
                    ("ssl.ca.location", "/ca.pem"),
                    ("ssl.certificate.location", "/cert.pem"),
                    ("ssl.key.location", "/key.pem"),
                    ("ssl.key.password", "k"),
                ],
            ),
            (
                sasl(Mechanism::Plain, None),
                vec![
                    ("security.protocol", "sasl_plaintext"),
                    ("sasl.mechanism", "PLAIN"),
                    ("sasl.username", "u"),
                    ("sasl.password", "p"),
                ],
            ),
            (
                sasl(Mechanism::ScramSha256, Some(Tls::default())),
                vec![("security.protocol", "sasl_ssl"), ("sasl.mechanism", "SCRAM-SHA-256")],
            ),
        ];
        for (security, expected) in cases {
            let client = Config { security, ..config() }.consumer().unwrap();
            for (key, value) in expected {
                assert_eq!(client.get(key), Some(value), "{key}");
            }
        }
    }

    #[test]
    fn extra_settings_override_defaults_but_not_promises() {
        let mut config = config();
        config.extra.insert("session.timeout.ms".into(), "6000".into());
        assert_eq!(config.consumer().unwrap().get("session.timeout.ms"), Some("6000"));
        for key in RESERVED {
            let config = Config { extra: BTreeMap::from([(key.to_owned(), "x".to_owned())]), ..config.clone() };
            assert!(config.consumer().unwrap_err().to_string().contains(key));
            assert!(config.producer().is_err());
        }
    }

    #[test]
    fn a_member_name_is_passed_on_and_a_password_is_never_shown() {
        let security = Security::Sasl {
            mechanism: Mechanism::ScramSha512,
            username: "u".into(),
            password: Secret("hush".into()),
            tls: None,
        };
        let config = Config { instance: Some("node-1".into()), security, ..config() };
        assert_eq!(config.consumer().unwrap().get("group.instance.id"), Some("node-1"));
        assert_eq!(config.producer().unwrap().get("group.id"), None);
        assert!(!format!("{config:?}").contains("hush"));
    }
}
