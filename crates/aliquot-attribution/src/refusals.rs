//! The shared limits of one partition: feeds them with the requests that tell of them, and makes refusals into blame. A key's
//! buckets are used from several domains, so they are the partition's; those of different providers are kept apart. How a refusal
//! is split is decided in [`crate::limits`].

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use aliquot_core::blame::{Blame, Culprit};
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::event::Event;
use aliquot_core::money::Usd;
use aliquot_core::time::EventTime;

use crate::limits::{Attempt, Limits};
use crate::provider;
use crate::tenants::{Tenant, Tenants};

/// Providers whose limits are followed. Their names come from outside, and there are a few dozen; what more there are tell nothing.
const PROVIDERS_MAX: usize = 64;

/// The status of a refusal.
const REFUSED: u16 = 429;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    providers: BTreeMap<String, Limits>,
}

impl Refusals {
    /// Takes a request with what its misses are blamed on, and says who is to blame if it was refused. `tenants` are the partition's.
    pub fn finished(&mut self, tenants: &mut Tenants, event: &Event<'_>, misses: &[Blame<&str>]) -> Vec<Blame<Tenant>> {
        let refused = event.http_status == Some(REFUSED);
        if event.limits.is_empty() && !refused {
            return Vec::new();
        }
        let Some(tenant) = tenants.number(event.tenant.as_deref()) else { return Vec::new() };
        let Some(limits) = self.of(&event.provider) else { return Vec::new() };
        let caused = caused(tenants, misses);
        let id = format!("{}/{}", event.source, event.id);
        let attempt = Attempt {
            tenant: u32::from(tenant.0),
            id: &id,
            at: EventTime(event.time.0.saturating_sub(event.duration.unwrap_or_default().0.max(0))),
            usage: &event.usage,
            caused: &caused,
            limits: &event.limits,
            refused,
        };
        let neighbours = limits.observe(&attempt).map(|refusal| refusal.neighbours).unwrap_or_default();
        neighbours.into_iter().map(|(neighbour, millionths)| refusal(neighbour, millionths)).collect()
    }

    fn of(&mut self, provider: &str) -> Option<&mut Limits> {
        if !self.providers.contains_key(provider) {
            if self.providers.len() >= PROVIDERS_MAX {
                return None;
            }
            self.providers.insert(provider.to_string(), Limits::new(provider::reads_exempt(provider)));
        }
        self.providers.get_mut(provider)
    }

    /// Appends the limits to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        out.length(self.providers.len());
        for (provider, limits) in &self.providers {
            out.text(provider);
            limits.save(out);
        }
    }

    /// Reads what [`Refusals::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let length = reader.length().filter(|length| *length <= PROVIDERS_MAX)?;
        let mut providers = BTreeMap::new();
        for _ in 0..length {
            let provider = reader.text()?.to_string();
            providers.insert(provider, Limits::restore(reader)?);
        }
        (providers.len() == length).then_some(Self { providers })
    }
}

/// Prompt tokens that the request used because neighbours had evicted them, by the partition's numbers.
fn caused(tenants: &mut Tenants, misses: &[Blame<&str>]) -> Vec<(u32, u64)> {
    let is_eviction = |blame: &&Blame<&str>| {
        blame.game == Game::NeighboursAbsent && blame.harm == Harm::Miss && blame.cause == Cause::EvictedNeighbour
    };
    let mut numbered = |blame: &Blame<&str>| {
        let name = match blame.culprit {
            Culprit::Tenant(name) => Some(name),
            Culprit::NoTenant => None,
            Culprit::Background => return None,
        };
        let tokens = u64::try_from(blame.quantity).ok().filter(|tokens| *tokens > 0)?;
        Some((u32::from(tenants.number(name)?.0), tokens))
    };
    misses.iter().filter(is_eviction).filter_map(&mut numbered).collect()
}

fn refusal(neighbour: u32, millionths: u64) -> Blame<Tenant> {
    Blame {
        game: Game::NeighboursAbsent,
        harm: Harm::Refusal,
        cause: Cause::EvictedNeighbour,
        culprit: Culprit::Tenant(Tenant(u16::try_from(neighbour).unwrap_or(u16::MAX))),
        evidence: Evidence::Inferred,
        quantity: i64::try_from(millionths).unwrap_or(i64::MAX),
        cost: Usd::ZERO,
        avoidable: Usd::ZERO,
    }
}
