//! One running `aliquot serve`: started, found, asked, killed or told to stop.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// Longer than anything here takes, also while the machine is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Service {
    child: Child,
    pub(crate) url: String,
    log: JoinHandle<Vec<String>>,
}

impl Service {
    /// Starts the binary and waits until it says where it listens.
    pub(crate) async fn start(config: &Path, role: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_aliquot"))
            .args(["--log", "info", "serve", "--role", role, "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        let url = loop {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it never started").unwrap();
            let Some(line) = line else { panic!("it ended instead of starting:\n{}", seen.join("\n")) };
            if let Some(url) = line.split_whitespace().find_map(|word| word.strip_suffix(',').filter(|word| word.starts_with("http://"))) {
                break url.to_owned();
            }
            seen.push(line);
        };
        // A full pipe would stop the process, so somebody reads on; the last lines explain a failure.
        let log = tokio::task::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                seen.push(line);
            }
            seen
        });
        Self { child, url, log }
    }

    /// SIGKILL, as a power cut would do it.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
        self.log.await.unwrap();
    }

    /// SIGTERM; it must finish what is under way and end well.
    pub(crate) async fn stop(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it never stopped").unwrap();
        let log = self.log.await.unwrap();
        assert!(ended.success(), "it stopped with {ended}:\n{}", log.join("\n"));
    }

    /// Whether it has ended by itself, which is a failure.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// The last lines of its log, once it has ended.
    pub(crate) async fn log(self) -> String {
        self.log.await.unwrap().join("\n")
    }

    pub(crate) async fn get(&self, path: &str) -> serde_json::Value {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}
