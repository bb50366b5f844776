//! `aliquot query`: a named query or SQL over the lake of a data directory. Opens, asks, writes the answer where it is wanted.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};

use aliquot_query::{Answer, Engine, Error, Limits, Named};
use anyhow::{Context, bail};

use crate::cli::{Format, Query};
use crate::output;
use crate::stores::Layout;

impl From<Format> for aliquot_query::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Csv => Self::Csv,
            Format::Json => Self::Json,
            Format::Parquet => Self::Parquet,
        }
    }
}

pub(crate) async fn run(args: Query) -> anyhow::Result<()> {
    let layout = args.place.layout()?;
    let mut engine = Engine::open(&layout.lake(), Limits::default())?;
    if let Some(dir) = &args.queries {
        engine = engine.with_queries(dir)?;
    }
    let Some(asked) = args.query.as_deref().filter(|_| !args.list) else {
        return output::print(&listing(engine.queries())?);
    };
    let known = engine.queries().iter().find(|query| query.name == asked).map(|query| query.sql.to_string());
    let engine = with_ledger(engine, &layout, known.as_deref().unwrap_or(asked)).await?;
    let is_known = known.is_some();
    if !is_known && !asked.contains(char::is_whitespace) {
        bail!("no query is named {asked}; `aliquot query --list` shows which there are");
    }
    let answer =
        if is_known { engine.named(asked, &args.params).await? } else { engine.sql(asked, &args.params).await? };
    write(&answer, &args)
}

/// Each query with the question it answers and its parameters.
fn listing(queries: &[Named]) -> anyhow::Result<String> {
    let mut out = String::new();
    for query in queries {
        writeln!(out, "{}\n    {}", query.name, query.question())?;
        for parameter in query.parameters()? {
            writeln!(out, "    --param {}={}  {}", parameter.name, parameter.default, parameter.meaning)?;
        }
    }
    Ok(out)
}

/// The lake of the directory, with the ledger's totals beside it.
pub(crate) async fn engine(layout: &Layout) -> anyhow::Result<Engine> {
    let totals = layout.read_ledger().await?.totals(None, None).await?;
    Ok(Engine::open(&layout.lake(), Limits::default())?.with_totals(&totals)?)
}

/// The engine with those of the ledger's sums that `sql` names, where there is a ledger.
async fn with_ledger(mut engine: Engine, layout: &Layout, sql: &str) -> anyhow::Result<Engine> {
    // A name in a comment loads a table that is not needed, and does no harm.
    let names = |table: &str| sql.to_lowercase().contains(table);
    let (totals, attribution) = (names("ledger_totals"), names("ledger_externalities") || names("ledger_causes"));
    if !(totals || attribution) || !layout.has_ledger() {
        return Ok(engine);
    }
    let ledger = layout.read_ledger().await?;
    if totals {
        engine = engine.with_totals(&ledger.totals(None, None).await?)?;
    }
    if attribution {
        engine = engine
            .with_attribution(&ledger.all_externalities(None, None).await?, &ledger.all_causes(None, None).await?)?;
    }
    Ok(engine)
}

fn write(answer: &Answer, args: &Query) -> anyhow::Result<()> {
    let format = args.format.into();
    match &args.output {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            let mut out = BufWriter::new(file);
            answer.write(format, &mut out)?;
            out.flush().with_context(|| format!("cannot write {}", path.display()))
        }
        None if args.format == Format::Parquet && std::io::stdout().is_terminal() => {
            bail!("a Parquet file is nothing for a terminal; add --output FILE")
        }
        None => {
            let mut out = BufWriter::new(std::io::stdout());
            match answer.write(format, &mut out) {
                // Whoever read along has read enough.
                Err(Error::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                written => {
                    written?;
                    out.flush().context("cannot write to standard output")
                }
            }
        }
    }
}
