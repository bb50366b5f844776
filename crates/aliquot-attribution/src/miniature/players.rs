//! Who plays in a simulation of coalitions: the tenants that use most, and all others as one. Counts no blocks.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

use crate::tenants::Tenant;

/// Players at most. Each doubles the coalitions, and so the time and the memory: with eight, half of 256 caches see each use.
pub(super) const PLAYERS_MAX: usize = 8;

/// Who is named; further ones are the last player, all together.
const NAMED_MAX: usize = PLAYERS_MAX - 1;

/// An unnamed tenant must use so many times as much as a named one to take its place: a change begins the simulation anew.
const OUTGROWN: u64 = 2;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Players {
    named: Vec<Tenant>,
    has_others: bool,
}

impl Players {
    /// Those who use most by `counts`, one for each tenant; among equals the one that came first.
    pub(super) fn elect(counts: &[u64]) -> Self {
        let mut by_use: Vec<(core::cmp::Reverse<u64>, Tenant)> =
            counts.iter().zip(0..).map(|(count, number)| (core::cmp::Reverse(*count), Tenant(number))).collect();
        by_use.sort_unstable();
        let users = by_use.iter().filter(|(count, _)| count.0 > 0).count();
        let named = by_use.into_iter().take(users.min(NAMED_MAX)).map(|(_, tenant)| tenant).collect();
        Self { named, has_others: users > NAMED_MAX }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.named.len().saturating_add(usize::from(self.has_others))
    }

    /// Which player the tenant is; `None` = it is none yet.
    pub(super) fn place(&self, tenant: Tenant) -> Option<usize> {
        let named = self.named.iter().position(|named| *named == tenant);
        named.or_else(|| self.has_others.then_some(self.named.len()))
    }

    /// Makes the tenant the next player.
    pub(super) fn join(&mut self, tenant: Tenant) {
        if self.named.len() < NAMED_MAX {
            self.named.push(tenant);
        } else {
            self.has_others = true;
        }
    }

    /// Whether somebody who is not named uses much more than somebody who is.
    pub(super) fn are_outgrown(&self, counts: &[u64]) -> bool {
        let count = |tenant: &Tenant| counts.get(tenant.place()).copied().unwrap_or_default();
        let least = self.named.iter().map(count).min().unwrap_or_default();
        let unnamed = counts.iter().zip(0..).filter(|(_, number)| !self.named.contains(&Tenant(*number)));
        let most = unnamed.map(|(count, _)| *count).max().unwrap_or_default();
        self.has_others && most > least.saturating_mul(OUTGROWN)
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.length(self.named.len());
        self.named.iter().for_each(|tenant| out.u16(tenant.0));
        out.u8(u8::from(self.has_others));
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let mut players = Self::default();
        for _ in 0..Some(reader.length()?).filter(|count| *count <= NAMED_MAX)? {
            players.named.push(Tenant(reader.u16()?));
        }
        players.has_others = reader.u8()? == 1;
        (!players.has_others || players.named.len() == NAMED_MAX).then_some(players)
    }
}
