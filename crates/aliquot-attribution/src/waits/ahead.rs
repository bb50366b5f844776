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

use crate::orders::{credit, is_in};

use super::recent::{Recent, Served};

/// Neighbours that are told apart behind one request: 64 coalitions of them, each a pass over the backlog. With every neighbour told
/// apart, each further one would double the time.
const PLAYERS_MAX: usize = 6;

/// Neighbours that are in a coalition together or not at all.
#[derive(Debug, Default)]
struct Player {
    /// Its tenants and their work.
    tenants: Vec<(u32, i64)>,
    /// Its work since each arrival that counts, the latest first.
    work: Vec<i64>,
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
    let Backlog { requests, mut alone } = backlog(recent, own, arrival, slots, work);
    let players = players(&requests, own, work);
    let values = play(&mut alone, &players);
    let mut shares = BTreeMap::new();
    for (player, value) in players.iter().zip(values) {
        let value = u128::try_from(value).unwrap_or_default();
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

fn backlog(recent: &Recent, own: u32, arrival: EventTime, slots: i64, work: impl Fn(&Served) -> i64) -> Backlog {
    let mut backlog = Backlog::default();
    let (mut own_work, mut all_work, mut until) = (0_i64, 0_i64, 0_usize);
    let mut since = arrival;
    for served in recent.before(arrival) {
        // A single slot that was idle owes nothing to what came before, whoever is there.
        if slots == 1 && served.end < since {
            break;
        }
        since = served.arrival;
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
        Player { tenants: tenants.to_vec(), work }
    };
    groups.map(player).collect()
}

/// The players' Shapley values, times the factorial of their number. `since` is the work of the coalition so far less the time,
/// by arrival.
fn play(since: &mut [i64], players: &[Player]) -> Vec<i128> {
    let mut values = alloc::vec![0; players.len()];
    let coalitions = 1_usize.checked_shl(u32::try_from(players.len()).unwrap_or(u32::MAX)).unwrap_or_default();
    let mut there: usize = 0;
    for step in 1..=coalitions {
        let wait = since.iter().copied().max().unwrap_or_default().max(0);
        credit(&mut values, there, i128::from(wait));
        // Coalitions in Gray's order: one player comes or goes at each step.
        let turn = step.trailing_zeros();
        let place = usize::try_from(turn).unwrap_or(usize::MAX);
        let Some(player) = players.get(place) else {
            break;
        };
        there ^= 1_usize.checked_shl(turn).unwrap_or_default();
        let comes = is_in(there, place);
        for (sum, work) in since.iter_mut().zip(&player.work) {
            *sum = if comes { sum.saturating_add(*work) } else { sum.saturating_sub(*work) };
        }
    }
    values
}
