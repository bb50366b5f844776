//! Whose work was ahead of a request: in what proportion the neighbours' requests, by arrival, delayed it.
//!
//! On one slot, first come first served, the wait of a request among a coalition of tenants is `max over k of (their work that
//! came since k − time since k)`, over all arrivals `k` before it, and 0: Lindley's recursion unrolled. So the wait under every
//! coalition follows from the arrivals alone, and with it each neighbour's Shapley value, exactly. With more neighbours than
//! [`PLAYERS_MAX`] those with the least work play as one and share by work; with several slots the work is divided by their
//! number, which is an approximation.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use aliquot_core::time::EventTime;

use super::recent::{Recent, Served};

/// Neighbours that are told apart behind one request: 64 coalitions of them are replayed in some 20 µs after a busy period of
/// several hundred requests, and in 1 µs after one of ten.
const PLAYERS_MAX: usize = 6;

/// Neighbours that are in a coalition together or not at all.
#[derive(Debug, Default)]
struct Player {
    /// Its tenants and their work.
    tenants: Vec<(u32, i64)>,
    /// Its work since each arrival that counts, the latest first.
    work: Vec<i64>,
    /// Its Shapley value, times the factorial of the number of players.
    value: i128,
}

/// The arrivals before a request since which more work came than time went by, the latest first: no other can be the maximum of
/// any coalition.
#[derive(Debug, Default)]
struct Backlog {
    /// All requests up to the earliest of those arrivals, and whether each is such an arrival.
    requests: Vec<(Served, bool)>,
    /// By arrival, own work less time, in microseconds.
    alone: Vec<i64>,
}

/// Weights in the proportion in which the neighbours of `own` delayed its request that arrived then; none is 0. Empty if their
/// work does not explain a wait.
pub(super) fn shares(recent: &Recent, own: u32, arrival: EventTime, slots: usize) -> BTreeMap<u32, u128> {
    let slots = i64::try_from(slots).unwrap_or(i64::MAX);
    let work = |served: &Served| served.end.since(served.start).0.checked_div(slots).unwrap_or_default();
    let Backlog { requests, mut alone } = backlog(recent, own, arrival, work);
    let mut players = players(&requests, own, work);
    play(&mut alone, &mut players);
    let mut shares = BTreeMap::new();
    for player in players {
        let value = u128::try_from(player.value).unwrap_or_default();
        let works = player.tenants.iter().filter_map(|(_, work)| u128::try_from(*work).ok());
        let whole: u128 = works.clone().sum();
        for ((tenant, _), work) in player.tenants.iter().zip(works) {
            let part = value.saturating_mul(work).checked_div(whole).unwrap_or_default();
            if part > 0 {
                shares.insert(*tenant, part);
            }
        }
    }
    shares
}

fn backlog(recent: &Recent, own: u32, arrival: EventTime, work: impl Fn(&Served) -> i64) -> Backlog {
    let mut backlog = Backlog::default();
    let (mut own_work, mut all_work, mut until) = (0_i64, 0_i64, 0_usize);
    for served in recent.before(arrival) {
        let time = arrival.since(served.arrival).0;
        all_work = all_work.saturating_add(work(served));
        own_work = own_work.saturating_add(if served.tenant == own { work(served) } else { 0 });
        let counts = all_work > time;
        backlog.requests.push((*served, counts));
        if counts {
            backlog.alone.push(own_work.saturating_sub(time));
            until = backlog.requests.len();
        }
    }
    backlog.requests.truncate(until);
    backlog
}

/// The neighbours behind a backlog, those with the most work first.
fn players(requests: &[(Served, bool)], own: u32, work: impl Fn(&Served) -> i64) -> Vec<Player> {
    let mut works = BTreeMap::<u32, i64>::new();
    for (served, _) in requests.iter().filter(|(served, _)| served.tenant != own) {
        let sum = works.entry(served.tenant).or_default();
        *sum = sum.saturating_add(work(served));
    }
    let mut ranked: Vec<(u32, i64)> = works.into_iter().collect();
    ranked.sort_by_key(|(tenant, work)| (Reverse(*work), *tenant));
    let told_apart = if ranked.len() > PLAYERS_MAX { PLAYERS_MAX.saturating_sub(1) } else { ranked.len() };
    let (told_apart, together) = ranked.split_at_checked(told_apart).unwrap_or_default();
    let groups = told_apart.iter().map(core::slice::from_ref).chain([together]).filter(|group| !group.is_empty());
    let player = |tenants: &[(u32, i64)]| {
        let mut so_far: i64 = 0;
        let since = requests.iter().filter_map(|(served, counts)| {
            let is_its = tenants.iter().any(|(tenant, _)| *tenant == served.tenant);
            so_far = so_far.saturating_add(if is_its { work(served) } else { 0 });
            counts.then_some(so_far)
        });
        let work = since.collect();
        Player { tenants: tenants.to_vec(), work, value: 0 }
    };
    groups.map(player).collect()
}

/// Gives each player its value. `since` is the work of the coalition so far less the time, by arrival.
fn play(since: &mut [i64], players: &mut [Player]) {
    let count = players.len();
    let coalitions = 1_usize.checked_shl(u32::try_from(count).unwrap_or(u32::MAX)).unwrap_or_default();
    let mut there: usize = 0;
    for step in 1..=coalitions {
        let wait = i128::from(since.iter().copied().max().unwrap_or_default().max(0));
        credit(players, there, wait);
        // Coalitions in Gray's order: one player comes or goes at each step.
        let turn = usize::try_from(step.trailing_zeros()).unwrap_or(usize::MAX);
        let Some(player) = players.get(turn) else {
            return;
        };
        there ^= 1_usize.checked_shl(step.trailing_zeros()).unwrap_or_default();
        let comes = is_in(there, turn);
        for (sum, work) in since.iter_mut().zip(&player.work) {
            *sum = if comes { sum.saturating_add(*work) } else { sum.saturating_sub(*work) };
        }
    }
}

/// Adds the wait of one coalition to the values of those in it and subtracts it from those of the others, each as often as orders
/// of the players pass through the coalition with them last, or next.
fn credit(players: &mut [Player], there: usize, wait: i128) {
    let (inside, all) = (u64::from(there.count_ones()), u64::try_from(players.len()).unwrap_or_default());
    let outside = all.saturating_sub(inside);
    for (place, player) in players.iter_mut().enumerate() {
        let change = if is_in(there, place) {
            wait.saturating_mul(orders(inside.saturating_sub(1), outside))
        } else {
            wait.saturating_mul(orders(inside, outside.saturating_sub(1))).saturating_neg()
        };
        player.value = player.value.saturating_add(change);
    }
}

fn is_in(coalition: usize, place: usize) -> bool {
    let bit = u32::try_from(place).ok().and_then(|place| coalition.checked_shr(place));
    bit.is_some_and(|bits| bits & 1 == 1)
}

/// In how many orders so many come before and so many after.
fn orders(before: u64, after: u64) -> i128 {
    let factorial = |number: u64| (1..=number).map(i128::from).product::<i128>();
    factorial(before).saturating_mul(factorial(after))
}
