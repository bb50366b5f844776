//! What an operator may say about cache domains. Everything has a default that works.

use alloc::collections::BTreeMap;
use alloc::string::String;

use aliquot_core::time::Micros;

use crate::recency::Resolution;

/// See the module. Part of the pipeline's rules: another setting is another answer, so it belongs to a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How finely last uses are told apart.
    pub resolution: Resolution,
    /// By domain, what the operator knows of it. `*` stands for every domain that is not listed.
    pub domains: BTreeMap<String, DomainSettings>,
}

/// One domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainSettings {
    /// Blocks that fit each replica's cache; `None` = as the nodes report it, or else as hits and misses show.
    pub capacity: Option<u64>,
    /// How long an unused block is kept; `None` = until it is pushed out.
    pub lifetime: Option<Micros>,
    /// Blocks that each tenant is entitled to; with any, shares are also given by the game of entitlements.
    pub entitlements: BTreeMap<String, u64>,
}

impl Settings {
    /// What is known of `domain`.
    pub fn of(&self, domain: &str) -> Option<&DomainSettings> {
        self.domains.get(domain).or_else(|| self.domains.get("*"))
    }
}
