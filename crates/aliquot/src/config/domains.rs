//! The section `domains`: what an operator knows of cache domains. Everything may be left out.

use std::collections::BTreeMap;

use aliquot_attribution::settings::{DomainSettings, Settings};
use aliquot_core::time::Micros;
use anyhow::bail;
use serde::Deserialize;

/// Longest lifetime that makes sense: a year.
const LIFETIME_S_MAX: i64 = 366 * 86_400;

/// One domain.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Domain {
    capacity_blocks: Option<u64>,
    lifetime_s: Option<i64>,
    entitlements: BTreeMap<String, u64>,
}

/// By name; `*` stands for every domain that is not listed.
pub(crate) type Domains = BTreeMap<String, Domain>;

/// # Errors
/// When a value cannot be.
pub(super) fn check(domains: &Domains) -> anyhow::Result<()> {
    for (name, domain) in domains {
        if domain.capacity_blocks == Some(0) {
            bail!("domains.{name:?}.capacity_blocks is 0; leave it out if the capacity is not known");
        }
        if domain.lifetime_s.is_some_and(|lifetime| !(1..=LIFETIME_S_MAX).contains(&lifetime)) {
            bail!("domains.{name:?}.lifetime_s must lie between 1 and {LIFETIME_S_MAX}; leave it out for no lifetime");
        }
        let entitled = domain.entitlements.values().fold(0_u64, |sum, blocks| sum.saturating_add(*blocks));
        if domain.capacity_blocks.is_some_and(|capacity| entitled > capacity) {
            bail!(
                "domains.{name:?}.entitlements are {entitled} blocks, more than capacity_blocks: nobody can be sure of \
                 a part of what is not there; lower them"
            );
        }
    }
    Ok(())
}

/// As attribution takes it.
pub(super) fn settings(domains: &Domains) -> Settings {
    let of = |domain: &Domain| DomainSettings {
        capacity: domain.capacity_blocks,
        lifetime: domain.lifetime_s.map(|seconds| Micros(seconds.saturating_mul(Micros::SECOND.0))),
        entitlements: domain.entitlements.clone(),
    };
    Settings {
        domains: domains.iter().map(|(name, domain)| (name.clone(), of(domain))).collect(),
        ..Settings::default()
    }
}
