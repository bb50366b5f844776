//! What is refused: statements that are no questions, parameters that do not fit, and whatever is too large.

use std::time::Duration;

use aliquot_core::ports::Sink;
use aliquot_core::position::{Offset, OffsetRange, Partition};
use aliquot_lake::Lake;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;

use super::fixture::{Call, at, commit, lake_of, open, two_days};
use crate::{Answer, Engine, Error, Kind, Limits};

fn number(answer: &Answer) -> i64 {
    answer.batches.first().unwrap().column(0).as_primitive::<Int64Type>().value(0)
}

fn given(params: &[(&str, &str)]) -> Vec<(String, String)> {
    params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn only_questions_are_answered() {
    let dir = lake_of(&two_days()).await;
    let engine = open(dir.path());
    let target = dir.path().join("out.parquet");
    let copy = format!("COPY requests TO '{}'", target.display());
    let statements = [
        "DROP TABLE requests",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "INSERT INTO rejects SELECT * FROM rejects",
        "DELETE FROM requests",
        "UPDATE requests SET tenant = 'x'",
        "TRUNCATE TABLE requests",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "BEGIN",
        "EXPLAIN DELETE FROM requests",
        "EXPLAIN ANALYZE INSERT INTO rejects SELECT * FROM rejects",
        copy.as_str(),
    ];
    for statement in statements {
        let error = engine.sql(statement, &[]).await.unwrap_err();
        assert!(matches!(error, Error::ReadOnly(_)), "{statement}: {error}");
    }
    assert!(!target.exists());
    for statement in [
        "SELECT 1; DROP TABLE requests",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * INTO t FROM requests",
        "nonsense",
        "",
    ] {
        let error = engine.sql(statement, &[]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Asked, "{statement}: {error}");
    }
    assert_eq!(number(&engine.sql("SELECT count(*) FROM requests", &[]).await.unwrap()), 155);
    for question in
        ["SHOW TABLES", "DESCRIBE requests", "EXPLAIN SELECT * FROM rejects", "SHOW COLUMNS FROM requests", "SHOW ALL"]
    {
        assert!(engine.sql(question, &[]).await.unwrap().rows() > 0, "{question}");
    }
}

#[tokio::test]
async fn parameters_are_values_and_never_sql() {
    let dir = lake_of(&two_days()).await;
    let engine = open(dir.path());
    let sql = "SELECT count(*) FROM requests WHERE tenant = $tenant";
    let counts = [
        ("acme", 54),
        ("acme' OR '1' = '1", 0),
        ("'acme'", 0),
        ("x'; DROP TABLE requests; --", 0),
        ("$tenant", 0),
        ("7", 0),
        ("", 0),
    ];
    for (value, count) in counts {
        let answer = engine.sql(sql, &given(&[("tenant", value)])).await.unwrap();
        assert_eq!(number(&answer), count, "{value}");
    }
    let large =
        engine.sql("SELECT count(*) FROM requests WHERE uncached_tokens >= $n", &given(&[("n", "900000")])).await;
    assert_eq!(number(&large.unwrap()), 3);
    let plus = "-- param: n = 40   a number\n-- param: text = '2'   a text\nSELECT $n + 2 + CAST($text AS bigint)";
    for (params, sum) in [(vec![], 44), (vec![("n", "-1")], 3), (vec![("text", "8")], 50)] {
        assert_eq!(number(&engine.sql(plus, &given(&params)).await.unwrap()), sum);
    }
    let unfit = engine.sql("SELECT count(*) FROM requests WHERE tenant = 7", &[]).await.unwrap_err();
    assert_eq!(unfit.kind(), Kind::Asked, "{unfit}");
    let refused = [
        (plus, vec![("n", "1 OR 1=1")], "parameter `n` is to be a number, and \"1 OR 1=1\" is none"),
        (plus, vec![("m", "1")], "the query has no parameter `m`; it has n, text"),
        (sql, vec![], "parameter `tenant` has no value; give it as tenant=VALUE"),
        (
            "-- param: n = forty\nSELECT $n",
            vec![],
            "header line \"n = forty\" is to read `-- param: name = default   meaning`",
        ),
    ];
    for (sql, params, message) in refused {
        let error = engine.sql(sql, &given(&params)).await.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(error.kind(), Kind::Asked);
    }
}

#[tokio::test]
async fn each_limit_refuses_and_says_what_to_do() {
    let dir = lake_of(&two_days()).await;
    let limited = |limits| Engine::open(dir.path(), limits).unwrap();
    let rows = limited(Limits { rows: 154, ..Limits::default() });
    let error = rows.sql("SELECT id FROM requests", &[]).await.unwrap_err();
    assert!(matches!(error, Error::Rows(154)), "{error}");
    assert_eq!(
        limited(Limits { rows: 155, ..Limits::default() }).sql("SELECT id FROM requests", &[]).await.unwrap().rows(),
        155
    );

    let many = "SELECT a.value FROM generate_series(1, 3000) AS a CROSS JOIN generate_series(1, 3000) AS b ORDER BY a.value % 977";
    let small = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let error = limited(small).sql(many, &[]).await.unwrap_err();
    assert!(matches!(error, Error::Memory { bytes, .. } if bytes == 1 << 20), "{error}");
    // What was held is given back.
    let engine = limited(small);
    for _ in 0..40 {
        assert_eq!(engine.sql("SELECT id FROM requests", &[]).await.unwrap().rows(), 155);
    }

    // Each of them would run for hours; the second and the third read one batch and then nothing more.
    let brief = limited(Limits { time: Duration::from_millis(50), ..Limits::default() });
    let million = "generate_series(1, 1000000)";
    let endless = [
        "SELECT count(*) FROM generate_series(1, 100000000000000) AS a".to_owned(),
        format!("SELECT sum(a.value * b.value) FROM {million} AS a CROSS JOIN {million} AS b"),
        format!("SELECT count(*) FROM {million} AS a JOIN {million} AS b ON a.value % 2 = b.value % 2"),
        format!("SELECT count(*) FROM {million} AS a JOIN {million} AS b ON a.value + b.value > 7"),
    ];
    for sql in endless {
        let error = brief.sql(&sql, &[]).await.unwrap_err();
        assert!(matches!(error, Error::Time(_)), "{sql}: {error}");
        assert_eq!(error.kind(), Kind::TooLarge);
    }
    for gigabytes in
        ["repeat('x', 2000000000)", "range(1, 2000000000)", "array_repeat(1, 2000000000)", "lpad('x', 2000000000)"]
    {
        let error = limited(Limits::default()).sql(&format!("SELECT {gigabytes}"), &[]).await.unwrap_err();
        assert!(error.to_string().contains("function"), "{gigabytes}: {error}");
    }
}

#[tokio::test]
async fn a_lake_that_is_not_there_says_so_until_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let count = "SELECT count(*) FROM requests";
    for _ in 0..2 {
        let error = engine.sql(count, &[]).await.unwrap_err();
        assert!(matches!(error, Error::NoLake(_)), "{error}");
        assert_eq!(error.kind(), Kind::Absent);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a question makes nothing");

    let mut lake = Lake::open(dir.path()).await.unwrap();
    assert_eq!(number(&engine.sql(count, &[]).await.unwrap()), 0);
    let call = Call::cached(at(1, 0, 0, 0), "acme", "d-1", 1, 2);
    let calls = vec![call; 5];
    lake.commit(&commit(&calls[..3])).await.unwrap();
    assert_eq!(number(&engine.sql(count, &[]).await.unwrap()), 3);
    let mut more = commit(&calls);
    more.ranges.insert(Partition(0), OffsetRange { from: Offset(0), to: Offset(5) });
    lake.commit(&more).await.unwrap();
    assert_eq!(number(&engine.sql(count, &[]).await.unwrap()), 5, "each question reads the newest version");

    let error = engine.named("reports/reconcile_lake_ledger", &[]).await.unwrap_err();
    assert!(matches!(error, Error::NoLedger("ledger_totals")), "{error}");
}
