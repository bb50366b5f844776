//! Table `domain_fits`: how well the model of each cache fits, as the newest commit says. Judges none.

use aliquot_core::cause::Evidence;
use aliquot_core::commit::Commit;
use aliquot_core::externality::{Fit, Tier};
use aliquot_core::position::{Offset, Partition};

use crate::admit::Admitted;
use crate::columns::{limit, word};
use crate::database::{FromRow, Row, Session, Statement};
use crate::error::Error;
use crate::key;
use crate::ledger::Ledger;

/// Fits that one call answers at most; some 200 bytes each.
pub const FITS_MAX: usize = 100_000;

/// A row as it is held.
struct Held {
    domain: String,
    replica: Option<String>,
    partition: i32,
    capacity_blocks: Option<i64>,
    evidence: String,
    error_ppm: Option<i64>,
    tier: String,
    next_offset: i64,
}

impl Ledger {
    /// The fit of each cache of the domain, or of every domain, with the first offset that it has not seen, by domain and replica.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond [`FITS_MAX`], and what the database says.
    pub async fn fits(&self, domain: Option<&str>) -> Result<Vec<(Fit, Offset)>, Error> {
        let rows: Vec<Held> = Statement::new(
            self.dialect(),
            "SELECT domain, replica, partition, capacity_blocks, evidence, error_ppm, tier, next_offset FROM domain_fits \
             WHERE $1 IS NULL OR domain = $1 ORDER BY fit_key LIMIT $2",
        )
        .bind(domain)
        .bind(limit(FITS_MAX.saturating_add(1)))
        .all(&mut self.reader().await?)
        .await
        .map_err(Error::sql("read the fits of"))?;
        if rows.len() > FITS_MAX {
            return Err(Error::TooMany { what: "fits", limit: FITS_MAX });
        }
        rows.into_iter().map(Held::into_fit).collect()
    }
}

/// Replaces what is known of the caches on partitions that move.
pub(crate) async fn put(session: &mut Session, commit: &Commit, admitted: &Admitted) -> Result<(), Error> {
    for fit in commit.fits.iter().filter(|fit| admitted.moves(fit.partition)) {
        let next = commit.ranges.get(&fit.partition).map_or(Offset::default(), |range| range.to);
        Statement::new(
            session.dialect(),
            "INSERT INTO domain_fits \
             (fit_key, domain, replica, partition, capacity_blocks, evidence, error_ppm, tier, next_offset) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (fit_key) DO UPDATE SET \
             capacity_blocks = excluded.capacity_blocks, evidence = excluded.evidence, \
             error_ppm = excluded.error_ppm, tier = excluded.tier, next_offset = excluded.next_offset",
        )
        .bind(encode(fit).as_slice())
        .bind(fit.domain.as_str())
        .bind(fit.replica.as_deref())
        .bind(fit.partition.0)
        .bind(fit.capacity_blocks.map(u64::cast_signed))
        .bind(fit.evidence.name())
        .bind(fit.error_ppm.map(i64::from))
        .bind(fit.tier.name())
        .bind(next.0)
        .execute(session)
        .await
        .map_err(Error::sql("write the fits of"))?;
    }
    Ok(())
}

/// The bytes of the column `fit_key`: domain, replica (none first), partition.
fn encode(fit: &Fit) -> Vec<u8> {
    let mut bytes = Vec::new();
    key::push_text(&mut bytes, &fit.domain);
    key::push_optional(&mut bytes, fit.replica.as_deref());
    bytes.extend(fit.partition.0.to_be_bytes());
    bytes
}

impl Held {
    fn into_fit(self) -> Result<(Fit, Offset), Error> {
        let ppm =
            |ppm: i64| u32::try_from(ppm).map_err(|_| Error::Corrupt { column: "error_ppm", found: ppm.to_string() });
        let fit = Fit {
            partition: Partition(self.partition),
            domain: self.domain,
            replica: self.replica,
            capacity_blocks: self.capacity_blocks.map(i64::cast_unsigned),
            evidence: word("evidence", self.evidence, Evidence::from_name)?,
            error_ppm: self.error_ppm.map(ppm).transpose()?,
            tier: word("tier", self.tier, Tier::from_name)?,
        };
        Ok((fit, Offset(self.next_offset)))
    }
}

impl FromRow for Held {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            domain: row.text("domain")?,
            replica: row.optional_text("replica")?,
            partition: row.small("partition")?,
            capacity_blocks: row.optional_int("capacity_blocks")?,
            evidence: row.text("evidence")?,
            error_ppm: row.optional_int("error_ppm")?,
            tier: row.text("tier")?,
            next_offset: row.int("next_offset")?,
        })
    }
}
