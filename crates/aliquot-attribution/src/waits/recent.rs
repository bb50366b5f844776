//! The requests that ended lately: when each came, and when it was in service.

use alloc::collections::{BTreeMap, VecDeque};

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::time::{EventTime, Micros};

/// How many are kept. What began before them and made a request wait all the same is not seen; a single slot, at that load,
/// would be a quarter of an hour behind. 32 KiB.
const KEPT_MAX: usize = 1_024;

/// By arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recent {
    kept: VecDeque<Served>,
    /// The longest time that one of them took from its arrival to its end: how far back it can matter what came.
    longest: Micros,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) tenant: u32,
    pub(super) arrival: EventTime,
    pub(super) start: EventTime,
    pub(super) end: EventTime,
}

impl Served {
    fn took(&self) -> Micros {
        self.end.since(self.arrival)
    }
}

impl Recent {
    pub(super) fn add(&mut self, served: Served) {
        let later = self.kept.iter().rev().take_while(|other| other.arrival > served.arrival).count();
        self.kept.insert(self.kept.len().saturating_sub(later), served);
        self.longest = self.longest.max(served.took());
        let gone = if self.kept.len() > KEPT_MAX { self.kept.pop_front() } else { None };
        let was_longest = gone.is_some_and(|gone| gone.took() == self.longest);
        if was_longest && !self.kept.iter().any(|served| served.took() == self.longest) {
            self.longest = longest(&self.kept);
        }
    }

    /// Those that came no later than that, the latest first.
    pub(super) fn before(&self, arrival: EventTime) -> impl Iterator<Item = &Served> + Clone {
        self.kept.iter().rev().skip_while(move |served| served.arrival > arrival)
    }

    /// Those of them that may not have ended by then.
    fn reaching(&self, time: EventTime) -> impl Iterator<Item = &Served> + Clone {
        self.before(time).take_while(move |served| time.since(served.arrival) <= self.longest)
    }

    /// How many of them were in service at that time.
    pub(super) fn at(&self, time: EventTime) -> u64 {
        let then = self.reaching(time).filter(|served| served.start <= time && served.end > time);
        u64::try_from(then.count()).unwrap_or(u64::MAX)
    }

    /// For how long each tenant but `own` had requests in service between the two times, in microseconds; two at once count twice.
    pub(super) fn during(&self, own: u32, from: EventTime, to: EventTime) -> BTreeMap<u32, u128> {
        let mut times = BTreeMap::<u32, u128>::new();
        for served in self.before(to).filter(|served| served.tenant != own) {
            let overlap = served.end.min(to).since(served.start.max(from));
            if let Ok(overlap @ 1..) = u128::try_from(overlap.0) {
                let time = times.entry(served.tenant).or_default();
                *time = time.saturating_add(overlap);
            }
        }
        times
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.length(self.kept.len());
        for served in &self.kept {
            out.u32(served.tenant);
            [served.arrival, served.start, served.end].into_iter().for_each(|time| out.i64(time.0));
        }
    }

    pub(super) fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let length = from.length().filter(|length| *length <= KEPT_MAX)?;
        let served = |from: &mut Reader<'_>| {
            let tenant = from.u32()?;
            let [arrival, start, end] = [from.i64()?, from.i64()?, from.i64()?].map(EventTime);
            (arrival <= start && start <= end).then_some(Served { tenant, arrival, start, end })
        };
        let kept = (0..length).map(|_| served(from)).collect::<Option<VecDeque<_>>>()?;
        kept.iter().is_sorted_by_key(|served| served.arrival).then(|| Self { longest: longest(&kept), kept })
    }
}

fn longest(kept: &VecDeque<Served>) -> Micros {
    kept.iter().map(Served::took).max().unwrap_or_default()
}
