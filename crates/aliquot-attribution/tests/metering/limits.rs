//! Refusals against the replay of every coalition of tenants: simulated token buckets in the document's three cases of overload.

use aliquot_attribution::limits::{Attempt, Limits, Refusal};
use aliquot_core::event::{Limit, Usage};
use aliquot_core::time::EventTime;
use aliquot_core::usage::Class;

use crate::coalitions::{Matrix, add_game, misallocated, zero};
use crate::random::{Random, float, micros, size};

/// Tokens that the bucket holds, and that come back in a minute.
const LIMIT: u64 = 200_000;
const MINUTE: f64 = 60e6;

#[derive(Clone, Copy, Debug)]
struct Asked {
    tenant: usize,
    at: i64,
    tokens: u64,
}

#[derive(Clone, Copy, Debug)]
struct Load {
    tenants: usize,
    /// What is attempted, in terms of what the bucket gives.
    overload: f64,
    /// How many times its usual rate tenant 1 sends.
    hog: f64,
}

/// Two hours of Poisson arrivals; tenants differ in rate and in size of request.
fn traffic(seed: u64, load: Load) -> Vec<Asked> {
    let mut random = Random(seed);
    let mut asked = Vec::new();
    let sizes = [2_000.0, 8_000.0, 1_000.0, 4_000.0, 500.0, 3_000.0, 2_000.0, 1_000.0, 3_000.0];
    let shares = [0.25, 0.15, 0.2, 0.15, 0.1, 0.15, 0.05, 0.03, 0.02];
    let whole: f64 = shares.iter().take(load.tenants).sum();
    for (tenant, (tokens, share)) in sizes.into_iter().zip(shares).take(load.tenants).enumerate() {
        let share = share / whole * if tenant == 1 { load.hog } else { 1.0 };
        let per_minute = share * load.overload * float(LIMIT) / tokens;
        let mut now = 0.0;
        while now < 120.0 * MINUTE {
            now += random.exponential(MINUTE / per_minute);
            let tokens = u64::try_from(micros(random.exponential(tokens))).unwrap().clamp(1, LIMIT / 4);
            asked.push(Asked { tenant, at: micros(now), tokens });
        }
    }
    asked.sort_by_key(|asked| asked.at);
    asked
}

/// Whether each request of a coalition is refused. Refused ones take nothing.
fn replay(asked: &[Asked], coalition: usize) -> Vec<bool> {
    let (mut level, mut at) = (float(LIMIT), 0);
    let refused = |asked: &Asked| {
        if coalition & (1 << asked.tenant) == 0 {
            return false;
        }
        let passed = float(u64::try_from(asked.at - at).unwrap());
        level = (level + float(LIMIT) * passed / MINUTE).min(float(LIMIT));
        at = asked.at;
        let refused = float(asked.tokens) > level;
        level -= if refused { 0.0 } else { float(asked.tokens) };
        refused
    };
    asked.iter().map(refused).collect()
}

fn truth(asked: &[Asked], tenants: usize) -> Matrix {
    let coalitions: Vec<Vec<bool>> = (0..1 << tenants).map(|there| replay(asked, there)).collect();
    let mut matrix = zero(tenants);
    for (place, asked) in asked.iter().enumerate().filter(|(place, _)| coalitions[(1 << tenants) - 1][*place]) {
        add_game(&mut matrix, asked.tenant, |there| f64::from(u8::from(coalitions[there][place])));
    }
    matrix
}

fn observe(limits: &mut Limits, asked: &Asked, id: &str, refused: bool) -> Option<Refusal> {
    let mut usage = Usage::default();
    usage.parts.set(Class::Uncached, asked.tokens);
    let (bucket, counts) = ("org/model".into(), "input_tokens".into());
    let header = Limit { bucket, counts, limit: Some(LIMIT), refused, ..Limit::default() };
    limits.observe(&Attempt {
        tenant: u32::try_from(asked.tenant).unwrap(),
        id,
        at: EventTime(asked.at),
        usage: &usage,
        caused: &[],
        limits: &[header],
        refused,
    })
}

/// What the estimate says, what it leaves unexplained, and what attempted tokens alone would say.
fn estimate(asked: &[Asked], tenants: usize) -> (Matrix, f64, Matrix) {
    let (mut matrix, mut unexplained, mut by_tokens) = (zero(tenants), 0.0, zero(tenants));
    let mut limits = Limits::new(true);
    let refused = replay(asked, usize::MAX);
    for (number, (asked, refused)) in asked.iter().zip(refused).enumerate() {
        let found = observe(&mut limits, asked, &format!("r{number}"), refused);
        assert_eq!(found.is_some(), refused);
        let Some(found) = found else { continue };
        matrix[asked.tenant][asked.tenant] += float(found.own) / 1e6;
        for (culprit, share) in &found.neighbours {
            matrix[asked.tenant][size(*culprit)] += float(*share) / 1e6;
        }
        unexplained += float(found.unexplained) / 1e6;
        let whole: u64 = found.consumers.iter().map(|(_, tokens)| tokens).sum();
        for (culprit, tokens) in &found.consumers {
            by_tokens[asked.tenant][size(*culprit)] += float(*tokens) / float(whole);
        }
    }
    (matrix, unexplained, by_tokens)
}

/// The greatest misallocated share of three seeds, and the least of the rule by attempted tokens alone.
fn errors(load: Load) -> (f64, f64) {
    let one = |seed| {
        let asked = traffic(seed, load);
        let truth = truth(&asked, load.tenants);
        let (found, unexplained, by_tokens) = estimate(&asked, load.tenants);
        (misallocated(&truth, &found, unexplained), misallocated(&truth, &by_tokens, 0.0))
    };
    let worst = |(found, tokens): (f64, f64), next: (f64, f64)| (found.max(next.0), tokens.min(next.1));
    (1..=3).map(one).fold((0.0, 1.0), worst)
}

/// The document's rule misallocates 8.9, 2.7 and 4.7 % in its three cases.
#[test]
fn refusals_are_split_within_a_hundredth_of_the_replay_of_all_coalitions() {
    let usual = Load { tenants: 6, overload: 1.05, hog: 1.0 };
    for (load, bound) in
        [(usual, 0.001), (Load { overload: 1.3, ..usual }, 0.002), (Load { overload: 0.9, hog: 6.0, ..usual }, 0.01)]
    {
        let (found, by_tokens) = errors(load);
        assert!(found < bound && by_tokens > 0.15, "{load:?}: {found} {by_tokens}");
    }
}

/// Nine tenants: three have no place of their own.
#[test]
fn tenants_beyond_six_cost_a_little_exactness() {
    for (overload, hog, bound) in [(1.05, 1.0, 0.08), (1.3, 1.0, 0.035), (0.9, 6.0, 0.04)] {
        let load = Load { tenants: 9, overload, hog };
        let (found, by_tokens) = errors(load);

        assert!(found < bound && found < by_tokens / 2.0, "{load:?}: {found} {by_tokens}");
    }
}
