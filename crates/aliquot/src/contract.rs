//! `aliquot contract`: by what tenants pay. The body is passed through as it is.

use std::path::Path;

use aliquot_ledger::Contract as Held;
use anyhow::Context;
use serde_json::value::RawValue;

use crate::cli::control::{Contract, ContractAdd, ContractEnd, ContractList, One};
use crate::{clock, records};

pub(crate) async fn run(command: Contract) -> anyhow::Result<()> {
    match command {
        Contract::Add(args) => add(args).await,
        Contract::Show(args) => show(args).await,
        Contract::List(args) => list(args).await,
        Contract::End(args) => end(args).await,
    }
}

async fn add(args: ContractAdd) -> anyhow::Result<()> {
    let ContractAdd { id, tenant, from, to, body, shown } = args;
    let contract = Held {
        id,
        version: 1,
        tenant,
        from: records::time("--from", &from)?,
        to: to.map(|to| records::time("--to", &to)).transpose()?,
        body: read_body(&body)?,
        changed_at: clock::now(),
    };
    let ledger = shown.place.layout()?.open_ledger().await?;
    ledger.add_contract(records::author(&records::user()), &contract).await?;
    records::print(&[contract], shown.format)
}

/// The file's terms: the one place that judges them.
fn read_body(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let body: Box<RawValue> = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    Ok(body.get().to_owned())
}

async fn show(One { id, shown }: One) -> anyhow::Result<()> {
    let found = shown.place.layout()?.read_ledger().await?.contract(&id).await?;
    records::print(&[found.with_context(|| format!("there is no contract {id}"))?], shown.format)
}

async fn list(ContractList { tenant, listed }: ContractList) -> anyhow::Result<()> {
    let ledger = listed.shown.place.layout()?.read_ledger().await?;
    let found = ledger.contracts(tenant.as_deref(), listed.after.as_deref(), listed.limit.into()).await?;
    records::print(&found, listed.shown.format)
}

async fn end(ContractEnd { id, at, shown }: ContractEnd) -> anyhow::Result<()> {
    let at = records::time("--at", &at)?;
    let ledger = shown.place.layout()?.open_ledger().await?;
    let ended = ledger.end_contract(records::author(&records::user()), &id, at).await?;
    records::print(&[ended], shown.format)
}
