//! Why a block was not read, as far as it can be said without weighing neighbours: the rules of the taxonomy in their order, first
//! match wins. What is left to weigh is a block that was seen here and has aged.

use alloc::borrow::Cow;
use alloc::vec;

use aliquot_core::cause::{Cause, Evidence};
use aliquot_core::event::Event;
use aliquot_core::time::Micros;
use xxhash_rust::xxh3::Xxh3Default;

use crate::layout::Layout;
use crate::provider::CacheRules;
use crate::recency::Stamp;
use crate::replica::{IN_USE, Replica, Seen};
use crate::sessions::Previous;
use crate::sharers::LastUse;
use crate::tenants::Tenant;
use crate::tick::Tick;
use crate::walk::Stretch;

/// Words of providers that say that the prompt itself changed.
const CHANGED: [&str; 4] = ["system_changed", "tools_changed", "messages_changed", "model_changed"];

/// What became of a stretch of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was read, and would have been if its tenant were alone, as far as is known.
    Read,
    /// It was read, and somebody else used it last. The number tells blocks of other users, or other last uses, apart.
    ReadShared(u64),
    /// It was read; somebody else used it last, and who else did is not followed.
    ReadForeign,
    /// The cause is known.
    Named(Cause, Evidence),
    /// It must be weighed.
    Aged(Aged),
}

/// A block that was seen on a replica and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aged {
    /// The replica, by its place.
    pub replica: usize,
    /// The last use by anybody.
    pub stamp: Stamp,
    /// The last use by the request's tenant; `None` = it never used it.
    pub own: Option<Stamp>,
    /// If several tenants used it: a number that tells blocks of other users, or other last uses, apart.
    pub shared: Option<u64>,
    /// Whether the engine said that it removed it.
    pub was_removed: bool,
    /// Ticks since it was used, of a cache that others fill whom we do not see.
    pub idle: u32,
    /// A cause that comes before being pushed out, which then is what it would have been otherwise.
    pub before: Option<(Cause, Evidence)>,
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Case<'c> {
    /// The request.
    pub event: &'c Event<'c>,
    /// Whose it is.
    pub tenant: Tenant,
    /// When it began.
    pub start: Tick,
    /// Its prompt.
    pub layout: Layout<'c>,
    /// Tokens up to the end of the longest prefix that anybody in the domain was seen to use.
    pub known: u64,
    /// Tokens up to the end of the longest prefix that another replica holds, and which one.
    pub elsewhere: Option<(u64, usize)>,
    /// Its own replica.
    pub replica: (usize, &'c Replica),
    /// What that replica knows of each block of the chain.
    pub seen: &'c [Option<Seen>],
    /// What the provider says of its cache.
    pub rules: CacheRules,
    /// How long an unused block is kept, if that is known, and how.
    pub lifetime: Option<(Micros, Evidence)>,
    /// The session's previous prompt.
    pub previous: Option<Previous>,
    /// Whether events of the past are missing, or this one is out of order: then nothing is said about what has aged.
    pub is_doubtful: bool,
    /// Whether others fill the cache whom we do not see.
    pub is_opaque: bool,
}

impl Case<'_> {
    /// The fate of a stretch.
    pub fn fate(&self, stretch: Stretch) -> Fate {
        let seen = self.seen(stretch);
        if stretch.is_read {
            return self.read(stretch, seen);
        }
        if let Some(cause) = self.by_rule(stretch) {
            return Fate::Named(cause, Evidence::Exact);
        }
        // Where all listed blocks were read, those that a sampled chain leaves out behind them are as new as if they were listed.
        let is_behind_sample = self.layout.is_sampled() && self.layout.read_blocks() > 0;
        if stretch.block.is_none() && !is_behind_sample {
            return Fate::Named(Cause::NoEvidence, Evidence::Unattributable);
        }
        match seen {
            Some(seen) => self.aged(stretch, seen),
            None => self.unseen(stretch),
        }
    }

    fn seen(&self, stretch: Stretch) -> Option<Seen> {
        self.seen.get(stretch.block?).copied().flatten()
    }

    fn read(&self, stretch: Stretch, seen: Option<Seen>) -> Fate {
        let Some(seen) = seen.filter(|_| !self.is_doubtful) else { return Fate::Read };
        match stretch.block.map(|block| self.users(block)) {
            _ if seen.owner == self.tenant || seen.was_reset => Fate::Read,
            Some(users) if !users.is_empty() => Fate::ReadShared(self.digest(&users)),
            _ => Fate::ReadForeign,
        }
    }

    /// Each tenant's last use of the block at a place of the chain, the latest last. Nothing if it was never used, or if it is
    /// not known by whom.
    pub fn users(&self, place: usize) -> Cow<'_, [LastUse]> {
        let hash = self.event.prefix.as_ref().and_then(|chain| chain.blocks.get(place));
        let seen = self.seen.get(place).copied().flatten().filter(|seen| !seen.was_reset);
        let (Some(hash), Some(seen)) = (hash, seen) else { return Cow::default() };
        if seen.is_shared {
            let replica = self.replica.1;
            let is_missed = place >= self.layout.read_blocks();
            return Cow::Borrowed(if is_missed {
                replica.users_before(*hash, self.start)
            } else {
                replica.users(*hash)
            });
        }
        let (stamp, pins) = (seen.stamp.unwrap_or(IN_USE), u16::from(seen.in_use));
        Cow::Owned(vec![LastUse { tenant: seen.owner, stamp, pins, used: seen.used }])
    }

    /// Rules 1 to 3 and 9: what the request itself says.
    fn by_rule(&self, stretch: Stretch) -> Option<Cause> {
        let block = self.event.prefix.as_ref().map_or(0, |chain| u64::from(chain.block_tokens));
        if self.layout.total() < self.rules.minimum
            || self.event.cache.cacheable_tokens.is_some_and(|end| stretch.to > end)
        {
            return Some(Cause::BelowMinimum);
        }
        let step_end = stretch.to.checked_next_multiple_of(self.rules.step.max(1)).unwrap_or(u64::MAX);
        if self.rules.step > block && step_end > self.known.min(self.layout.total()) && stretch.to <= self.known {
            return Some(Cause::BelowMinimum);
        }
        let is_tail = stretch.to == self.layout.total() && stretch.to.saturating_sub(stretch.from) <= block.max(1);
        let is_partial = stretch.block.is_none() && stretch.from >= self.layout.blocks_end();
        let is_last_of_full_hit = stretch.block.is_some()
            && self.layout.read().saturating_add(block) >= self.layout.total()
            && self.layout.read() > 0;
        if is_tail && (is_partial || is_last_of_full_hit) {
            return Some(Cause::Structural);
        }
        if self.event.cache.bypass {
            return Some(Cause::Bypass);
        }
        let recomputed_to = self.layout.read().saturating_add(self.event.cache.recomputed_tokens);
        (self.event.cache.recomputed_tokens > 0 && stretch.to <= recomputed_to).then_some(Cause::Preempted)
    }

    /// Rules 4 to 6, and 11 for a block that only another replica has seen.
    fn unseen(&self, stretch: Stretch) -> Fate {
        if let Some(routed) = self.routed(stretch) {
            return routed;
        }
        let is_known_elsewhere = stretch.to <= self.known;
        if self.is_doubtful || is_known_elsewhere {
            return Fate::Named(Cause::NoEvidence, Evidence::Unattributable);
        }
        let says_changed = self.event.cache.miss_reason.as_deref().is_some_and(|reason| CHANGED.contains(&reason));
        let cause = match self.previous {
            _ if says_changed => Cause::PrefixChanged,
            Some(previous) if stretch.from < previous.tokens => Cause::PrefixChanged,
            Some(_) => Cause::NewContent,
            None if self.known > 0 => Cause::NewContent,
            None => Cause::ColdFirst,
        };
        Fate::Named(cause, Evidence::Exact)
    }

    fn routed(&self, stretch: Stretch) -> Option<Fate> {
        let (end, _) = self.elsewhere?;
        (stretch.to <= end).then_some(Fate::Named(Cause::RoutedElsewhere, Evidence::Modelled))
    }

    /// Rules 7, 8, 10 and 11; 12 to 14 are weighed.
    fn aged(&self, stretch: Stretch, seen: Seen) -> Fate {
        if self.is_doubtful || seen.is_doubtful {
            return Fate::Named(Cause::NoEvidence, Evidence::Unattributable);
        }
        if seen.was_reset {
            return Fate::Named(Cause::Reset, Evidence::Exact);
        }
        let is_race = seen.in_use || seen.born > self.start;
        let Some(stamp) = seen.stamp.filter(|_| !is_race) else {
            return Fate::Named(Cause::InFlightRace, Evidence::Modelled);
        };
        let expired = self.lifetime.filter(|(lifetime, _)| self.start.since(seen.used) > *lifetime);
        let before = match expired {
            Some((_, evidence)) => Some((Cause::TtlExpired, evidence)),
            None => self.routed(stretch).map(|_| (Cause::RoutedElsewhere, Evidence::Modelled)),
        };
        let users = stretch.block.map(|block| self.users(block)).unwrap_or_default();
        let own = users.iter().find(|user| user.tenant == self.tenant).map(LastUse::last);
        let is_shared = users.iter().any(|user| user.tenant != self.tenant);
        // By whom a block was used that is not followed is not known; it counts as its last user's, as everybody's were this one.
        let own = if users.is_empty() { Some(stamp) } else { own };
        let shared = is_shared.then(|| self.digest(&users));
        let (stamp, own) = (self.together(stamp), own.map(|own| self.together(own)));
        let idle = if self.is_opaque { self.idle(&seen) } else { 0 };
        let (replica, was_removed) = (self.replica.0, seen.was_removed);
        Fate::Aged(Aged { replica, stamp, own, shared, was_removed, idle, before })
    }

    /// Ticks since a block was last used.
    pub const fn idle(&self, seen: &Seen) -> u32 {
        self.start.0.saturating_sub(seen.used.0)
    }

    /// Whether the cache keeps a block for that user's sake; `None` = how long it keeps blocks is not known.
    pub fn is_alive_by(&self, user: &LastUse) -> Option<bool> {
        let (lifetime, _) = self.lifetime?;
        Some(user.pins > 0 || self.start.since(user.used) <= lifetime)
    }

    fn together(&self, stamp: Stamp) -> Stamp {
        self.replica.1.together(stamp)
    }

    /// A number for who used a block, and about when last.
    fn digest(&self, users: &[LastUse]) -> u64 {
        let mut hasher = Xxh3Default::new();
        for user in users {
            hasher.update(&user.tenant.0.to_le_bytes());
            hasher.update(&self.together(user.last()).to_le_bytes());
            hasher.update(&[u8::from(self.is_alive_by(user) == Some(true))]);
        }
        hasher.digest()
    }
}
