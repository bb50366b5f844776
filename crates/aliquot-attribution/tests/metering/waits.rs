//! Queue time against the replay of every coalition of tenants, and what holds for any times at all.

use std::collections::BTreeMap;

use aliquot_attribution::waits::{Finished, WaitSplit, Waits};
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::time::EventTime;
use proptest::prelude::*;

use crate::coalitions::{Matrix, add_game, misallocated, zero};
use crate::random::{Random, float, micros, size};

const SECOND: f64 = 1e6;

#[derive(Clone, Copy, Debug)]
struct Asked {
    tenant: usize,
    arrival: i64,
    service: i64,
}

#[derive(Clone, Copy, Debug)]
struct Load {
    tenants: usize,
    slots: u32,
    /// Busy share of all slots.
    rho: f64,
    /// How many times its usual rate tenant 1 sends in every third minute.
    burst: f64,
}

const STEADY: Load = Load { tenants: 6, slots: 1, rho: 0.8, burst: 1.0 };
const BURST: Load = Load { rho: 0.7, burst: 6.0, ..STEADY };

/// Half an hour of Poisson arrivals; tenants differ in rate and in length of service.
fn traffic(seed: u64, load: Load) -> Vec<Asked> {
    let mut random = Random(seed);
    let mut asked = Vec::new();
    let services = [0.2, 0.5, 0.3, 1.0, 0.25, 0.6, 0.4, 0.3, 0.8];
    let shares = [0.25, 0.15, 0.2, 0.15, 0.1, 0.15, 0.05, 0.03, 0.02];
    let whole: f64 = shares.iter().take(load.tenants).sum();
    for (tenant, (service, share)) in services.into_iter().zip(shares).take(load.tenants).enumerate() {
        let mean_service = SECOND * service;
        let share = share / whole * load.rho * f64::from(load.slots);
        let mut now = 0.0;
        while now < 1_800.0 * SECOND {
            let bursts = tenant == 1 && (now / 60.0 / SECOND) % 3.0 >= 2.0;
            let rate = share / mean_service * if bursts { load.burst } else { 1.0 };
            now += random.exponential(1.0 / rate);
            let service = random.exponential(mean_service).max(1.0);
            asked.push(Asked { tenant, arrival: micros(now), service: micros(service) });
        }
    }
    asked.sort_by_key(|asked| asked.arrival);
    asked
}

/// The wait of each request of a coalition, first come first served; the others are not there.
fn replay(asked: &[Asked], slots: u32, coalition: usize) -> Vec<i64> {
    let mut free = vec![i64::MIN; size(slots)];
    let wait = |asked: &Asked| {
        if coalition & (1 << asked.tenant) == 0 {
            return 0;
        }
        let slot = free.iter_mut().min().unwrap();
        let start = asked.arrival.max(*slot);
        *slot = start + asked.service;
        start - asked.arrival
    };
    asked.iter().map(wait).collect()
}

fn truth(asked: &[Asked], load: Load) -> Matrix {
    let mut sums = vec![Vec::new(); load.tenants];
    for coalition in 0..1 << load.tenants {
        sums.iter_mut().for_each(|sums: &mut Vec<f64>| sums.push(0.0));
        for (asked, wait) in asked.iter().zip(replay(asked, load.slots, coalition)) {
            *sums[asked.tenant].last_mut().unwrap() += float(u64::try_from(wait).unwrap());
        }
    }
    let mut matrix = zero(load.tenants);
    for (victim, sums) in sums.iter().enumerate() {
        add_game(&mut matrix, victim, |there| sums[there]);
    }
    matrix
}

fn finished(asked: &[Asked], load: Load) -> Vec<Finished> {
    let waits = replay(asked, load.slots, usize::MAX);
    let finished = |(asked, wait): (&Asked, i64)| Finished {
        tenant: u32::try_from(asked.tenant).unwrap(),
        arrival: EventTime(asked.arrival),
        start: EventTime(asked.arrival + wait),
        end: EventTime(asked.arrival + wait + asked.service),
    };
    let mut finished: Vec<Finished> = asked.iter().zip(waits).map(finished).collect();
    finished.sort_by_key(|finished| finished.end);
    finished
}

/// What the estimate says, and what it leaves unexplained.
fn estimate(finished: &[Finished], tenants: usize) -> (Matrix, f64) {
    let (mut matrix, mut unexplained) = (zero(tenants), 0.0);
    let mut waits = Waits::default();
    for request in finished {
        let split = waits.finish(*request);
        assert_eq!(sum(&split), wait(request), "{request:?} {split:?}");
        let victim = size(request.tenant);
        matrix[victim][victim] += float(split.own);
        for (culprit, micros) in split.neighbours {
            matrix[victim][size(culprit)] += float(micros);
        }
        unexplained += float(split.unexplained);
    }
    (matrix, unexplained)
}

fn wait(request: &Finished) -> u64 {
    u64::try_from(request.start.since(request.arrival).0).unwrap_or_default()
}

fn sum(split: &WaitSplit) -> u64 {
    split.own + split.unexplained + split.neighbours.iter().map(|(_, micros)| micros).sum::<u64>()
}

/// What most would ship: a wait is split by who was in service during it, oneself included.
fn by_service_alone(finished: &[Finished], tenants: usize) -> Matrix {
    let mut matrix = zero(tenants);
    for (place, request) in finished.iter().enumerate() {
        let mut times = BTreeMap::<u32, i64>::new();
        let ahead = finished[..place].iter().rev().take_while(|other| other.end > request.arrival);
        for other in ahead {
            let overlap = other.end.0.min(request.start.0) - other.start.0.max(request.arrival.0);
            *times.entry(other.tenant).or_default() += overlap.max(0);
        }
        let all: i64 = times.values().sum();
        for (culprit, time) in times.into_iter().filter(|(_, time)| *time > 0) {
            let share = float(u64::try_from(time).unwrap()) / float(u64::try_from(all).unwrap());
            matrix[size(request.tenant)][size(culprit)] += float(wait(request)) * share;
        }
    }
    matrix
}

/// The greatest of three seeds: the own part's error, the misallocated share, and the least that the simple rule misallocates.
fn errors(load: Load) -> (f64, f64, f64) {
    let one = |seed| {
        let asked = traffic(seed, load);
        let truth = truth(&asked, load);
        let finished = finished(&asked, load);
        let (found, unexplained) = estimate(&finished, load.tenants);
        let own: f64 = (0..load.tenants).map(|tenant| (truth[tenant][tenant] - found[tenant][tenant]).abs()).sum();
        let whole: f64 = truth.iter().flatten().sum();
        let simple = misallocated(&truth, &by_service_alone(&finished, load.tenants), 0.0);
        (own / whole, misallocated(&truth, &found, unexplained), simple)
    };
    let worst = |(own, found, simple): (f64, f64, f64), next: (f64, f64, f64)| {
        (own.max(next.0), found.max(next.1), simple.min(next.2))
    };
    (1..=3).map(one).fold((0.0, 0.0, 1.0), worst)
}

/// The document's rule misallocates 2.0 % here; the unrolled recursion leaves only rounding.
#[test]
fn a_steady_queue_of_one_slot_is_split_exactly() {
    let (own, found, simple) = errors(STEADY);
    assert!(own < 1e-9 && found < 1e-6 && simple > 0.126, "{own} {found} {simple}");
}

/// The document's rule misallocates 3.6 % here. What remains is backlogs longer than what is kept.
#[test]
fn a_burst_on_one_slot_is_split_almost_exactly() {
    let (own, found, simple) = errors(BURST);
    assert!(own < 1e-9 && found < 0.005 && simple > 0.18, "{own} {found} {simple}");
}

/// Nine tenants: of a victim's eight neighbours, the three with the least work play as one.
#[test]
fn neighbours_beyond_six_cost_little_exactness() {
    let (own, found, _) = errors(Load { tenants: 9, ..STEADY });
    assert!(own < 1e-9 && found < 0.01, "{own} {found}");
}

/// With several slots the work ahead is an approximation, and what is still in service is not known: bounds of its own.
#[test]
fn several_slots_are_split_better_than_by_service_alone() {
    let (own, found, simple) = errors(Load { slots: 4, ..STEADY });
    assert!(own < 0.005 && found < 0.10 && simple > 0.2, "{own} {found} {simple}");
    let (own, found, simple) = errors(Load { slots: 4, ..BURST });
    assert!(own < 0.005 && found < 0.02 && simple > 0.2, "{own} {found} {simple}");
}

fn request(tenant: u32, [arrival, start, end]: [i64; 3]) -> Finished {
    Finished { tenant, arrival: EventTime(arrival), start: EventTime(start), end: EventTime(end) }
}

#[test]
fn what_own_requests_had_to_wait_for_is_the_neighbours_doing() {
    let mut waits = Waits::default();
    waits.finish(request(1, [0, 0, 100]));
    assert_eq!(waits.finish(request(0, [1, 100, 150])).neighbours, [(1, 99)]);
    // In service during this wait was only its own tenant; alone it would have waited till 51.
    let split = waits.finish(request(0, [101, 150, 160]));
    assert_eq!(split, WaitSplit { own: 0, neighbours: vec![(1, 49)], unexplained: 0 });
}

#[test]
fn times_that_contradict_one_another_are_unexplained_and_not_learnt() {
    let mut waits = Waits::default();
    waits.finish(request(1, [0, 0, 100]));
    let before = waits.clone();
    for (times, unexplained) in [
        ([50, 10, 20], 0),
        ([50, 100, 90], 50),
        ([i64::MIN, i64::MAX, i64::MAX], u64::try_from(i64::MAX).unwrap()),
        ([0, 86_400_000_001, 86_400_000_002], 86_400_000_001),
    ] {
        assert_eq!(waits.finish(request(0, times)), WaitSplit { unexplained, ..WaitSplit::default() });
        assert_eq!(waits, before, "{times:?}");
    }
}

#[test]
fn two_alike_share_alike() {
    let mut waits = Waits::default();
    let mut splits = Vec::new();
    for round in 0..50_i64 {
        let base = round * 1_000;
        for (tenant, begin) in [(2, 0), (1, 101)] {
            waits.finish(request(tenant, [base, base + begin, base + begin + 101]));
        }
        splits.push(waits.finish(request(0, [base, base + 202, base + 300])));
    }
    for split in splits {
        assert_eq!(split.neighbours, [(1, 101), (2, 101)]);
    }
}

#[test]
fn memory_does_not_grow_with_tenants_or_requests() {
    let mut waits = Waits::default();
    let mut sizes = Vec::new();
    for (number, tenant) in (0..12_000_i64).zip((0..3_000).cycle()) {
        waits.finish(request(tenant, [10 * number, 11 * number, 11 * number + 10]));
        if number % 4_000 == 3_999 {
            sizes.push(saved(&waits).len());
        }
    }
    assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]) && sizes[0] < 200_000, "{sizes:?}");
}

fn any_requests() -> impl Strategy<Value = Vec<Finished>> {
    let times = (0..50_000_i64, -50..3_000_i64, -50..3_000_i64);
    let sane = (0..7_u32, times).prop_map(|(tenant, (arrival, queue, service))| {
        request(tenant, [arrival, arrival + queue, arrival + queue + service])
    });
    let wild = (0..7_u32, any::<[i64; 3]>()).prop_map(|(tenant, times)| request(tenant, times));
    prop::collection::vec(prop_oneof![30 => sane, 1 => wild], 1..150)
}

proptest! {
    #[test]
    fn parts_sum_to_the_wait_whatever_the_times(requests in any_requests()) {
        let mut waits = Waits::default();
        let mut seen = Vec::new();
        for request in &requests {
            let split = waits.finish(*request);
            prop_assert_eq!(sum(&split), wait(request));
            prop_assert!(split.neighbours.is_sorted_by_key(|(tenant, _)| *tenant));
            for (tenant, micros) in &split.neighbours {
                prop_assert!(*micros > 0 && *tenant != request.tenant && seen.contains(tenant), "{:?}", split);
            }
            seen.push(request.tenant);
        }
    }

    #[test]
    fn a_restored_state_is_the_same_and_answers_the_same(requests in any_requests(), cut in 0..150_usize) {
        let mut waits = Waits::default();
        let (before, after) = requests.split_at(cut.min(requests.len()));
        before.iter().for_each(|request| drop(waits.finish(*request)));
        let bytes = saved(&waits);
        let mut reader = Reader::new(&bytes);
        let mut restored = Waits::restore(&mut reader).unwrap();
        prop_assert!(reader.is_at_end());
        prop_assert_eq!(saved(&restored), bytes.clone());
        for request in after {
            prop_assert_eq!(restored.finish(*request), waits.finish(*request));
        }
        prop_assert_eq!(Waits::restore(&mut Reader::new(&bytes[..bytes.len() - 1])), None);
    }

    #[test]
    fn names_do_not_matter(requests in any_requests()) {
        let (mut waits, mut others) = (Waits::default(), Waits::default());
        let name = |tenant: u32| 1_000 - 7 * tenant;
        for request in &requests {
            let split = waits.finish(*request);
            let renamed = others.finish(Finished { tenant: name(request.tenant), ..*request });
            prop_assert_eq!((split.own, split.unexplained), (renamed.own, renamed.unexplained));
            let expected: BTreeMap<u32, u64> = split.neighbours.iter().map(|(t, micros)| (name(*t), *micros)).collect();
            let found: BTreeMap<u32, u64> = renamed.neighbours.into_iter().collect();
            // Equal remainders go to the lower name: one microsecond.
            for name in expected.keys().chain(found.keys()) {
                let of = |shares: &BTreeMap<u32, u64>| shares.get(name).copied().unwrap_or_default();
                prop_assert!(of(&expected).abs_diff(of(&found)) <= 1, "{:?} {:?}", expected, found);
            }
        }
    }
}

fn saved(waits: &Waits) -> Vec<u8> {
    let mut out = Writer::default();
    waits.save(&mut out);
    out.into_bytes()
}
