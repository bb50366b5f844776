//! `aliquot bench`: measures this build on this machine. Every figure comes from the run that prints it.

mod attribution;
mod ingest;
mod memory;
mod stages;
mod traces;

use crate::cli::Bench;

pub(crate) async fn run(command: Bench) -> anyhow::Result<()> {
    match command {
        Bench::Ingest(args) => ingest::run(args).await,
        Bench::Attribution(args) => attribution::run(args).await,
        Bench::Traces(args) => traces::run(&args),
    }
}
