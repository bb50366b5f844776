//! Game `e` as far as a replay can give it: the neighbours stay, but are held to quotas, and the victim is held to its own.
//!
//! The definition weighs the distinct blocks that each tenant touched since the victim's last touch, cut at its entitlement. A
//! cache with quotas for each tenant ([`crate::cache::Quotas`]) does just that to blocks which one tenant alone uses: of a
//! tenant held to e blocks, min(d, e) are more recent than the victim's. So for them the replay is the game:
//!
//! | the missed block | what this says |
//! |---|---|
//! | its tenant touched fewer than its entitlement since | shares of the neighbours over theirs, by the Shapley value |
//! | its tenant touched as many or more | own part: the quota would have taken it, whatever the neighbours do |
//!
//! Not given: blocks that tenants share (a replay gives them to whoever touched them last, which is one reading of several), hits
//! (a tenant over its entitlement hits blocks that its quota would not have kept), and engines other than LRU.

use std::num::NonZeroU32;

use super::outcomes::{Outcomes, Tier, neighbour, without};
use super::stage::{Setup, replay};
use super::trace::Trace;
use crate::cache::{Kind, QUOTAS_MAX};
use crate::matrix::{Matrix, PARTS};

/// The shares of what was missed under plain LRU, in parts of a block, without cold blocks. Entitlements in blocks by tenant;
/// together at most the capacity.
pub fn entitled(trace: &Trace, capacity_blocks: NonZeroU32, entitlements: &[u32]) -> Matrix {
    let steps = trace.steps();
    let free = Setup { kind: Kind::Lru, capacity_blocks };
    let (actual, _) = replay(trace, &free, &steps, u32::MAX);
    let mut outcomes = Outcomes::unplayed(trace);
    let everybody = (1_usize << trace.tenants) - 1;
    for held in 1..=everybody {
        let kind = Kind::Quotas { quotas: quotas(entitlements, held) };
        let (found, _) = replay(trace, &Setup { kind, ..free }, &steps, u32::MAX);
        outcomes
            .note(&found, Tier::Any, |victim| (held >> victim & 1 == 1).then(|| without(everybody & !held, victim)));
    }
    let mut matrix = Matrix::new(trace.tenants);
    for (request, actual) in actual.iter().enumerate() {
        let victim = outcomes.victim(request);
        for run in outcomes.runs(request) {
            let missed = run.blocks.end.saturating_sub(run.blocks.start.max(actual.hits)) as i64;
            if run.game.solo() {
                matrix.add_own(victim, missed * PARTS);
                continue;
            }
            for (player, share) in run.game.shares().into_iter().enumerate().take(trace.tenants - 1) {
                matrix.add_share(neighbour(player, victim), victim, missed * share);
            }
        }
    }
    matrix
}

/// The quotas when only those tenants are held to theirs.
fn quotas(entitlements: &[u32], held: usize) -> [u32; QUOTAS_MAX] {
    let mut quotas = [u32::MAX; QUOTAS_MAX];
    for (tenant, entitlement) in entitlements.iter().enumerate().filter(|(tenant, _)| held >> tenant & 1 == 1) {
        quotas[tenant] = *entitlement;
    }
    quotas
}
