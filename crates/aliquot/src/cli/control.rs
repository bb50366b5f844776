//! The commands about control data: tenants, contracts, keys and who changed them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Place;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    /// Aligned columns for people.
    Table,
    /// JSON.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

/// Where the ledger is, and how the answer is written.
#[derive(Debug, Args)]
pub(crate) struct Shown {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Listing::Table)]
    pub(crate) format: Listing,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  aliquot tenant add acme --name 'Acme GmbH' --currency EUR --time-zone Europe/Berlin --tax-id DE123456789
  aliquot tenant add acme-labs --name 'Acme Labs' --currency EUR --time-zone Europe/Berlin --parent acme
  aliquot tenant change acme --name 'Acme SE'
  aliquot tenant list --format json
  aliquot tenant end acme-labs")]
pub(crate) enum Tenant {
    /// Add a tenant.
    Add(TenantAdd),
    /// Show one tenant.
    Show(One),
    /// List the tenants, by id.
    List(Listed),
    /// Change what is given, and nothing else.
    Change(TenantChange),
    /// End a tenant: nothing of it changes any more.
    End(One),
}

#[derive(Debug, Args)]
pub(crate) struct TenantAdd {
    /// The tenant's id, as events spell it.
    pub(crate) id: String,
    /// Its name, for invoices.
    #[arg(long)]
    pub(crate) name: String,
    /// ISO 4217.
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: String,
    /// IANA name; billing periods begin and end in it.
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    pub(crate) time_zone: String,
    /// As invoices show it.
    #[arg(long)]
    pub(crate) tax_id: Option<String>,
    /// The tenant that gets the invoice.
    #[arg(long, value_name = "ID")]
    pub(crate) parent: Option<String>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
pub(crate) struct TenantChange {
    /// The tenant's id.
    pub(crate) id: String,
    /// Its name, for invoices.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// ISO 4217.
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: Option<String>,
    /// IANA name.
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// As invoices show it; empty takes it away.
    #[arg(long)]
    pub(crate) tax_id: Option<String>,
    /// The tenant that gets the invoice; empty: the tenant itself.
    #[arg(long, value_name = "ID")]
    pub(crate) parent: Option<String>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The id.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
pub(crate) struct Listed {
    /// Only what comes after this id.
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) limit: u16,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  aliquot contract add acme-2026 --tenant acme --from 2026-01-01 --body contract.json
  aliquot contract list --tenant acme
  aliquot contract show acme-2026 --format json
  aliquot contract end acme-2026 --at 2027-01-01")]
pub(crate) enum Contract {
    /// Add a contract.
    Add(ContractAdd),
    /// Show the newest version of one contract.
    Show(One),
    /// List the newest versions of contracts, by id.
    List(ContractList),
    /// End a contract.
    End(ContractEnd),
}

#[derive(Debug, Args)]
pub(crate) struct ContractAdd {
    /// The contract's id.
    pub(crate) id: String,
    /// Who pays by it.
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: String,
    /// From when on it holds: a UTC date, or a time in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,
    /// Until when, not included.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Its terms, a JSON file.
    #[arg(long, value_name = "FILE")]
    pub(crate) body: PathBuf,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
pub(crate) struct ContractList {
    /// Only those of this tenant.
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    #[command(flatten)]
    pub(crate) listed: Listed,
}

#[derive(Debug, Args)]
pub(crate) struct ContractEnd {
    /// The contract's id.
    pub(crate) id: String,
    /// When it ends: a UTC date, or a time in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: String,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  aliquot key create 'billing job' --scope read --scope finance
  aliquot key create 'acme dashboard' --scope read --tenant acme --expires 2027-01-01
  aliquot key list
  aliquot key revoke aliquot_0123456789ab")]
pub(crate) enum Key {
    /// Make a key and show it, once.
    Create(KeyCreate),
    /// List the keys; none of them is shown.
    List(Listed),
    /// Revoke a key: it is refused from now on.
    Revoke(One),
}

#[derive(Debug, Args)]
pub(crate) struct KeyCreate {
    /// Whose it is, for people.
    pub(crate) name: String,
    /// What it is good for; may be given several times.
    #[arg(long = "scope", value_enum, required = true)]
    pub(crate) scopes: Vec<Scope>,
    /// The only tenant it may see.
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// From when on it is refused: a UTC date, or a time in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// Bring events.
    Ingest,
    /// Ask about usage, cost and causes.
    Read,
    /// Ask for contracts, invoices and margins.
    Finance,
    /// Change control data.
    Admin,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aliquot audit-log
  aliquot audit-log --limit 20 --format json
  aliquot audit-log --before 4711")]
pub(crate) struct AuditLog {
    /// Only entries before this one.
    #[arg(long, value_name = "ENTRY")]
    pub(crate) before: Option<i64>,
    /// At most so many, the newest first.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) limit: u16,
    #[command(flatten)]
    pub(crate) shown: Shown,
}
