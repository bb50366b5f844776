//! What any back end must do with commits: each offset once, everything or nothing, exact sums. Names no back end.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use aliquot_core::commit::{Commit, Tally};
use aliquot_core::event::{Event, Usage};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::ports::{Fault, Kind, Sink};
use aliquot_core::position::{Offset, Partition};
use aliquot_core::prices::BookId;
use aliquot_core::rating::Rated;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::totals::{TotalKey, WindowTotal};
use aliquot_core::usage::{ByClass, Class};

use super::fixture::{START, commit, contents, event, fit, place, push, range, report, single, slow_sum, spelled};
use aliquot_ledger::{Error, Ledger};

use crate::Store;

const P0: Partition = Partition(0);
const P1: Partition = Partition(1);

#[tokio::test]
async fn commits_of_two_partitions_come_to_the_slow_sum() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    assert_eq!(ledger.name(), "ledger");
    assert_eq!(ledger.positions(&[P0, P1]).await.unwrap().into_values().max(), Some(Offset(0)));
    for (partition, from, to) in [(0, 0, 40), (1, 0, 7), (0, 40, 41), (1, 7, 90)] {
        ledger.commit(&commit(partition, from, to)).await.unwrap();
    }
    // Both at once, as the pipeline does it.
    let mut both = commit(0, 41, 60);
    let other = commit(1, 90, 95);
    both.ranges.extend(other.ranges);
    both.tallies.extend(other.tallies);
    both.streams.extend(other.streams);
    for offset in 90..95 {
        let (event, rated) = event(1, offset);
        push(&mut both.charges, place(1, offset), &event, rated);
    }
    ledger.commit(&both).await.unwrap();

    let contents = contents(&store.open().await).await;
    assert_eq!(spelled(&contents.totals), slow_sum(&[(0, 60), (1, 95)]));
    assert_eq!(contents.held, [(P0, Offset(60)), (P1, Offset(95))].into());
    let tally = |charged, duplicates| Tally { charged, duplicates, rejected: 0, reports: 2 * duplicates };
    assert_eq!(contents.tallies, [(P0, tally(60, 3)), (P1, tally(95, 3))].into());
    assert_eq!(contents.streams, [report(0, 60, &[]), report(1, 95, &[])]);
    assert_eq!(
        ledger.positions(&[P1, Partition(7)]).await.unwrap(),
        [(P1, Offset(95)), (Partition(7), Offset(0))].into()
    );

    let sum = ledger.sum().await.unwrap();
    assert_eq!(sum.cost, contents.totals.values().map(|total| total.cost).sum());
    assert_eq!(sum.quantity, contents.totals.values().map(|total| total.quantity).sum::<u128>());
    assert!(sum.cost > Usd::ZERO);
}

#[tokio::test]
async fn replayed_commits_change_nothing() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let commits = [commit(0, 0, 20), commit(0, 20, 50)];
    for commit in &commits {
        ledger.commit(commit).await.unwrap();
    }
    let before = contents(&ledger).await;
    for mut handle in [ledger, store.open().await] {
        for commit in &commits {
            handle.commit(commit).await.unwrap();
        }
        handle.commit(&commit(0, 3, 50)).await.unwrap();
        handle.commit(&Commit { ranges: [(P0, range(70, 70))].into(), ..Commit::default() }).await.unwrap();
        assert_eq!(contents(&handle).await, before);
    }
}

#[tokio::test]
async fn a_commit_of_held_and_new_partitions_writes_the_new_ones() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    ledger.commit(&commit(0, 0, 10)).await.unwrap();
    let mut mixed = commit(0, 0, 10);
    let other = commit(1, 0, 5);
    mixed.ranges.extend(other.ranges);
    mixed.tallies.extend(other.tallies);
    mixed.streams = other.streams;
    mixed.streams.push(report(0, 4, &[(1, 2)]));
    for offset in 0..5 {
        let (event, rated) = event(1, offset);
        push(&mut mixed.charges, place(1, offset), &event, rated);
    }
    ledger.commit(&mixed).await.unwrap();
    let contents = contents(&ledger).await;
    assert_eq!(spelled(&contents.totals), slow_sum(&[(0, 10), (1, 5)]));
    assert_eq!(contents.tallies.get(&P0), Some(&Tally { charged: 10, duplicates: 1, rejected: 0, reports: 2 }));
    assert_eq!(contents.streams, [report(0, 10, &[]), report(1, 5, &[])], "an older report of a held range is dropped");
}

#[tokio::test]
async fn rows_below_the_position_are_dropped_but_counts_are_never_divided() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    ledger.commit(&commit(0, 0, 30)).await.unwrap();
    let before = contents(&ledger).await;

    // Whether it moved the position itself, was told it or never asked, the pipeline had to cut there.
    let mut asked = store.open().await;
    asked.positions(&[P0]).await.unwrap();
    for mut handle in [ledger.clone(), asked, store.open().await] {
        let error = handle.commit(&commit(0, 10, 40)).await.unwrap_err();
        assert!(matches!(error, Error::Uncut { partition: P0, held: Offset(30), .. }), "{error}");
        assert_eq!(error.kind(), Kind::Halt);
        assert_eq!(contents(&handle).await, before);
    }

    // As it should be: a replay from an older state, cut at the position.
    ledger.commit(&commit(0, 10, 30)).await.unwrap();
    assert_eq!(contents(&ledger).await, before);

    // Without counts there is nothing to divide.
    let mut uncounted = commit(0, 10, 40);
    uncounted.tallies.insert(P0, Tally::default());
    ledger.commit(&uncounted).await.unwrap();
    let after = contents(&ledger).await;
    assert_eq!(spelled(&after.totals), slow_sum(&[(0, 40)]));
    assert_eq!(after.tallies, before.tallies);
    assert_eq!(after.held, [(P0, Offset(40))].into());
    assert_eq!(after.snapshots.first().unwrap(), &(Offset(40), b"state 0 40".to_vec()));
}

#[tokio::test]
async fn two_owners_of_a_partition_do_no_harm() {
    let store = Store::new().await;
    let (mut first, mut second) = (store.open().await, store.open().await);
    for handle in [&mut first, &mut second] {
        handle.positions(&[P0]).await.unwrap();
    }
    // Same cut: whoever comes second writes nothing and notices nothing.
    first.commit(&commit(0, 0, 10)).await.unwrap();
    second.commit(&commit(0, 0, 10)).await.unwrap();
    second.commit(&commit(0, 10, 20)).await.unwrap();
    first.commit(&commit(0, 10, 14)).await.unwrap();
    assert_eq!(spelled(&contents(&first).await.totals), slow_sum(&[(0, 20)]));
    // Another cut: the first is told that the partition is no longer its own, again and again, until it asks where it stands.
    for _ in 0..2 {
        let error = first.commit(&commit(0, 14, 25)).await.unwrap_err();
        assert!(matches!(error, Error::Fenced { held: Offset(20), .. }), "{error}");
        assert_eq!(error.kind(), Kind::Fenced);
        assert_eq!(spelled(&contents(&first).await.totals), slow_sum(&[(0, 20)]));
    }
    assert_eq!(first.positions(&[P0]).await.unwrap(), [(P0, Offset(20))].into());
    first.commit(&commit(0, 20, 25)).await.unwrap();
    let contents = contents(&second).await;
    assert_eq!(spelled(&contents.totals), slow_sum(&[(0, 25)]));
    assert_eq!(contents.tallies, [(P0, Tally { charged: 25, duplicates: 3, rejected: 0, reports: 6 })].into());
}

/// Puts something into a commit that it did not read.
type Spoil = fn(&mut Commit);

#[tokio::test]
async fn holes_and_what_was_never_read_are_refused_whole() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    ledger.commit(&commit(0, 0, 10)).await.unwrap();
    let before = contents(&ledger).await;

    let mut hole = commit(1, 0, 5);
    hole.ranges.insert(P0, range(11, 20));
    let error = ledger.commit(&hole).await.unwrap_err();
    assert!(matches!(error, Error::Hole { partition: P0, held: Offset(10), from: Offset(11) }), "{error}");
    assert_eq!(error.kind(), Kind::Halt);
    assert!(error.to_string().contains("up to offset 10, the commit begins at 11"), "{error}");

    let strays: [(&str, Spoil); 6] = [
        ("charge", |commit| *commit.ranges.get_mut(&P0).unwrap() = range(10, 19)),
        ("charge", |commit| *commit.ranges.get_mut(&P0).unwrap() = range(11, 20)),
        ("stream", |commit| commit.streams.push(report(1, 5, &[]))),
        ("fit", |commit| commit.fits.push(fit(1, 5))),
        ("tally", |commit| assert_eq!(commit.tallies.insert(P1, Tally::default()), None)),
        ("snapshot", |commit| assert_eq!(commit.snapshots.insert(P1, vec![1]), None)),
    ];
    for (expected, stray) in strays {
        let mut commit = commit(0, 10, 20);
        stray(&mut commit);
        let error = ledger.commit(&commit).await.unwrap_err();
        assert!(matches!(error, Error::OutsideRanges { what, .. } if what == expected), "{error}");
        assert_eq!(error.kind(), Kind::Halt);
    }
    assert_eq!(contents(&ledger).await, before);
}

/// A charge of `quantity` GPU microseconds at `rate`.
fn gpu(offset: i64, quantity: u64, rate: u64) -> Commit {
    let mut usage = Usage::default();
    usage.parts.set(Class::GpuMicros, quantity);
    let mut rated = Rated::default();
    let rate = Rate::from_pico(rate);
    rated.rates.set(Class::GpuMicros, Some(rate));
    rated.costs.set(Class::GpuMicros, rate.times(quantity).unwrap());
    let event = Event { time: START, provider: "self".into(), request_model: "m".into(), usage, ..Event::default() };
    single(0, offset, &event, rated)
}

#[tokio::test]
async fn numbers_wider_than_sixty_four_bits_stay_exact() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let (quantity, rate) = (u64::MAX, (1 << 62) - 1);
    for offset in 0..2 {
        ledger.commit(&gpu(offset, quantity, rate)).await.unwrap();
    }
    let cost = Usd::from_pico(2 * i128::from(quantity) * i128::from(rate));
    let expected = WindowTotal { quantity: 2 * u128::from(quantity), cost };
    let totals = ledger.totals(None, None).await.unwrap();
    assert_eq!(
        totals.into_iter().map(|(key, total)| (key.rate, total)).collect::<Vec<_>>(),
        [(Some(Rate::from_pico(rate)), expected)]
    );
    assert_eq!(ledger.sum().await.unwrap(), expected);

    let error = ledger.commit(&gpu(2, quantity, rate)).await.unwrap_err();
    assert!(matches!(error, Error::Overflow { .. }), "{error}");
    assert_eq!(error.kind(), Kind::Halt);
    assert_eq!(ledger.sum().await.unwrap(), expected);
    assert_eq!(ledger.held().await.unwrap(), [(P0, Offset(2))].into());
}

#[tokio::test]
async fn hours_pages_and_unpriced_totals_are_read_in_order() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    ledger.commit(&commit(0, 0, 100)).await.unwrap();
    let all = ledger.totals(None, None).await.unwrap();

    let hour = |number| EventTime(START.0 + number * Micros::HOUR.0);
    for (from, to) in [(0, 1), (2, 5), (5, 2), (9, 20), (-3, 0)] {
        let (from, to) = (hour(from), hour(to));
        let wanted = all.iter().filter(|(key, _)| from <= key.hour && key.hour < to);
        let wanted = wanted.map(|(key, total)| (key.clone(), *total)).collect();
        assert_eq!(ledger.totals(Some(from), Some(to)).await.unwrap(), wanted);
    }
    assert_eq!(ledger.totals(Some(hour(0)), None).await.unwrap(), all);
    assert_eq!(ledger.totals(None, Some(hour(0))).await.unwrap().len(), 0);

    for rows in [1, 7, all.len(), all.len() + 1] {
        let mut paged: Vec<(TotalKey, WindowTotal)> = Vec::new();
        loop {
            let page = ledger.totals_page(paged.last().map(|(key, _)| key), rows).await.unwrap();
            let last = page.len() < rows;
            paged.extend(page);
            if last {
                break;
            }
        }
        assert!(paged.is_sorted_by_key(|(key, _)| order(key)));
        assert_eq!(paged.len(), all.len());
        assert_eq!(paged.into_iter().collect::<aliquot_core::totals::Totals>(), all);
    }

    let unpriced = ledger.unpriced(1_000).await.unwrap();
    assert!(unpriced.is_sorted_by_key(|(key, _)| order(key)));
    let unpriced: std::collections::BTreeMap<_, _> = unpriced.into_iter().collect();
    let wanted = all.into_iter().filter(|(key, _)| key.rate.is_none());
    assert_eq!(unpriced, wanted.collect());
    assert_eq!(ledger.unpriced(2).await.unwrap().len(), 2);
}

/// The ledger's order of totals, said the plain way.
fn order(key: &TotalKey) -> impl Ord + use<> {
    let TotalKey { hour, tenant, provider, model, class, rate, book } = key.clone();
    (hour, tenant, provider, model, book, class.name(), rate)
}

#[tokio::test]
async fn keys_that_differ_at_all_are_different_totals() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let names = [None, Some(""), Some("\0"), Some("\0\u{1}"), Some("a"), Some("a\0"), Some("ab"), Some("é")];
    let rates = [None, Some(Rate::FREE), Some(Rate::from_pico(1)), Some(Rate::from_pico(u64::MAX))];
    let hours = [
        EventTime(-Micros::HOUR.0),
        EventTime(0),
        EventTime(i64::MAX).hour(),
        EventTime(i64::MIN + Micros::HOUR.0).hour(),
    ];
    let mut usage = Usage::default();
    usage.parts.set(Class::Output, 1);
    let (mut commit, mut offset) = (Commit::default(), 0);
    for tenant in names {
        for model in ["", "a", "\0"] {
            for (rate, time) in rates.into_iter().flat_map(|rate| hours.map(|hour| (rate, hour))) {
                let tenant = tenant.map(Into::into);
                let event = Event {
                    time,
                    tenant,
                    provider: "p".into(),
                    request_model: model.into(),
                    usage,
                    ..Event::default()
                };
                let mut rated = Rated::default();
                rated.rates.set(Class::Output, rate);
                commit.charges.push(place(0, offset), START, &event, rated);
                offset += 1;
            }
        }
    }
    commit.ranges.insert(P0, range(0, offset));
    ledger.commit(&commit).await.unwrap();
    let totals = ledger.totals(None, None).await.unwrap();
    assert_eq!(totals.len(), 8 * 3 * 4 * 4);
    assert_eq!(totals, aliquot_core::totals::totals(&commit.charges, commit.charges.rows()));
    let page = ledger.totals_page(None, 1_000).await.unwrap();
    assert!(page.is_sorted_by_key(|(key, _)| order(key)));
}

/// One account with every class at each of these rates, and its neighbours by book.
fn wide(rates: &[Option<Rate>]) -> Commit {
    let mut wide = Commit::default();
    let mut offset = 0;
    for (book, rate) in [7, 6, 8].into_iter().flat_map(|book| rates.iter().map(move |rate| (BookId(book), *rate))) {
        let mut usage = Usage::default();
        let mut rated = Rated { book, rates: ByClass::all(rate), ..Rated::default() };
        for (class, quantity) in Class::ALL.into_iter().zip(1..) {
            usage.parts.set(class, quantity);
            rated.costs.set(class, rate.map_or(Usd::ZERO, |rate| rate.times(quantity).unwrap()));
        }
        let event = Event { time: START, provider: "p".into(), request_model: "m".into(), usage, ..Event::default() };
        wide.charges.push(place(0, offset), START, &event, rated);
        offset += 1;
    }
    wide.ranges.insert(P0, range(0, offset));
    wide
}

#[tokio::test]
async fn pages_begin_and_end_within_an_account() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let wide = wide(&[Some(Rate::from_pico(10)), None, Some(Rate::from_pico(9)), Some(Rate::FREE)]);
    ledger.commit(&wide).await.unwrap();
    let all = ledger.totals(None, None).await.unwrap();
    assert_eq!(all, aliquot_core::totals::totals(&wide.charges, wide.charges.rows()));
    assert_eq!(all.len(), 3 * 4 * Class::COUNT);
    let mut expected: Vec<_> = all.into_iter().collect();
    expected.sort_by_key(|(key, _)| order(key));

    // From every total, and from between any two.
    for (place, (after, _)) in expected.iter().enumerate() {
        for rows in [1, 5, 100, 1_000] {
            let page = ledger.totals_page(Some(after), rows).await.unwrap();
            let wanted: Vec<_> = expected.iter().skip(place + 1).take(rows).cloned().collect();
            assert_eq!(page, wanted, "{rows} after {after:?}");
        }
        let between = TotalKey {
            rate: after.rate.map_or(Some(Rate::FREE), |rate| Some(Rate::from_pico(rate.pico() + 1))),
            ..after.clone()
        };
        let page = ledger.totals_page(Some(&between), 2).await.unwrap();
        let wanted: Vec<_> = expected.iter().filter(|(key, _)| order(key) > order(&between)).take(2).cloned().collect();
        assert_eq!(page, wanted, "after {between:?}");
    }
    let of_no_account = TotalKey { model: "l".to_owned(), ..expected[0].0.clone() };
    assert_eq!(ledger.totals_page(Some(&of_no_account), 1).await.unwrap(), expected[..1]);
    assert_eq!(ledger.totals_page(None, 0).await.unwrap(), []);

    let unpriced: Vec<_> = expected.iter().filter(|(key, _)| key.rate.is_none()).cloned().collect();
    for rows in [0, 1, Class::COUNT, Class::COUNT + 1, 1_000] {
        let wanted: Vec<_> = unpriced.iter().take(rows).cloned().collect();
        assert_eq!(ledger.unpriced(rows).await.unwrap(), wanted);
    }
}

#[tokio::test]
async fn an_account_that_becomes_unpriced_is_listed() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    for (offset, rate) in [(0, Some(Rate::FREE)), (1, None)] {
        assert_eq!(ledger.unpriced(10).await.unwrap(), []);
        let mut usage = Usage::default();
        usage.parts.set(Class::Output, 3);
        let event = Event { time: START, usage, ..Event::default() };
        ledger
            .commit(&single(0, offset, &event, Rated { rates: ByClass::all(rate), ..Rated::default() }))
            .await
            .unwrap();
    }
    let listed = ledger.unpriced(10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].0.rate, listed[0].1), (None, WindowTotal { quantity: 3, cost: Usd::ZERO }));
}

/// Polls `future` at most `polls` times, then drops it as it stands; whether it had ended.
async fn cut_short<F: Future>(future: F, polls: u32) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        let ended = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
        if ended {
            return true;
        }
        // Lets the database's thread answer.
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
    false
}

#[tokio::test]
async fn a_commit_dropped_anywhere_is_there_whole_or_not_at_all() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let (mut at, mut polls) = (0, 0);
    let mut ended = false;
    while !ended {
        let wanted = commit(0, at, at + 3);
        ended = cut_short(ledger.commit(&wanted), polls).await;
        polls += 1;
        let Offset(held) = *ledger.positions(&[P0]).await.unwrap().get(&P0).unwrap();
        assert!(held == at || held == at + 3, "half of {at}..{} is held: {held}", at + 3);
        at = held;
        let contents = contents(&store.open().await).await;
        assert_eq!(spelled(&contents.totals), slow_sum(&[(0, at)]));
        let tallies = contents.tallies.into_values().map(|tally| i64::try_from(tally.charged).unwrap());
        assert_eq!(tallies.sum::<i64>(), at);
        assert_eq!(contents.snapshots.first().map_or(0, |(offset, _)| offset.0), at);
    }
    assert!(at > 0 && polls > 2, "the commit was never cut short");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_commits_while_the_next_is_written() {
    const COMMITS: i64 = 20;
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let reader = ledger.clone();
    let sums: Vec<_> = (0..=COMMITS).map(|count| slow_sum(&[(0, count * 5)])).collect();
    let reading = async {
        let mut seen = 0;
        while seen < sums.len() - 1 {
            let totals = spelled(&reader.totals(None, None).await.unwrap());
            let now = sums.iter().position(|sum| *sum == totals).expect("the totals are those after some commit");
            assert!(now >= seen, "the totals went back from commit {seen} to {now}");
            seen = now;
        }
    };
    let writing = async {
        for count in 0..COMMITS {
            ledger.commit(&commit(0, count * 5, (count + 1) * 5)).await.unwrap();
        }
    };
    tokio::join!(reading, writing);
    assert_eq!(reader.held().await.unwrap(), [(P0, Offset(COMMITS * 5))].into());
}

#[tokio::test]
async fn gaps_open_and_close() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let list = async |ledger: &Ledger, rows| {
        let gaps = ledger.gaps(rows).await.unwrap();
        gaps.into_iter().map(|gap| (gap.partition.0, gap.epoch, gap.from, gap.to)).collect::<Vec<_>>()
    };
    let mut step = async |at: i64, reports: &[aliquot_core::commit::StreamReport]| {
        let ranges = [(P0, range(at, at + 1)), (P1, range(at, at + 1))].into();
        let commit = Commit { ranges, streams: reports.to_vec(), ..Commit::default() };
        ledger.commit(&commit).await.unwrap();
    };
    let reader = store.open().await;
    step(0, &[report(0, 10, &[(2, 4), (7, 9)]), report(1, 5, &[(0, 1)])]).await;
    assert_eq!(list(&reader, 9).await, [(0, u64::MAX, 2, 4), (0, u64::MAX, 7, 9), (1, u64::MAX, 0, 1)]);
    assert_eq!(list(&reader, 2).await.len(), 2);
    // One is filled, one shrinks, one opens; what is said of one stream changes nothing about the other.
    let wide = report(0, u64::MAX, &[(3, 4), (1 << 40, u64::MAX - 1)]);
    step(1, std::slice::from_ref(&wide)).await;
    assert_eq!(
        list(&reader, 9).await,
        [(0, u64::MAX, 3, 4), (0, u64::MAX, 1 << 40, u64::MAX - 1), (1, u64::MAX, 0, 1)]
    );
    assert_eq!(reader.streams().await.unwrap(), [wide, report(1, 5, &[(0, 1)])]);
    // Of two reports in one commit the later one holds.
    step(2, &[report(0, 9, &[(5, 6)]), report(0, 20, &[]), report(1, 6, &[])]).await;
    assert_eq!(list(&reader, 9).await, []);
    assert_eq!(reader.streams().await.unwrap(), [report(0, 20, &[]), report(1, 6, &[])]);
}
