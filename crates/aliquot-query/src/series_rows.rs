//! The rows of a series, typed. Ratios are left to whoever shows them: a row has the numerator and the denominator.

use aliquot_core::money::Usd;
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};

use crate::answer::Answer;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::series::{Ask, Measure};

/// One page of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` = this is the last.
    pub next: Option<Cursor>,
}

/// One sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The first instant of the bucket; `None` = the series has no buckets.
    pub start: Option<EventTime>,
    /// The values of the dimensions, in the order of the grouping; `None` = not known.
    pub dimensions: Vec<Option<String>>,
    /// The sums.
    pub amounts: Amounts,
}

/// The sums of one row, by what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amounts {
    /// Quantities.
    Usage(Box<Usage>),
    /// Money.
    Costs(Costs),
    /// Tokens by their way through the cache.
    HitRate(HitRate),
}

/// What was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Requests, priced or not.
    pub events: u128,
    /// Quantities by class.
    pub quantities: ByClass<u128>,
}

/// What it cost. The five parts sum to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Requests, priced or not.
    pub events: u128,
    /// Requests of which at least a part has no price and is not in these sums.
    pub unpriced_events: u128,
    /// The whole.
    pub cost: Usd,
    /// Prompt tokens that were not in a cache.
    pub uncached: Usd,
    /// Cache reads.
    pub cache_read: Usd,
    /// Cache writes.
    pub cache_write: Usd,
    /// Output.
    pub output: Usd,
    /// Everything else.
    pub other: Usd,
}

/// How much of the prompts came out of a cache, over the requests whose reporters say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HitRate {
    /// Requests.
    pub events: u128,
    /// Requests whose reporters say anything about cache reads; the tokens are theirs alone.
    pub reported_events: u128,
    /// Tokens read from a cache.
    pub read: u128,
    /// Tokens written to a cache.
    pub written: u128,
    /// Tokens neither read nor written.
    pub uncached: u128,
}

impl HitRate {
    /// The numerator of the hit rate: tokens read.
    pub const fn numerator(&self) -> u128 {
        self.read
    }

    /// The denominator of the hit rate: tokens read, written and uncached. 0 = there is no rate.
    pub const fn denominator(&self) -> u128 {
        self.read.saturating_add(self.written).saturating_add(self.uncached)
    }
}

/// The first `ask.limit` rows of the answer, and where the others begin.
pub(crate) fn to_page(ask: &Ask, zone: Tz, answer: &Answer) -> Result<Page, Error> {
    let mut page = Page { rows: Vec::new(), next: None };
    let mut last = None;
    for batch in &answer.batches {
        for row in 0..batch.num_rows() {
            if page.rows.len() == ask.limit {
                page.next = last;
                return Ok(page);
            }
            let mut cells = Cells { batch, row, next: 0 };
            let bucket = ask.bucket.map(|_| cells.long());
            let dimensions: Vec<_> = ask.group_by.iter().map(|_| cells.text()).collect();
            let amounts = cells.amounts(ask.measure)?;
            // A sum over everything exists even where there was nothing.
            if cells.is_of_nothing(bucket.is_some(), dimensions.len()) {
                continue;
            }
            let start = match ask.bucket.zip(bucket) {
                Some((length, key)) => Some(length.start(key, zone).ok_or_else(|| out_of_range("a time"))?),
                None => None,
            };
            page.rows.push(Row { start, dimensions: dimensions.clone(), amounts });
            last = Some(Cursor { bucket, dimensions });
        }
    }
    Ok(page)
}

fn out_of_range(what: &str) -> Error {
    Error::Sql(format!("{what} in the lake is out of range; narrow the time to leave it out"))
}

/// The cells of one row, from left to right.
struct Cells<'a> {
    batch: &'a RecordBatch,
    row: usize,
    next: usize,
}

impl Cells<'_> {
    fn cell(&mut self) -> &dyn Array {
        let array = self.batch.column(self.next);
        self.next += 1;
        array.as_ref()
    }

    fn long(&mut self) -> i64 {
        let row = self.row;
        self.cell().as_primitive::<Int64Type>().value(row)
    }

    fn text(&mut self) -> Option<String> {
        let row = self.row;
        let array = self.cell().as_string::<i32>();
        array.is_valid(row).then(|| array.value(row).to_owned())
    }

    /// A sum or a count; over no row at all it is null, and there it is zero.
    fn number(&mut self) -> i128 {
        let row = self.row;
        let array = self.cell();
        match array.data_type() {
            _ if array.is_null(row) => 0,
            DataType::Int64 => i128::from(array.as_primitive::<Int64Type>().value(row)),
            _ => array.as_primitive::<Decimal128Type>().value(row),
        }
    }

    fn whole(&mut self) -> Result<u128, Error> {
        u128::try_from(self.number()).map_err(|_| out_of_range("a quantity"))
    }

    fn usd(&mut self) -> Usd {
        Usd::from_pico(self.number())
    }

    fn amounts(&mut self, measure: Measure) -> Result<Amounts, Error> {
        Ok(match measure {
            Measure::Usage => {
                let mut usage = Usage { events: self.whole()?, quantities: ByClass::all(0) };
                for class in Class::ALL {
                    usage.quantities.set(class, self.whole()?);
                }
                Amounts::Usage(Box::new(usage))
            }
            Measure::Costs => Amounts::Costs(Costs {
                events: self.whole()?,
                unpriced_events: self.whole()?,
                cost: self.usd(),
                uncached: self.usd(),
                cache_read: self.usd(),
                cache_write: self.usd(),
                output: self.usd(),
                other: self.usd(),
            }),
            Measure::HitRates => Amounts::HitRate(HitRate {
                events: self.whole()?,
                reported_events: self.whole()?,
                read: self.whole()?,
                written: self.whole()?,
                uncached: self.whole()?,
            }),
        })
    }

    /// Whether the row, which has these keys, counts no event: the first cell after the keys.
    fn is_of_nothing(&mut self, bucketed: bool, dimensions: usize) -> bool {
        self.next = usize::from(bucketed) + dimensions;
        self.number() == 0
    }
}
