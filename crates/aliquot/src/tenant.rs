//! `aliquot tenant`: who is billed. The ledger refuses what contradicts what is there.

use aliquot_ledger::Tenant as Held;
use anyhow::{Context, bail};

use crate::cli::control::{Listed, One, Tenant, TenantAdd, TenantChange};
use crate::{clock, records};

pub(crate) async fn run(command: Tenant) -> anyhow::Result<()> {
    match command {
        Tenant::Add(args) => add(args).await,
        Tenant::Show(args) => show(args).await,
        Tenant::List(args) => list(args).await,
        Tenant::Change(args) => change(args).await,
        Tenant::End(args) => end(args).await,
    }
}

async fn add(args: TenantAdd) -> anyhow::Result<()> {
    let TenantAdd { id, name, currency, time_zone, tax_id, parent, shown } = args;
    if id.is_empty() {
        bail!("the tenant's id is empty; give it as events spell it");
    }
    check(Some(&currency), Some(&time_zone))?;
    let now = clock::now();
    let tenant =
        Held { id, name, currency, time_zone, tax_id, parent, created_at: now, changed_at: now, ended_at: None };
    let ledger = shown.place.layout()?.open_ledger().await?;
    ledger.add_tenant(records::author(&records::user()), &tenant).await?;
    records::print(&[tenant], shown.format)
}

async fn show(One { id, shown }: One) -> anyhow::Result<()> {
    let found = shown.place.layout()?.read_ledger().await?.tenant(&id).await?;
    records::print(&[found.with_context(|| format!("there is no tenant {id}"))?], shown.format)
}

async fn list(Listed { after, limit, shown }: Listed) -> anyhow::Result<()> {
    let ledger = shown.place.layout()?.read_ledger().await?;
    records::print(&ledger.tenants(after.as_deref(), limit.into()).await?, shown.format)
}

async fn change(args: TenantChange) -> anyhow::Result<()> {
    let TenantChange { id, name, currency, time_zone, tax_id, parent, shown } = args;
    check(currency.as_deref(), time_zone.as_deref())?;
    let or_none = |text: String| Some(text).filter(|text| !text.is_empty());
    let ledger = shown.place.layout()?.open_ledger().await?;
    let user = records::user();
    let changed = ledger.change_tenant(records::author(&user), &id, |tenant| {
        tenant.name = name.unwrap_or_else(|| std::mem::take(&mut tenant.name));
        tenant.currency = currency.unwrap_or_else(|| std::mem::take(&mut tenant.currency));
        tenant.time_zone = time_zone.unwrap_or_else(|| std::mem::take(&mut tenant.time_zone));
        tenant.tax_id = tax_id.map_or_else(|| tenant.tax_id.take(), or_none);
        tenant.parent = parent.map_or_else(|| tenant.parent.take(), or_none);
    });
    records::print(&[changed.await?], shown.format)
}

async fn end(One { id, shown }: One) -> anyhow::Result<()> {
    let ledger = shown.place.layout()?.open_ledger().await?;
    let user = records::user();
    let author = records::author(&user);
    let ended = ledger.change_tenant(author, &id, |tenant| tenant.ended_at = Some(author.at)).await?;
    records::print(&[ended], shown.format)
}

fn check(currency: Option<&str>, time_zone: Option<&str>) -> anyhow::Result<()> {
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if let Some(currency) = currency.filter(|code| !is_code(code)) {
        bail!("--currency {currency} is no code of ISO 4217, such as EUR");
    }
    if let Some(zone) = time_zone.filter(|zone| zone.parse::<chrono_tz::Tz>().is_err()) {
        bail!("--time-zone {zone} does not exist; use an IANA name such as Europe/Berlin");
    }
    Ok(())
}
