//! Tables `streams` and `gaps`: how complete each node's count is, and which runs are missing.

use std::collections::BTreeMap;

use aliquot_core::commit::StreamReport;
use aliquot_core::position::Partition;
use futures::TryStreamExt;

use crate::columns::limit;
use crate::database::{FromRow, Row, Session, Statement};
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
        let mut transaction = self.begin_reading().await?;
        let mut gaps = BTreeMap::<(Partition, String, u64, String), Vec<(u64, u64)>>::new();
        for gap in read_gaps(&mut transaction, STREAMS_MAX.saturating_add(1)).await? {
            let key = (gap.partition, gap.source, gap.epoch, gap.domain);
            gaps.entry(key).or_default().push((gap.from, gap.to));
        }
        if gaps.values().map(Vec::len).sum::<usize>() > STREAMS_MAX {
            return Err(Error::TooMany { what: "gaps", limit: STREAMS_MAX });
        }
        let mut rows = Statement::new(
            self.dialect(),
            "SELECT partition, source, node_epoch, domain, end_seq, received_count FROM streams \
             ORDER BY partition, source, node_epoch, domain",
        )
        .stream::<StreamReport>(&mut transaction);
        let mut streams = Vec::new();
        while let Some(mut report) = rows.try_next().await.map_err(failed())? {
            if streams.len() >= STREAMS_MAX {
                return Err(Error::TooMany { what: "streams", limit: STREAMS_MAX });
            }
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
        read_gaps(&mut self.reader().await?, rows).await
    }
}

async fn read_gaps(session: &mut Session, rows: usize) -> Result<Vec<Gap>, Error> {
    Statement::new(
        session.dialect(),
        "SELECT partition, source, node_epoch, domain, from_seq, to_seq FROM gaps \
         ORDER BY source, node_epoch, domain, partition, from_seq LIMIT $1",
    )
    .bind(limit(rows))
    .all(session)
    .await
    .map_err(Error::sql("read the gaps of"))
}

/// Replaces what is known of the streams.
pub(crate) async fn put(session: &mut Session, reports: impl Iterator<Item = &StreamReport>) -> Result<(), Error> {
    // Of two reports about a stream the later one holds.
    let reports: BTreeMap<Key<'_>, &StreamReport> = reports.map(|report| (key_of(report), report)).collect();
    let reports: Vec<_> = reports.into_iter().collect();
    for chunk in reports.chunks(ROWS_PER_STATEMENT) {
        put_streams(session, chunk).await?;
    }
    for (key, _) in &reports {
        delete_gaps(session, *key).await?;
    }
    let gaps = reports.iter().flat_map(|(key, report)| report.gaps.iter().map(|gap| (*key, *gap)));
    let gaps: Vec<_> = gaps.collect();
    for chunk in gaps.chunks(ROWS_PER_STATEMENT) {
        insert_gaps(session, chunk).await?;
    }
    Ok(())
}

fn key_of(report: &StreamReport) -> Key<'_> {
    (report.partition, &report.source, report.epoch, &report.domain)
}

async fn put_streams(session: &mut Session, reports: &[(Key<'_>, &StreamReport)]) -> Result<(), Error> {
    let mut query = Statement::composed(
        session.dialect(),
        "INSERT INTO streams (partition, source, node_epoch, domain, end_seq, received_count) ",
    );
    query.push_values(reports, |row, ((partition, source, epoch, domain), report)| {
        row.bind(partition.0)
            .bind(*source)
            .bind(epoch.cast_signed())
            .bind(*domain)
            .bind(report.end.cast_signed())
            .bind(report.received.cast_signed());
    });
    query.push(
        " ON CONFLICT (partition, source, node_epoch, domain) \
         DO UPDATE SET end_seq = excluded.end_seq, received_count = excluded.received_count",
    );
    query.execute(session).await.map_err(Error::sql("write the streams of"))?;
    Ok(())
}

/// One statement per stream: with a list of keys of four columns, SQLite would read the whole table.
async fn delete_gaps(session: &mut Session, (partition, source, epoch, domain): Key<'_>) -> Result<(), Error> {
    let delete = "DELETE FROM gaps WHERE partition = $1 AND source = $2 AND node_epoch = $3 AND domain = $4";
    Statement::new(session.dialect(), delete)
        .bind(partition.0)
        .bind(source)
        .bind(epoch.cast_signed())
        .bind(domain)
        .execute(session)
        .await
        .map_err(Error::sql("write the gaps of"))?;
    Ok(())
}

async fn insert_gaps(session: &mut Session, gaps: &[(Key<'_>, (u64, u64))]) -> Result<(), Error> {
    let mut query = Statement::composed(
        session.dialect(),
        "INSERT INTO gaps (partition, source, node_epoch, domain, from_seq, to_seq) ",
    );
    query.push_values(gaps, |row, ((partition, source, epoch, domain), (from, to))| {
        row.bind(partition.0)
            .bind(*source)
            .bind(epoch.cast_signed())
            .bind(*domain)
            .bind(from.cast_signed())
            .bind(to.cast_signed());
    });
    query.execute(session).await.map_err(Error::sql("write the gaps of"))?;
    Ok(())
}

/// Without its gaps.
impl FromRow for StreamReport {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            partition: Partition(row.small("partition")?),
            source: row.text("source")?,
            epoch: row.int("node_epoch")?.cast_unsigned(),
            domain: row.text("domain")?,
            end: row.int("end_seq")?.cast_unsigned(),
            received: row.int("received_count")?.cast_unsigned(),
            gaps: Vec::new(),
        })
    }
}

impl FromRow for Gap {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            partition: Partition(row.small("partition")?),
            source: row.text("source")?,
            epoch: row.int("node_epoch")?.cast_unsigned(),
            domain: row.text("domain")?,
            from: row.int("from_seq")?.cast_unsigned(),
            to: row.int("to_seq")?.cast_unsigned(),
        })
    }
}
