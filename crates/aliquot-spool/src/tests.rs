//! The embedded log through its ports: order, durability, limits and every refusal.

use std::collections::BTreeMap;
use std::path::Path;

use aliquot_core::ports::{Fault, Kind, Outgoing, Outlet, Pulled, RawBatch, Source};
use aliquot_core::position::{Offset, OffsetRange, Partition, Positions};
use aliquot_core::time::EventTime;

use crate::log::partition_of;
use crate::{Error, Limits, Mode, Spool, SpoolSource};

const PARTITIONS: u16 = 3;

fn message(n: u32) -> Outgoing {
    Outgoing {
        key: format!("domain-{}", n % 7),
        content_type: format!("type/{}", n % 2),
        received_at: EventTime(i64::from(n) * 10),
        payload: n.to_be_bytes().repeat(20),
    }
}

fn messages(from: u32, to: u32) -> Vec<Outgoing> {
    (from..to).map(message).collect()
}

async fn open(dir: &Path) -> Spool {
    Spool::open(dir, PARTITIONS, Limits::default()).await.unwrap()
}

/// What each partition should hold after `messages` were appended in order.
fn expected(messages: &[Outgoing]) -> BTreeMap<Partition, Vec<&Outgoing>> {
    let mut expected: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages {
        expected.entry(partition_of(&message.key, PARTITIONS.into())).or_default().push(message);
    }
    expected
}

async fn begin(source: &mut SpoolSource, at: &Positions) {
    let Pulled::Assigned(partitions) = source.pull().await.unwrap() else { panic!("not assigned") };
    assert_eq!(partitions, at.keys().copied().collect::<Vec<_>>());
    for (partition, offset) in at {
        source.seek(*partition, *offset).await.unwrap();
    }
}

async fn batches(source: &mut SpoolSource) -> Vec<RawBatch> {
    let mut batches = Vec::new();
    loop {
        match source.pull().await.unwrap() {
            Pulled::Batch(batch) => batches.push(batch),
            Pulled::End | Pulled::Idle => return batches,
            other => panic!("{other:?}"),
        }
    }
}

async fn read_all(spool: &Spool) -> BTreeMap<Partition, Vec<aliquot_core::ports::RawMessage>> {
    let mut source = spool.source(Mode::Finite);
    begin(&mut source, &spool.starts()).await;
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut at = spool.starts();
    for batch in batches(&mut source).await {
        let OffsetRange { from, to } = batch.range;
        assert_eq!(at.insert(batch.partition, to), Some(from), "ranges join without hole or overlap");
        let offsets: Vec<_> = batch.messages.iter().map(|message| message.offset.0).collect();
        assert_eq!(offsets, (from.0..to.0).collect::<Vec<_>>());
        all.entry(batch.partition).or_default().extend(batch.messages);
    }
    assert_eq!(at, spool.ends());
    all
}

async fn assert_holds(spool: &Spool, appended: &[Outgoing]) {
    let read = read_all(spool).await;
    let expected = expected(appended);
    assert_eq!(read.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (partition, messages) in expected {
        assert_eq!(read[&partition].len(), messages.len());
        for (read, appended) in read[&partition].iter().zip(messages) {
            assert_eq!(read.received_at, appended.received_at);
            assert_eq!(read.content_type, appended.content_type);
            assert_eq!(read.payload, appended.payload);
        }
    }
}

#[tokio::test]
async fn what_goes_in_comes_out_in_order_by_key_and_survives_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let appended = messages(0, 9_000);
    let spool = open(dir.path()).await;
    for chunk in appended.chunks(1_000) {
        spool.outlet().append(chunk.to_vec()).await.unwrap();
    }
    assert_holds(&spool, &appended).await;
    let (ends, bytes) = (spool.ends(), spool.bytes());
    drop(spool);
    let spool = open(dir.path()).await;
    assert_eq!((spool.ends(), spool.bytes()), (ends, bytes));
    assert_holds(&spool, &appended).await;
}

#[tokio::test]
async fn a_file_copied_while_open_holds_everything_that_was_acknowledged() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spool = open(dir.path()).await;
    let appended = messages(0, 500);
    for chunk in appended.chunks(50) {
        spool.outlet().append(chunk.to_vec()).await.unwrap();
        // What a killed process leaves: the file as it is now, never closed.
        std::fs::copy(dir.path().join("spool.redb"), crashed.path().join("spool.redb")).unwrap();
    }
    assert_holds(&open(crashed.path()).await, &appended).await;
}

#[tokio::test]
async fn appends_from_many_tasks_all_arrive_once() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let outlet = spool.outlet();
        tasks.spawn(async move { outlet.append(messages(n * 10, n * 10 + 10)).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let mut times: Vec<_> = read_all(&spool).await.into_values().flatten().map(|m| m.received_at.0 / 10).collect();
    times.sort_unstable();
    assert_eq!(times, (0..1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn seeking_starts_anywhere_and_reads_anew() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    spool.outlet().append(messages(0, 700)).await.unwrap();
    let mut source = spool.source(Mode::Finite);
    begin(&mut source, &spool.ends()).await;
    assert_eq!(source.pull().await.unwrap(), Pulled::End);
    for _ in 0..2 {
        source.seek(Partition(1), Offset(5)).await.unwrap();
        let read = batches(&mut source).await;
        assert_eq!(read[0].range.from, Offset(5));
        assert_eq!(read.last().unwrap().range.to, spool.ends()[&Partition(1)]);
        assert!(read.iter().all(|batch| batch.partition == Partition(1)));
    }
}

#[tokio::test]
async fn a_following_source_is_idle_until_something_comes_and_wakes_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let mut source = spool.source(Mode::Follow);
    begin(&mut source, &spool.starts()).await;
    assert_eq!(source.pull().await.unwrap(), Pulled::Idle);
    let outlet = spool.outlet();
    let (pulled, appended) = tokio::join!(
        async {
            loop {
                match source.pull().await.unwrap() {
                    Pulled::Idle => {}
                    other => return other,
                }
            }
        },
        outlet.append(messages(0, 1))
    );
    appended.unwrap();
    let Pulled::Batch(batch) = pulled else { panic!("{pulled:?}") };
    assert_eq!(batch.messages[0].payload, message(0).payload);
}

#[tokio::test]
async fn partitions_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    spool.outlet().append(messages(0, 30_000)).await.unwrap();
    let mut source = spool.source(Mode::Finite);
    begin(&mut source, &spool.starts()).await;
    let turns: Vec<_> = batches(&mut source).await.into_iter().map(|batch| batch.partition.0).take(6).collect();
    assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
}

#[tokio::test]
async fn a_full_log_refuses_until_acknowledged_messages_are_dropped_and_offsets_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes_max: 100_000, keep_bytes: 20_000 };
    let spool = Spool::open(dir.path(), PARTITIONS, limits).await.unwrap();
    let mut appended = 0;
    let refusal = loop {
        match spool.outlet().append(messages(appended, appended + 100)).await {
            Ok(()) => appended += 100,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!((refusal.kind(), appended), (Kind::Retry, 700));
    assert!(matches!(refusal, Error::Full { limit: 100_000, .. }), "{refusal}");
    let full = spool.bytes();
    let mut source = spool.source(Mode::Finite);
    begin(&mut source, &spool.starts()).await;
    let half: Positions = spool.ends().into_iter().map(|(partition, end)| (partition, Offset(end.0 / 2))).collect();
    source.acknowledge(&half).await.unwrap();
    assert_eq!(spool.starts(), half, "what is not acknowledged stays");
    assert!(spool.bytes() < full);
    spool.outlet().append(messages(700, 800)).await.unwrap();
    let ends = spool.ends();
    source.acknowledge(&ends).await.unwrap();
    assert!(spool.bytes() <= 20_000);
    drop((source, spool));
    let spool = Spool::open(dir.path(), PARTITIONS, limits).await.unwrap();
    assert_eq!(spool.ends(), ends, "offsets never begin anew");
    let mut source = spool.source(Mode::Finite);
    let trimmed = source.seek(Partition(0), Offset(0)).await.unwrap_err();
    assert!(matches!(trimmed, Error::Trimmed { wanted: Offset(0), .. }) && trimmed.kind() == Kind::Halt, "{trimmed}");
}

#[tokio::test]
async fn acknowledged_messages_are_kept_while_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    spool.outlet().append(messages(0, 100)).await.unwrap();
    let held = spool.bytes();
    spool.source(Mode::Finite).acknowledge(&spool.ends()).await.unwrap();
    assert_eq!(spool.bytes(), held);
}

#[tokio::test]
async fn a_quiet_partition_keeps_what_it_has_while_a_busy_one_is_trimmed() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes_max: 1_000_000, keep_bytes: 20_000 };
    let spool = Spool::open(dir.path(), PARTITIONS, limits).await.unwrap();
    let of = |key: &str, count: u32| (0..count).map(|n| Outgoing { key: key.to_owned(), ..message(n) }).collect();
    let (quiet, busy) = ("domain-0", "domain-1");
    let [quiet_at, busy_at] = [quiet, busy].map(|key| partition_of(key, PARTITIONS.into()));
    assert_ne!(quiet_at, busy_at);
    spool.outlet().append(of(quiet, 20)).await.unwrap();
    for _ in 0..20 {
        spool.outlet().append(of(busy, 200)).await.unwrap();
        spool.source(Mode::Finite).acknowledge(&spool.ends()).await.unwrap();
    }
    assert!(spool.bytes() <= 20_000);
    assert_eq!(spool.starts()[&quiet_at], Offset(0), "the quiet one was trimmed for the busy one");
    assert!(spool.starts()[&busy_at] > Offset(0));
}

#[tokio::test]
async fn what_is_trimmed_under_a_reader_is_an_error_and_no_gap() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1, Limits { bytes_max: 1_000_000, keep_bytes: 0 }).await.unwrap();
    spool.outlet().append(messages(0, 100)).await.unwrap();
    let stale = spool.extents().borrow()[0];
    let mut reader = spool.source(Mode::Finite);
    for acknowledged in [50, 100] {
        let positions = Positions::from([(Partition(0), Offset(acknowledged))]);
        spool.source(Mode::Finite).acknowledge(&positions).await.unwrap();
        let error = reader.read(Partition(0), Offset(10), stale).await.unwrap_err();
        assert!(matches!(error, Error::Trimmed { start, .. } if start.0 == acknowledged), "{error}");
    }
}

#[tokio::test]
async fn misuse_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let cases = [
        (Spool::open(dir.path(), PARTITIONS, Limits::default()).await.err(), "is open already; stop the other process"),
        (Spool::open(dir.path().join("new"), 0, Limits::default()).await.err(), "at least one partition"),
        (spool.source(Mode::Finite).seek(Partition(3), Offset(0)).await.err(), "has no partition 3"),
        (spool.source(Mode::Finite).seek(Partition(0), Offset(1)).await.err(), "filled from another log"),
    ];
    for (error, part) in cases {
        let error = error.unwrap();
        assert!(error.to_string().contains(part) && error.kind() == Kind::Halt, "{error}");
    }
    drop(spool);
    let other = Spool::open(dir.path(), 5, Limits::default()).await.unwrap_err();
    assert!(other.to_string().contains("has 3 partitions, not 5; set the partitions to 3"), "{other}");
    let small = Spool::open(dir.path(), PARTITIONS, Limits { bytes_max: 10, keep_bytes: 0 }).await.unwrap();
    let large = small.outlet().append(messages(0, 1)).await.unwrap_err();
    assert!(matches!(large, Error::TooLarge { limit: 10, .. }) && large.kind() == Kind::Halt);
}

#[test]
fn a_key_keeps_its_partition_for_ever() {
    let partitions: Vec<_> = ["", "a", "domain-1", "replica/7", "gpu-east-2"].map(|key| partition_of(key, 8).0).into();
    assert_eq!(partitions, [2, 7, 6, 1, 1]);
}
