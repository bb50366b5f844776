//! The command line: names, defaults, help with examples. Does nothing; each command has a module of its own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Config;
use crate::stores::Layout;

pub(crate) mod control;

/// Meter every inference request, say who caused which cost, and turn that into invoices, alerts and margins.
#[derive(Debug, Parser)]
#[command(name = "aliquot", version, max_term_width = 120, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What is logged to standard error: error, warn, info, debug, or a filter such as `aliquot_pipeline=debug`.
    #[arg(long, global = true, default_value = "warn", value_name = "FILTER")]
    pub(crate) log: String,
    /// Log as JSON lines.
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  aliquot demo                                       the built-in fleet through the real pipeline, then the API
  aliquot serve                                      everything in one process, data in ./aliquot-data
  aliquot serve --config aliquot.toml --role api     one role of a fleet with Kafka
  aliquot replay --trace mooncake --input FILE.zst --data-dir out
  aliquot query reports/cost_by_tenant_day --data-dir out
  aliquot audit --data-dir out                       does the lake equal the ledger, to the picodollar?

Exit codes: 0 all is well, 1 the audit found something, 2 wrong usage or configuration, 3 something failed.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the built-in fleet through the pipeline, print who paid what, and serve the API.
    Demo(Demo),
    /// Take events, rate them, store them, and answer questions about them.
    Serve(Serve),
    /// Replay a recorded trace through simulated nodes with real block caches.
    Replay(Replay),
    /// Run a named query or SQL over the lake.
    Query(Query),
    /// Import and list price books.
    #[command(subcommand)]
    Price(Price),
    /// Add, change and end tenants.
    #[command(subcommand)]
    Tenant(control::Tenant),
    /// Add and end contracts.
    #[command(subcommand)]
    Contract(control::Contract),
    /// Make and revoke the keys of the API.
    #[command(subcommand)]
    Key(control::Key),
    /// Show who changed tenants, contracts and keys.
    AuditLog(control::AuditLog),
    /// Hold lake and ledger against each other, and list what is missing, rejected or unpriced.
    Audit(Audit),
    /// Measure this build on this machine.
    #[command(subcommand)]
    Bench(Bench),
}

/// Where the stores are.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Where `lake/` and `ledger.sqlite` are.
    #[arg(long, default_value = "aliquot-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// The configuration that says where they are, for a ledger in PostgreSQL.
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    pub(crate) config: Option<PathBuf>,
}

impl Place {
    pub(crate) fn layout(&self) -> anyhow::Result<Layout> {
        match &self.config {
            Some(file) => Config::load(Some(file))?.layout(),
            None => Ok(Layout::new(&self.data_dir)),
        }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns for people.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// JSON; money as strings.
    Json,
    /// A Parquet file.
    Parquet,
}

/// How a summary is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// For people.
    Text,
    /// For programs; money as strings.
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aliquot demo
  aliquot demo --once --format json | python3 -m json.tool
  aliquot demo --seed 7 --listen 127.0.0.1:0")]
pub(crate) struct Demo {
    /// Print the summary and exit instead of serving.
    #[arg(long)]
    pub(crate) once: bool,
    /// How the summary is written.
    #[arg(long, value_enum, default_value_t = Style::Text)]
    pub(crate) format: Style,
    /// Where the demo keeps its data; a former demo there is replaced.
    #[arg(long, default_value = "aliquot-data/demo", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// The fleet's seed: the same seed gives the same events and the same bill.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the API listens afterwards; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub(crate) listen: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aliquot serve
  aliquot serve --config aliquot.toml
  aliquot serve --config aliquot.toml --role aggregator
  aliquot serve --print-config > aliquot.toml        a commented file with every default")]
pub(crate) struct Serve {
    /// The configuration; without one everything has a default: the embedded log, SQLite, a local lake.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Which part of the work this process does. With the embedded log only `all` is possible.
    #[arg(long, value_enum, default_value_t = Role::All)]
    pub(crate) role: Role,
    /// Let everybody in although there is no key, also from other machines.
    #[arg(long)]
    pub(crate) open: bool,
    /// Print a configuration with every key, its default and its meaning, and exit.
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Everything in one process.
    All,
    /// Takes events over HTTP and puts them into the log.
    Gateway,
    /// Reads the log, rates, writes lake and ledger.
    Aggregator,
    /// Answers questions.
    Api,
}

impl Role {
    pub(crate) const fn takes_events(self) -> bool {
        matches!(self, Self::All | Self::Gateway)
    }

    pub(crate) const fn aggregates(self) -> bool {
        matches!(self, Self::All | Self::Aggregator)
    }

    pub(crate) const fn answers(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aliquot replay --trace claude-code --input claude_code_v8_local.jsonl.zst --data-dir out --capacity-blocks 50000
  aliquot replay --trace mooncake --input mooncake_conversation.jsonl.zst --data-dir out --engine vllm --nodes 4
  aliquot replay --trace azure --input azure_llm_2023_conv.csv.zst --data-dir out --format json
  aliquot replay --trace mooncake --input FILE --to kafka --config aliquot.toml")]
pub(crate) struct Replay {
    /// The format of the trace.
    #[arg(long, value_enum)]
    pub(crate) trace: Trace,
    /// The trace, plain or compressed with zstd.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Where `lake/` and `ledger.sqlite` go.
    #[arg(long, default_value = "aliquot-data/replay", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// How the simulated nodes cache: `lru` touches blocks at once, `vllm` counts references and touches when freed.
    #[arg(long, value_enum, default_value_t = Engine::Lru)]
    pub(crate) engine: Engine,
    /// Number of nodes, each with a cache and a cache domain of its own; a session stays on its node.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) nodes: u32,
    /// Blocks each cache holds; without it nothing is ever evicted.
    #[arg(long, value_name = "C")]
    pub(crate) capacity_blocks: Option<u64>,
    /// As what the requests are billed. Default: `recorded` while nothing is evicted, else `own-gpus`: a provider that promises a
    /// lifetime keeps to it, and misses that break the promise would be nobody's.
    #[arg(long, value_enum)]
    pub(crate) billing: Option<Billing>,
    /// Number of tenants to which sessions are assigned by seed: our declaration, not the trace's.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) tenants: u32,
    /// Seed of the assignment.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Seconds between the starts of two sessions, in file order.
    #[arg(long, default_value_t = 60)]
    pub(crate) stagger_s: u64,
    /// Stop after this many requests.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Report one of this many blocks of each prefix chain, chosen by hash.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) sample_of: u32,
    /// How events travel.
    #[arg(long, value_enum, default_value_t = Encoding::JsonBatch)]
    pub(crate) encoding: Encoding,
    /// Where the events go: through the embedded pipeline into the data directory, to Kafka, or to a gateway.
    #[arg(long, value_enum, default_value_t = Target::Dir)]
    pub(crate) to: Target,
    /// The configuration that names the brokers, for `--to kafka`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The gateway, for `--to http`.
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) url: String,
    /// How the summary is written.
    #[arg(long, value_enum, default_value_t = Style::Text)]
    pub(crate) format: Style,
}

/// A trace format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Trace {
    /// Coding-agent sessions, one per line.
    ClaudeCode,
    /// Chat requests with prefix-block hashes.
    Mooncake,
    /// Request lengths only.
    Azure,
}

/// A simulated engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Least recently used, touched at once.
    Lru,
    /// Reference counts and a free queue, touched when freed.
    Vllm,
}

/// Who sells a replayed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Billing {
    /// Whoever it was in the trace: a provider by tokens, or nodes of one's own.
    Recorded,
    /// Nodes of one's own, by GPU time.
    OwnGpus,
}

/// An encoding of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// One event per message.
    Json,
    /// Arrays of events.
    JsonBatch,
    /// Arrow record batches.
    Arrow,
}

/// Where a replay goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// The embedded pipeline.
    Dir,
    /// A topic.
    Kafka,
    /// A gateway.
    Http,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aliquot query --list
  aliquot query reports/hit_rate_by_tenant_minute
  aliquot query anomalies/hit_rate_drop --param min_tokens=1000000 --format json
  aliquot query 'SELECT tenant, sum(cost_usd) FROM requests GROUP BY tenant' --format csv --output cost.csv")]
pub(crate) struct Query {
    /// A name under queries/, or SQL.
    #[arg(required_unless_present = "list", value_name = "NAME|SQL")]
    pub(crate) query: Option<String>,
    /// List the named queries and what each answers.
    #[arg(long)]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) place: Place,
    /// A parameter of the query; `--list` shows which there are.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) params: Vec<(String, String)>,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// A file for the answer instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A folder of queries to use instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) queries: Option<PathBuf>,
}

/// A value as it is spelt on the command line.
pub(crate) fn spelling(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  aliquot price import --source litellm --input model_prices.json --effective-from 2026-11-01
  aliquot price import --source aliquot --input our-prices.json
  aliquot price list
  aliquot price show --provider anthropic --model claude-sonnet-4-5")]
pub(crate) enum Price {
    /// Put a catalogue's prices into the book in force, from a date on.
    Import(PriceImport),
    /// List the books, the one in force marked.
    List(PriceList),
    /// Show the prices of the models a name matches.
    Show(PriceShow),
}

#[derive(Debug, Args)]
pub(crate) struct PriceImport {
    /// The catalogue's format.
    #[arg(long, value_enum)]
    pub(crate) source: Catalogue,
    /// The catalogue, plain or compressed with zstd.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// UTC date from which prices hold that are new or differ from the book in force, where the catalogue gives no date of
    /// its own. Default: the day of the import; of the first import, and with --replace, always.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) effective_from: Option<chrono::NaiveDate>,
    /// Start from an empty book instead of the one in force.
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) place: Place,
    /// List what the book cannot express, not only how much.
    #[arg(long)]
    pub(crate) verbose: bool,
}

/// A price catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Catalogue {
    /// Our own format, schemas/prices/README.md.
    Aliquot,
    /// The model map of LiteLLM.
    Litellm,
    /// genai-prices, data version 2.
    GenaiPrices,
    /// A snapshot of models.dev.
    ModelsDev,
}

#[derive(Debug, Args)]
pub(crate) struct PriceList {
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct PriceShow {
    /// The provider as events spell it.
    #[arg(long)]
    pub(crate) provider: String,
    /// The served model's name as events spell it.
    #[arg(long)]
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aliquot audit --data-dir out
  aliquot audit --data-dir out --format json")]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How the findings are written.
    #[arg(long, value_enum, default_value_t = Style::Text)]
    pub(crate) format: Style,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Events per second through the whole pipeline, beside a floor of the same messages read, decoded and summed.
    Ingest(BenchIngest),
    /// Nanoseconds per use of a block, per game and per event, beside decoding the same events.
    Attribution(BenchAttribution),
    /// What attribution says of real traffic, and how far it and simple rules are from the truth; minutes.
    Traces(BenchTraces),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aliquot bench traces --dir ../shared/data/traces
  aliquot bench traces --dir ../shared/data/traces --trace mooncake
The output depends on nothing but the traces; docs/traces.md shows it")]
pub(crate) struct BenchTraces {
    /// Where the traces are, under the names that docs/traces.md gives.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Only traces of this format.
    #[arg(long, value_enum)]
    pub(crate) trace: Option<Trace>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aliquot bench attribution
  aliquot bench attribution --touches 1000000 --format json
Use an optimised build: cargo run --release --package aliquot -- bench attribution")]
pub(crate) struct BenchAttribution {
    /// Uses of blocks to measure with.
    #[arg(long, default_value_t = 4_000_000)]
    pub(crate) touches: u64,
    /// How the figures are written.
    #[arg(long, value_enum, default_value_t = Style::Text)]
    pub(crate) format: Style,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aliquot bench ingest --events 2000000
  aliquot bench ingest --encoding arrow --tenants 10000
Use an optimised build: cargo run --release --package aliquot -- bench ingest")]
pub(crate) struct BenchIngest {
    /// Events to measure with.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) events: u64,
    /// How they travel.
    #[arg(long, value_enum, default_value_t = Encoding::Json)]
    pub(crate) encoding: Encoding,
    /// Blocks of each prefix chain.
    #[arg(long, default_value_t = 8)]
    pub(crate) blocks: u32,
    /// Number of tenants.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) tenants: u32,
    /// Where the measured data goes; a new temporary directory by default, removed afterwards.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// How the figures are written.
    #[arg(long, value_enum, default_value_t = Style::Text)]
    pub(crate) format: Style,
}
