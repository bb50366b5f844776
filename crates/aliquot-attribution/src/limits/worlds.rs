//! The bucket as it would stand under every coalition of its largest callers: one level each, kept up to date attempt by attempt, so
//! that a refusal's Shapley value needs no replay. A world lets an attempt pass that its level holds, and takes nothing for one
//! that it refuses. Knows no providers and no prices.

use alloc::vec::Vec;
use core::cmp::Reverse;

use aliquot_core::bytes::{Reader, Writer};

use crate::orders::{credit, is_in};

/// Callers with a place of their own. All further ones share the last place; what it took was theirs by what they attempted.
const NAMED_MAX: usize = 6;

/// The place of the others.
const OTHERS: usize = NAMED_MAX;

/// Of those that share the last place, so many are told apart in a refusal, the rest together: with the others eleven neighbours,
/// and 2,048 coalitions, which are played for refusals only.
const OTHERS_MAX: usize = 5;

/// A value of one, before it is split among several: 2²⁰.
const ONE: u128 = 1 << 20;

/// Coalitions of seven places. Their levels take 2 KiB a bucket; which of them an attempt passed is one 128-bit number.
const WORLDS: usize = 128;

/// A bucket's levels, by coalition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Worlds {
    /// By place.
    named: Vec<u32>,
    /// Empty until a limit is known. In parts of a unit.
    levels: Vec<u128>,
}

/// What an attempt takes in a world: its own part everywhere, and of each other tenant's part where that is present.
#[derive(Debug)]
pub(super) struct Takes<'a> {
    pub(super) tenant: u32,
    /// In parts.
    pub(super) base: u128,
    /// What others caused, in parts.
    pub(super) caused: &'a [(u32, u128)],
    /// What the tenant's own bucket lacks, in parts: its weight in worlds where only its own requests of the last place are.
    pub(super) missing_alone: u128,
    /// The worlds that let an earlier attempt at the same request pass.
    pub(super) passed: u128,
}

/// What an attempt met with in every world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) passed: u128,
    own_place: usize,
    /// By coalition, with the attempt's tenant in each: what the level holds beyond what is asked, negative where it is refused.
    slack: Vec<i128>,
}

/// A neighbour in the game of one refusal.
#[derive(Debug)]
enum Player<'a> {
    /// One with a place of its own.
    Named { tenant: Option<u32>, place: usize },
    /// Some of those that share the last place.
    Others { members: &'a [(Option<u32>, u64)], attempted: u128 },
}

impl Worlds {
    /// Fills all levels up by so much, to no more than `full`.
    pub(super) fn fill(&mut self, gained: u128, full: u128) {
        if self.levels.is_empty() {
            self.levels = alloc::vec![full; WORLDS];
        }
        self.levels.iter_mut().for_each(|level| *level = level.saturating_add(gained).min(full));
    }

    fn place(&self, tenant: u32) -> usize {
        self.named.iter().position(|named| *named == tenant).unwrap_or(OTHERS)
    }

    /// Takes an attempt in every world that its tenant is in.
    pub(super) fn take(&mut self, takes: &Takes<'_>) -> Verdict {
        if !self.named.contains(&takes.tenant) && self.named.len() < NAMED_MAX {
            self.named.push(takes.tenant);
        }
        let own_place = self.place(takes.tenant);
        let caused: Vec<(usize, u128)> =
            takes.caused.iter().map(|(tenant, amount)| (self.place(*tenant), *amount)).collect();
        let mut verdict = Verdict { passed: takes.passed, own_place, slack: Vec::with_capacity(WORLDS) };
        for (coalition, level) in self.levels.iter_mut().enumerate() {
            let is_here = |place: usize| place == own_place || is_in(coalition, place);
            let caused = caused.iter().filter(|(place, _)| is_here(*place)).map(|(_, amount)| *amount);
            let bit = u32::try_from(coalition).ok().and_then(|shift| 1_u128.checked_shl(shift)).unwrap_or_default();
            let amount = if takes.passed & bit == 0 { caused.fold(takes.base, u128::saturating_add) } else { 0 };
            let left = *level;
            if !is_in(coalition, own_place) {
                // Of the last place, only the tenant itself is here.
                verdict.slack.push(difference(left, amount.saturating_add(takes.missing_alone)));
                continue;
            }
            verdict.slack.push(difference(left, amount));
            if let Some(left) = left.checked_sub(amount) {
                *level = left;
                verdict.passed |= bit;
            }
        }
        verdict
    }

    /// By neighbour, how much of a refusal is its doing, in proportion; none is 0. Empty if the worlds do not explain it.
    pub(super) fn blame(
        &self,
        verdict: &Verdict,
        victim: u32,
        attempted: &[(Option<u32>, u64)],
    ) -> Vec<(Option<u32>, u128)> {
        let place = |tenant: Option<u32>| tenant.map_or(OTHERS, |tenant| self.place(tenant));
        let neighbours = attempted.iter().copied().filter(|(tenant, sum)| *tenant != Some(victim) && *sum > 0);
        let (mut others, named): (Vec<_>, Vec<_>) = neighbours.partition(|(tenant, _)| place(*tenant) == OTHERS);
        others.sort_by_key(|(tenant, sum)| (Reverse(*sum), *tenant));
        let named = named.into_iter().map(|(tenant, _)| Player::Named { tenant, place: place(tenant) });
        let told_apart = if others.len() > OTHERS_MAX { OTHERS_MAX.saturating_sub(1) } else { others.len() };
        let (told_apart, together) = others.split_at_checked(told_apart).unwrap_or_default();
        let groups = told_apart.iter().map(core::slice::from_ref).chain([together]).filter(|group| !group.is_empty());
        let sum = |members: &[(Option<u32>, u64)]| members.iter().map(|(_, sum)| u128::from(*sum)).sum::<u128>();
        let players: Vec<Player<'_>> =
            named.chain(groups.map(|members| Player::Others { members, attempted: sum(members) })).collect();
        let values = verdict.play(&players, sum(&others));
        let mut blame = Vec::new();
        for (player, value) in players.iter().zip(values) {
            let value = u128::try_from(value).unwrap_or_default().saturating_mul(ONE);
            match player {
                Player::Named { tenant, .. } => blame.push((*tenant, value)),
                Player::Others { members, attempted } => blame.extend(members.iter().map(|(tenant, sum)| {
                    let part = value.saturating_mul(u128::from(*sum)).checked_div(*attempted);
                    (*tenant, part.unwrap_or_default())
                })),
            }
        }
        blame.retain(|(_, part)| *part > 0);
        blame.sort_unstable();
        blame
    }

    /// Gives the place of the least caller to one of the others that attempted more than twice as much, if there is one.
    pub(super) fn rank(&mut self, attempted: &[(Option<u32>, u64)]) {
        let amount =
            |tenant: u32| attempted.iter().find(|(other, _)| *other == Some(tenant)).map_or(0, |(_, sum)| *sum);
        let least = self.named.iter().enumerate().min_by_key(|(_, tenant)| amount(**tenant));
        let others = attempted.iter().filter_map(|(tenant, sum)| Some((*sum, (*tenant)?)));
        let most = others.filter(|(_, tenant)| !self.named.contains(tenant)).max_by_key(|(sum, _)| *sum);
        let (Some((place, named)), Some((sum, tenant))) = (least, most) else {
            return;
        };
        if sum <= amount(*named).saturating_mul(2) {
            return;
        }
        self.named.iter_mut().skip(place).take(1).for_each(|named| *named = tenant);
        // So far it took where the others took.
        let before = self.levels.clone();
        let with_others = |coalition: usize| (coalition & !bit(place)) | bit(OTHERS);
        for (coalition, level) in self.levels.iter_mut().enumerate().filter(|(coalition, _)| is_in(*coalition, place)) {
            *level = before.get(with_others(coalition)).copied().unwrap_or(*level);
        }
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.length(self.named.len());
        self.named.iter().for_each(|tenant| out.u32(*tenant));
        out.length(self.levels.len());
        self.levels.iter().for_each(|level| out.u128(*level));
    }

    pub(super) fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let named = from.length().filter(|length| *length <= NAMED_MAX)?;
        let named = (0..named).map(|_| from.u32()).collect::<Option<Vec<_>>>()?;
        let levels = from.length().filter(|length| [0, WORLDS].contains(length))?;
        let levels = (0..levels).map(|_| from.u128()).collect::<Option<Vec<_>>>()?;
        Some(Self { named, levels })
    }
}

impl Verdict {
    /// The players' Shapley values, times the factorial of their number. Of those that share the last place a part may be present:
    /// then what they took is present in the same part.
    fn play(&self, players: &[Player<'_>], others: u128) -> Vec<i128> {
        let mut values = alloc::vec![0; players.len()];
        let coalitions = 1_usize.checked_shl(u32::try_from(players.len()).unwrap_or(u32::MAX)).unwrap_or_default();
        // A tenant with a place of its own is in each of its worlds.
        let own = if self.own_place == OTHERS { 0 } else { bit(self.own_place) };
        let slack = |coalition: usize| self.slack.get(coalition).copied().unwrap_or_default();
        for there in 0..coalitions {
            let (mut coalition, mut present) = (own, 0_u128);
            for (_, player) in players.iter().enumerate().filter(|(place, _)| is_in(there, *place)) {
                match player {
                    Player::Named { place, .. } => coalition |= bit(*place),
                    Player::Others { attempted, .. } => present = present.saturating_add(*attempted),
                }
            }
            let (without, with) = (slack(coalition), slack(coalition | bit(OTHERS)));
            let part = with.saturating_sub(without).saturating_mul(thousandths(present, others));
            let left = without.saturating_mul(1_000).saturating_add(part);
            credit(&mut values, there, i128::from(left < 0));
        }
        values
    }
}

fn thousandths(part: u128, whole: u128) -> i128 {
    let thousandths = part.saturating_mul(1_000).checked_div(whole).unwrap_or_default();
    i128::try_from(thousandths).unwrap_or_default()
}

fn difference(left: u128, right: u128) -> i128 {
    let signed = |number: u128| i128::try_from(number).unwrap_or(i128::MAX);
    signed(left).saturating_sub(signed(right))
}

fn bit(place: usize) -> usize {
    u32::try_from(place).ok().and_then(|shift| 1_usize.checked_shl(shift)).unwrap_or_default()
}
