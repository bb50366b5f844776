//! Section `[ledger]`: where money and control data are kept. Without it, in a file of the data directory.

use std::path::PathBuf;

use aliquot_ledger::Server;
use anyhow::bail;
use serde::Deserialize;

use super::secret;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    url: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
}

impl Section {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let Self { url, password_file, password_env } = self;
        let Some(url) = url else {
            if password_file.is_some() || password_env.is_some() {
                bail!("ledger.password_file and ledger.password_env need ledger.url; without it the ledger is a file");
            }
            return Ok(());
        };
        // What stands between `//` and `@` is USER or USER:PASSWORD.
        let login = url.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
        if login.is_some_and(|(login, _)| login.contains(':')) || url.contains("password=") {
            bail!(
                "ledger.url holds a password, which does not belong in this file; use ledger.password_file or ledger.password_env"
            );
        }
        Server::parse(url, None)?;
        Ok(())
    }

    /// The server, if it is one; secrets read.
    pub(super) fn server(&self) -> anyhow::Result<Option<Server>> {
        let Some(url) = &self.url else { return Ok(None) };
        let password = secret("ledger.password", self.password_file.as_deref(), self.password_env.as_deref())?;
        Ok(Some(Server::parse(url, password.as_deref())?))
    }
}
