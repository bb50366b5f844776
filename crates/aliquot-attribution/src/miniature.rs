//! A cache that does not go by last uses, in miniature: of its blocks a sample, and of it a small cache for every coalition of
//! tenants, so that who pushed out how much is the Shapley value of what they would have missed (attribution 1.7). Says how a
//! victim's losses are to be divided, over its recent ones; that they were lost is in the events.
//!
//! | bound | is |
//! |---|---|
//! | blocks | [`BLOCKS_MAX`] for each coalition: of a larger cache, one of several blocks is followed |
//! | players | eight: the seven tenants that use most, and all others as one |

mod cache;
mod eviction;
mod players;
mod rules;

use alloc::vec;
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

use crate::orders;
use crate::tenants::Tenant;
use cache::Cache;
pub use eviction::Eviction;
use players::{PLAYERS_MAX, Players};
use rules::Rules;

/// Blocks of one small cache at most.
const BLOCKS_MAX: u64 = 2_048;

/// Blocks lost by a victim after which older losses count half: enough for chance to even out, and soon enough when a neighbour
/// grows.
const LOST_MAX: u64 = 256;

/// Of what is remembered of the past, so many times the cache is put into it at the beginning.
const SEEDS: usize = 4;

/// See the module.
#[derive(Clone, Debug)]
pub struct Miniature {
    /// Blocks of the cache that it stands for.
    stands_for: u64,
    eviction: Eviction,
    players: Players,
    /// By coalition, bit `i` being player `i`; the first is nobody's and stays empty.
    caches: Vec<Cache>,
    /// By victim, then by coalition of the others, whose bits are theirs with the victim's left out: blocks missed of late.
    lost: Vec<Vec<u64>>,
    /// The same of the prompt at hand alone, and only of what it has lost; nothing between two prompts.
    at_hand: Vec<u64>,
    rules: Rules,
}

/// A block that is remembered, and which tenants used it.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// The block.
    pub hash: u64,
    /// Who.
    pub users: Vec<Tenant>,
}

/// One prompt on its way through the caches.
#[derive(Clone, Copy, Debug)]
pub struct Prompt<'p> {
    /// Whose.
    pub tenant: Tenant,
    /// Its blocks, root first.
    pub blocks: &'p [u64],
    /// Leading ones that the tenant had used before.
    pub known: usize,
    /// Leading ones that were read.
    pub read: usize,
}

impl Miniature {
    /// One for a cache of `capacity` blocks, which evicts by `eviction`; `counts` is what each tenant used of late, and `past` are
    /// the blocks that are remembered, the oldest first.
    pub fn new(capacity: u64, eviction: Eviction, counts: &[u64], past: &[Remembered]) -> Self {
        let players = Players::elect(counts);
        let small = small(capacity);
        let coalitions = 1_usize.checked_shl(u32::try_from(players.count()).unwrap_or_default()).unwrap_or(1);
        let mut miniature = Self {
            stands_for: capacity,
            eviction,
            lost: vec![vec![0; (coalitions / 2).max(1)]; players.count()],
            players,
            caches: vec![Cache::new(eviction, small); coalitions],
            at_hand: Vec::new(),
            rules: Rules::new(small),
        };
        let followed: Vec<&Remembered> = past.iter().filter(|block| miniature.follows(block.hash)).collect();
        let skipped = followed.len().saturating_sub(small.saturating_mul(SEEDS));
        followed.into_iter().skip(skipped).for_each(|block| miniature.seed(block));
        miniature
    }

    fn seed(&mut self, block: &Remembered) {
        let places = block.users.iter().filter_map(|tenant| self.players.place(*tenant));
        let users = places.fold(0, |all, place| all | bit(place));
        for (coalition, cache) in self.caches.iter_mut().enumerate() {
            if coalition & users != 0 {
                cache.touch(block.hash, false);
            }
        }
        self.rules.touch(block.hash);
    }

    /// Whether it stands for a cache of that size.
    pub const fn stands_for(&self, capacity: u64) -> bool {
        self.stands_for == capacity
    }

    /// By which rule it evicts.
    pub const fn eviction(&self) -> Eviction {
        self.eviction
    }

    /// The rule that explains what was read best; `None` = too little was seen.
    pub fn explained_by(&self) -> Option<Eviction> {
        self.rules.explains()
    }

    /// Whether others than its players should be told apart, by what each tenant used of late.
    pub fn is_outgrown(&self, counts: &[u64]) -> bool {
        self.players.are_outgrown(counts)
    }

    fn follows(&self, hash: u64) -> bool {
        let one_of = u128::from(self.stands_for.div_ceil(BLOCKS_MAX));
        u128::from(mix(hash)).saturating_mul(one_of).wrapping_shr(64) == 0
    }

    /// Takes a prompt through all caches. What is divided next is what it lost.
    pub fn request(&mut self, prompt: &Prompt<'_>) {
        let Prompt { tenant, blocks, known, read } = *prompt;
        let followed = |blocks: &[u64]| blocks.iter().filter(|hash| self.follows(**hash)).count();
        let of_leading = |count: usize| followed(blocks.get(..count).unwrap_or(blocks));
        let (known, read) = (of_leading(known), of_leading(read));
        let blocks: Vec<u64> = blocks.iter().copied().filter(|hash| self.follows(*hash)).collect();
        let player = self.player(tenant);
        self.rules.request(&blocks, known, read);
        let Some(lost) = self.lost.get_mut(player) else { return };
        self.at_hand.clear();
        self.at_hand.resize(lost.len(), 0);
        for (coalition, cache) in
            self.caches.iter_mut().enumerate().filter(|(coalition, _)| coalition & bit(player) != 0)
        {
            let (hits, place) = (cache.request(&blocks, read), without(coalition, player));
            let count = |hits: usize| u64::try_from(known.saturating_sub(hits)).unwrap_or_default();
            if let (Some(sum), Some(lost)) = (lost.get_mut(place), self.at_hand.get_mut(place)) {
                *sum = sum.saturating_add(count(hits));
                *lost = count(hits.max(read));
            }
        }
        if lost.iter().any(|sum| *sum >= LOST_MAX) {
            lost.iter_mut().for_each(|sum| *sum /= 2);
        }
    }

    /// The player that the tenant is, which it becomes if it is none.
    fn player(&mut self, tenant: Tenant) -> usize {
        if let Some(place) = self.players.place(tenant) {
            return place;
        }
        // It has used nothing yet: every coalition with it is what it was without it.
        self.players.join(tenant);
        self.caches.extend_from_within(..);
        for lost in &mut self.lost {
            lost.extend_from_within(..);
        }
        self.lost.push(vec![0; self.caches.len() / 2]);
        self.players.count().saturating_sub(1)
    }

    /// How what a tenant lost is to be divided: one weight for each tenant, its own for what it would have lost alone. `used` is what
    /// each used since, by which those are divided that are one player. `None` = nothing of it is known.
    pub fn division(&self, tenant: Tenant, used: &[u64]) -> Option<Vec<u64>> {
        let victim = self.players.place(tenant)?;
        let shares = self.shares(victim)?;
        let members = |player: usize| {
            used.iter()
                .zip(0..)
                .map(move |(used, number)| (*used, Tenant(number)))
                .filter(move |(_, tenant)| self.players.place(*tenant) == Some(player))
        };
        let mut weights = vec![0; used.len()];
        for (player, share) in shares.into_iter().enumerate() {
            let total: u64 = members(player).fold(0, |sum, (used, _)| sum.saturating_add(used));
            for (used, member) in members(player) {
                let part = u128::from(share).saturating_mul(used.into()).checked_div(total.into());
                // A player of one tenant has its share whatever it used.
                let is_only = members(player).nth(1).is_none();
                let part = if is_only { share } else { u64::try_from(part.unwrap_or_default()).unwrap_or_default() };
                if let Some(weight) = weights.get_mut(member.place()) {
                    *weight = part;
                }
            }
        }
        weights.iter().any(|weight| *weight > 0).then_some(weights)
    }

    /// What each player did to a victim, which itself stands for what it would have lost alone. Who helped did nothing.
    fn shares(&self, victim: usize) -> Option<Vec<u64>> {
        let recent = self.lost.get(victim)?;
        // A prompt's own losses say it better than the mean of those before, if its small cache has lost any, too, and not by
        // chance: those that chance and the engine both lost are older than what is lost.
        let is_alike = self.at_hand.len() == recent.len() && self.at_hand.last().is_some_and(|lost| *lost > 0);
        let lost = if is_alike && self.eviction != Eviction::Random { &self.at_hand } else { recent };
        let others = self.players.count().checked_sub(1)?;
        let mut values = vec![0_i128; others];
        for (coalition, sum) in lost.iter().enumerate() {
            orders::credit(&mut values, coalition, i128::from(*sum));
        }
        let whole = (1..=u64::try_from(others).ok()?).fold(1_u64, u64::saturating_mul);
        let own = lost.first()?.saturating_mul(whole);
        let mut shares: Vec<u64> =
            values.into_iter().map(|value| u64::try_from(value.max(0)).unwrap_or_default()).collect();
        shares.insert(victim.min(shares.len()), own);
        Some(shares)
    }

    /// The cache was emptied.
    pub fn clear(&mut self) {
        let small = small(self.stands_for);
        self.caches.iter_mut().for_each(|cache| *cache = Cache::new(self.eviction, small));
        self.rules = Rules::new(small);
    }

    /// Appends it to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        out.u64(self.stands_for);
        out.u8(self.eviction.code());
        self.players.save(out);
        self.caches.iter().for_each(|cache| cache.save(out));
        self.lost.iter().flatten().for_each(|sum| out.u64(*sum));
        self.rules.save(out);
    }

    /// Reads what [`Miniature::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let stands_for = reader.u64()?;
        let eviction = Eviction::from_code(reader.u8()?)?;
        let players = Players::restore(reader)?;
        let small = small(stands_for);
        let coalitions =
            1_usize.checked_shl(u32::try_from(players.count()).ok().filter(|_| players.count() <= PLAYERS_MAX)?)?;
        let mut caches = Vec::with_capacity(coalitions);
        for _ in 0..coalitions {
            caches.push(Cache::restore(reader, eviction, small)?);
        }
        let mut lost = vec![vec![0; (coalitions / 2).max(1)]; players.count()];
        for sum in lost.iter_mut().flatten() {
            *sum = reader.u64()?;
        }
        Some(Self {
            stands_for,
            eviction,
            players,
            caches,
            lost,
            at_hand: Vec::new(),
            rules: Rules::restore(reader, small)?,
        })
    }
}

/// How many blocks the small cache of one of `capacity` blocks has.
fn small(capacity: u64) -> usize {
    let one_of = capacity.div_ceil(BLOCKS_MAX).max(1);
    usize::try_from(capacity.saturating_add(one_of / 2).checked_div(one_of).unwrap_or_default()).unwrap_or(1).max(1)
}

fn bit(player: usize) -> usize {
    u32::try_from(player).ok().and_then(|player| 1_usize.checked_shl(player)).unwrap_or_default()
}

/// A coalition without a player, whose bit is left out.
fn without(coalition: usize, player: usize) -> usize {
    let below = bit(player).saturating_sub(1);
    (coalition & below) | (coalition.wrapping_shr(1) & !below)
}

/// Spreads a number over all 64 bits, as `splitmix64` by Vigna does.
const fn mix(number: u64) -> u64 {
    let once = (number ^ number.wrapping_shr(30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let twice = (once ^ once.wrapping_shr(27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    twice ^ twice.wrapping_shr(31)
}
