//! How well the models of caches fit, as answers about blame show it: a share of blame is worth as much as the model it comes from.

use std::collections::BTreeSet;

use aliquot_core::externality::Fit;
use aliquot_ledger::Ledger;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::series::Count;
use crate::stores;

/// Fits in one answer: some 150 kB of JSON.
const FITS_MAX: usize = 1_000;

/// The model of one cache.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DomainFit {
    /// The cache domain.
    domain: String,
    /// Which of the domain's engines; null = the domain is one cache, or the events do not say.
    #[schema(required = true)]
    replica: Option<String>,
    /// The capacity that is reckoned with, in blocks; null = not known.
    #[schema(required = true)]
    capacity_blocks: Option<Count>,
    /// How the capacity is known: `exact`, `modelled`, `inferred` or `unattributable`.
    #[schema(example = "inferred")]
    capacity_evidence: &'static str,
    /// Re-uses of a block that the model takes for hits or misses wrongly, in millionths; null = too few were seen.
    #[schema(required = true)]
    error_ppm: Option<u32>,
    /// By which method misses are blamed: `hard_quota`, `soft_quota`, `background`, `simulated`, `proportional` or `unattributable`.
    #[schema(example = "soft_quota")]
    tier: &'static str,
}

/// The fits of these domains, and how many more there are.
pub(crate) async fn of(
    ledger: &Ledger,
    domain: Option<&str>,
    domains: &BTreeSet<String>,
) -> Result<(Vec<DomainFit>, usize), Problem> {
    let mut fits = ledger.fits(domain).await.map_err(stores::failed)?;
    fits.retain(|(fit, _)| domains.contains(&fit.domain));
    let left_out = fits.len().saturating_sub(FITS_MAX);
    fits.truncate(FITS_MAX);
    Ok((fits.into_iter().map(|(fit, _)| DomainFit::from(fit)).collect(), left_out))
}

impl From<Fit> for DomainFit {
    fn from(fit: Fit) -> Self {
        let Fit { partition: _, domain, replica, capacity_blocks, evidence, error_ppm, tier } = fit;
        Self {
            domain,
            replica,
            capacity_blocks: capacity_blocks.map(|blocks| Count(blocks.into())),
            capacity_evidence: evidence.name(),
            error_ppm,
            tier: tier.name(),
        }
    }
}
