//! The section `[kafka]`: brokers, topic, group, encryption and login. Turns it into the client's own configuration.

use std::path::PathBuf;

use aliquot_kafka::{Mechanism, Secret, Security, Tls};
use anyhow::bail;
use serde::Deserialize;

use super::{Extra, secret};

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    bootstrap: String,
    topic: String,
    group: String,
    instance: Option<String>,
    pub(super) partitions: i32,
    pub(super) replication: i32,
    skip_deleted: bool,
    tls: Option<TlsSection>,
    sasl: Option<SaslSection>,
    extra: Extra,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TlsSection {
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    key_password_file: Option<PathBuf>,
    key_password_env: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaslSection {
    mechanism: MechanismName,
    username: String,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum MechanismName {
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            bootstrap: "127.0.0.1:9092".into(),
            topic: "aliquot.events".into(),
            group: "aliquot".into(),
            instance: None,
            partitions: 8,
            replication: 1,
            skip_deleted: false,
            tls: None,
            sasl: None,
            extra: Extra::new(),
        }
    }
}

impl Section {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let empty = [("bootstrap", &self.bootstrap), ("topic", &self.topic), ("group", &self.group)];
        if let Some((key, _)) = empty.into_iter().find(|(_, text)| text.trim().is_empty()) {
            bail!("kafka.{key} is empty; name it, or leave it out for the default");
        }
        if self.partitions < 1 || self.replication < 1 {
            bail!("kafka.partitions and kafka.replication must be at least 1");
        }
        if self.sasl.as_ref().is_some_and(|sasl| sasl.password_file.is_none() && sasl.password_env.is_none()) {
            bail!("kafka.sasl needs password_file or password_env; the password itself does not belong in this file");
        }
        Ok(())
    }

    pub(super) fn to_client(&self) -> anyhow::Result<aliquot_kafka::Config> {
        Ok(aliquot_kafka::Config {
            instance: self.instance.clone(),
            security: self.security()?,
            skip_deleted: self.skip_deleted,
            extra: self.extra.clone(),
            ..aliquot_kafka::Config::new(self.bootstrap.clone(), self.topic.clone(), self.group.clone())
        })
    }

    fn security(&self) -> anyhow::Result<Security> {
        let tls = self.tls.as_ref().map(TlsSection::to_client).transpose()?;
        let Some(sasl) = &self.sasl else { return Ok(tls.map_or(Security::Plaintext, Security::Tls)) };
        let password = secret("kafka.sasl.password", sasl.password_file.as_deref(), sasl.password_env.as_deref())?;
        Ok(Security::Sasl {
            mechanism: match sasl.mechanism {
                MechanismName::Plain => Mechanism::Plain,
                MechanismName::ScramSha256 => Mechanism::ScramSha256,
                MechanismName::ScramSha512 => Mechanism::ScramSha512,
            },
            username: sasl.username.clone(),
            password: Secret(password.unwrap_or_default()),
            tls,
        })
    }
}

impl TlsSection {
    fn to_client(&self) -> anyhow::Result<Tls> {
        let password =
            secret("kafka.tls.key_password", self.key_password_file.as_deref(), self.key_password_env.as_deref())?;
        Ok(Tls {
            ca: self.ca.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
            key_password: password.map(Secret),
        })
    }
}
