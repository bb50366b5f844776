//! What a contract's cache policy makes a tenant bear, at cost and before any price. Two worlds that differ only in what neighbours
//! had cached have one basis under `standalone`: nothing else of the usage reaches an invoice.

use aliquot_core::blame::Culprit;
use aliquot_core::bytes::Writer;
use aliquot_core::capacity::LineKind;
use aliquot_core::money::Usd;
use chrono::{Datelike, NaiveDate};

use crate::digest::Digest;
use crate::refusal::Refusal;
use crate::terms::CachePolicy;
use crate::usage::{Amount, IdleRow, Side, ThrashRow, Usage, UsageKey, UsageRow};

/// Everything of a tenant's usage that its invoice may depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// Usage, on the side that the policy names.
    pub rows: Vec<Borne>,
    /// Harm that moves money to or from the tenant, or that it is told about.
    pub transfers: Vec<Transfer>,
    /// Idle time.
    pub idle: Vec<(NaiveDate, IdleRow)>,
}

/// A sum of usage that the tenant bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Borne {
    /// The local date.
    pub date: NaiveDate,
    /// What of.
    pub key: UsageKey,
    /// In units of the class.
    pub quantity: u128,
    /// Its cost, or why it is not known.
    pub cost: Result<Usd, CostUnknown>,
}

/// Why a cost is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CostUnknown {
    /// No price book has a price for it.
    Unpriced,
    /// Nobody could say what the tenant would have used had it been alone.
    NotStandalone,
}

/// Harm between the tenant and a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The local date.
    pub date: NaiveDate,
    /// What of.
    pub row: ThrashRow,
    /// What it adds to what the tenant bears; negative is a relief.
    pub cost: Usd,
    /// What it is in itself: charges less credits. The tenant is told, whether or not money moves.
    pub harm: Usd,
}

impl Basis {
    /// What `policy` makes of the usage.
    ///
    /// # Errors
    /// [`Refusal::OutOfRange`] when an amount leaves 128 bits.
    pub fn of(policy: CachePolicy, usage: &Usage) -> Result<Self, Refusal> {
        let transfers = usage.thrash().iter().filter_map(|(date, row)| transfer(policy, *date, row).transpose());
        Ok(Self {
            rows: usage.rows().iter().filter_map(|(date, row)| borne(policy, *date, row)).collect(),
            transfers: transfers.collect::<Result<_, _>>()?,
            idle: usage.idle().iter().filter(|(_, row)| bears_idle(policy, row.key.kind)).cloned().collect(),
        })
    }

    /// All that is borne, at cost; `None` past the range of money.
    pub fn cost(&self) -> Option<Usd> {
        let rows = self.rows.iter().filter_map(|row| row.cost.ok());
        let transfers = self.transfers.iter().map(|transfer| transfer.cost);
        let idle = self.idle.iter().map(|(_, row)| row.cost);
        rows.chain(transfers).chain(idle).try_fold(Usd::ZERO, Usd::checked_add)
    }

    /// The digest of everything in it.
    pub fn digest(&self) -> Digest {
        let mut out = Writer::default();
        out.text("aliquot.basis.v1");
        out.length(self.rows.len());
        self.rows.iter().for_each(|row| write_borne(&mut out, row));
        out.length(self.transfers.len());
        self.transfers.iter().for_each(|transfer| write_transfer(&mut out, transfer));
        out.length(self.idle.len());
        for (date, IdleRow { key, cost }) in &self.idle {
            write_when(&mut out, *date, key.slot);
            out.text(key.kind.name());
            out.text(&key.gpu_type);
            out.bytes(&cost.pico().to_le_bytes());
        }
        Digest::of_bytes(&[&out.into_bytes()])
    }
}

/// Idle time depends on what neighbours do, unless it is a reservation of the tenant's own.
pub(crate) const fn bears_idle(policy: CachePolicy, kind: LineKind) -> bool {
    !matches!((policy, kind), (CachePolicy::Standalone, LineKind::Idle))
}

fn borne(policy: CachePolicy, date: NaiveDate, row: &UsageRow) -> Option<Borne> {
    let UsageRow { key, incurred, standalone } = row;
    let (amount, known) = match policy {
        CachePolicy::PassThrough | CachePolicy::CauserPays => (*incurred, true),
        CachePolicy::Standalone => (standalone.unwrap_or(*incurred), standalone.is_some()),
    };
    let Amount { quantity, cost } = amount;
    let cost = match key.rate {
        _ if !known => Err(CostUnknown::NotStandalone),
        None => Err(CostUnknown::Unpriced),
        Some(_) => Ok(cost),
    };
    (!amount.is_nothing()).then(|| Borne { date, key: key.clone(), quantity, cost })
}

/// The money that a harm moves under `policy`, and whether the tenant is told at all.
fn transfer(policy: CachePolicy, date: NaiveDate, row: &ThrashRow) -> Result<Option<Transfer>, Refusal> {
    let out_of_range = || Refusal::OutOfRange(format!("harm in {:?} at {}", row.key.domain, row.key.slot));
    let harm = row.charges.checked_sub(row.credits).ok_or_else(out_of_range)?;
    let cost = match (policy, row.key.side) {
        (CachePolicy::Standalone, _) | (CachePolicy::PassThrough, Side::Caused) => return Ok(None),
        (CachePolicy::PassThrough, Side::Suffered) => Usd::ZERO,
        (CachePolicy::CauserPays, Side::Suffered) => Usd::ZERO.checked_sub(harm).ok_or_else(out_of_range)?,
        (CachePolicy::CauserPays, Side::Caused) => match row.key.neighbour_policy {
            // The neighbour pays for it itself: it is not paid twice.
            CachePolicy::PassThrough => return Ok(None),
            CachePolicy::CauserPays | CachePolicy::Standalone => harm,
        },
    };
    Ok(Some(Transfer { date, row: row.clone(), cost, harm }))
}

fn write_when(out: &mut Writer, date: NaiveDate, slot: crate::slot::Slot) {
    out.i64(i64::from(date.num_days_from_ce()));
    out.i64(slot.start().0);
    out.i64(slot.end().0);
}

fn write_borne(out: &mut Writer, row: &Borne) {
    let UsageKey { slot, subject, rate, book } = &row.key;
    write_when(out, row.date, *slot);
    out.text(&subject.provider);
    out.text(&subject.model);
    out.text(subject.class.name());
    out.u8(u8::from(subject.feature.is_some()));
    out.text(subject.feature.as_deref().unwrap_or_default());
    out.u8(u8::from(rate.is_some()));
    out.u64(rate.map_or(0, |rate| rate.pico()));
    out.u64(book.0);
    out.u128(row.quantity);
    let (known, cost) = match row.cost {
        Ok(cost) => (0, cost),
        Err(CostUnknown::Unpriced) => (1, Usd::ZERO),
        Err(CostUnknown::NotStandalone) => (2, Usd::ZERO),
    };
    out.u8(known);
    out.bytes(&cost.pico().to_le_bytes());
}

fn write_transfer(out: &mut Writer, transfer: &Transfer) {
    let key = &transfer.row.key;
    write_when(out, transfer.date, key.slot);
    out.u8(u8::from(key.side == Side::Caused));
    out.text(key.neighbour.kind());
    out.text(name_of(&key.neighbour));
    out.text(&key.domain);
    out.text(key.cause.name());
    out.text(key.evidence.name());
    out.bytes(&transfer.cost.pico().to_le_bytes());
    out.bytes(&transfer.harm.pico().to_le_bytes());
}

/// What a neighbour is called on an invoice.
pub(crate) fn name_of(neighbour: &Culprit<String>) -> &str {
    match neighbour {
        Culprit::Tenant(tenant) => tenant,
        Culprit::NoTenant => "traffic without a tenant",
        Culprit::Background => "traffic of others at the provider",
    }
}
