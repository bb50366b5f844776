//! Series: sums over the table `requests` by time and dimensions, page by page. Whatever the asker wrote enters the plan as a
//! literal of an expression and never as SQL, and filters stand below the sums, so a filtered row has touched no number.

use aliquot_core::time::EventTime;
use aliquot_core::usage::Class;
use aliquot_lake::{TableName, quantity_column};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::SortExpr;
use datafusion::prelude::{DataFrame, Expr, SessionContext, cast, col, lit, when};
use datafusion::scalar::ScalarValue;

use crate::bucket::{self, Bucket};
use crate::cursor::Cursor;
use crate::engine::Engine;
use crate::error::Error;
use crate::series_rows::{Page, to_page};

/// What is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Quantities by class.
    Usage,
    /// Money.
    Costs,
    /// Prompt tokens read from, written to and not in a cache.
    HitRates,
}

/// What can be grouped and filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Who is billed.
    Tenant,
    /// The model it was priced as.
    Model,
    /// Who served it.
    Provider,
    /// The cache domain.
    Domain,
    /// The customer's feature.
    Feature,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 5] = [Self::Tenant, Self::Model, Self::Provider, Self::Domain, Self::Feature];

    /// The one spelling used in columns and questions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Domain => "domain",
            Self::Feature => "feature",
        }
    }

    /// The dimension of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name)
    }
}

/// Only rows with this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The dimension.
    pub dimension: Dimension,
    /// Its value.
    pub value: String,
}

/// A question for a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What is summed.
    pub measure: Measure,
    /// By what, in this order; none = one sum per bucket.
    pub group_by: Vec<Dimension>,
    /// The length of a bucket; none = one sum over the whole time.
    pub bucket: Option<Bucket>,
    /// Whose clock the buckets are of, as in `Europe/Berlin`.
    pub time_zone: String,
    /// From this billing time on.
    pub from: EventTime,
    /// Until just before this one.
    pub to: EventTime,
    /// All of them hold for every row that is summed.
    pub filters: Vec<Filter>,
    /// Rows of one page, from 1 to the engine's limit.
    pub limit: usize,
    /// Continues after this row of an earlier page of the same question.
    pub after: Option<Cursor>,
}

/// The key of the bucket in the plan.
const BUCKET: &str = "bucket";

impl Engine {
    /// Answers one page: rows in order of bucket, then dimensions, unknown values first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn series(&self, ask: &Ask) -> Result<Page, Error> {
        let zone = bucket::zone(&ask.time_zone)?;
        check(ask, self.limits().rows)?;
        let answer = self.collect(async |context| plan(ask, zone, context).await).await?;
        to_page(ask, zone, &answer)
    }
}

fn check(ask: &Ask, limit_max: usize) -> Result<(), Error> {
    let refused = |why: String| Err(Error::Ask(why));
    if ask.from >= ask.to {
        return refused("the time is empty; `from` must lie before `to`".to_owned());
    }
    if !(1..=limit_max).contains(&ask.limit) {
        return refused(format!("a page has from 1 to {limit_max} rows, and {} were asked for", ask.limit));
    }
    let twice = ask
        .group_by
        .iter()
        .enumerate()
        .find(|(place, dimension)| ask.group_by.iter().take(*place).any(|d| d == *dimension));
    if let Some((_, dimension)) = twice {
        return refused(format!("`{}` is grouped by twice", dimension.name()));
    }
    let fits = |cursor: &Cursor| {
        cursor.bucket.is_some() == ask.bucket.is_some() && cursor.dimensions.len() == ask.group_by.len()
    };
    if ask.after.as_ref().is_some_and(|cursor| !fits(cursor)) {
        return refused("the cursor belongs to another question; start again without it".to_owned());
    }
    Ok(())
}

async fn plan(ask: &Ask, zone: Tz, context: &SessionContext) -> datafusion::error::Result<DataFrame> {
    let bucket = ask.bucket.map(|bucket| bucket.key(zone).alias(BUCKET));
    let groups: Vec<Expr> = bucket.into_iter().chain(ask.group_by.iter().map(|by| col(by.name()))).collect();
    let keys = ask.bucket.iter().map(|_| BUCKET).chain(ask.group_by.iter().map(|by| by.name()));
    let order: Vec<SortExpr> = keys.map(|key| col(key).sort(true, true)).collect();
    let mut frame = context.table(TableName::Requests.name()).await?;
    frame = frame.filter(rows_of(ask))?.aggregate(groups, sums(ask.measure))?;
    if let Some(after) = &ask.after {
        frame = frame.filter(beyond(ask, after))?;
    }
    if !order.is_empty() {
        frame = frame.sort(order)?;
    }
    // One more than the page holds says whether there is another page.
    frame.limit(0, Some(ask.limit.saturating_add(1)))
}

/// Which rows are summed.
fn rows_of(ask: &Ask) -> Expr {
    let at = |EventTime(micros)| lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
    let within = col("time").gt_eq(at(ask.from)).and(col("time").lt(at(ask.to)));
    ask.filters
        .iter()
        .fold(within, |rows, filter| rows.and(col(filter.dimension.name()).eq(lit(filter.value.as_str()))))
}

/// The rows after the cursor: later in the first key in which they differ.
fn beyond(ask: &Ask, after: &Cursor) -> Expr {
    let text = |value: &Option<String>| ScalarValue::Utf8(value.clone());
    let dimensions = ask.group_by.iter().zip(&after.dimensions).map(|(by, value)| (col(by.name()), text(value)));
    let bucket = after.bucket.map(|key| (col(BUCKET), ScalarValue::Int64(Some(key))));
    let mut equal_so_far = lit(true);
    let mut beyond = lit(false);
    for (key, value) in bucket.into_iter().chain(dimensions) {
        // Unknown values come first, so everything that is known comes after them.
        let (equal, later) = match value.is_null() {
            true => (key.clone().is_null(), key.is_not_null()),
            false => (key.clone().eq(lit(value.clone())), key.gt(lit(value))),
        };
        beyond = beyond.or(equal_so_far.clone().and(later));
        equal_so_far = equal_so_far.and(equal);
    }
    beyond
}

/// The sums, in the order in which the rows are read. Quantities are summed in 128 bits: the lake holds whatever was reported, and
/// a few million absurd reports must not wrap a total into a plausible one.
fn sums(measure: Measure) -> Vec<Expr> {
    let whole = |expression: Expr| sum(cast(expression, DataType::Decimal128(38, 0)));
    let mut sums = vec![count(lit(1_i64)).alias("events")];
    match measure {
        Measure::Usage => {
            sums.extend(
                Class::ALL.map(|class| whole(col(quantity_column(class))).alias(format!("sum_{}", class.name()))),
            );
        }
        Measure::Costs => {
            sums.push(count(col("unpriced")).alias("unpriced_events"));
            sums.extend(MONEY.map(|column| sum(col(column)).alias(format!("sum_{column}"))));
        }
        Measure::HitRates => {
            let reported = |expression: Expr| {
                when(col("cache_reported"), expression).end().map(whole).unwrap_or_else(|_| lit(ScalarValue::Null))
            };
            sums.push(reported(lit(1_i64)).alias("reported_events"));
            let written = ["cache_write_5m_tokens", "cache_write_1h_tokens", "cache_write_other_tokens"].map(col);
            let [first, second, third] = written.map(|column| cast(column, DataType::Decimal128(20, 0)));
            sums.push(reported(cast(col("cache_read_tokens"), DataType::Decimal128(20, 0))).alias("read"));
            sums.push(reported(first + second + third).alias("written"));
            sums.push(reported(cast(col("uncached_tokens"), DataType::Decimal128(20, 0))).alias("uncached"));
        }
    }
    sums
}

/// The columns of money, the whole first.
const MONEY: [&str; 6] = [
    "cost_usd",
    "cost_uncached_usd",
    "cost_cache_read_usd",
    "cost_cache_write_usd",
    "cost_output_usd",
    "cost_other_usd",
];
