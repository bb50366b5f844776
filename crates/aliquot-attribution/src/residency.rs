//! Who holds the KV cache: blocks times the time they are held, by tenant, and the rent of it (attribution 3.3, F9.1, F9.2). What
//! the rent is, and when an interval ends, is the caller's.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::money::Usd;
use aliquot_core::time::Micros;

use crate::apportion::{MILLIONTHS, apportion, weights};

/// Tenants that are told apart in one interval; what further ones hold is summed without a name. 160 KiB.
const TENANTS_MAX: usize = 4_096;

/// What was held since the interval began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Residency {
    /// `None` = tenants beyond those that are told apart.
    held: BTreeMap<Option<u32>, Held>,
}

/// What one tenant held, and what it did with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Blocks × microseconds.
    pub block_micros: u128,
    /// Tokens of the requests that held them.
    pub tokens: u64,
}

/// A tenant's share of the memory beside its share of the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    /// Who; `None` = tenants beyond those that are told apart.
    pub tenant: Option<u32>,
    /// Of all block time, in millionths.
    pub memory: u64,
    /// Of all tokens, in millionths.
    pub tokens: u64,
    /// Whether the first is more than `k` times the second.
    pub is_heavy: bool,
}

impl Residency {
    /// Adds a request that held so many blocks for so long. A negative time is a clock gone wrong and holds nothing.
    pub fn hold(&mut self, tenant: u32, blocks: u64, time: Micros, tokens: u64) {
        let block_micros = u128::from(blocks).saturating_mul(u128::try_from(time.0).unwrap_or_default());
        let known = self.held.len() < TENANTS_MAX || self.held.contains_key(&Some(tenant));
        let held = self.held.entry(known.then_some(tenant)).or_default();
        held.block_micros = held.block_micros.saturating_add(block_micros);
        held.tokens = held.tokens.saturating_add(tokens);
    }

    /// Who held what.
    pub const fn held(&self) -> &BTreeMap<Option<u32>, Held> {
        &self.held
    }

    /// Splits an amount by block time, in the order of the tenants; the parts sum to it exactly. `None` if nobody held anything.
    pub fn rent(&self, amount: Usd) -> Option<Vec<(Option<u32>, Usd)>> {
        let parts = amount.split(&self.weights())?;
        Some(self.held.keys().copied().zip(parts).collect())
    }

    fn weights(&self) -> Vec<u64> {
        let amounts: Vec<u128> = self.held.values().map(|held| held.block_micros).collect();
        weights(&amounts)
    }

    /// Memory beside tokens, and who holds more than `k` times as much of the one as of the other.
    pub fn pressure(&self, k: u64) -> Vec<Pressure> {
        let tokens: Vec<u64> = self.held.values().map(|held| held.tokens).collect();
        let none = || self.held.values().map(|_| 0).collect::<Vec<u64>>();
        let memory = apportion(MILLIONTHS, &self.weights()).unwrap_or_else(none);
        let tokens = apportion(MILLIONTHS, &tokens).unwrap_or_else(none);
        let both = self.held.keys().zip(memory).zip(tokens);
        both.map(|((tenant, memory), tokens)| {
            let is_heavy = memory > tokens.saturating_mul(k);
            Pressure { tenant: *tenant, memory, tokens, is_heavy }
        })
        .collect()
    }

    /// Begins the next interval.
    pub fn clear(&mut self) {
        self.held.clear();
    }

    /// Writes the state.
    pub fn save(&self, out: &mut Writer) {
        out.length(self.held.len());
        for (tenant, held) in &self.held {
            out.u8(u8::from(tenant.is_some()));
            out.u32(tenant.unwrap_or_default());
            out.u128(held.block_micros);
            out.u64(held.tokens);
        }
    }

    /// Reads what [`Self::save`] wrote; `None` if it is anything else.
    pub fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let length = from.length().filter(|length| *length <= TENANTS_MAX.saturating_add(1))?;
        let mut held = BTreeMap::new();
        for _ in 0..length {
            let (named, tenant) = (from.u8()?, from.u32()?);
            held.insert((named == 1).then_some(tenant), Held { block_micros: from.u128()?, tokens: from.u64()? });
        }
        (held.len() == length).then_some(Self { held })
    }
}
