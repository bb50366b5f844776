//! Tables `streams` and `gaps`: how complete each node's count is, and which runs are missing.

use std::collections::BTreeMap;

use aliquot_core::commit::StreamReport;
use aliquot_core::position::Partition;
use futures::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row, Sqlite, SqliteConnection};

use crate::columns::limit;
use crate::error::Error;
use crate::ledger::Ledger;

/// Streams, and gaps, that one call answers at most; some 200 bytes each.
pub const STREAMS_MAX: usize = 500_000;

/// Streams or gaps in one statement, of six parameters each; see the totals for the limits.
const ROWS_PER_STATEMENT: usize = 500;

/// Events of one stream that are missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The partition the stream is on.
    pub partition: Partition,
    /// The node or proxy.
    pub source: String,
    /// The node's epoch.
    pub epoch: u64,
    /// The cache domain.
    pub domain: String,
    /// The first missing number.
    pub from: u64,
    /// One past the last missing number.
    pub to: u64,
}

/// What names a stream.
type Key<'r> = (Partition, &'r str, u64, &'r str);

impl Ledger {
    /// Every stream, with its gaps, by partition, node, epoch and domain.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond [`STREAMS_MAX`], and what the database says.
    pub async fn streams(&self) -> Result<Vec<StreamReport>, Error> {
        let failed = || Error::sql("read the streams of");
        // One transaction, so that the gaps are those of the streams.
        let mut transaction = self.readers.begin().await.map_err(failed())?;
        let mut gaps = BTreeMap::<(Partition, String, u64, String), Vec<(u64, u64)>>::new();
        for gap in read_gaps(&mut transaction, STREAMS_MAX.saturating_add(1)).await? {
            let key = (gap.partition, gap.source, gap.epoch, gap.domain);
            gaps.entry(key).or_default().push((gap.from, gap.to));
        }
        if gaps.values().map(Vec::len).sum::<usize>() > STREAMS_MAX {
            return Err(Error::TooMany { what: "gaps", limit: STREAMS_MAX });
        }
        let mut rows = sqlx::query(
            "SELECT partition, source, node_epoch, domain, end_seq, received_count FROM streams \
             ORDER BY partition, source, node_epoch, domain",
        )
        .fetch(&mut *transaction);
        let mut streams = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(failed())? {
            if streams.len() >= STREAMS_MAX {
                return Err(Error::TooMany { what: "streams", limit: STREAMS_MAX });
            }
            let mut report = report_from_row(&row).map_err(failed())?;
            let key = (report.partition, report.source, report.epoch, report.domain);
            report.gaps = gaps.remove(&key).unwrap_or_default();
            (_, report.source, _, report.domain) = key;
            streams.push(report);
        }
        Ok(streams)
    }

    /// Up to `rows` gaps, by node, epoch, domain and range.
    ///
    /// # Errors
    /// What the database says.
    pub async fn gaps(&self, rows: usize) -> Result<Vec<Gap>, Error> {
        let mut connection = self.readers.acquire().await.map_err(Error::sql("read the gaps of"))?;
        read_gaps(&mut connection, rows).await
    }
}

async fn read_gaps(connection: &mut SqliteConnection, rows: usize) -> Result<Vec<Gap>, Error> {
    sqlx::query_as(
        "SELECT partition, source, node_epoch, domain, from_seq, to_seq FROM gaps \
         ORDER BY source, node_epoch, domain, partition, from_seq LIMIT $1",
    )
    .bind(limit(rows))
    .fetch_all(connection)
    .await
    .map_err(Error::sql("read the gaps of"))
}

/// Replaces what is known of the streams.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    reports: impl Iterator<Item = &StreamReport>,
) -> Result<(), Error> {
    // Of two reports about a stream the later one holds.
    let reports: BTreeMap<Key<'_>, &StreamReport> = reports.map(|report| (key_of(report), report)).collect();
    let reports: Vec<_> = reports.into_iter().collect();
    for chunk in reports.chunks(ROWS_PER_STATEMENT) {
        put_streams(connection, chunk).await?;
    }
    for (key, _) in &reports {
        delete_gaps(connection, *key).await?;
    }
    let gaps = reports.iter().flat_map(|(key, report)| report.gaps.iter().map(|gap| (*key, *gap)));
    let gaps: Vec<_> = gaps.collect();
    for chunk in gaps.chunks(ROWS_PER_STATEMENT) {
        insert_gaps(connection, chunk).await?;
    }
    Ok(())
}

fn key_of(report: &StreamReport) -> Key<'_> {
    (report.partition, &report.source, report.epoch, &report.domain)
}

async fn put_streams(connection: &mut SqliteConnection, reports: &[(Key<'_>, &StreamReport)]) -> Result<(), Error> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO streams (partition, source, node_epoch, domain, end_seq, received_count) ",
    );
    query.push_values(reports, |mut row, ((partition, source, epoch, domain), report)| {
        row.push_bind(partition.0)
            .push_bind(*source)
            .push_bind(epoch.cast_signed())
            .push_bind(*domain)
            .push_bind(report.end.cast_signed())
            .push_bind(report.received.cast_signed());
    });
    query.push(
        " ON CONFLICT (partition, source, node_epoch, domain) \
         DO UPDATE SET end_seq = excluded.end_seq, received_count = excluded.received_count",
    );
    execute(connection, query, "write the streams of").await
}

/// One statement per stream: with a list of keys of four columns, SQLite would read the whole table.
async fn delete_gaps(
    connection: &mut SqliteConnection,
    (partition, source, epoch, domain): Key<'_>,
) -> Result<(), Error> {
    sqlx::query("DELETE FROM gaps WHERE partition = $1 AND source = $2 AND node_epoch = $3 AND domain = $4")
        .bind(partition.0)
        .bind(source)
        .bind(epoch.cast_signed())
        .bind(domain)
        .execute(connection)
        .await
        .map_err(Error::sql("write the gaps of"))?;
    Ok(())
}

async fn insert_gaps(connection: &mut SqliteConnection, gaps: &[(Key<'_>, (u64, u64))]) -> Result<(), Error> {
    let mut query =
        QueryBuilder::<Sqlite>::new("INSERT INTO gaps (partition, source, node_epoch, domain, from_seq, to_seq) ");
    query.push_values(gaps, |mut row, ((partition, source, epoch, domain), (from, to))| {
        row.push_bind(partition.0)
            .push_bind(*source)
            .push_bind(epoch.cast_signed())
            .push_bind(*domain)
            .push_bind(from.cast_signed())
            .push_bind(to.cast_signed());
    });
    execute(connection, query, "write the gaps of").await
}

/// Runs a statement whose length is that of the data, so that keeping it prepared would not pay.
async fn execute(
    connection: &mut SqliteConnection,
    mut query: QueryBuilder<Sqlite>,
    doing: &'static str,
) -> Result<(), Error> {
    query.build().persistent(false).execute(connection).await.map_err(Error::sql(doing))?;
    Ok(())
}

fn report_from_row(row: &SqliteRow) -> Result<StreamReport, sqlx::Error> {
    Ok(StreamReport {
        partition: Partition(row.try_get("partition")?),
        source: row.try_get("source")?,
        epoch: row.try_get::<i64, _>("node_epoch")?.cast_unsigned(),
        domain: row.try_get("domain")?,
        end: row.try_get::<i64, _>("end_seq")?.cast_unsigned(),
        received: row.try_get::<i64, _>("received_count")?.cast_unsigned(),
        gaps: Vec::new(),
    })
}

impl FromRow<'_, SqliteRow> for Gap {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            partition: Partition(row.try_get("partition")?),
            source: row.try_get("source")?,
            epoch: row.try_get::<i64, _>("node_epoch")?.cast_unsigned(),
            domain: row.try_get("domain")?,
            from: row.try_get::<i64, _>("from_seq")?.cast_unsigned(),
            to: row.try_get::<i64, _>("to_seq")?.cast_unsigned(),
        })
    }
}
