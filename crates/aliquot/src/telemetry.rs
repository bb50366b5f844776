//! Logging: to standard error, so that standard output stays an answer. Sets it up once; decides nothing.

use std::io::IsTerminal;
use std::str::FromStr;

use anyhow::Context;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// What libraries may say where only a level is asked for. The Delta kernel reports every table that does not exist yet as an error.
const LIBRARIES: &str = "warn,buoyant_kernel=off,delta_kernel=off";

/// Starts logging.
///
/// # Errors
/// When the filter cannot be read.
pub(crate) fn start(filter: &str, json: bool) -> anyhow::Result<()> {
    let directives = match LevelFilter::from_str(filter) {
        Ok(level) => format!("{LIBRARIES},aliquot={level}"),
        Err(_) => filter.to_owned(),
    };
    let filter = EnvFilter::try_new(directives)
        .with_context(|| format!("--log {filter}: write a level such as `info`, or `crate=level` pairs"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init();
    }
    Ok(())
}
