//! An access to a block that several tenants use, as a game in which neighbours can help as well as harm: they push it out, and
//! they keep it warm. Puts together what [`crate::signed`] solves; exact where last uses are.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::recency::Stamp;
use crate::replica::{IN_USE, Replica};
use crate::sharers::{LastUse, occupant};
use crate::signed::{Coalition, Layer, NEIGHBOURS_MAX, misses, signed_shares};
use crate::tenants::Tenant;

/// Shared blocks up to which such a game is posed: each is looked at once per layer.
const SHARED_MAX: usize = 4_096;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Whether the tenant would have missed it alone.
    pub is_miss_alone: bool,
    /// Who had a part: positive parts harmed, negative ones helped, and of one that is 0, both were the same.
    pub parts: Vec<(Tenant, i64)>,
    /// What a whole is.
    pub whole: i64,
    /// Neighbours without whom alone it would have been a hit.
    pub decisive: Vec<Tenant>,
}

/// One access.
#[derive(Debug)]
pub struct SharedAccess<'s> {
    /// Where.
    pub replica: &'s Replica,
    /// Whose.
    pub tenant: Tenant,
    /// Who used the block, and when last.
    pub users: Cow<'s, [LastUse]>,
    /// How many tenants the domain has.
    pub tenants: usize,
    /// Blocks that fit the cache.
    pub capacity: u64,
    /// Whether it was missed.
    pub is_miss: bool,
}

impl SharedAccess<'_> {
    /// The parts of the neighbours; `None` if there are too many of them, or of shared blocks.
    pub fn solve(&self) -> Option<Signed> {
        if self.replica.sharers().count() > SHARED_MAX {
            return None;
        }
        let moments = self.moments();
        let (_, youngest) = *moments.first()?;
        let (_, oldest) = *moments.last()?;
        let neighbours = self.neighbours(oldest)?;
        let layers: Vec<Layer> = moments.iter().map(|(owner, since)| self.layer(*owner, *since, &neighbours)).collect();
        let reach = self.replica.total_since(youngest);
        // What was observed is true: the cache held no more than what pushed the block out, and no less than what did not.
        let capacity = if self.is_miss { self.capacity.min(reach) } else { self.capacity.max(reach.saturating_add(1)) };
        let is_miss = misses(&layers, neighbours.len(), capacity)?;
        let shares = signed_shares(&is_miss, neighbours.len())?;
        let whole = (1..=i64::try_from(neighbours.len()).ok()?).try_fold(1_i64, i64::checked_mul)?;
        let everybody = is_miss.len().saturating_sub(1);
        let is_hit_without = |place: usize| {
            let others =
                u32::try_from(place).ok().and_then(|place| 1_usize.checked_shl(place)).map(|bit| everybody & !bit);
            others.and_then(|others| is_miss.get(others)) == Some(&false)
        };
        let decisive = neighbours.iter().enumerate().filter(|(place, _)| is_hit_without(*place));
        let decisive: Vec<Tenant> = decisive.map(|(_, tenant)| *tenant).collect();
        // Harm and help of one neighbour may cancel out, and still it could have prevented the loss.
        let has_part = |(tenant, share): &(Tenant, i64)| *share != 0 || decisive.contains(tenant);
        Some(Signed {
            is_miss_alone: *is_miss.first()?,
            parts: neighbours.iter().copied().zip(shares).filter(has_part).collect(),
            decisive,
            whole,
        })
    }

    /// The last uses that matter, the youngest first: those after the tenant's own, and then its own.
    fn moments(&self) -> Vec<(Option<Tenant>, Stamp)> {
        let own = self.users.iter().find(|user| user.tenant == self.tenant).map(LastUse::last);
        let others = self.users.iter().filter(|user| user.tenant != self.tenant);
        let younger = others.filter(|user| own.is_none_or(|own| user.last() > own));
        let mut moments: Vec<_> = younger.map(|user| (Some(user.tenant), user.last())).collect();
        moments.sort_unstable_by_key(|(tenant, stamp)| (core::cmp::Reverse(*stamp), *tenant));
        moments.extend(own.map(|own| (None, own)));
        moments
    }

    /// Those who used anything since, or the block itself; `None` if they are too many.
    fn neighbours(&self, oldest: Stamp) -> Option<Vec<Tenant>> {
        let mut counts = vec![0; self.tenants];
        self.replica.since(oldest, &mut counts);
        for users in self.replica.sharers().all() {
            for user in users.iter().filter(|user| user.last() > oldest) {
                if let Some(count) = counts.get_mut(user.tenant.place()) {
                    *count = count.saturating_add(1);
                }
            }
        }
        for user in self.users.iter() {
            if let Some(count) = counts.get_mut(user.tenant.place()) {
                *count = count.saturating_add(1);
            }
        }
        let numbered = counts.iter().zip(0_u16..).map(|(count, number)| (*count, Tenant(number)));
        let active: Vec<Tenant> =
            numbered.filter(|(count, tenant)| *count > 0 && *tenant != self.tenant).map(|(_, tenant)| tenant).collect();
        (active.len() <= NEIGHBOURS_MAX).then_some(active)
    }

    /// What was used since a moment: by whom alone, and what by several.
    fn layer(&self, owner: Option<Tenant>, since: Stamp, neighbours: &[Tenant]) -> Layer {
        let place = |tenant: Tenant| neighbours.binary_search(&tenant).ok();
        if since == IN_USE {
            // Whoever holds it keeps it there, however full the cache.
            return Layer { owner: owner.and_then(place), private: vec![0; neighbours.len()], ..Layer::default() };
        }
        // First as if whoever used a block last had it alone, then the shared ones taken out and counted for what they are.
        let mut counts = vec![0; self.tenants];
        self.replica.since(since, &mut counts);
        let mut shared: BTreeMap<Coalition, u64> = BTreeMap::new();
        let mut own_shared = 0_u64;
        for users in self.replica.sharers().all() {
            let Some(last) = occupant(users).filter(|last| last.last() > since) else { continue };
            if let Some(count) = counts.get_mut(last.tenant.place()) {
                *count = count.saturating_sub(1);
            }
            let (mut touched, mut is_own) = (Coalition::default(), false);
            for user in users.iter().filter(|user| user.last() > since) {
                is_own |= user.tenant == self.tenant;
                let bit = place(user.tenant).and_then(|place| u32::try_from(place).ok());
                touched |= bit.and_then(|bit| Coalition::from(1_u8).checked_shl(bit)).unwrap_or_default();
            }
            if is_own {
                own_shared = own_shared.saturating_add(1);
            } else {
                let count = shared.entry(touched).or_default();
                *count = count.saturating_add(1);
            }
        }
        let count = |tenant: Tenant| counts.get(tenant.place()).copied().unwrap_or_default();
        Layer {
            owner: owner.and_then(place),
            private: neighbours.iter().map(|tenant| count(*tenant)).collect(),
            own: count(self.tenant).saturating_add(own_shared),
            shared: shared.into_iter().collect(),
        }
    }
}
