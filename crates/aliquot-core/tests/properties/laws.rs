//! The laws of the core, each over any log of events: conservation, idempotence, determinism, and independence.

use std::collections::{BTreeMap, VecDeque};

use aliquot_core::event::{Event, Sequence};
use aliquot_core::money::Usd;
use aliquot_core::position::{Offset, OffsetRange, Partition};
use aliquot_core::rating::Rater;
use aliquot_core::state::{Applied, PartitionState};
use aliquot_core::totals::{Totals, WindowTotal};
use aliquot_core::usage::Class;
use proptest::prelude::*;

use crate::world::{ARRIVAL, Folded, Message, apply, book, log, placed};

/// The log with partitions interleaved otherwise: each `pick` takes the next message of one of them.
fn interleaved(log: &[Message], picks: &[prop::sample::Index]) -> Vec<Message> {
    let mut queues: BTreeMap<Partition, VecDeque<&Message>> = BTreeMap::new();
    log.iter().for_each(|message| queues.entry(message.partition).or_default().push_back(message));
    let mut out = Vec::new();
    let mut picks = picks.iter().cycle();
    while let Some(pick) = picks.next().filter(|_| !queues.is_empty()) {
        let partition = *queues.keys().nth(pick.index(queues.len())).expect("the index is below the length");
        let queue = queues.get_mut(&partition).expect("the key was just seen");
        out.extend(queue.pop_front().cloned());
        queues.retain(|_, queue| !queue.is_empty());
    }
    out
}

fn of_tenant(totals: Totals, tenant: Option<&str>) -> Totals {
    totals.into_iter().filter(|(key, _)| key.tenant.as_deref() == tenant).collect()
}

proptest! {
    // A case folds a whole log, or two.
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever was charged is in exactly one total, and whatever arrived was charged, known, or refused.
    #[test]
    fn c1_nothing_is_created_or_lost(log in log()) {
        let folded = Folded::of(&log);
        prop_assert_eq!(folded.answers.len(), log.len());
        let mut quantities: BTreeMap<Class, u128> = BTreeMap::new();
        for (place, message) in placed(&log) {
            if matches!(folded.answers[&place], Applied::Accepted(_)) {
                for (class, quantity) in message.event.usage.parts.iter().filter(|(_, quantity)| *quantity > 0) {
                    *quantities.entry(class).or_default() += u128::from(quantity);
                }
            }
        }
        let totals = folded.totals();
        let mut summed: BTreeMap<Class, u128> = BTreeMap::new();
        for (key, total) in &totals {
            *summed.entry(key.class).or_default() += total.quantity;
            let price = key.rate.map_or(0, |rate| i128::from(rate.pico()));
            prop_assert_eq!(total.cost.pico(), price * i128::try_from(total.quantity).unwrap());
        }
        prop_assert_eq!(summed, quantities);
        let rows: Usd = folded.charges.rows().iter().map(|charge| folded.charges.cost(charge)).sum();
        prop_assert_eq!(totals.values().map(|total| total.cost).sum::<Usd>(), rows);
    }

    /// Sending any messages again, later, changes no total and no state but the position.
    #[test]
    fn c2_redelivery_changes_nothing(log in log(), again in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..30)) {
        let mut redelivered = log.clone();
        for (which, where_to) in again {
            if !redelivered.is_empty() {
                let which = which.index(redelivered.len());
                let place = which + 1 + where_to.index(redelivered.len() - which);
                redelivered.insert(place, redelivered[which].clone());
            }
        }
        let (once, twice) = (Folded::of(&log), Folded::of(&redelivered));
        prop_assert_eq!(once.totals(), twice.totals());
        let states = |folded: Folded| {
            let mut states = folded.committed();
            states.values_mut().for_each(|state| state.next = Offset(0));
            states
        };
        prop_assert_eq!(states(once), states(twice));
    }

    /// A restart from any state gives the answers that would have been given without it.
    #[test]
    fn c2_a_restart_at_any_message_changes_nothing(log in log(), cut in any::<prop::sample::Index>()) {
        let (before, after) = log.split_at(cut.index(log.len() + 1));
        let whole = Folded::of(&log);
        let first = Folded::of(before);
        let mut second = first.restarted();
        second.fold(after);
        let answers: BTreeMap<_, _> = first.answers.iter().chain(&second.answers).map(|(place, answer)| (*place, *answer)).collect();
        prop_assert_eq!(&answers, &whole.answers);
        prop_assert_eq!(added(first.totals(), second.totals()), whole.totals());
        prop_assert_eq!(second.committed(), whole.committed());
    }

    /// Answers depend on the state, the book and the event: not on what the rater remembers, nor on the run.
    #[test]
    fn c3_same_input_same_answer(log in log()) {
        let (one, other) = (Folded::of(&log), Folded::of(&log));
        prop_assert_eq!(&one.answers, &other.answers);
        prop_assert_eq!(one.totals(), other.totals());
        let book = book();
        let mut states: BTreeMap<Partition, PartitionState> = BTreeMap::new();
        for (place, Message { partition, event }) in placed(&log) {
            let state = states.entry(*partition).or_default();
            prop_assert_eq!(apply(state, &mut Rater::new(&book), event), one.answers[&place]);
            state.next = state.next.next();
        }
        prop_assert_eq!(states, one.states);
    }

    #[test]
    fn c4_the_order_of_partitions_does_not_matter(log in log(), picks in prop::collection::vec(any::<prop::sample::Index>(), 1..60)) {
        let (one, other) = (Folded::of(&log), Folded::of(&interleaved(&log, &picks)));
        prop_assert_eq!(&one.answers, &other.answers);
        prop_assert_eq!(one.totals(), other.totals());
        prop_assert_eq!(one.states, other.states);
    }

    #[test]
    fn c5_the_traffic_of_others_does_not_change_a_bill(log in log()) {
        let together = Folded::of(&log).totals();
        for tenant in [None, Some("tenant-0"), Some("tenant-1"), Some("tenant-2")] {
            let own = log.iter().filter(|message| message.event.tenant.as_deref() == tenant);
            prop_assert_eq!(of_tenant(together.clone(), tenant), Folded::of(own).totals());
        }
    }

    #[test]
    fn c7_offsets_and_streams_never_go_back(log in log()) {
        let mut folded = Folded::default();
        let mut reached = BTreeMap::new();
        for message in &log {
            let before = folded.next(message.partition);
            folded.fold([message]);
            prop_assert_eq!(folded.next(message.partition), before.next());
            let state = folded.states.get_mut(&message.partition).expect("the message was just folded into it");
            for report in state.take_moved(message.partition) {
                let missing: u64 = report.gaps.iter().map(|(from, to)| to - from).sum();
                prop_assert_eq!(report.received + missing, report.end);
                let counts = (report.end, report.received);
                let former = reached.insert((report.source, report.domain, report.epoch), counts);
                prop_assert!(former.is_none_or(|(end, received)| end <= counts.0 && received < counts.1));
            }
        }
    }

    #[test]
    fn c7_an_offset_has_a_next_one_and_a_range_ends_behind_it(offset in any::<i64>()) {
        let offset = Offset(offset);
        prop_assert!(offset.next() > offset || offset == Offset(i64::MAX));
        prop_assert_eq!(OffsetRange { from: offset, to: offset.next() }.is_empty(), offset == Offset(i64::MAX));
        let nothing = OffsetRange { from: offset, to: offset };
        prop_assert!(nothing.is_empty());
    }

    /// Every number is in or missing, whatever order and partition it came in.
    #[test]
    fn withheld_events_are_reported_and_the_gap_closes_when_they_come(count in 1_u64..20, withheld in prop::collection::btree_set(0_u64..20, 0..8)) {
        let event = |seq| Event { sequence: Some(Sequence { epoch: 1, seq }), id: format!("{seq}").into(), time: ARRIVAL, ..Event::default() };
        let message = |seq| Message { partition: Partition(0), event: event(seq) };
        let mut folded = Folded::default();
        folded.fold(&(0..=count).filter(|seq| *seq == count || !withheld.contains(seq)).map(message).collect::<Vec<_>>());
        let report = folded.states.get_mut(&Partition(0)).expect("it was folded into").take_moved(Partition(0)).remove(0);
        let missing: Vec<u64> = report.gaps.iter().flat_map(|(from, to)| *from..*to).collect();
        prop_assert_eq!(missing, withheld.iter().copied().filter(|seq| *seq < count).collect::<Vec<_>>());
        folded.fold(&(0..count).map(message).collect::<Vec<_>>());
        let reports = folded.states.get_mut(&Partition(0)).expect("it was folded into").take_moved(Partition(0));
        prop_assert!(reports.iter().all(|report| report.gaps.is_empty() && report.received == count + 1));
        prop_assert_eq!(folded.charges.rows().len(), usize::try_from(count + 1).unwrap());
    }
}

/// Two sets of totals, added key by key.
pub(crate) fn added(one: Totals, other: Totals) -> Totals {
    let mut sum = one;
    for (key, total) in other {
        let WindowTotal { quantity, cost } = sum.get(&key).copied().unwrap_or_default();
        let cost = [cost, total.cost].into_iter().sum();
        sum.insert(key, WindowTotal { quantity: quantity + total.quantity, cost });
    }
    sum
}
