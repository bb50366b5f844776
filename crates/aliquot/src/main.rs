//! Aliquot's binary: reads the command line, runs the command, and turns its outcome into an exit code.

mod aggregate;
mod audit;
mod audit_log;
mod bench;
mod cli;
mod clock;
mod config;
mod contract;
mod demo;
mod embedded;
mod feed;
mod http;
mod key;
mod messages;
mod observe;
mod output;
mod price;
mod query;
mod records;
mod replay;
mod rows;
mod serve;
mod stop;
mod stores;
mod summary;
mod table;
mod telemetry;
mod tenant;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// The system's allocator keeps what a thread frees for that thread. Here one thread fills what another empties, commit after
/// commit, so that most of the memory would be kept ready where nobody asks for it again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The answer of an audit is no.
const NO: u8 = 1;
/// The configuration cannot be used. A wrong command line has the same code, which is clap's.
const UNUSABLE: u8 = 2;
/// Something failed.
const FAILED: u8 = 3;

/// What a command that ran to its end has to say.
enum Outcome {
    Well,
    Not,
}

fn main() -> ExitCode {
    // A wrong command line ends here with code 2 and clap's own explanation.
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(Outcome::Well) => ExitCode::SUCCESS,
        Ok(Outcome::Not) => ExitCode::from(NO),
        Err(error) => {
            output::note(&format!("aliquot: {}", explained(&error)));
            ExitCode::from(if error.is::<config::Unusable>() { UNUSABLE } else { FAILED })
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<Outcome> {
    telemetry::start(&cli.log, cli.log_json)?;
    match cli.command {
        Command::Demo(args) => Box::pin(demo::run(args)).await?,
        Command::Serve(args) => Box::pin(serve::run(args)).await?,
        Command::Replay(args) => Box::pin(replay::run(args)).await?,
        Command::Query(args) => Box::pin(query::run(args)).await?,
        Command::Price(command) => Box::pin(price::run(command)).await?,
        Command::Tenant(command) => Box::pin(tenant::run(command)).await?,
        Command::Contract(command) => Box::pin(contract::run(command)).await?,
        Command::Key(command) => Box::pin(key::run(command)).await?,
        Command::AuditLog(args) => Box::pin(audit_log::run(args)).await?,
        Command::Audit(args) => return Box::pin(audit::run(args)).await,
        Command::Bench(command) => Box::pin(bench::run(command)).await?,
    }
    Ok(Outcome::Well)
}

/// The error and its causes, each said once: many errors of libraries repeat their cause in their own words.
fn explained(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .reduce(|said, cause| if said.contains(&cause) { said } else { format!("{said}: {cause}") })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let cause = anyhow::anyhow!("no such file").context("cannot open x: no such file").context("replay");
        assert_eq!(explained(&cause), "replay: cannot open x: no such file");
    }
}
