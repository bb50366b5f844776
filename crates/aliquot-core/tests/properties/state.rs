//! Decisions about single events as tables: one row per event in order of arrival, the last column the answer.
//!
//! | column | meaning |
//! |---|---|
//! | node | source, and domain after a slash |
//! | epoch.seq | the node's count; `-` = none |
//! | id.attempt | the identity |
//! | content | `good`; `sum` parts do not add up; `huge` an impossible quantity; `past`, `past+`, `future`, `future+` the time at its limit and a microsecond beyond; `node`, `busy` a node's interval and one with GPUs that worked too long; `cache` changes of a cache; `node+`, `cache+` the same, too far ahead; `cache>` a microsecond later |
//! | answer | `charged` (requests) or `accepted` (others), `duplicate`, or the reason of the rejection |

use std::collections::BTreeMap;
use std::fmt::Write;

use aliquot_core::event::{CacheReport, CacheUse, Event, NodeReport, QUANTITY_MAX, Report, Sequence};
use aliquot_core::position::Partition;
use aliquot_core::rating::Rater;
use aliquot_core::recent_ids::RecentIds;
use aliquot_core::reject::Reason;
use aliquot_core::sequence::{Arrived, GAPS_MAX};
use aliquot_core::state::{Applied, PartitionState, Rules};
use aliquot_core::streams::{EPOCHS_MAX, Epoch, Streams};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;

use crate::world::{ARRIVAL, apply, book, limits};

/// The event of a row, without its answer.
fn event(row: &[&str]) -> Event<'static> {
    let [node, count, identity, content, _] = row else { unreachable!("a row has five columns: {row:?}") };
    let (source, domain) = node.split_once('/').expect("a node is written source/domain");
    let (id, attempt) = identity.split_once('.').expect("an identity is written id.attempt");
    let number =
        |text: &str| if text == "last" { u64::MAX } else { text.parse().expect("a count is a number or `last`") };
    let sequence = count.split_once('.').map(|(epoch, seq)| Sequence { epoch: number(epoch), seq: number(seq) });
    let (past, future) = limits();
    let mut event = Event {
        source: source.to_owned().into(),
        domain: domain.to_owned().into(),
        id: id.to_owned().into(),
        attempt: attempt.parse().expect("an attempt is a number"),
        sequence,
        time: ARRIVAL,
        provider: "lab".into(),
        request_model: "priced".into(),
        ..Event::default()
    };
    match *content {
        "good" => event.usage.parts.set(Class::Output, QUANTITY_MAX),
        "sum" => event.usage.output_total = Some(1),
        "huge" => event.usage.parts.set(Class::Output, QUANTITY_MAX + 1),
        "node" | "busy" | "cache" => {}
        "cache>" => event.time = EventTime(ARRIVAL.0 + 1),
        "node+" | "cache+" => event.time = EventTime(ARRIVAL.0 + future.0 + 1),
        "later" => event.time = EventTime(ARRIVAL.0 + 1),
        "past" => event.time = EventTime(ARRIVAL.0 - past.0),
        "past+" => event.time = EventTime(ARRIVAL.0 - past.0 - 1),
        "future" => event.time = EventTime(ARRIVAL.0 + future.0),
        "future+" => event.time = EventTime(ARRIVAL.0 + future.0 + 1),
        other => unreachable!("no such content: {other}"),
    }
    event
}

/// The answer to the event of a row, whose content says of which type it is.
fn answer(state: &mut PartitionState, rater: &mut Rater<'_>, row: &[&str]) -> &'static str {
    let event = event(row);
    let Event { id, source, time, sequence, domain, .. } = event.clone();
    let applied = match row[3].trim_end_matches(['+', '>']) {
        busy @ ("node" | "busy") => {
            let busy = Some(Micros(if busy == "busy" { 121 } else { 120 }));
            let interval = Micros(60);
            let node =
                NodeReport { id, source, time, sequence, domain, interval, gpu_count: 2, busy, ..Default::default() };
            state.apply_node(&Rules::default(), ARRIVAL, &node)
        }
        "cache" => {
            let cache = CacheReport { id, source, time, sequence, domain, ..CacheReport::default() };
            state.apply_cache(&Rules::default(), ARRIVAL, &cache)
        }
        _ => {
            let applied = apply(state, rater, &event).map(|_| "charged");
            return answered(applied);
        }
    };
    answered(applied.map(|()| "accepted"))
}

fn answered(applied: Applied<&'static str>) -> &'static str {
    match applied {
        Applied::Accepted(answer) => answer,
        Applied::Duplicate => "duplicate",
        Applied::Rejected(reason) => reason.name(),
    }
}

/// Applies the rows of `table` to `state` and holds each answer, and the streams that moved, against the table.
fn check_from(state: &mut PartitionState, table: &str, moved: &[&str]) {
    let (mut seen, mut expected) = (String::new(), String::new());
    let book = book();
    let mut rater = Rater::new(&book);
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let row: Vec<&str> = line.split_whitespace().collect();
        let answer = answer(state, &mut rater, &row);
        let (input, wanted) = row.split_at(4);
        writeln!(seen, "{} {answer}", input.join(" ")).unwrap_or_default();
        writeln!(expected, "{} {}", input.join(" "), wanted.join(" ")).unwrap_or_default();
    }
    assert_eq!(seen, expected);
    let reports = state.take_moved(Partition(3)).into_iter().map(|report| {
        assert_eq!(report.partition, Partition(3));
        let (source, domain, epoch, gaps) = (report.source, report.domain, report.epoch, report.gaps);
        format!("{source}/{domain} {epoch}: {} of {} missing {gaps:?}", report.received, report.end)
    });
    assert_eq!(reports.collect::<Vec<_>>(), moved);
}

fn check(table: &str, moved: &[&str]) {
    check_from(&mut PartitionState::default(), table, moved);
}

#[test]
fn the_decision_table() {
    check(
        "
        a/d 1.0 r0.0 good charged
        a/d 1.0 r0.0 good duplicate
        a/d 1.0 r9.0 good duplicate
        a/d 1.0 r9.0 sum  duplicate
        a/d 1.1 r0.0 good duplicate
        a/d 1.1 r1.0 good duplicate
        a/d 1.2 r1.0 good charged
        a/d 1.3 r3.0 sum  parts_do_not_add_up
        a/d 1.3 r3.0 good duplicate
        a/d 1.4 r0.1 good charged
        a/d 1.6 r6.0 huge overflow
        a/d -   r6.0 good charged
        a/d -   r6.0 sum  duplicate
        a/d -   r7.0 sum  parts_do_not_add_up
        a/d -   r7.0 sum  parts_do_not_add_up
        a/d -   r7.0 good charged
        ",
        &["a/d 1: 6 of 7 missing [(5, 6)]"],
    );
}

#[test]
fn all_types_share_one_count_one_set_of_identities_and_one_table() {
    check(
        "
        a/d 1.0 n0.0 node   accepted
        a/d 1.0 n0.0 node   duplicate
        a/d 1.1 r0.0 good   charged
        a/d 1.2 c0.0 cache  accepted
        a/d 1.2 r9.0 good   duplicate
        a/d 1.3 c0.0 cache  duplicate
        a/d 1.4 r0.0 node   duplicate
        a/d 1.5 n1.0 busy   overflow
        a/d 1.5 n1.0 node   duplicate
        a/d 1.6 n1.0 node   accepted
        a/d 1.7 n2.0 node+  absurd_time
        a/d 1.8 c2.0 cache+ absurd_time
        a/d 1.0 c3.0 cache> sequence_reused
        a/d -   c3.0 cache  accepted
        a/d -   c3.0 cache> duplicate
        a/d 1.last c4.0 cache sequence_too_sparse
        a/d 1.10 c4.0 cache accepted
        ",
        &["a/d 1: 10 of 11 missing [(9, 10)]"],
    );
}

#[test]
fn a_number_used_again_by_a_later_event_is_rejected_and_not_taken_for_a_resend() {
    check(
        "
        a/d 1.0 r0.0 good    charged
        a/d 1.1 r1.0 good    charged
        a/d 1.0 s0.0 later   sequence_reused
        a/d 1.0 r0.0 later   duplicate
        a/d 1.0 s0.0 future+ duplicate
        a/d 2.0 s0.0 later   charged
        ",
        &["a/d 1: 2 of 2 missing []", "a/d 2: 1 of 1 missing []"],
    );
}

#[test]
fn a_rejected_event_mended_under_a_new_number_is_charged_once() {
    check(
        "
        a/d 1.0 r.0 sum     parts_do_not_add_up
        a/d 1.1 r.0 future+ absurd_time
        a/d 1.2 r.0 good    charged
        a/d 1.3 r.0 good    duplicate
        ",
        &["a/d 1: 4 of 4 missing []"],
    );
}

#[test]
fn nodes_domains_and_epochs_count_by_themselves_but_an_identity_is_the_nodes() {
    check(
        "
        a/d 1.0 r0.0 good charged
        a/e 1.0 r1.0 good charged
        b/d 1.0 r0.0 good charged
        a/d 2.0 r2.0 good charged
        a/d 1.1 r3.0 good charged
        a/e 2.7 r0.0 good duplicate
        ",
        &[
            "a/d 1: 2 of 2 missing []",
            "a/d 2: 1 of 1 missing []",
            "a/e 1: 1 of 1 missing []",
            "a/e 2: 1 of 8 missing [(0, 7)]",
            "b/d 1: 1 of 1 missing []",
        ],
    );
}

#[test]
fn times_are_accepted_up_to_their_limits() {
    check(
        "
        a/d - r0.0 past    charged
        a/d - r1.0 past+   absurd_time
        a/d - r2.0 future  charged
        a/d - r3.0 future+ absurd_time
        ",
        &[],
    );
}

#[test]
fn the_latest_time_is_that_of_accepted_events_only() {
    let mut state = PartitionState::default();
    check_from(&mut state, "a/d - r0.0 future+ absurd_time", &[]);
    assert_eq!(state.latest, EventTime(0));
    check_from(&mut state, "a/d - r1.0 future charged\n a/d - r2.0 past charged", &[]);
    assert_eq!(state.latest, EventTime(ARRIVAL.0 + limits().1.0));
}

#[test]
fn the_oldest_epoch_retires_when_one_too_many_begins() {
    let mut state = PartitionState::default();
    let begin: String =
        (1..=EPOCHS_MAX).map(|epoch| format!("a/d {}.0 r{epoch}.0 good charged\n", epoch * 10)).collect();
    let moved: Vec<_> = (1..=EPOCHS_MAX).map(|epoch| format!("a/d {}: 1 of 1 missing []", epoch * 10)).collect();
    check_from(&mut state, &begin, &moved.iter().map(String::as_str).collect::<Vec<_>>());
    check_from(
        &mut state,
        "
        a/d 9.0   old.0   good epoch_retired
        a/d -     old.0   good charged
        a/d 10.1  r11.1   good charged
        a/d 15.0  new.0   good charged
        a/d 10.2  late.0  good epoch_retired
        a/d 10.0  r1.0    good epoch_retired
        a/d 15.1  newer.0 good charged
        a/d 20.0  r2.0    good duplicate
        b/d 9.0   r9.0    good charged
        ",
        // The retired epoch moved before it went: its last report is not lost with it.
        &["a/d 10: 2 of 2 missing []", "a/d 15: 2 of 2 missing []", "b/d 9: 1 of 1 missing []"],
    );
}

#[test]
fn the_identity_window_forgets_the_oldest() {
    let mut state = PartitionState { recent: RecentIds::new(2), ..PartitionState::default() };
    check_from(
        &mut state,
        "
        a/d -   r0.0 good charged
        a/d -   r1.0 good charged
        a/d -   r0.0 good duplicate
        a/d -   r2.0 sum  parts_do_not_add_up
        a/d -   r0.0 good duplicate
        a/d 1.0 r2.0 good charged
        a/d -   r0.0 good charged
        a/d 1.0 r2.0 good duplicate
        a/d -   r2.0 good duplicate
        a/d -   r1.0 good charged
        a/d 1.0 r2.0 good duplicate
        a/d -   r2.0 good charged
        ",
        &["a/d 1: 1 of 1 missing []"],
    );
}

#[test]
fn a_number_that_cannot_be_recorded_is_refused_each_time_and_leaves_no_trace() {
    let mut state = PartitionState::default();
    let runs = (0..=u64::try_from(GAPS_MAX).unwrap()).map(|run| (2 * run, 2 * run + 1));
    let full = Arrived::restore(runs).expect("the runs lie one apart");
    let epochs = BTreeMap::from([(1, Epoch { arrived: full, ..Epoch::default() })]);
    state.streams.restore_next("a".into(), "d".into(), epochs).expect("it is the first stream");
    let before = state.clone();
    check_from(
        &mut state,
        "
        a/d 1.9000 r.0 good sequence_too_sparse
        a/d 1.9000 r.0 good sequence_too_sparse
        a/d 1.last r.0 good sequence_too_sparse
        a/d 2.last r.0 good sequence_too_sparse
        b/d 1.last r.0 good sequence_too_sparse
        ",
        &[],
    );
    assert!(state == before, "a refused number changed the state");
    let gaps = (1_u64..4_096).map(|hole| (2 * hole + 1, 2 * hole + 2)).chain([(8_193, 9_000)]).collect::<Vec<_>>();
    check_from(
        &mut state,
        "
        a/d 1.1    r.0 good charged
        a/d 1.9000 s.0 good charged
        a/d 1.9000 s.0 good duplicate
        ",
        &[&format!("a/d 1: 4099 of 9001 missing {gaps:?}")],
    );
}

#[test]
fn a_strict_register_refuses_unknown_tenants_but_not_the_unnamed() {
    let register = |names: &[&str]| Rules {
        tenants: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..Rules::default()
    };
    let book = book();
    let mut rater = Rater::new(&book);
    let cases = [
        (register(&["acme"]), Some("acme"), None),
        (register(&["acme"]), Some("acme "), Some(Reason::UnknownTenant)),
        (register(&["acme"]), None, None),
        (register(&[]), Some("acme"), Some(Reason::UnknownTenant)),
        (Rules { tenants: None, ..Rules::default() }, Some("anybody"), None),
    ];
    for (rules, tenant, refused) in cases {
        let event = Event { time: ARRIVAL, tenant: tenant.map(Into::into), ..Event::default() };
        let answer = PartitionState::default().apply(&mut rater, &rules, ARRIVAL, &event);
        let reason = match answer {
            Applied::Rejected(reason) => Some(reason),
            Applied::Accepted(_) | Applied::Duplicate => None,
        };
        assert_eq!(reason, refused, "{tenant:?} under {rules:?}");
    }
}

#[test]
fn quantities_of_the_cache_are_bounded_like_others() {
    let checked = |cacheable_tokens: Option<u64>, recomputed_tokens: u64| {
        let cache = CacheUse { cacheable_tokens, recomputed_tokens, ..CacheUse::default() };
        let event = Event { time: ARRIVAL, cache, ..Event::default() };
        Rules::default().check(Report::Request(&event), ARRIVAL)
    };
    assert_eq!(checked(Some(QUANTITY_MAX), QUANTITY_MAX), Ok(()));
    assert_eq!(checked(Some(QUANTITY_MAX + 1), 0), Err(Reason::Overflow));
    assert_eq!(checked(None, QUANTITY_MAX + 1), Err(Reason::Overflow));
}

#[test]
fn streams_are_restored_in_their_order_only() {
    let put = |streams: &mut Streams, source: &str, domain: &str| {
        streams.restore_next(source.to_owned(), domain.to_owned(), BTreeMap::new()).is_some()
    };
    let names = [("a", "d"), ("a", "e"), ("b", "a")];
    for (last, expected) in
        [(("b", "a"), false), (("a", "z"), false), (("b", "0"), false), (("b", "b"), true), (("c", "a"), true)]
    {
        let mut streams = Streams::default();
        assert!(names.iter().all(|(source, domain)| put(&mut streams, source, domain)));
        assert_eq!(put(&mut streams, last.0, last.1), expected, "{last:?}");
        assert_eq!(streams.count(), names.len() + usize::from(expected));
    }
}
