//! What is replayed: requests of few tenants with fixed times. What a cache made of them, and what they cost, is not here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use aliquot_core::time::Micros;

/// The most tenants: the parts of [`crate::matrix`] are whole for so many, and the outcomes of one block under all coalitions
/// of neighbours fit in 128 bits.
pub const TENANTS_MAX: usize = 8;

/// A request. Its times are what they are whoever else is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Whose it is; below [`Trace::tenants`].
    pub tenant: usize,
    /// The cache it was sent to; below [`Trace::replicas`].
    pub replica: usize,
    /// When it begins: what it finds is looked up now.
    pub start: Micros,
    /// When its answer begins.
    pub ready: Micros,
    /// When it ends and frees its blocks; not before `start`.
    pub end: Micros,
    /// Its prompt, root first; each number names the whole prefix up to its block.
    pub blocks: Vec<u64>,
}

/// The requests in order of their start, and when caches were emptied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// At most [`TENANTS_MAX`].
    pub tenants: usize,
    /// How many caches.
    pub replicas: usize,
    /// In order of their start.
    pub requests: Vec<Request>,
    /// When which replica was restarted, in order of time; before requests that start then.
    pub restarts: Vec<(Micros, usize)>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The request with that number starts.
    Start(usize),
    /// The request with that number ends.
    Finish(usize),
    /// That replica's cache is emptied.
    Restart(usize),
}

impl Trace {
    /// Everything in order of time. What ends when something else happens ends first; requests that end together do so in
    /// their order.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(self.requests.len() * 2 + self.restarts.len());
        let mut running = BinaryHeap::new();
        let mut restarts = self.restarts.iter().peekable();
        for (number, request) in self.requests.iter().enumerate() {
            while let Some((at, replica)) = restarts.next_if(|(at, _)| *at <= request.start) {
                finish_until(*at, &mut running, &mut steps);
                steps.push(Step::Restart(*replica));
            }
            finish_until(request.start, &mut running, &mut steps);
            steps.push(Step::Start(number));
            running.push(Reverse((request.end, number)));
        }
        finish_until(Micros(i64::MAX), &mut running, &mut steps);
        steps
    }

    /// The same requests, each over in the moment it starts: no two overlap, and a block is touched at the same time whether
    /// that is when its request starts or when it ends.
    #[must_use]
    pub fn instant(&self) -> Self {
        let mut trace = self.clone();
        for request in &mut trace.requests {
            (request.ready, request.end) = (request.start, request.start);
        }
        trace
    }

    /// The requests that satisfy `keeps`, which is asked about each number; restarts stay.
    #[must_use]
    pub fn only(&self, keeps: impl Fn(usize) -> bool) -> Self {
        let kept = self.requests.iter().enumerate().filter(|(number, _)| keeps(*number));
        Self { requests: kept.map(|(_, request)| request.clone()).collect(), restarts: self.restarts.clone(), ..*self }
    }

    /// Block accesses of all requests.
    pub fn accesses(&self) -> usize {
        self.requests.iter().map(|request| request.blocks.len()).sum()
    }
}

/// Ends what ends by then.
fn finish_until(at: Micros, running: &mut BinaryHeap<Reverse<(Micros, usize)>>, steps: &mut Vec<Step>) {
    while let Some(Reverse((end, ended))) = running.pop() {
        if end > at {
            running.push(Reverse((end, ended)));
            return;
        }
        steps.push(Step::Finish(ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_come_before_starts_of_the_same_time() {
        let request = |start, end| Request { start: Micros(start), end: Micros(end), ..Request::default() };
        let trace = Trace {
            tenants: 1,
            replicas: 1,
            requests: vec![request(0, 10), request(3, 5), request(5, 5), request(5, 9), request(10, 11)],
            restarts: vec![(Micros(4), 0), (Micros(10), 0), (Micros(99), 0)],
        };
        use Step::{Finish, Restart, Start};
        assert_eq!(
            trace.steps(),
            [
                Start(0),
                Start(1),
                Restart(0),
                Finish(1),
                Start(2),
                Finish(2),
                Start(3),
                Finish(3),
                Finish(0),
                Restart(0),
                Start(4),
                Finish(4)
            ]
        );
        assert_eq!(trace.instant().steps()[..5], [Start(0), Finish(0), Start(1), Finish(1), Restart(0)]);
        assert_eq!(trace.only(|number| number > 2).requests.len(), 2);
    }
}
