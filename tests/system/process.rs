//! One running `aliquot serve`: started, found, asked, killed or told to stop. Its log is a file beside its configuration.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// Longer than anything here takes, also while the machine is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The pause between two looks at something that is to come about.
pub(crate) const LOOK_WAIT: Duration = Duration::from_millis(50);

pub(crate) struct Service {
    child: Child,
    log: PathBuf,
    pub(crate) url: String,
}

impl Service {
    /// Starts the binary and waits until it says where it listens.
    pub(crate) async fn start(config: &Path, role: &str) -> Self {
        let log = config.with_extension("log");
        let child = Command::new(env!("CARGO_BIN_EXE_aliquot"))
            .args(["--log", "info", "serve", "--role", role, "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut service = Self { child, log, url: String::new() };
        let listening = async {
            while service.url.is_empty() {
                service.assert_lives();
                service.url = service.announced().unwrap_or_default();
                tokio::time::sleep(LOOK_WAIT).await;
            }
        };
        tokio::time::timeout(PATIENCE, listening).await.expect("it never listened");
        service
    }

    /// The address in its first line that has one.
    fn announced(&self) -> Option<String> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        log.split_whitespace()
            .filter_map(|word| word.strip_suffix(','))
            .find(|word| word.starts_with("http://"))
            .map(str::to_owned)
    }

    /// A service that ended by itself has failed, and its log says why.
    pub(crate) fn assert_lives(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("it ended with {status}:\n{}", std::fs::read_to_string(&self.log).unwrap());
        }
    }

    /// SIGKILL, as a power cut would do it.
    pub(crate) async fn kill(mut self) {
        self.assert_lives();
        self.child.kill().await.unwrap();
    }

    /// SIGTERM; it must finish what is under way and end well.
    pub(crate) async fn stop(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it never stopped").unwrap();
        assert!(ended.success(), "it stopped with {ended}:\n{}", std::fs::read_to_string(&self.log).unwrap());
    }

    pub(crate) async fn get(&self, path: &str) -> serde_json::Value {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}
