//! The columns of `aliquot.request.v1` in Arrow: names, types, meanings, in this one place. Reads and writes no bytes.
//!
//! `prefix_blocks` is a list of unsigned 64-bit numbers, not binary: both decode by one copy of eight bytes per block, but a
//! list needs no rule about byte order or length, and any Arrow reader shows it as what it is. `limits` is one list of structs, and
//! not a list for each of its fields: those could be of different lengths.

use std::collections::HashMap;
use std::sync::Arc;

use aliquot_core::event::QUANTITY_MAX;
use aliquot_core::usage::Class;
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};

use crate::event_type::EventType;
use crate::request::MICROS_MAX;

/// The key of the schema's metadata that holds the event type, so that all rows of a stream are of one type.
pub(super) const TYPE: &str = "type";

const U16_MAX: u64 = 0xffff;
const U32_MAX: u64 = 0xffff_ffff;

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) need: Need,
    pub(super) meaning: &'static str,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Texts that hardly repeat: written plain.
    Id,
    /// Texts that repeat: written as a dictionary.
    Name,
    /// Whole numbers from 0 to this one.
    Count(u64),
    Time,
    Flag,
    Blocks,
    Limits,
}

/// Whether a column, and every cell of it, must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}

impl Kind {
    /// The type our encoder writes.
    fn data_type(self) -> DataType {
        match self {
            Self::Id => DataType::Utf8,
            Self::Name => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Self::Count(U16_MAX) => DataType::UInt16,
            Self::Count(U32_MAX) => DataType::UInt32,
            Self::Count(_) => DataType::UInt64,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Flag => DataType::Boolean,
            Self::Blocks => DataType::List(block_field()),
            Self::Limits => DataType::List(limit_field()),
        }
    }
}

/// The field of one block inside its list.
pub(super) fn block_field() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::UInt64, false))
}

/// The field of one limit inside its list.
pub(super) fn limit_field() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Struct(limit_fields()), false))
}

/// What one limit consists of, in the order it is written.
pub(super) fn limit_fields() -> Fields {
    LIMIT.into_iter().map(Column::field).collect()
}

/// The columns inside `limits`.
pub(super) static LIMIT: [Column; 6] = [
    required("bucket", Kind::Name, "which bucket: an organisation, a key, a model's pool"),
    required("counts", Kind::Name, "what it counts"),
    optional("limit", Kind::Count(u64::MAX), "the most it holds"),
    optional("remaining", Kind::Count(u64::MAX), "what was left"),
    optional("reset_us", Kind::Count(u64::MAX), "microseconds until it is full again"),
    optional("refused", Kind::Flag, "whether it refused the request; null = no"),
];

impl Column {
    pub(super) fn field(self) -> Field {
        Field::new(self.name, self.kind.data_type(), self.need == Need::Optional)
    }

    /// The column of that name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let fixed = BEFORE_PARTS.iter().chain(&AFTER_PARTS).find(|column| column.name == name);
        fixed.copied().or_else(|| Class::from_name(name).map(Self::of_class))
    }

    fn of_class(class: Class) -> Self {
        optional(class.name(), Kind::Count(u64::MAX), meaning_of(class))
    }
}

/// The Arrow schema of `aliquot.request.v1` with every column. A stream may leave out those that may be null.
pub fn schema() -> Schema {
    schema_of(all().map(Column::field).collect())
}

/// A schema of these fields, marked as what it is.
pub(super) fn schema_of(fields: Vec<Field>) -> Schema {
    Schema::new_with_metadata(fields, HashMap::from([(TYPE.to_owned(), EventType::Request.name().to_owned())]))
}

/// Every column, in the order they are written.
pub(super) fn all() -> impl Iterator<Item = Column> {
    let parts = Class::ALL.into_iter().map(Column::of_class);
    BEFORE_PARTS.iter().copied().chain(parts).chain(AFTER_PARTS.iter().copied())
}

const fn required(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, need: Need::Required, meaning }
}

const fn optional(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, need: Need::Optional, meaning }
}

static BEFORE_PARTS: [Column; 18] = [
    required("id", Kind::Id, "stable per logical request; a resend repeats it"),
    required("source", Kind::Name, "the node or proxy that reports"),
    required("time", Kind::Time, "billing time: the end of the request, the same in every resend"),
    optional("subject", Kind::Name, "the tenant who is billed; null = the node could not say"),
    optional("partitionkey", Kind::Name, "the cache domain; null = the source"),
    optional(
        "nodeepoch",
        Kind::Count(u64::MAX),
        "changes when the node's count starts again; with `nodeseq` or not at all",
    ),
    optional("nodeseq", Kind::Count(u64::MAX), "the node's own count within epoch and domain, consecutive from 0"),
    optional("attempt", Kind::Count(U32_MAX), "the try; null = 0, the first"),
    required("provider", Kind::Name, "who served it: `anthropic`, `openai`, …, `self` for a GPU node of ours"),
    required("request_model", Kind::Name, "the model that was asked for"),
    optional("response_model", Kind::Name, "the model that answered; prices go by this one"),
    optional("operation", Kind::Name, "`chat`, `completion`, `embedding`, …"),
    optional("service_tier", Kind::Name, "`standard`, `batch`, `flex`, `priority`, …"),
    optional("region", Kind::Name, "where it was served, if the price depends on it"),
    optional("feature", Kind::Name, "the customer's feature the request belongs to"),
    optional("project", Kind::Name, "the tenant's project"),
    optional("traffic_class", Kind::Name, "`prod`, `eval`, `canary`, `warmup`, `keepalive`, `probe`"),
    optional("http_status", Kind::Count(U16_MAX), "HTTP status of the answer"),
];

static AFTER_PARTS: [Column; 19] = [
    optional("input_total", Kind::Count(u64::MAX), "prompt tokens with all cache parts, as reported"),
    optional("output_total", Kind::Count(u64::MAX), "output tokens with reasoning, as reported"),
    optional(
        "cache_reported",
        Kind::Flag,
        "whether the reporter says anything about cache reads; null = yes if the row has a cell for a cache class, even a 0",
    ),
    optional("prefix_block_tokens", Kind::Count(U32_MAX), "tokens per block of the prefix chain; null = no chain"),
    optional("prefix_sampled_of", Kind::Count(U32_MAX), "one of this many blocks is listed; null = 1, all of them"),
    optional("prefix_blocks", Kind::Blocks, "the listed blocks as keyed hashes, root first; null = no chain"),
    optional("queue_us", Kind::Count(MICROS_MAX), "microseconds in the node's queue"),
    optional("ttft_us", Kind::Count(MICROS_MAX), "microseconds to the first token"),
    optional("duration_us", Kind::Count(MICROS_MAX), "microseconds from start to end"),
    optional("cache_session", Kind::Name, "the conversation or template it continues: an opaque key, never a text"),
    optional("cache_replica", Kind::Name, "which of the domain's engines served it, if there are several"),
    optional(
        "cache_router_reason",
        Kind::Name,
        "why the router chose it: `affinity`, `affinity_lost`, `load_spill`, `drain`, `random`",
    ),
    optional("cache_lifetime_us", Kind::Count(MICROS_MAX), "how long the cache was asked to keep what is not used"),
    optional("cache_bypass", Kind::Flag, "whether the cache was switched off for the request; null = no"),
    optional(
        "cache_cacheable_tokens",
        Kind::Count(QUANTITY_MAX),
        "prompt tokens up to the last breakpoint; null = no breakpoints",
    ),
    optional("cache_miss_reason", Kind::Name, "the provider's own word for why the prefix was not found"),
    optional(
        "cache_recomputed_tokens",
        Kind::Count(QUANTITY_MAX),
        "prompt tokens computed again after a preemption; null = 0",
    ),
    optional("cache_weights", Kind::Name, "the version of model weights or adapter"),
    optional(
        "limits",
        Kind::Limits,
        "shared limits as they stood at the answer; a number that cannot be true is read as null",
    ),
];

const fn meaning_of(class: Class) -> &'static str {
    match class {
        Class::Uncached => "prompt tokens neither read from nor written to a cache",
        Class::CacheRead => "prompt tokens read from a prefix cache",
        Class::CacheWrite5m => "prompt tokens written to a cache that lives five minutes",
        Class::CacheWrite1h => "prompt tokens written to a cache that lives one hour",
        Class::CacheWriteOther => "prompt tokens written to a cache of any other lifetime",
        Class::AudioIn => "audio tokens in the prompt",
        Class::ImageIn => "image tokens in the prompt",
        Class::VideoIn => "video tokens in the prompt",
        Class::AudioCacheRead => "audio tokens of the prompt read from a cache",
        Class::ImageCacheRead => "image tokens of the prompt read from a cache",
        Class::Output => "visible output tokens",
        Class::Reasoning => "output tokens spent on reasoning",
        Class::AudioOut => "audio tokens in the output",
        Class::ImageOut => "image tokens in the output",
        Class::VideoOut => "video tokens in the output",
        Class::WebSearches => "web searches done on the request's behalf",
        Class::Requests => "the request itself, where a provider charges per call; null = 1",
        Class::GpuMicros => "microseconds of one GPU",
        Class::CacheStorage => "token-hours of an explicitly kept cache",
    }
}
