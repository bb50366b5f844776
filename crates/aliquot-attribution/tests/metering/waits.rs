//! Queue time against the replay of every coalition of tenants, and what holds for any times at all.

use std::collections::BTreeMap;

use aliquot_attribution::waits::{Finished, WaitSplit, Waits};
use aliquot_core::time::EventTime;

use crate::coalitions::{Matrix, add_game, misallocated, zero};
use crate::random::Random;

const TENANTS: usize = 6;
const SECOND: f64 = 1e6;

#[derive(Clone, Copy, Debug)]
struct Asked {
    tenant: usize,
    arrival: i64,
    service: i64,
}

#[derive(Clone, Copy, Debug)]
struct Load {
    slots: usize,
    /// Busy share of all slots.
    rho: f64,
    /// How many times its usual rate tenant 1 sends in every third minute.
    burst: f64,
}

/// Twenty minutes or so of Poisson arrivals; tenants differ in rate and in length of service.
fn traffic(seed: u64, load: Load) -> Vec<Asked> {
    let mut random = Random(seed);
    let mut asked = Vec::new();
    for tenant in 0..TENANTS {
        let mean_service = SECOND * [0.2, 0.5, 0.3, 1.0, 0.25, 0.6][tenant];
        let share = [0.25, 0.15, 0.2, 0.15, 0.1, 0.15][tenant] * load.rho * slots(load.slots);
        let mut now = 0.0;
        while now < 3_600.0 * SECOND {
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

fn slots(slots: usize) -> f64 {
    f64::from(u32::try_from(slots).unwrap())
}

fn micros(float: f64) -> i64 {
    format!("{float:.0}").parse().unwrap()
}

fn float(micros: u64) -> f64 {
    aliquot_attribution::number::float(micros)
}

/// The wait of each request of a coalition, first come first served; the others are not there.
fn replay(asked: &[Asked], slots: usize, coalition: usize) -> Vec<i64> {
    let mut free = vec![i64::MIN; slots];
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

fn truth(asked: &[Asked], slots: usize) -> Matrix {
    let coalitions: Vec<Vec<i64>> = (0..1 << TENANTS).map(|there| replay(asked, slots, there)).collect();
    let mut sums = vec![vec![0.0; 1 << TENANTS]; TENANTS];
    for (there, waits) in coalitions.iter().enumerate() {
        for (asked, wait) in asked.iter().zip(waits) {
            sums[asked.tenant][there] += float(u64::try_from(*wait).unwrap());
        }
    }
    let mut matrix = zero(TENANTS);
    for (victim, sums) in sums.iter().enumerate() {
        add_game(&mut matrix, victim, |there| sums[there]);
    }
    matrix
}

fn finished(asked: &[Asked], slots: usize) -> Vec<Finished> {
    let waits = replay(asked, slots, (1 << TENANTS) - 1);
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

fn tenant(number: u32) -> usize {
    usize::try_from(number).unwrap()
}

/// What the estimate says, and what it leaves unexplained.
fn estimate(finished: &[Finished]) -> (Matrix, f64) {
    let (mut matrix, mut unexplained) = (zero(TENANTS), 0.0);
    let mut waits = Waits::default();
    for request in finished {
        let split = waits.finish(*request);
        assert_eq!(sum(&split), request.start.since(request.arrival).0, "{request:?} {split:?}");
        let victim = tenant(request.tenant);
        matrix[victim][victim] += float(split.own);
        for (culprit, micros) in split.neighbours {
            matrix[victim][tenant(culprit)] += float(micros);
        }
        unexplained += float(split.unexplained);
    }
    (matrix, unexplained)
}

fn sum(split: &WaitSplit) -> i64 {
    let neighbours: u64 = split.neighbours.iter().map(|(_, micros)| micros).sum();
    i64::try_from(split.own + neighbours + split.unexplained).unwrap()
}

/// What most would ship: a wait is split by who was in service during it, oneself included.
fn by_service_alone(finished: &[Finished]) -> Matrix {
    let mut matrix = zero(TENANTS);
    for (place, request) in finished.iter().enumerate() {
        let mut times = BTreeMap::<u32, i64>::new();
        let ahead = finished[..place].iter().rev().take_while(|other| other.end > request.arrival);
        for other in ahead {
            let overlap = other.end.0.min(request.start.0) - other.start.0.max(request.arrival.0);
            *times.entry(other.tenant).or_default() += overlap.max(0);
        }
        let all: i64 = times.values().sum();
        let wait = float(u64::try_from(request.start.since(request.arrival).0).unwrap());
        for (culprit, time) in times.into_iter().filter(|(_, time)| *time > 0) {
            let share = float(u64::try_from(time).unwrap()) / float(u64::try_from(all).unwrap());
            matrix[tenant(request.tenant)][tenant(culprit)] += wait * share;
        }
    }
    matrix
}

fn errors(load: Load) -> Vec<(f64, f64, f64)> {
    let one = |seed| {
        let asked = traffic(seed, load);
        let truth = truth(&asked, load.slots);
        let finished = finished(&asked, load.slots);
        let (found, unexplained) = estimate(&finished);
        let own: f64 = (0..TENANTS).map(|tenant| (truth[tenant][tenant] - found[tenant][tenant]).abs()).sum();
        let whole: f64 = truth.iter().flatten().sum();
        let baseline = misallocated(&truth, &by_service_alone(&finished), 0.0);
        println!("{load:?} {seed}: {} requests, unexplained {}", asked.len(), unexplained / whole);
        (own / whole, misallocated(&truth, &found, unexplained), baseline)
    };
    (1..=3).map(one).collect()
}

#[test]
fn measure() {
    for slots in [1, 4, 16] {
        for (rho, burst) in [(0.8, 1.0), (0.7, 6.0)] {
            println!("{:?}", errors(Load { slots, rho, burst }));
        }
    }
}
