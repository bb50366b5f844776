//! Events to one Arrow IPC stream with one record batch. A cell is there where JSON would have the field, and a column that
//! would be null throughout is left out. The same events make the same bytes.

use std::sync::Arc;

use aliquot_core::event::{Event, Limit};
use aliquot_core::time::Micros;
use aliquot_core::usage::Class;
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, ListBuilder, StringDictionaryBuilder, StructBuilder, UInt64Builder, make_builder,
};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_ipc::MetadataVersion;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, DataType};

use super::columns::{self, Column, Kind, Need, block_field, limit_field, limit_fields, schema_of};
use crate::request::reports_cache;

/// Buffers begin at multiples of this: what the format asks for at least, because small batches would be mostly padding with
/// the 64 bytes it recommends.
const ALIGNMENT: usize = 8;

/// The events as one message, a row each.
///
/// # Panics
/// Beyond 2 GiB of ids or of one column's names, a thousand times what a decoder takes.
pub fn encode(events: &[Event<'_>]) -> Vec<u8> {
    let columns = columns::all().filter(|column| column.need == Need::Required || is_used(*column, events));
    let (fields, arrays) = columns.map(|column| (column.field(), array(column, events))).unzip();
    write(fields, arrays).expect("columns made for their own schema, written to memory, meet no error")
}

fn write(fields: Vec<arrow_schema::Field>, arrays: Vec<ArrayRef>) -> Result<Vec<u8>, ArrowError> {
    let schema = Arc::new(schema_of(fields));
    let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options)?;
    writer.write(&RecordBatch::try_new(schema, arrays)?)?;
    writer.into_inner()
}

fn is_used(column: Column, events: &[Event<'_>]) -> bool {
    events.iter().any(|event| match column.kind {
        Kind::Id | Kind::Name => text(column.name, event).is_some(),
        Kind::Count(_) => count(column.name, event).is_some(),
        Kind::Time => true,
        Kind::Flag => flag(column.name, event).is_some(),
        Kind::Blocks => event.prefix.is_some(),
        Kind::Limits => !event.limits.is_empty(),
    })
}

fn array(column: Column, events: &[Event<'_>]) -> ArrayRef {
    let texts = events.iter().map(|event| text(column.name, event));
    let counts = events.iter().map(|event| count(column.name, event));
    match (column.kind, column.field().data_type()) {
        (Kind::Id, _) => Arc::new(texts.collect::<StringArray>()),
        (Kind::Name, _) => {
            let mut names = StringDictionaryBuilder::<Int32Type>::new();
            texts.for_each(|text| names.append_option(text));
            Arc::new(names.finish())
        }
        (Kind::Count(_), DataType::UInt16) => Arc::new(counts.map(narrow).collect::<UInt16Array>()),
        (Kind::Count(_), DataType::UInt32) => Arc::new(counts.map(narrow).collect::<UInt32Array>()),
        (Kind::Count(_), _) => Arc::new(counts.collect::<UInt64Array>()),
        (Kind::Time, _) => {
            let times = TimestampMicrosecondArray::from_iter_values(events.iter().map(|event| event.time.0));
            Arc::new(times.with_timezone("UTC"))
        }
        (Kind::Flag, _) => Arc::new(events.iter().map(|event| flag(column.name, event)).collect::<BooleanArray>()),
        (Kind::Limits, _) => limits(events),
        (Kind::Blocks, _) => {
            let mut lists = ListBuilder::new(UInt64Builder::new()).with_field(block_field());
            for event in events {
                if let Some(chain) = &event.prefix {
                    lists.values().append_slice(&chain.blocks);
                }
                lists.append(event.prefix.is_some());
            }
            Arc::new(lists.finish())
        }
    }
}

/// A number that is known to fit, in its own type.
fn narrow<T: TryFrom<u64>>(number: Option<u64>) -> Option<T> {
    number.and_then(|number| T::try_from(number).ok())
}

fn text<'e>(column: &str, event: &'e Event<'_>) -> Option<&'e str> {
    match column {
        "id" => Some(&event.id),
        "source" => Some(&event.source),
        "subject" => event.tenant.as_deref(),
        "partitionkey" => Some(event.domain.as_ref()).filter(|domain| *domain != event.source),
        "provider" => Some(&event.provider),
        "request_model" => Some(&event.request_model),
        "response_model" => event.response_model.as_deref(),
        "operation" => event.operation.as_deref(),
        "service_tier" => event.service_tier.as_deref(),
        "region" => event.region.as_deref(),
        "feature" => event.feature.as_deref(),
        "project" => event.project.as_deref(),
        "traffic_class" => event.traffic_class.as_deref(),
        "cache_session" => event.cache.session.as_deref(),
        "cache_replica" => event.cache.replica.as_deref(),
        "cache_router_reason" => event.cache.router_reason.as_deref(),
        "cache_miss_reason" => event.cache.miss_reason.as_deref(),
        "cache_weights" => event.cache.weights.as_deref(),
        _ => None,
    }
}

fn count(column: &str, event: &Event<'_>) -> Option<u64> {
    match column {
        "nodeepoch" => event.sequence.map(|sequence| sequence.epoch),
        "nodeseq" => event.sequence.map(|sequence| sequence.seq),
        "attempt" => Some(u64::from(event.attempt)).filter(|attempt| *attempt != 0),
        "http_status" => event.http_status.map(u64::from),
        "input_total" => event.usage.input_total,
        "output_total" => event.usage.output_total,
        "prefix_block_tokens" => event.prefix.as_ref().map(|chain| u64::from(chain.block_tokens)),
        "prefix_sampled_of" => {
            event.prefix.as_ref().map(|chain| u64::from(chain.sampled_of)).filter(|sampled_of| *sampled_of != 1)
        }
        "queue_us" => micros(event.queue),
        "ttft_us" => micros(event.ttft),
        "duration_us" => micros(event.duration),
        "cache_lifetime_us" => micros(event.cache.lifetime),
        "cache_cacheable_tokens" => event.cache.cacheable_tokens,
        "cache_recomputed_tokens" => Some(event.cache.recomputed_tokens).filter(|tokens| *tokens != 0),
        class => part(Class::from_name(class)?, event),
    }
}

/// The quantity of a class, unless it is what a decoder takes for granted.
fn part(class: Class, event: &Event<'_>) -> Option<u64> {
    let default = u64::from(class == Class::Requests);
    Some(event.usage.parts.get(class)).filter(|quantity| *quantity != default)
}

/// A length of time; what is below zero is written as none.
fn micros(time: Option<Micros>) -> Option<u64> {
    time.map(|time| u64::try_from(time.0).unwrap_or_default())
}

/// A flag, unless a decoder knows it anyway: whether the cache is reported is mostly said by the parts.
fn flag(column: &str, event: &Event<'_>) -> Option<bool> {
    let usage = &event.usage;
    match column {
        "cache_reported" => {
            let told = reports_cache(|class| usage.parts.get(class) != 0);
            Some(usage.cache_reported).filter(|flag| *flag != told)
        }
        _ => Some(event.cache.bypass).filter(|flag| *flag),
    }
}

/// The limits of each event, as a list of structs. An event without any has an empty list, which says the same as a null.
fn limits(events: &[Event<'_>]) -> ArrayRef {
    let fields = limit_fields();
    let builders = fields.iter().map(|field| make_builder(field.data_type(), 0)).collect();
    let mut lists = ListBuilder::new(StructBuilder::new(fields, builders)).with_field(limit_field());
    for event in events {
        event.limits.iter().for_each(|limit| put_limit(limit, lists.values()));
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn put_limit(limit: &Limit<'_>, structs: &mut StructBuilder) {
    let Limit { bucket, counts, limit, remaining, reset, refused } = limit;
    for (place, name) in [bucket, counts].into_iter().enumerate() {
        column_of::<StringDictionaryBuilder<Int32Type>>(structs, place).append_value(name);
    }
    for (place, number) in (2..).zip([*limit, *remaining, micros(*reset)]) {
        column_of::<UInt64Builder>(structs, place).append_option(number);
    }
    column_of::<BooleanBuilder>(structs, 5).append_option(Some(*refused).filter(|refused| *refused));
    structs.append(true);
}

fn column_of<T: ArrayBuilder>(structs: &mut StructBuilder, place: usize) -> &mut T {
    structs.field_builder(place).expect("each builder was made for the type of its field")
}
