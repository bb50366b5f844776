//! Charges as columns of the table `requests`, one row per request. It lays out; sums and prices were decided before.
//!
//! A charge is wide, so its row is walked once and spread over all columns, instead of walking all rows once per column. Strings
//! are never copied: every text column is a list of symbols over the commit's one table of names.

use std::sync::Arc;

use aliquot_core::charge::{Charge, Charges, Symbol, Use};
use aliquot_core::money::Usd;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;
use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Array, Decimal128Builder, DictionaryArray, Int32Array,
    Int32Builder, Int64Array, Int64Builder, RecordBatch, StringArray, StringBuilder, StringDictionaryBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

use crate::causes::CauseLists;
use crate::columns::{Columns, MONEY_PRECISION, MONEY_SCALE, money_builder, time_builder};

/// The columns of money that are parts of `cost_usd`, in the order of [`Part`].
const PARTS: [&str; 5] =
    ["cost_uncached_usd", "cost_cache_read_usd", "cost_cache_write_usd", "cost_output_usd", "cost_other_usd"];

/// The columns of text that may be null, but for the tenant and the reason of a missing price.
const OPTIONAL_NAMES: [&str; 8] =
    ["operation", "service_tier", "region", "feature", "project", "traffic_class", "session", "replica"];

/// The column of [`PARTS`] that a class's cost is in.
const fn part_of(class: Class) -> usize {
    match class {
        Class::Uncached => 0,
        Class::CacheRead | Class::AudioCacheRead | Class::ImageCacheRead => 1,
        Class::CacheWrite5m | Class::CacheWrite1h | Class::CacheWriteOther => 2,
        Class::Output | Class::Reasoning | Class::AudioOut | Class::ImageOut | Class::VideoOut => 3,
        Class::AudioIn | Class::ImageIn | Class::VideoIn => 4,
        Class::WebSearches | Class::Requests | Class::GpuMicros | Class::CacheStorage => 4,
    }
}

/// The column of the table `requests` that holds a class's quantity.
pub fn quantity_column(class: Class) -> String {
    match class {
        Class::WebSearches | Class::Requests | Class::GpuMicros | Class::CacheStorage => class.name().to_owned(),
        _ => format!("{}_tokens", class.name()),
    }
}

/// The place in a commit of each row of one file.
pub(crate) type Picked = Vec<usize>;

/// Sorts the rows for which `keep` holds into files: one per UTC day of billing time, each by tenant, then time, then arrival.
pub(crate) fn by_day(charges: &Charges, keep: impl Fn(&Charge) -> bool) -> Vec<(i32, Picked)> {
    let ranks = ranks(charges);
    let rank = |symbol: Option<Symbol>| symbol.and_then(|symbol| ranks.get(symbol.number() as usize)).copied();
    let mut keys: Vec<_> = charges
        .rows()
        .iter()
        .enumerate()
        .filter(|(_, charge)| keep(charge))
        .map(|(place, charge)| (charge.time.day(), rank(charge.tenant), charge.time, place))
        .collect();
    keys.sort_unstable();
    keys.chunk_by(|left, right| left.0 == right.0)
        .map(|day| (day.first().map_or(0, |key| key.0), day.iter().map(|key| key.3).collect()))
        .collect()
}

/// For each symbol, the place of its string in alphabetical order.
fn ranks(charges: &Charges) -> Vec<u32> {
    let mut order: Vec<(&str, u32)> = charges.names.all().zip(0..).collect();
    order.sort_unstable();
    let mut ranks = vec![0; order.len()];
    for ((_, symbol), rank) in order.into_iter().zip(0_u32..) {
        if let Some(slot) = ranks.get_mut(symbol as usize) {
            *slot = rank;
        }
    }
    ranks
}

/// The picked rows as columns, in the picked order.
pub(crate) fn to_batch(charges: &Charges, picked: &[usize]) -> Result<RecordBatch, ArrowError> {
    let mut builders = Builders::new(picked.len());
    for (row, place) in picked.iter().enumerate() {
        builders.push(row, charges, &charges.rows()[*place])?;
    }
    builders.finish(charges)
}

/// Nanoseconds matter here: one builder per column, each with room for all rows.
struct Builders {
    partition: Int32Builder,
    offset: Int64Builder,
    index: Int64Builder,
    received_at: TimestampMicrosecondBuilder,
    time: TimestampMicrosecondBuilder,
    id: StringBuilder,
    source: Int32Builder,
    attempt: Int64Builder,
    tenant: Int32Builder,
    node_epoch: Int64Builder,
    node_seq: Int64Builder,
    /// `domain`, `provider`, `request_model`, `model`.
    required_names: [Int32Builder; 4],
    /// Those of [`OPTIONAL_NAMES`].
    optional_names: [Int32Builder; OPTIONAL_NAMES.len()],
    http_status: Int32Builder,
    /// Begun with zeros, because a request uses few of the classes.
    quantities: [Vec<i64>; Class::COUNT],
    cache_reported: BooleanBuilder,
    block_tokens: Int64Builder,
    sampled_of: Int64Builder,
    prefix_chain: BinaryBuilder,
    /// `queue_us`, `ttft_us`, `duration_us`.
    durations: [Int64Builder; 3],
    cost: Vec<i128>,
    cost_parts: [Vec<i128>; PARTS.len()],
    unpriced: StringDictionaryBuilder<Int32Type>,
    price_book: StringDictionaryBuilder<Int32Type>,
    causes: CauseLists,
    standalone: Decimal128Builder,
    /// The last price book and its spelling: almost every row of a commit has the same.
    book: Option<(u64, String)>,
    /// The bytes of one prefix chain.
    chain: Vec<u8>,
}

fn money(pico: Vec<i128>) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(Decimal128Array::from(pico).with_precision_and_scale(MONEY_PRECISION, MONEY_SCALE)?))
}

/// Bytes of an event id for which room is made: a UUID in text.
const ID_BYTES: usize = 36;

impl Builders {
    fn new(rows: usize) -> Self {
        let int = || Int32Builder::with_capacity(rows);
        let long = || Int64Builder::with_capacity(rows);
        let time = || time_builder(rows);
        Self {
            partition: int(),
            offset: long(),
            index: long(),
            received_at: time(),
            time: time(),
            id: StringBuilder::with_capacity(rows, rows * ID_BYTES),
            source: int(),
            attempt: long(),
            tenant: int(),
            node_epoch: long(),
            node_seq: long(),
            required_names: std::array::from_fn(|_| int()),
            optional_names: std::array::from_fn(|_| int()),
            http_status: int(),
            quantities: std::array::from_fn(|_| vec![0; rows]),
            cache_reported: BooleanBuilder::with_capacity(rows),
            block_tokens: long(),
            sampled_of: long(),
            prefix_chain: BinaryBuilder::with_capacity(rows, 0),
            durations: std::array::from_fn(|_| long()),
            cost: vec![0; rows],
            cost_parts: std::array::from_fn(|_| vec![0; rows]),
            unpriced: StringDictionaryBuilder::new(),
            price_book: StringDictionaryBuilder::new(),
            causes: CauseLists::new(rows),
            standalone: money_builder(rows),
            book: None,
            chain: Vec::new(),
        }
    }

    fn push(&mut self, row: usize, charges: &Charges, charge: &Charge) -> Result<(), ArrowError> {
        self.push_place(charges, charge);
        self.push_names(charge);
        self.push_uses(row, charges.uses(charge));
        self.cache_reported.append_value(charge.cache_reported);
        self.push_chain(charges, charge);
        for (builder, duration) in self.durations.iter_mut().zip([charge.queue, charge.ttft, charge.duration]) {
            builder.append_option(duration.map(|Micros(micros)| micros));
        }
        self.causes.push(charges.causes(charge));
        self.standalone.append_option(charge.standalone.map(Usd::pico));
        self.push_price(charge)
    }

    fn push_place(&mut self, charges: &Charges, charge: &Charge) {
        let EventTime(received_at) = charge.received_at;
        let EventTime(time) = charge.time;
        self.partition.append_value(charge.place.partition.0);
        self.offset.append_value(charge.place.offset.0);
        self.index.append_value(i64::from(charge.place.index));
        self.received_at.append_value(received_at);
        self.time.append_value(time);
        self.id.append_value(charges.id(charge));
        self.attempt.append_value(i64::from(charge.attempt));
        self.node_epoch.append_option(charge.sequence.map(|sequence| sequence.epoch.cast_signed()));
        self.node_seq.append_option(charge.sequence.map(|sequence| sequence.seq.cast_signed()));
        self.http_status.append_option(charge.http_status.map(i32::from));
    }

    fn push_names(&mut self, charge: &Charge) {
        let key = |symbol: Symbol| symbol.number().cast_signed();
        self.source.append_value(key(charge.source));
        self.tenant.append_option(charge.tenant.map(key));
        let required = [charge.domain, charge.provider, charge.request_model, charge.model];
        for (builder, symbol) in self.required_names.iter_mut().zip(required) {
            builder.append_value(key(symbol));
        }
        let optional = [
            charge.operation,
            charge.service_tier,
            charge.region,
            charge.feature,
            charge.project,
            charge.traffic_class,
            charge.session,
            charge.replica,
        ];
        for (builder, symbol) in self.optional_names.iter_mut().zip(optional) {
            builder.append_option(symbol.map(key));
        }
    }

    fn push_chain(&mut self, charges: &Charges, charge: &Charge) {
        self.block_tokens.append_value(i64::from(charge.block_tokens));
        self.sampled_of.append_value(i64::from(charge.sampled_of));
        if charge.block_tokens == 0 {
            self.prefix_chain.append_null();
            return;
        }
        self.chain.clear();
        for block in charges.blocks(charge) {
            self.chain.extend_from_slice(&block.to_be_bytes());
        }
        self.prefix_chain.append_value(&self.chain);
    }

    fn push_uses(&mut self, row: usize, uses: &[Use]) {
        for Use { class, quantity, cost, .. } in uses {
            self.quantities[class.index()][row] = quantity.cast_signed();
            // No single charge comes near 2^127 picodollars: its quantity is below 2^40 and its rate below 2^64.
            self.cost_parts[part_of(*class)][row] += cost.pico();
            self.cost[row] += cost.pico();
        }
    }

    fn push_price(&mut self, charge: &Charge) -> Result<(), ArrowError> {
        self.unpriced.append_option(charge.unpriced.map(|unpriced| unpriced.name()));
        let id = charge.book.0;
        let (_, text) = match self.book.take() {
            Some(book) if book.0 == id => self.book.insert(book),
            _ => self.book.insert((id, format!("{id:016x}"))),
        };
        self.price_book.append(text.as_str())?;
        Ok(())
    }

    fn finish(mut self, charges: &Charges) -> Result<RecordBatch, ArrowError> {
        let text = named(charges);
        let mut columns = Columns::default();
        columns.required("partition", Arc::new(self.partition.finish()));
        columns.required("offset", Arc::new(self.offset.finish()));
        columns.required("index", Arc::new(self.index.finish()));
        columns.required("received_at", Arc::new(self.received_at.finish()));
        columns.required("time", Arc::new(self.time.finish()));
        columns.required("id", Arc::new(self.id.finish()));
        columns.required("source", text(self.source.finish())?);
        columns.required("attempt", Arc::new(self.attempt.finish()));
        columns.optional("tenant", text(self.tenant.finish())?);
        columns.optional("node_epoch", Arc::new(self.node_epoch.finish()));
        columns.optional("node_seq", Arc::new(self.node_seq.finish()));
        for (name, keys) in ["domain", "provider", "request_model", "model"].into_iter().zip(&mut self.required_names) {
            columns.required(name, text(keys.finish())?);
        }
        for (name, keys) in OPTIONAL_NAMES.into_iter().zip(&mut self.optional_names) {
            columns.optional(name, text(keys.finish())?);
        }
        columns.optional("http_status", Arc::new(self.http_status.finish()));
        for (class, quantities) in Class::ALL.into_iter().zip(self.quantities) {
            columns.required(quantity_column(class), Arc::new(Int64Array::from(quantities)));
        }
        columns.required("cache_reported", Arc::new(self.cache_reported.finish()));
        columns.required("block_tokens", Arc::new(self.block_tokens.finish()));
        columns.required("sampled_of", Arc::new(self.sampled_of.finish()));
        columns.optional("prefix_chain", Arc::new(self.prefix_chain.finish()));
        for (name, durations) in ["queue_us", "ttft_us", "duration_us"].into_iter().zip(&mut self.durations) {
            columns.optional(name, Arc::new(durations.finish()));
        }
        columns.required("cost_usd", money(self.cost)?);
        for (name, parts) in PARTS.into_iter().zip(self.cost_parts) {
            columns.required(name, money(parts)?);
        }
        columns.optional("unpriced", Arc::new(self.unpriced.finish()));
        columns.required("price_book", Arc::new(self.price_book.finish()));
        columns.optional("causes", self.causes.finish()?);
        columns.optional("standalone_usd", Arc::new(self.standalone.finish()));
        columns.finish()
    }
}

/// Makes columns of text from symbols of the commit's names. All of them refer to one copy of the names.
pub(crate) fn named(charges: &Charges) -> impl Fn(Int32Array) -> Result<ArrayRef, ArrowError> {
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(charges.names.all()));
    move |keys| Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(&names))?))
}
