//! A small world for the laws: a log of messages from a few nodes of a few tenants, and the obvious loop that folds it. The real
//! loop is the pipeline's; this one has no batches, no sinks and no failures.

use std::collections::BTreeMap;

use aliquot_core::charge::Charges;
use aliquot_core::event::{Event, Sequence, Usage};
use aliquot_core::money::Rate;
use aliquot_core::position::{Offset, Partition, Place};
use aliquot_core::prices::{Band, BandRule, BookId, Matcher, Model, Price, PriceBook, Provider};
use aliquot_core::rating::{Rated, Rater};
use aliquot_core::recent_ids::RecentIds;
use aliquot_core::state::{Applied, PartitionState, Rules, TimeLimits};
use aliquot_core::streams::Streams;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::totals::{Totals, totals};
use aliquot_core::usage::{ByClass, Class};
use proptest::prelude::*;

use crate::usage::parts;

/// When all messages arrive: 2026-03-01T00:30:00Z.
pub(crate) const ARRIVAL: EventTime = EventTime(1_772_325_000_000_000);

/// A message of the log.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) partition: Partition,
    pub(crate) event: Event<'static>,
}

/// A book in which the model `priced` has a price for every class but the last, each its own; nothing else has any.
pub(crate) fn book() -> PriceBook {
    let mut rates = ByClass::all(None);
    for (class, number) in Class::ALL.into_iter().zip(1_u64..).take(Class::ALL.len() - 1) {
        rates.set(class, Some(Rate::from_pico(number * 75_001)));
    }
    let price = Price {
        effective_from: EventTime(0),
        effective_to: None,
        calendar: None,
        tier: None,
        region: None,
        bands: vec![Band { above_tokens: 0, rates }],
        band_rule: BandRule::WholeRequest,
    };
    let model = Model {
        id: "priced".into(),
        matcher: Matcher::Equals("priced".into()),
        prices: vec![price],
        multipliers: vec![],
    };
    let provider = Provider { models: vec![model], ..Provider::default() };
    PriceBook { id: BookId(7), providers: BTreeMap::from([("lab".into(), provider)]), ..PriceBook::default() }
}

prop_compose! {
    /// Any message: tenants have nodes and ids of their own, but share domains and so partitions. Ids, numbers and epochs are few,
    /// so that they meet; some times are absurd and some quantities impossible.
    pub(crate) fn message()(
        tenant in prop::option::weighted(0.9, 0_u8..3),
        (node, domain, model) in (0_u8..2, 0_u8..4, 0_u8..4),
        sequence in prop::option::weighted(0.8, (0_u64..2, 0_u64..12)),
        (id, attempt) in (0_u8..12, 0_u32..2),
        minutes in prop_oneof![12 => -180_i64..60, 1 => Just(i64::from(i32::MAX)), 1 => Just(-i64::from(i32::MAX))],
        parts in parts(),
    ) -> Message {
        let name = tenant.map_or_else(|| "nobody".to_owned(), |tenant| format!("tenant-{tenant}"));
        Message {
            partition: Partition(i32::from(domain % 3)),
            event: Event {
                id: format!("request-{id}").into(),
                source: format!("{name}-node-{node}").into(),
                attempt,
                time: EventTime(ARRIVAL.0 + minutes * 60_000_000),
                tenant: tenant.map(|_| name.into()),
                sequence: sequence.map(|(epoch, seq)| Sequence { epoch, seq }),
                domain: format!("domain-{domain}").into(),
                provider: "lab".into(),
                request_model: if model == 0 { "unpriced" } else { "priced" }.into(),
                usage: Usage { parts, ..Usage::default() },
                ..Event::default()
            },
        }
    }
}

/// A log of some messages.
pub(crate) fn log() -> impl Strategy<Value = Vec<Message>> {
    prop::collection::vec(message(), 0..60)
}

/// Each message with its place in the log.
pub(crate) fn placed(log: &[Message]) -> impl Iterator<Item = (Place, &Message)> {
    let mut next: BTreeMap<Partition, Offset> = BTreeMap::new();
    log.iter().map(move |message| {
        let next = next.entry(message.partition).or_default();
        let place = Place { partition: message.partition, offset: *next, index: 0 };
        *next = next.next();
        (place, message)
    })
}

/// The one place that says by which rules these tests judge an event.
pub(crate) fn apply(state: &mut PartitionState, rater: &mut Rater<'_>, event: &Event<'_>) -> Applied<Rated> {
    state.apply(rater, &Rules::default(), ARRIVAL, event)
}

/// What became of a log: the state of each partition, every answer, and the charges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folded {
    pub(crate) states: BTreeMap<Partition, PartitionState>,
    pub(crate) answers: BTreeMap<Place, Applied<Rated>>,
    pub(crate) charges: Charges,
}

impl Folded {
    pub(crate) fn of<'m>(messages: impl IntoIterator<Item = &'m Message>) -> Self {
        let mut folded = Self::default();
        folded.fold(messages);
        folded
    }

    pub(crate) fn fold<'m>(&mut self, messages: impl IntoIterator<Item = &'m Message>) {
        let book = book();
        let mut rater = Rater::new(&book);
        for Message { partition, event } in messages {
            let state = self.states.entry(*partition).or_default();
            let place = Place { partition: *partition, offset: state.next, index: 0 };
            let answer = apply(state, &mut rater, event);
            state.next = state.next.next();
            if let Applied::Accepted(rated) = answer {
                self.charges.push(place, ARRIVAL, event, rated);
            }
            self.answers.insert(place, answer);
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        totals(&self.charges, self.charges.rows())
    }

    /// Everything that a restart brings back: states from their parts, and nothing else.
    pub(crate) fn restarted(&self) -> Self {
        let states = self.states.iter().map(|(partition, state)| {
            let mut streams = Streams::default();
            for (source, domain, epochs) in state.streams.iter() {
                let put = streams.restore_next(source.to_owned(), domain.to_owned(), epochs.clone());
                put.expect("streams are listed in the order in which they are restored");
            }
            let recent = RecentIds::restore(state.recent.capacity(), state.recent.iter());
            (*partition, PartitionState { next: state.next, latest: state.latest, streams, recent })
        });
        Self { states: states.collect(), ..Self::default() }
    }

    /// The states as after a commit, which takes the reports of what moved.
    pub(crate) fn committed(mut self) -> BTreeMap<Partition, PartitionState> {
        self.states.iter_mut().for_each(|(partition, state)| drop(state.take_moved(*partition)));
        self.states
    }

    pub(crate) fn next(&self, partition: Partition) -> Offset {
        self.states.get(&partition).map_or(Offset(0), |state| state.next)
    }
}

/// How far from the arrival an event may lie, for tests of the edges.
pub(crate) fn limits() -> (Micros, Micros) {
    let TimeLimits { past, future } = TimeLimits::default();
    (past, future)
}
