//! What attribution says, in the lake: a list beside each request, rows of blame, and both right whoever dies between them.

use arrow::array::{Array, AsArray, ListArray, StructArray};
use arrow::compute::{cast, concat_batches};

use super::*;

fn texts(array: &dyn Array) -> Vec<Option<String>> {
    let array = cast(array, &DataType::Utf8).unwrap();
    array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

/// The lists of the column `causes`, by offset.
fn causes_by_offset(batch: &RecordBatch) -> BTreeMap<i64, Option<StructArray>> {
    let lists: &ListArray = batch.column_by_name("causes").unwrap().as_list();
    let list = |row| lists.is_valid(row).then(|| lists.value(row).as_struct().clone());
    longs(batch, "offset").into_iter().zip((0..lists.len()).map(list)).collect()
}

fn sum(parts: &StructArray) -> i128 {
    parts.column_by_name("cost_usd").unwrap().as_primitive::<Decimal128Type>().values().iter().sum()
}

#[tokio::test]
async fn parts_of_a_request_are_its_whole_cost_and_nobody_asked_is_null() {
    let dir = tempfile::tempdir().unwrap();
    let whole = commit(0, 0, 30);
    open(dir.path()).await.commit(&whole).await.unwrap();
    // Merged files are written by another hand than ours.
    for _ in 0..2 {
        let batch = read(dir.path(), TableName::Requests).await;
        let lists = causes_by_offset(&batch);
        for row in whole.charges.rows() {
            let Some(parts) = lists.get(&row.place.offset.0).unwrap() else {
                assert_eq!(whole.charges.causes(row), []);
                continue;
            };
            assert_eq!(Usd::from_pico(sum(parts)), whole.charges.cost(row));
            let [hit, evicted] = whole.charges.causes(row) else { panic!("two parts") };
            assert_eq!(
                texts(parts.column_by_name("cause").unwrap()),
                ["hit", "evicted_neighbour"].map(|n| Some(n.into()))
            );
            assert_eq!(texts(parts.column_by_name("runner_up").unwrap()), [None, Some("ttl_expired".to_owned())]);
            assert_eq!(texts(parts.column_by_name("evidence").unwrap()), vec![Some("modelled".to_owned()); 2]);
            let tokens = parts.column_by_name("tokens").unwrap().as_primitive::<Int64Type>();
            assert_eq!(tokens.values(), &[hit.tokens.cast_signed(), evicted.tokens.cast_signed()]);
        }
        assert_eq!(lists.values().flatten().count(), 18, "of 27 requests two thirds");
        let standalone = batch.column_by_name("standalone_usd").unwrap();
        assert_eq!(standalone.len() - standalone.null_count(), 9, "of 27 requests one third");
        let known: i128 = whole.charges.rows().iter().filter_map(|row| row.standalone).map(Usd::pico).sum();
        assert_eq!(pico(&batch, "standalone_usd"), known);
        open(dir.path()).await.commit(&commit(0, 30, 31)).await.unwrap();
        Lake::maintain(dir.path(), Upkeep::default()).await.unwrap();
    }
}

#[tokio::test]
async fn rows_of_blame_say_who_did_it_to_whom() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.commit(&commit(4, 0, 9)).await.unwrap();
    let batch = read(dir.path(), TableName::Blame).await;
    let column = |name: &str| texts(batch.column_by_name(name).unwrap());
    let mut rows: Vec<_> = longs(&batch, "offset")
        .into_iter()
        .zip(longs(&batch, "quantity"))
        .zip(column("victim").into_iter().zip(column("culprit_kind").into_iter().zip(column("culprit"))))
        .map(|((offset, quantity), (victim, (kind, culprit)))| (offset, quantity, victim, kind.unwrap(), culprit))
        .collect();
    rows.sort_by_key(|row| (row.0, -row.1));
    let row = |offset, quantity, victim: Option<&str>, kind: &str, culprit: Option<&str>| {
        (offset, quantity, victim.map(str::to_owned), kind.to_owned(), culprit.map(str::to_owned))
    };
    assert_eq!(
        rows,
        [
            row(1, 1, Some("globex"), "tenant", Some("umbrella")),
            row(2, 2, Some("acme"), "no_tenant", None),
            row(2, -2, Some("acme"), "background", None),
            row(4, 4, None, "tenant", Some("umbrella")),
            row(5, 5, Some("globex"), "no_tenant", None),
            row(5, -5, Some("globex"), "background", None),
            row(7, 7, Some("initech"), "tenant", Some("umbrella")),
            row(8, 8, None, "no_tenant", None),
            row(8, -8, None, "background", None),
        ]
    );
    for (name, text) in [("game", "g1"), ("harm", "miss"), ("cause", "evicted_neighbour"), ("evidence", "inferred")] {
        assert_eq!(column(name), vec![Some(text.to_owned()); 9], "{name}");
    }
    assert_eq!((pico(&batch, "cost_usd"), pico(&batch, "avoidable_usd")), (7 * (1 + 4 + 7), 9));
    assert_eq!(column("domain"), vec![Some("domain-a".to_owned()); 9]);
    assert_eq!(column("model"), vec![Some("m-1".to_owned()); 9]);
    assert_eq!(column("id").len(), 9);
}

#[tokio::test]
async fn a_death_between_any_two_tables_is_mended_by_a_replay_cut_anywhere() {
    for cut in [[10, 25, 40], [10, 30, 40], [10, 31, 40], [10, 11, 40]] {
        let dir = tempfile::tempdir().unwrap();
        let mut lake = open(dir.path()).await;
        lake.commit(&commit(0, 0, 10)).await.unwrap();
        lake.commit_all_but_requests(&commit(0, 10, 30)).await.unwrap();
        drop(lake);

        let mut lake = open(dir.path()).await;
        let positions = lake.positions(&[Partition(0)]).await.unwrap();
        assert_eq!(positions, BTreeMap::from([(Partition(0), Offset(10))]), "what `requests` lacks is not held");
        for ends in cut.windows(2) {
            lake.commit(&commit(0, ends[0], ends[1])).await.unwrap();
        }
        assert_holds(dir.path(), &[(0, 40)]).await;
    }
}

#[tokio::test]
async fn without_blame_the_table_stands_still() {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = open(dir.path()).await;
    let mut quiet = commit(0, 3, 4);
    quiet.ranges.insert(Partition(0), OffsetRange { from: Offset(0), to: Offset(4) });
    lake.commit(&quiet).await.unwrap();
    assert_eq!(table(dir.path(), TableName::Blame).await.version(), Some(0));
    lake.commit(&commit(0, 4, 5)).await.unwrap();
    assert_eq!(table(dir.path(), TableName::Blame).await.version(), Some(1));
    assert_eq!(places(dir.path(), TableName::Blame).await, [(0, 4)]);
}

/// A table `requests` as the version before sessions and attribution made it, with one row.
async fn older_lake(dir: &Path) {
    let whole = commit(0, 0, 1);
    let batch = requests::to_batch(&whole.charges, &[0]).unwrap();
    let is_later = |name: &str| ["session", "replica", "causes", "standalone_usd"].contains(&name);
    let schema = batch.schema();
    let older: Vec<_> = (0..batch.num_columns()).filter(|column| !is_later(schema.field(*column).name())).collect();
    assert_eq!(older.len(), batch.num_columns() - 4);
    let batch = batch.project(&older).unwrap();
    let mut older = crate::table::Table::open(dir, TableName::Requests, &batch.schema()).await.unwrap();
    let (bytes, stats) = (crate::data_file::encode(&batch).unwrap(), crate::data_file::stats(&batch));
    let file = crate::data_file::put(older.store().as_ref(), START.day(), "old", bytes, stats).await.unwrap();
    older.append(vec![file], &BTreeMap::from([(Partition(0), Offset(1))])).await.unwrap();
}

#[tokio::test]
async fn a_lake_of_the_version_before_gets_the_columns_and_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    older_lake(dir.path()).await;
    let (first, second) = futures::join!(Lake::open(dir.path()), Lake::open(dir.path()));
    let mut lake = first.unwrap();
    second.unwrap();
    lake.commit(&commit(0, 1, 10)).await.unwrap();
    let requests = read(dir.path(), TableName::Requests).await;
    let lists = causes_by_offset(&requests);
    assert_eq!(lists.len(), 9);
    assert!(lists[&0].is_none() && lists[&1].is_some());
    assert_holds(dir.path(), &[(0, 10)]).await;
    Lake::maintain(dir.path(), Upkeep::default()).await.unwrap();
    let merged = read(dir.path(), TableName::Requests).await;
    let merged = concat_batches(&merged.schema(), [&merged]).unwrap();
    assert_eq!(causes_by_offset(&merged), lists);
}
