//! The lake against real Delta tables in a temporary directory: rows once, positions right, whoever dies or races.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aliquot_core::blame::{Attribution, Blame, CausePart, Culprit};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::charge::Charges;
use aliquot_core::commit::{Commit, Rejected};
use aliquot_core::event::{CacheUse, Event, PrefixChain, Sequence, Usage};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::ports::{Fault, Kind, Sink};
use aliquot_core::position::{Offset, OffsetRange, Partition, Place, Positions};
use aliquot_core::prices::BookId;
use aliquot_core::rating::{Rated, Unpriced};
use aliquot_core::reject::Reason;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::{ByClass, Class};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Field, Int32Type, Int64Type, TimestampMicrosecondType};
use deltalake::DeltaTable;
use futures::TryStreamExt;

use crate::table::load;
use crate::{Error, Lake, Reader, TableName, Upkeep, requests};

mod attribution;

/// 2026-03-01T00:00:00Z.
const START: EventTime = EventTime(1_772_323_200_000_000);

/// The message at `offset`: which tenant, when, what it used and what that cost all follow from the number.
fn event(offset: i64) -> (Event<'static>, Rated) {
    let number = offset.unsigned_abs();
    let mut parts = ByClass::all(0);
    let mut rated = Rated { book: BookId(0xb00c), ..Rated::default() };
    for (class, weight) in Class::ALL.into_iter().zip(1_u64..) {
        let rate = Rate::from_pico(weight * 7 + number % 3);
        parts.set(class, number * weight);
        rated.rates.set(class, Some(rate));
        rated.costs.set(class, rate.times(number * weight).unwrap());
    }
    let tenant = match number % 4 {
        0 => None,
        1 => Some("globex".into()),
        2 => Some("acme".into()),
        _ => Some("initech".into()),
    };
    if number.is_multiple_of(5) {
        rated.unpriced = Some(Unpriced::UnknownClass);
    }
    let event = Event {
        id: format!("request-{offset}").into(),
        source: "node-a".into(),
        time: EventTime(START.0 + (offset % 7) * 60_000_000),
        tenant,
        sequence: Some(Sequence { epoch: u64::MAX, seq: number }),
        domain: "domain-a".into(),
        provider: "self".into(),
        request_model: "m-latest".into(),
        response_model: Some("m-1".into()),
        feature: (number.is_multiple_of(2)).then(|| "search".into()),
        http_status: Some(200),
        usage: Usage { parts, cache_reported: number.is_multiple_of(2), ..Usage::default() },
        prefix: Some(PrefixChain { block_tokens: 16, sampled_of: 1, blocks: vec![1, number] }),
        queue: Some(Micros(5)),
        cache: CacheUse {
            session: (number.is_multiple_of(2)).then(|| format!("session-{}", number % 6).into()),
            replica: (number % 3 == 1).then(|| "engine-1".into()),
            weights: Some("kept nowhere".into()),
            ..CacheUse::default()
        },
        ..Event::default()
    };
    (event, rated)
}

/// What attribution says of the message at `offset`, which cost `cost`: of every third nothing, of the others two parts and one
/// culprit or two, of which one helped.
fn attribution(offset: i64, cost: Usd) -> Attribution<'static> {
    let number = offset.unsigned_abs();
    if number.is_multiple_of(3) {
        return Attribution::default();
    }
    let pico = i128::from(number) * 10;
    let part =
        |cause, runner_up, tokens, cost| CausePart { cause, runner_up, evidence: Evidence::Modelled, tokens, cost };
    let blame = |culprit, quantity: i64| Blame {
        game: Game::NeighboursAbsent,
        harm: Harm::Miss,
        cause: Cause::EvictedNeighbour,
        culprit,
        evidence: Evidence::Inferred,
        quantity,
        cost: Usd::from_pico(i128::from(quantity) * 7),
        avoidable: Usd::from_pico(1),
    };
    let blames = match number % 3 {
        1 => vec![blame(Culprit::Tenant("umbrella"), offset)],
        _ => vec![blame(Culprit::NoTenant, offset), blame(Culprit::Background, -offset)],
    };
    Attribution {
        parts: vec![
            part(Cause::Hit, None, number, Usd::from_pico(cost.pico() - pico)),
            part(Cause::EvictedNeighbour, Some(Cause::TtlExpired), 2 * number, Usd::from_pico(pico)),
        ],
        blames,
        standalone: (number % 3 == 1).then(|| Usd::from_pico(pico)),
    }
}

/// How many rows of blame the message at `offset` has.
fn culprits(offset: i64) -> usize {
    attribution(offset, Usd::ZERO).blames.len()
}

fn place(partition: i32, offset: i64) -> Place {
    Place { partition: Partition(partition), offset: Offset(offset), index: 0 }
}

/// A commit of `from..to`: every tenth message is a reject, every other one a charge.
fn commit(partition: i32, from: i64, to: i64) -> Commit {
    let mut commit = Commit::default();
    commit.ranges.insert(Partition(partition), OffsetRange { from: Offset(from), to: Offset(to) });
    for offset in from..to {
        if offset % 10 == 9 {
            commit.rejects.push(Rejected {
                place: place(partition, offset),
                received_at: START,
                reason: Reason::Malformed,
                detail: "usage".to_owned(),
                content_type: "application/json".to_owned(),
                raw: vec![0xff, u8::try_from(offset % 256).unwrap()],
            });
        } else {
            let (event, rated) = event(offset);
            commit.charges.push(place(partition, offset), START, &event, rated);
            let cost = commit.charges.cost(commit.charges.rows().last().unwrap());
            commit.charges.attribute_last(&attribution(offset, cost));
        }
    }
    commit
}

async fn open(dir: &Path) -> Lake {
    Lake::open(dir).await.unwrap()
}

async fn table(dir: &Path, name: TableName) -> DeltaTable {
    load(dir, name).await.unwrap()
}

/// All rows of a table as the library reads them.
async fn read(dir: &Path, name: TableName) -> RecordBatch {
    let (_, stream) = table(dir, name).await.scan_table().await.unwrap();
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    let schema = batches.first().unwrap().schema();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

fn longs(batch: &RecordBatch, name: &str) -> Vec<i64> {
    batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn pico(batch: &RecordBatch, name: &str) -> i128 {
    arrow::compute::sum(batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>()).unwrap_or(0)
}

/// (partition, offset) of every row, sorted; twice if a row is there twice.
async fn places(dir: &Path, name: TableName) -> Vec<(i32, i64)> {
    if table(dir, name).await.get_file_uris().unwrap().next().is_none() {
        return Vec::new();
    }
    let batch = read(dir, name).await;
    let partitions = batch.column_by_name("partition").unwrap().as_primitive::<Int32Type>().values().to_vec();
    let mut places: Vec<_> = partitions.into_iter().zip(longs(&batch, "offset")).collect();
    places.sort_unstable();
    places
}

/// All tables hold exactly what `commit(partition, 0, to)` would have put there for each of `ends`.
async fn assert_holds(dir: &Path, ends: &[(i32, i64)]) {
    let expected = |rejects: bool| {
        let all = ends.iter().flat_map(|(partition, to)| (0..*to).map(move |offset| (*partition, offset)));
        all.filter(|(_, offset)| (offset % 10 == 9) == rejects).collect::<Vec<_>>()
    };
    assert_eq!(places(dir, TableName::Requests).await, expected(false));
    assert_eq!(places(dir, TableName::Rejects).await, expected(true));
    let blame = expected(false).into_iter().flat_map(|place| std::iter::repeat_n(place, culprits(place.1)));
    assert_eq!(places(dir, TableName::Blame).await, blame.collect::<Vec<_>>());
    let partitions: Vec<_> = ends.iter().map(|(partition, _)| Partition(*partition)).collect();
    let positions: Positions = ends.iter().map(|(partition, to)| (Partition(*partition), Offset(*to))).collect();
    assert_eq!(open(dir).await.positions(&partitions).await.unwrap(), positions);
}

#[tokio::test]
async fn a_commit_again_or_in_part_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = open(dir.path()).await;
    assert_eq!(lake.positions(&[Partition(3)]).await.unwrap(), BTreeMap::from([(Partition(3), Offset(0))]));
    lake.commit(&commit(3, 0, 20)).await.unwrap();
    assert_holds(dir.path(), &[(3, 20)]).await;
    let version = table(dir.path(), TableName::Requests).await.version();

    lake.commit(&commit(3, 0, 20)).await.unwrap();
    open(dir.path()).await.commit(&commit(3, 5, 15)).await.unwrap();
    assert_holds(dir.path(), &[(3, 20)]).await;
    assert_eq!(table(dir.path(), TableName::Requests).await.version(), version, "nothing new writes no version");

    open(dir.path()).await.commit(&commit(3, 10, 35)).await.unwrap();
    lake.commit(&commit(3, 0, 31)).await.unwrap();
    assert_holds(dir.path(), &[(3, 35)]).await;
}

#[tokio::test]
async fn a_death_between_the_tables_is_mended_by_the_replay() {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = open(dir.path()).await;
    lake.commit(&commit(0, 0, 10)).await.unwrap();
    lake.commit_rejects_only(&commit(0, 10, 30)).await.unwrap();
    drop(lake);

    let mut lake = open(dir.path()).await;
    let positions = lake.positions(&[Partition(0)]).await.unwrap();
    assert_eq!(positions, BTreeMap::from([(Partition(0), Offset(10))]), "what only one table holds is not held");
    lake.commit(&commit(0, 10, 25)).await.unwrap();
    lake.commit(&commit(0, 25, 40)).await.unwrap();
    assert_holds(dir.path(), &[(0, 40)]).await;
}

#[tokio::test]
async fn a_death_before_the_log_entry_leaves_a_file_that_is_stepped_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = open(dir.path()).await;
    let day = dir.path().join("requests/date=2026-03-01");
    std::fs::create_dir_all(&day).unwrap();
    std::fs::write(day.join("p0-0-5-v0-0.parquet"), b"half a file").unwrap();
    lake.commit(&commit(0, 0, 5)).await.unwrap();
    assert!(day.join("p0-0-5-v0-1.parquet").exists());
    assert_holds(dir.path(), &[(0, 5)]).await;
}

#[tokio::test]
async fn a_log_without_charges_moves_the_position_without_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = open(dir.path()).await;
    let mut duplicates = Commit::default();
    duplicates.ranges.insert(Partition(1), OffsetRange { from: Offset(0), to: Offset(500) });
    lake.commit(&duplicates).await.unwrap();
    assert_eq!(lake.positions(&[Partition(1)]).await.unwrap(), BTreeMap::from([(Partition(1), Offset(500))]));
    assert_eq!(places(dir.path(), TableName::Requests).await, []);
    assert_eq!(table(dir.path(), TableName::Rejects).await.version(), Some(0));
    lake.commit(&Commit::default()).await.unwrap();
    assert_eq!(table(dir.path(), TableName::Requests).await.version(), Some(1), "an idle system writes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_different_partitions_do_not_disturb_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let write = |partition: i32| {
        let dir = dir.path();
        async move {
            let mut lake = open(dir).await;
            for step in 0..6 {
                lake.commit(&commit(partition, step * 10, step * 10 + 10)).await.unwrap();
            }
        }
    };
    futures::join!(write(0), write(1), write(2));
    assert_holds(dir.path(), &[(0, 60), (1, 60), (2, 60)]).await;
}

#[tokio::test]
async fn a_stale_writer_of_the_same_partition_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut stale = open(dir.path()).await;
    stale.commit(&commit(0, 0, 10)).await.unwrap();
    let mut owner = open(dir.path()).await;
    owner.commit(&commit(0, 10, 30)).await.unwrap();

    stale.commit(&commit(0, 10, 20)).await.unwrap();
    assert_holds(dir.path(), &[(0, 30)]).await;
    stale.commit(&commit(0, 20, 40)).await.unwrap();
    owner.commit(&commit(0, 30, 50)).await.unwrap();
    assert_holds(dir.path(), &[(0, 50)]).await;
}

#[tokio::test]
async fn a_partition_that_came_back_is_not_judged_by_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = open(dir.path()).await;
    first.commit(&commit(0, 0, 10)).await.unwrap();
    open(dir.path()).await.commit(&commit(0, 10, 30)).await.unwrap();
    // This one passes the other's entry without a conflict, because it is about another partition.
    first.commit(&commit(1, 0, 10)).await.unwrap();
    first.commit(&commit(0, 10, 40)).await.unwrap();
    assert_holds(dir.path(), &[(0, 40), (1, 10)]).await;
}

#[tokio::test]
async fn a_position_never_passes_rows_that_were_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = open(dir.path()).await;
    lake.commit(&commit(0, 0, 10)).await.unwrap();
    let error = lake.commit(&commit(0, 11, 20)).await.unwrap_err();
    assert!(matches!(error, Error::Hole { held: Offset(10), from: Offset(11), .. }), "{error}");
    assert_eq!(error.kind(), Kind::Halt);
    assert_holds(dir.path(), &[(0, 10)]).await;
    // What looks like a hole to one that has not read the log for a while is none if another has filled it.
    open(dir.path()).await.commit(&commit(0, 10, 30)).await.unwrap();
    lake.commit(&commit(0, 30, 40)).await.unwrap();
    assert_holds(dir.path(), &[(0, 40)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_writers_of_one_partition_write_each_row_once() {
    let dir = tempfile::tempdir().unwrap();
    let write = |step: i64| {
        let dir = dir.path();
        async move {
            let mut lake = open(dir).await;
            let mut from = 0;
            while from < 60 {
                lake.commit(&commit(0, from, (from + step).min(60))).await.unwrap();
                from += step;
            }
        }
    };
    futures::join!(write(10), write(7), write(20));
    assert_holds(dir.path(), &[(0, 60)]).await;
}

#[tokio::test]
async fn rows_say_what_the_events_said() {
    let dir = tempfile::tempdir().unwrap();
    let whole = commit(2, 0, 40);
    open(dir.path()).await.commit(&whole).await.unwrap();
    let batch = read(dir.path(), TableName::Requests).await;

    let expected: Usd = whole.charges.rows().iter().map(|row| whole.charges.cost(row)).sum();
    assert_eq!(Usd::from_pico(pico(&batch, "cost_usd")), expected);
    let parts = ["uncached", "cache_read", "cache_write", "output", "other"];
    let parts: i128 = parts.into_iter().map(|part| pico(&batch, &format!("cost_{part}_usd"))).sum();
    assert_eq!(Usd::from_pico(parts), expected);
    for class in Class::ALL {
        let quantity: u64 = whole.charges.rows().iter().map(|row| whole.charges.parts(row).get(class)).sum();
        let stored: i64 = longs(&batch, &requests::quantity_column(class)).into_iter().sum();
        assert_eq!(stored, i64::try_from(quantity).unwrap(), "{}", class.name());
    }
    assert!(longs(&batch, "node_epoch").iter().all(|epoch| epoch.cast_unsigned() == u64::MAX));
    let chains = batch.column_by_name("prefix_chain").unwrap();
    let chains = arrow::compute::cast(chains, &DataType::Binary).unwrap();
    for (chain, offset) in chains.as_binary::<i32>().iter().zip(longs(&batch, "offset")) {
        assert_eq!(chain.unwrap(), [1_u64.to_be_bytes(), offset.unsigned_abs().to_be_bytes()].concat());
    }
    let texts = |name: &str| arrow::compute::cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
    let (sessions, replicas) = (texts("session"), texts("replica"));
    let stored = sessions.as_string::<i32>().iter().zip(replicas.as_string::<i32>());
    for ((session, replica), offset) in stored.zip(longs(&batch, "offset")) {
        let CacheUse { session: said, replica: served, .. } = event(offset).0.cache;
        assert_eq!((session, replica), (said.as_deref(), served.as_deref()), "offset {offset}");
    }
    for (name, nulls) in [("tenant", 10), ("unpriced", 28), ("service_tier", 36), ("ttft_us", 36), ("queue_us", 0)] {
        assert_eq!(batch.column_by_name(name).unwrap().null_count(), nulls, "{name}");
    }

    let rejects = read(dir.path(), TableName::Rejects).await;
    let raw = arrow::compute::cast(rejects.column_by_name("raw").unwrap(), &DataType::Binary).unwrap();
    let raw: BTreeSet<_> = raw.as_binary::<i32>().iter().flatten().map(<[u8]>::to_vec).collect();
    assert_eq!(raw, BTreeSet::from([vec![0xff, 9], vec![0xff, 19], vec![0xff, 29], vec![0xff, 39]]));
}

#[tokio::test]
async fn files_are_by_day_and_sorted_by_tenant_then_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut two_days = commit(0, 0, 9);
    let (mut late, rated) = event(10);
    late.time = EventTime(START.0 - 1);
    two_days.ranges.insert(Partition(0), OffsetRange { from: Offset(0), to: Offset(11) });
    two_days.charges.push(place(0, 10), START, &late, rated);
    open(dir.path()).await.commit(&two_days).await.unwrap();

    let mut uris: Vec<_> = table(dir.path(), TableName::Requests).await.get_file_uris().unwrap().collect();
    uris.sort();
    assert_eq!(uris.len(), 2);
    assert!(uris[0].contains("/date=2026-02-28/") && uris[1].contains("/date=2026-03-01/"), "{uris:?}");

    let days = requests::by_day(&two_days.charges, |_| true);
    let batch = requests::to_batch(&two_days.charges, &days[1].1).unwrap();
    let tenants = arrow::compute::cast(batch.column_by_name("tenant").unwrap(), &DataType::Utf8).unwrap();
    let times = batch.column_by_name("time").unwrap().as_primitive::<TimestampMicrosecondType>().values().to_vec();
    let keys: Vec<_> = tenants.as_string::<i32>().iter().zip(times).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(keys.len(), 9);
}

#[tokio::test]
async fn upkeep_merges_files_and_keeps_rows_and_positions() {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = open(dir.path()).await;
    for step in 0..8 {
        lake.commit(&commit(0, step * 10, step * 10 + 10)).await.unwrap();
    }
    let day = dir.path().join("requests/date=2026-03-01");
    let done = Lake::maintain(dir.path(), Upkeep { retention: Micros(0), ..Upkeep::default() }).await.unwrap();
    assert_eq!((done.files_merged, done.files_written, done.files_deleted), (24, 3, 24));
    assert_eq!(std::fs::read_dir(&day).unwrap().count(), 1);
    assert!(dir.path().join("requests/_delta_log/_last_checkpoint").exists());
    assert_holds(dir.path(), &[(0, 80)]).await;
    // A writer that was open all the while goes on.
    lake.commit(&commit(0, 80, 100)).await.unwrap();
    assert_holds(dir.path(), &[(0, 100)]).await;
}

#[tokio::test]
async fn tables_ask_nothing_special_of_their_readers() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.commit(&commit(0, 0, 10)).await.unwrap();
    for name in TableName::ALL {
        let table = table(dir.path(), name).await;
        let protocol = table.snapshot().unwrap().protocol();
        assert_eq!((protocol.min_reader_version(), protocol.min_writer_version()), (1, 2));
    }
}

#[tokio::test]
async fn what_cannot_be_right_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = open(dir.path()).await;
    let mut outside = commit(0, 0, 5);
    outside.ranges.insert(Partition(0), OffsetRange { from: Offset(0), to: Offset(4) });
    let error = lake.commit(&outside).await.unwrap_err();
    assert!(matches!(error, Error::OutsideRanges { place } if place.offset == Offset(4)), "{error}");
    assert_eq!(error.kind(), Kind::Halt);
    outside.ranges.insert(Partition(0), OffsetRange { from: Offset(1), to: Offset(5) });
    let error = lake.commit(&outside).await.unwrap_err();
    assert!(matches!(error, Error::OutsideRanges { place } if place.offset == Offset(0)), "{error}");
    drop(lake);

    std::fs::rename(dir.path().join("rejects"), dir.path().join("requests.old")).unwrap();
    std::fs::rename(dir.path().join("requests"), dir.path().join("rejects")).unwrap();
    std::fs::rename(dir.path().join("requests.old"), dir.path().join("requests")).unwrap();
    let error = Lake::open(dir.path()).await.unwrap_err();
    assert!(matches!(error, Error::Columns { table: TableName::Requests, .. }), "{error}");
}

#[test]
fn absurd_days_still_have_a_date() {
    let dates = [i32::MIN, -1, 0, 20_000, i32::MAX].map(crate::columns::date_text);
    assert_eq!(dates, ["0001-01-01", "1969-12-31", "1970-01-01", "2024-10-04", "9999-12-31"]);
}

#[test]
fn the_documents_list_exactly_the_columns() {
    let requests = requests::to_batch(&Charges::default(), &[]).unwrap();
    let blame = crate::blame::to_batch(&Charges::default(), &[]).unwrap();
    let rejects = crate::rejects::to_batch(&[], &[]).unwrap();
    for (batch, text) in [
        (requests, include_str!("../../../schemas/lake/requests.md")),
        (blame, include_str!("../../../schemas/lake/blame.md")),
        (rejects, include_str!("../../../schemas/lake/rejects.md")),
    ] {
        let documented: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .map(|(name, rest)| (name, rest.split(" | ").next().unwrap_or_default().to_owned()))
            .collect();
        let schema = batch.schema();
        let columns = schema.fields().iter().map(|field| (field.name().as_str(), documented_type(field)));
        let columns: Vec<_> = std::iter::once(("date", "date".to_owned())).chain(columns).collect();
        assert_eq!(documented, columns);
    }
}

/// A column's type as the documents spell it, with `?` if it may be null.
fn documented_type(field: &Field) -> String {
    let kind = match field.data_type() {
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "long".to_owned(),
        DataType::Dictionary(_, _) | DataType::Utf8 => "string".to_owned(),
        DataType::Timestamp(_, _) => "timestamp".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::List(element) => format!("array<{}>", documented_type(element)),
        DataType::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(|f| format!("{}: {}", f.name(), documented_type(f))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        other => other.to_string().to_lowercase(),
    };
    format!("{kind}{}", if field.is_nullable() { "?" } else { "" })
}

#[tokio::test]
async fn a_reader_waits_for_the_lake_and_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut reader = Reader::new(dir.path());
    assert!(reader.newest().await.unwrap().is_empty());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

    open(dir.path()).await.commit(&commit(0, 0, 10)).await.unwrap();
    let tables = reader.newest().await.unwrap();
    assert_eq!(tables.iter().map(|(name, _)| *name).collect::<Vec<_>>(), TableName::ALL);
    let wanted = requests::to_batch(&Charges::default(), &[]).unwrap().num_columns() + 1;
    assert_eq!(tables[0].1.schema().fields().len(), wanted, "the columns of the files and the partition column");
}
