//! `aliquot audit-log`: who changed control data, the newest change first.

use crate::cli::control::AuditLog;
use crate::records;

pub(crate) async fn run(AuditLog { before, limit, shown }: AuditLog) -> anyhow::Result<()> {
    let ledger = shown.place.layout()?.read_ledger().await?;
    records::print(&ledger.audit_log(before, limit.into()).await?, shown.format)
}
