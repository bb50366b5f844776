//! The `cache_` columns of a batch: what the cache was asked and did, row by row.

use aliquot_core::event::CacheUse;
use aliquot_core::time::Micros;

use super::cells::Flags;
use super::fields::{CountColumn, TextColumn, narrow};
use crate::limits::Limits;
use crate::refusal::Problem;

/// Those of one batch; without any, no row is asked.
#[derive(Debug, Default)]
pub(super) struct CacheColumns<'d, 'a> {
    is_there: bool,
    session: TextColumn<'d, 'a>,
    replica: TextColumn<'d, 'a>,
    router_reason: TextColumn<'d, 'a>,
    lifetime: CountColumn<'a>,
    bypass: Option<Flags<'a>>,
    cacheable_tokens: CountColumn<'a>,
    miss_reason: TextColumn<'d, 'a>,
    recomputed_tokens: CountColumn<'a>,
    weights: TextColumn<'d, 'a>,
}

impl<'d, 'a> CacheColumns<'d, 'a> {
    pub(super) fn take_text(&mut self, text: TextColumn<'d, 'a>) {
        self.is_there = true;
        match text.name {
            "cache_session" => self.session = text,
            "cache_replica" => self.replica = text,
            "cache_router_reason" => self.router_reason = text,
            "cache_miss_reason" => self.miss_reason = text,
            "cache_weights" => self.weights = text,
            _ => {}
        }
    }

    pub(super) fn take_count(&mut self, count: CountColumn<'a>) {
        self.is_there = true;
        match count.name {
            "cache_lifetime_us" => self.lifetime = count,
            "cache_cacheable_tokens" => self.cacheable_tokens = count,
            "cache_recomputed_tokens" => self.recomputed_tokens = count,
            _ => {}
        }
    }

    pub(super) fn take_bypass(&mut self, flags: Option<Flags<'a>>) {
        self.is_there = true;
        self.bypass = flags;
    }

    pub(super) fn read(&self, row: usize, limits: &Limits) -> Result<CacheUse<'a>, Problem> {
        if !self.is_there {
            return Ok(CacheUse::default());
        }
        Ok(CacheUse {
            session: self.session.optional(row, limits)?,
            replica: self.replica.optional(row, limits)?,
            router_reason: self.router_reason.optional(row, limits)?,
            lifetime: narrow(self.lifetime.get(row)?).map(Micros),
            bypass: self.bypass.and_then(|flags| flags.get(row)).unwrap_or_default(),
            cacheable_tokens: self.cacheable_tokens.get(row)?,
            miss_reason: self.miss_reason.optional(row, limits)?,
            recomputed_tokens: self.recomputed_tokens.get(row)?.unwrap_or_default(),
            weights: self.weights.optional(row, limits)?,
        })
    }
}
