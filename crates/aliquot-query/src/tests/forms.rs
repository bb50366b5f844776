//! The forms of an answer, cell by cell.

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::fixture::{lake_of, open};
use crate::{Answer, Format};

/// One row of every kind of value, and one of nothing but unknown ones.
const KINDS: &str = "
SELECT * FROM (VALUES
    (1, 'a,\"b\"', CAST(0.000000075 AS decimal(38, 12)), CAST(9007199254740993 AS decimal(38, 0)), CAST(0.25 AS double),
     arrow_cast('2026-03-29T00:30:00.5Z', 'Timestamp(Microsecond, Some(\"UTC\"))'), DATE '2026-03-29', true),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) AS t (n, text, usd, whole, ratio, at, day, flag)";

async fn answer(sql: &str) -> Answer {
    let dir = lake_of(&[]).await;
    open(dir.path()).sql(sql, &[]).await.unwrap()
}

fn written(answer: &Answer, format: Format) -> String {
    let mut out = Vec::new();
    answer.write(format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn every_kind_of_value_has_one_spelling() {
    let answer = answer(KINDS).await;
    assert_eq!(
        written(&answer, Format::Json),
        concat!(
            r#"[{"n":1,"text":"a,\"b\"","usd":"0.000000075000","whole":9007199254740993,"ratio":0.25,"#,
            r#""at":"2026-03-29T00:30:00.500Z","day":"2026-03-29","flag":true},"#,
            r#"{"n":null,"text":null,"usd":null,"whole":null,"ratio":null,"at":null,"day":null,"flag":null}]"#,
            "\n"
        )
    );
    assert_eq!(
        written(&answer, Format::Csv),
        "n,text,usd,whole,ratio,at,day,flag\n\
         1,\"a,\"\"b\"\"\",0.000000075000,9007199254740993,0.25,2026-03-29T00:30:00.500Z,2026-03-29,true\n\
         ,,,,,,,\n"
    );
    assert_eq!(
        written(&answer, Format::Table),
        "\
n  text           usd             whole   ratio  at                        day         flag
-  -----  -----------  ----------------  ------  ------------------------  ----------  ----
1  a,\"b\"  0.000000075  9007199254740993  0.2500  2026-03-29T00:30:00.500Z  2026-03-29  true
-  -                -                 -       -  -                         -           -
2 rows
"
    );
}

#[tokio::test]
async fn parquet_gives_back_the_same_rows() {
    let answer = answer(KINDS).await;
    let mut bytes = Vec::new();
    answer.write(Format::Parquet, &mut bytes).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.reopen().unwrap()).unwrap().build().unwrap();
    let read: Vec<RecordBatch> = reader.collect::<Result<_, _>>().unwrap();
    assert_eq!(read, answer.batches);
}

#[tokio::test]
async fn nothing_is_written_as_nothing_and_zones_keep_their_offset() {
    let none = answer("SELECT 1 AS n, 'x' AS text WHERE false").await;
    assert_eq!(written(&none, Format::Json), "[]\n");
    assert_eq!(written(&none, Format::Csv), "n,text\n");
    assert_eq!(written(&none, Format::Table), "n  text\n-  ----\n0 rows\n");
    let zone = answer("SELECT to_timestamp('2026-03-29T00:30:00') AT TIME ZONE 'UTC' AS utc, to_timestamp('2026-03-29T00:30:00') AS bare").await;
    assert_eq!(written(&zone, Format::Csv), "utc,bare\n2026-03-29T00:30:00Z,2026-03-29T00:30:00Z\n");
    let zone = answer(
        "SELECT arrow_cast('2026-03-29T00:30:00Z', 'Timestamp(Microsecond, Some(\"Europe/Berlin\"))') AS berlin",
    )
    .await;
    assert_eq!(written(&zone, Format::Csv), "berlin\n2026-03-29T01:30:00+01:00\n");
    let bytes = answer("SELECT arrow_cast('ab', 'Binary') AS raw").await;
    assert_eq!(written(&bytes, Format::Json), "[{\"raw\":\"6162\"}]\n");
}

#[tokio::test]
async fn a_table_is_bounded_and_stays_on_its_lines() {
    let long = answer("SELECT value FROM generate_series(1, 250) ORDER BY value").await;
    let text = written(&long, Format::Table);
    assert_eq!(text.lines().count(), 2 + 200 + 1);
    assert!(
        text.ends_with("\n  200\n250 rows, of which the first 200 are shown; --format csv, json or parquet has all\n"),
        "{text}"
    );
    let wide = answer(&format!("SELECT '{}' || chr(10) AS text, chr(27) || '[2J' || chr(10) AS escape", "é".repeat(60))).await;
    let text = written(&wide, Format::Table);
    let expected = format!("{}…  \u{fffd}[2J\u{fffd}", "é".repeat(47));
    assert_eq!(text.lines().nth(2).unwrap(), expected);
    let money = answer("SELECT CAST(column1 AS decimal(38, 12)) AS usd FROM (VALUES (1), (-20.5), (3.125))").await;
    assert_eq!(written(&money, Format::Table), "    usd\n-------\n  1.000\n-20.500\n  3.125\n3 rows\n");
}
