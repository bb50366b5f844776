//! What a simulation knows about its own events, counted where they are made: the numbers every later stage must reproduce.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aliquot_core::event::Event;
use aliquot_core::usage::{ByClass, Class};

/// What a sum is a sum of: whoever knows the price of each class at a provider's model knows the cost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Who is billed; `None` = the node could not say.
    pub tenant: Option<Cow<'static, str>>,
    /// The provider.
    pub provider: Cow<'static, str>,
    /// The model that answered.
    pub model: Cow<'static, str>,
}

/// Prompt tokens of events that report their cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Read from the cache.
    pub read: u64,
    /// All of them.
    pub prompt: u64,
}

impl Reported {
    /// What parts of usage say about the cache.
    pub fn of(parts: &ByClass<u64>) -> Self {
        Self { read: parts.get(Class::CacheRead), prompt: parts.sum_of(&Class::PROMPT).unwrap_or_default() }
    }

    /// Both together.
    pub const fn and(self, other: Self) -> Self {
        Self { read: self.read + other.read, prompt: self.prompt + other.prompt }
    }

    /// The share that was read; `None` if nothing is reported.
    pub fn hit_rate(self) -> Option<f64> {
        (self.prompt > 0).then(|| rough(self.read) / rough(self.prompt))
    }
}

/// The nearest number with a fraction. Rates are for people and tests; no sum is made of them.
const fn rough(number: u64) -> f64 {
    number as f64
}

/// The truth about a run of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Events that must be charged: each identity once.
    pub requests: u64,
    /// Events that were emitted, resends and reports included.
    pub events: u64,
    /// Of these, nodes' reports that are no requests.
    pub reports: u64,
    /// Messages that must be rejected, each as one.
    pub malformed: u64,
    /// Usage of the requests.
    pub sums: BTreeMap<Line, ByClass<u64>>,
    /// Cache reports by tenant.
    pub reported: BTreeMap<Option<Cow<'static, str>>, Reported>,
    /// Blocks that requests referred to.
    pub block_refs: u64,
    /// Of these, in the leading run of present blocks.
    pub block_hits: u64,
    /// Of the others, blocks that had been there and were evicted.
    pub blocks_reinserted: u64,
}

impl Truth {
    /// Counts a request that must be charged, and its first event.
    pub fn count(&mut self, event: &Event<'static>) {
        self.requests += 1;
        self.events += 1;
        let line = Line {
            tenant: event.tenant.clone(),
            provider: event.provider.clone(),
            model: event.response_model.clone().unwrap_or_else(|| event.request_model.clone()),
        };
        add(self.sums.entry(line).or_insert(ByClass::all(0)), &event.usage.parts);
        if event.usage.cache_reported {
            let reported = self.reported.entry(event.tenant.clone()).or_default();
            *reported = reported.and(Reported::of(&event.usage.parts));
        }
    }

    /// Counts a report that is no request.
    pub const fn count_report(&mut self) {
        self.events += 1;
        self.reports += 1;
    }

    /// Counts an event whose identity has been there.
    pub const fn count_resend(&mut self) {
        self.events += 1;
    }

    /// Adds another run of events, none of which is in this one.
    pub fn absorb(&mut self, other: &Self) {
        self.requests += other.requests;
        self.events += other.events;
        self.reports += other.reports;
        self.malformed += other.malformed;
        self.block_refs += other.block_refs;
        self.block_hits += other.block_hits;
        self.blocks_reinserted += other.blocks_reinserted;
        for (line, parts) in &other.sums {
            add(self.sums.entry(line.clone()).or_insert(ByClass::all(0)), parts);
        }
        for (tenant, more) in &other.reported {
            let reported = self.reported.entry(tenant.clone()).or_default();
            *reported = reported.and(*more);
        }
    }

    /// Events that must be dropped as duplicates.
    pub const fn duplicates(&self) -> u64 {
        self.events - self.requests - self.reports
    }

    /// Block references that were no hit.
    pub const fn block_misses(&self) -> u64 {
        self.block_refs - self.block_hits
    }

    /// Usage of all requests.
    pub fn usage(&self) -> ByClass<u64> {
        let mut sum = ByClass::all(0);
        self.sums.values().for_each(|parts| add(&mut sum, parts));
        sum
    }

    /// Usage by tenant.
    pub fn by_tenant(&self) -> BTreeMap<Option<Cow<'static, str>>, ByClass<u64>> {
        let mut tenants = BTreeMap::new();
        for (line, parts) in &self.sums {
            add(tenants.entry(line.tenant.clone()).or_insert(ByClass::all(0)), parts);
        }
        tenants
    }

    /// Cache reports of all tenants.
    pub fn all_reported(&self) -> Reported {
        self.reported.values().fold(Reported::default(), |sum, reported| sum.and(*reported))
    }
}

/// Adds to each class of `sum` what `parts` has of it.
pub(crate) fn add(sum: &mut ByClass<u64>, parts: &ByClass<u64>) {
    for (class, quantity) in parts.iter().filter(|(_, quantity)| *quantity > 0) {
        sum.set(class, sum.get(class) + quantity);
    }
}
