//! Streams of requests: one kind of user of one tenant. Each draws from chances of its own, so that a stream more or less
//! changes no other.

use aliquot_core::time::Micros;

use super::{Facts, Route};
use crate::coalition::Request;
use crate::random::{Random, pair};

/// Whoever may use a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    /// The stream's tenant.
    Own,
    /// The stream's tenant; and so many of its hundred templates are everybody's.
    Partly { shared_of_100: u64 },
}

/// How templates change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Never,
    /// All of them, once.
    At(Micros),
    /// Each request's anew, from then on.
    EachFrom(Micros),
}

/// A stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub(super) tenant: usize,
    /// Among the tenant's streams.
    pub(super) number: u64,
    pub(super) is_launch: bool,
    pub(super) from: Micros,
    pub(super) until: Micros,
    /// Mean time between requests.
    pub(super) every: Micros,
    /// From when on that time is so many times as long.
    pub(super) slows: Option<(Micros, i64)>,
    pub(super) system_blocks: u64,
    pub(super) templates: u64,
    pub(super) template_blocks: (u64, u64),
    /// Whether templates are used in turn, each as often as another.
    pub(super) in_turn: bool,
    pub(super) pool: Pool,
    pub(super) change: Change,
    /// Open at once.
    pub(super) sessions: usize,
    pub(super) turns: (u64, u64),
    /// Blocks that each turn adds.
    pub(super) grows: (u64, u64),
    /// From start to first answer, in microseconds.
    pub(super) first_answer_us: (u64, u64),
    /// From first answer to end, in microseconds.
    pub(super) answers_us: (u64, u64),
}

#[derive(Clone, Debug)]
struct Session {
    id: u64,
    template: u64,
    turns_left: u64,
    said_blocks: u64,
    busy_until: Micros,
    /// The place of its last request in the stream.
    last: Option<usize>,
}

/// A stream as it goes on.
struct Flow<'s> {
    stream: &'s Stream,
    seed: u64,
    random: Random,
    zipf: Vec<u64>,
    sessions: Vec<Session>,
    begun: u64,
}

impl Stream {
    /// The requests in order of their start; `previous` counts within the stream.
    pub(super) fn requests(&self, seed: u64) -> Vec<(Request, Facts)> {
        let key = pair(self.tenant as u64, self.number);
        let mut flow = Flow {
            stream: self,
            seed,
            random: Random::numbered(seed, key),
            zipf: zipf(self.templates),
            sessions: Vec::new(),
            begun: 0,
        };
        let (mut requests, mut at) = (Vec::new(), self.from);
        loop {
            at = flow.next_after(at);
            if at >= self.until {
                return requests;
            }
            let place = flow.idle_session(at);
            requests.push(flow.turn(place, at, requests.len()));
        }
    }
}

impl Flow<'_> {
    fn next_after(&mut self, at: Micros) -> Micros {
        let factor = self.stream.slows.map_or(1, |(from, factor)| if at >= from { factor } else { 1 });
        let mean = self.stream.every.0 * factor;
        Micros(at.0 + 1 + self.random.below(2 * mean as u64) as i64)
    }

    /// The place of a session that waits for no answer.
    fn idle_session(&mut self, at: Micros) -> usize {
        let open = self.stream.sessions;
        let drawn = self.random.below(open as u64) as usize;
        while self.sessions.len() < open {
            let session = self.new_session();
            self.sessions.push(session);
        }
        let idle = (0..self.sessions.len())
            .map(|step| (drawn + step) % self.sessions.len())
            .find(|place| self.sessions[*place].busy_until <= at);
        idle.unwrap_or_else(|| {
            let session = self.new_session();
            self.sessions.push(session);
            self.sessions.len() - 1
        })
    }

    fn new_session(&mut self) -> Session {
        self.begun += 1;
        let drawn = self.random.below(self.zipf.last().copied().unwrap_or_default());
        let by_weight = self.zipf.partition_point(|sum| *sum <= drawn) as u64;
        Session {
            id: pair(pair(self.seed, self.stream.tenant as u64), pair(self.stream.number, self.begun)),
            template: if self.stream.in_turn { self.begun % self.stream.templates } else { by_weight },
            turns_left: self.random.within(self.stream.turns),
            said_blocks: 0,
            busy_until: Micros(i64::MIN),
            last: None,
        }
    }

    fn turn(&mut self, place: usize, at: Micros, number: usize) -> (Request, Facts) {
        if self.sessions[place].turns_left == 0 {
            self.sessions[place] = self.new_session();
        }
        let ready = Micros(at.0 + self.random.within(self.stream.first_answer_us) as i64);
        let end = Micros(ready.0 + self.random.within(self.stream.answers_us) as i64);
        let grows = self.random.within(self.stream.grows);
        let version = match self.stream.change {
            Change::At(from) if at >= from => 1,
            Change::EachFrom(from) if at >= from => 2 + number as u64,
            _ => 0,
        };
        let session = &mut self.sessions[place];
        session.said_blocks += grows;
        session.turns_left -= 1;
        session.busy_until = end;
        let previous = session.last.replace(number);
        let session = session.clone();
        let (tenant, replica) = (self.stream.tenant, 0);
        let request = Request { tenant, replica, start: at, ready, end, blocks: self.blocks(&session, version) };
        let is_launch = self.stream.is_launch;
        (request, Facts { session: session.id, previous, is_launch, route: Route::default() })
    }

    /// The prompt: each block is the hash of all before it and of what it holds.
    fn blocks(&self, session: &Session, version: u64) -> Vec<u64> {
        let key = self.template_key(session.template);
        let (least, most) = self.stream.template_blocks;
        let length = least + pair(key, 0) % (most - least + 1);
        let system = (0..self.stream.system_blocks).map(|depth| pair(1, depth));
        let template = (0..length).map(|depth| pair(pair(key, version), depth));
        let said = (0..session.said_blocks).map(|depth| pair(session.id, depth));
        let mut prefix = self.seed;
        let chain = |content| {
            prefix = pair(prefix, content);
            prefix
        };
        system.chain(template).chain(said).map(chain).collect()
    }

    fn template_key(&self, template: u64) -> u64 {
        let own = pair(pair(2, self.stream.tenant as u64), pair(self.stream.number, template));
        match self.stream.pool {
            Pool::Partly { shared_of_100 } if pair(3, template) % 100 < shared_of_100 => pair(4, template),
            _ => own,
        }
    }
}

/// Sums of weights k⁻¹·¹ nearly: the exponent is 1 + 1/16 + 1/32 + 1/256 + 1/512, because square roots are the same everywhere.
fn zipf(count: u64) -> Vec<u64> {
    const SCALE: f64 = 1e6;
    let mut sum = 0;
    let weight = |rank: u64| {
        let rank = rank as f64;
        let sixteenth = rank.sqrt().sqrt().sqrt().sqrt();
        let thirty_second = sixteenth.sqrt();
        let small = thirty_second.sqrt().sqrt().sqrt();
        ((SCALE / (rank * sixteenth * thirty_second * small * small.sqrt())) as u64).max(1)
    };
    (1..=count)
        .map(|rank| {
            sum += weight(rank);
            sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fall_as_they_should() {
        let sums = zipf(1_000);
        let weight = |rank: usize| sums[rank - 1] - sums[rank - 2];
        assert_eq!(sums[0], 1_000_000);
        // 2⁻¹·¹ and 100⁻¹·¹.
        assert!(weight(2).abs_diff(466_517) < 200, "{}", weight(2));
        assert!(weight(100).abs_diff(6_310) < 30, "{}", weight(100));
    }
}
