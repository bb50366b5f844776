//! Arrow in and out: the same events as JSON, what other writers write, the right reasons, and no bytes that stop or fool it.

use std::sync::Arc;

use aliquot_core::event::{CacheUse, Event, Limit, PrefixChain, Report, Sequence};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;
use arrow_array::builder::{
    LargeListBuilder, LargeStringDictionaryBuilder, ListBuilder, MapBuilder, NullBuilder, StringBuilder, UInt64Builder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, TimestampMicrosecondType, UInt16Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, DictionaryArray, FixedSizeListArray, Float64Array, Int64Array,
    LargeListArray, LargeStringArray, ListArray, NullArray, RecordBatch, StringArray, StringViewArray, StructArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow_ipc::MetadataVersion;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::testing::{Seen, decoded, decoded_within, event, mutated};
use crate::{ARROW, JSON_BATCH, Limits, json};

/// A batch as a list of columns, so that a test can change one.
type Columns = Vec<(Field, ArrayRef)>;

fn columns_of(events: &[Event<'_>]) -> Columns {
    let message = encode(events);
    let mut reader = StreamReader::try_new(message.as_slice(), None).unwrap();
    let batch = reader.next().unwrap().unwrap();
    let fields = batch.schema_ref().fields().iter().map(|field| field.as_ref().clone());
    fields.zip(batch.columns().to_vec()).collect()
}

fn batch_of(columns: Columns) -> RecordBatch {
    let (fields, arrays) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(columns::schema_of(fields)), arrays).unwrap()
}

fn stream_of(batches: &[RecordBatch], options: IpcWriteOptions) -> Vec<u8> {
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), batches[0].schema_ref(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn message_of(columns: Columns) -> Vec<u8> {
    stream_of(&[batch_of(columns)], IpcWriteOptions::default())
}

/// Puts a column in the place of the one of that name, or behind all others.
fn put(columns: &mut Columns, name: &str, array: ArrayRef) {
    let field = Field::new(name, array.data_type().clone(), true);
    match columns.iter_mut().find(|(field, _)| field.name() == name) {
        Some(column) => *column = (field, array),
        None => columns.push((field, array)),
    }
}

fn good() -> Event<'static> {
    let mut event = Event {
        id: "r".into(),
        source: "n".into(),
        domain: "n".into(),
        provider: "p".into(),
        request_model: "m".into(),
        time: EventTime(1_764_072_000_123_456),
        ..Event::default()
    };
    event.usage.parts.set(Class::Uncached, 3);
    event.usage.parts.set(Class::Requests, 1);
    event
}

/// Three good events, whose ids are `a`, `b`, `c`.
fn three() -> Vec<Event<'static>> {
    ["a", "b", "c"].map(|id| Event { id: id.into(), ..good() }).to_vec()
}

/// The answers to three good events with one column put in.
fn three_with(name: &str, array: impl Array + 'static) -> Vec<Seen> {
    let mut columns = columns_of(&three());
    put(&mut columns, name, Arc::new(array));
    decoded(ARROW, &message_of(columns))
}

/// That the middle one of three rows is refused for this reason, and the others are not.
#[track_caller]
fn middle_refused(name: &str, array: impl Array + 'static, reason: Reason) {
    let seen = three_with(name, array);
    assert!(seen.len() == 3 && seen[0].is_ok() && seen[2].is_ok(), "{name}: another row is refused");
    let (found, detail, raw) = seen[1].as_ref().unwrap_err();
    assert!(*found == reason && detail.contains(name) && !raw.is_empty(), "{found}: {detail}");
}

/// That the message is refused as a whole, for this reason.
#[track_caller]
fn refused(message: &[u8], reason: Reason, word: &str) {
    let [seen] = decoded(ARROW, message).try_into().unwrap();
    let (found, detail, raw) = seen.unwrap_err();
    assert!(found == reason && detail.contains(word), "{found}: {detail} names {word}");
    assert_eq!(raw, message);
}

#[test]
fn what_is_absent_has_its_default() {
    let seen = decoded(ARROW, &encode(&[good()]));
    assert_eq!(seen, [Ok(good())]);
    let names: Vec<_> = columns_of(&[good()]).into_iter().map(|(field, _)| field.name().clone()).collect();
    assert_eq!(names, ["id", "source", "time", "provider", "request_model", "uncached"]);
    let columns = columns_of(&[Event { domain: "d".into(), ..good() }]);
    let schema = schema();
    for (field, _) in columns {
        assert_eq!(Some(&field), schema.field_with_name(field.name()).ok());
    }
    assert_eq!(decoded(ARROW, &encode(&[])), []);
}

#[test]
fn a_zero_that_is_given_says_that_the_cache_is_reported() {
    let reports = |name: &str, array: ArrayRef| {
        let mut columns = columns_of(&[good()]);
        put(&mut columns, name, array);
        decoded(ARROW, &message_of(columns)).remove(0).unwrap().usage.cache_reported
    };
    assert!(reports("cache_read", Arc::new(UInt64Array::from(vec![0]))));
    assert!(!reports("cache_read", Arc::new(UInt64Array::from(vec![None]))));
    assert!(!reports("output", Arc::new(UInt64Array::from(vec![0]))));
    assert!(reports("cache_reported", Arc::new(BooleanArray::from(vec![true]))));
}

#[test]
fn cells_have_the_rules_of_json() {
    let wide = |number: i64| Int64Array::from(vec![Some(1), Some(number), None]);
    middle_refused("output", wide(-1), Reason::Negative);
    middle_refused("attempt", UInt64Array::from(vec![0, 1 << 32, 2]), Reason::Overflow);
    middle_refused("http_status", UInt32Array::from(vec![200, 65_536, 429]), Reason::Overflow);
    middle_refused("duration_us", UInt64Array::from(vec![1, 1 << 63, 1]), Reason::Overflow);
    for required in ["id", "source", "provider", "request_model"] {
        middle_refused(required, StringArray::from(vec![Some("a"), None, Some("c")]), Reason::MissingField);
        middle_refused(required, StringArray::from(vec!["a", "", "c"]), Reason::MissingField);
        let long = "x".repeat(1_025);
        middle_refused(required, StringArray::from(vec!["a", &long, "c"]), Reason::TooLarge);
    }
    let zoned = |times: Vec<Option<i64>>| TimestampMicrosecondArray::from(times).with_timezone("+01:00");
    middle_refused("time", zoned(vec![Some(0), None, Some(1)]), Reason::MissingField);
    middle_refused("time", zoned(vec![Some(0), Some(i64::MAX), Some(1)]), Reason::AbsurdTime);
    let seconds = TimestampSecondArray::from(vec![0, i64::MAX, 1]).with_timezone("UTC");
    middle_refused("time", seconds, Reason::AbsurdTime);
    let seen = three_with("subject", StringArray::from(vec![Some(""), None, Some("t")]));
    let tenants: Vec<_> = seen.into_iter().map(|event| event.unwrap().tenant).collect();
    assert_eq!(tenants, [None, None, Some("t".into())]);
}

#[test]
fn texts_are_utf8_row_by_row() {
    let mut columns = columns_of(&three());
    put(&mut columns, "region", Arc::new(StringArray::from(vec!["aaa", "§", "ccc"])));
    let mut message = message_of(columns);
    let place = message.windows(8).position(|window| window == "aaa§ccc".as_bytes()).unwrap();
    message[place + 4] = b'x';
    let seen = decoded(ARROW, &message);
    assert!(seen[0].is_ok() && seen[2].is_ok());
    assert_eq!(seen[1].as_ref().unwrap_err().1, "region is not UTF-8");
}

#[test]
fn only_the_first_refused_row_carries_the_message() {
    let mut columns = columns_of(&three());
    put(&mut columns, "output", Arc::new(Int64Array::from(vec![-1, 1, -1])));
    let message = message_of(columns);
    let seen = decoded(ARROW, &message);
    let negative = |detail: &str, raw: &[u8]| Err((Reason::Negative, detail.to_owned(), raw.to_vec()));
    assert_eq!(seen[0], negative("output is below zero", &message));
    let second = "output is below zero; its bytes are with the first refused row of the message";
    assert_eq!(seen[2], negative(second, b""));
    assert!(seen[1].is_ok());
}

#[test]
fn sequences_come_whole() {
    let mut columns = columns_of(&three());
    put(&mut columns, "nodeepoch", Arc::new(UInt64Array::from(vec![Some(7), None, Some(7)])));
    put(&mut columns, "nodeseq", Arc::new(UInt64Array::from(vec![Some(0), None, None])));
    let seen = decoded(ARROW, &message_of(columns));
    assert_eq!(seen[0].as_ref().unwrap().sequence, Some(Sequence { epoch: 7, seq: 0 }));
    assert_eq!(seen[1].as_ref().unwrap().sequence, None);
    assert_eq!(seen[2].as_ref().unwrap_err().1, "nodeseq is missing or empty");
    let seq_alone = three_with("nodeseq", Int64Array::from(vec![None, Some(2), Some(-1)]));
    assert!(seq_alone[0].is_ok());
    assert!(seq_alone[1].as_ref().unwrap_err().1.starts_with("nodeepoch is missing or empty"));
    assert!(seq_alone[2].as_ref().unwrap_err().1.starts_with("nodeseq is below zero"));
}

/// The answer to one good event with these cells of a prefix chain.
fn chain(block_tokens: Option<u32>, sampled_of: Option<u32>, blocks: Option<Vec<Option<u64>>>) -> Seen {
    let mut lists = ListBuilder::new(UInt64Builder::new());
    lists.append_option(blocks);
    let mut columns = columns_of(&[good()]);
    put(&mut columns, "prefix_block_tokens", Arc::new(UInt32Array::from(vec![block_tokens])));
    put(&mut columns, "prefix_sampled_of", Arc::new(UInt32Array::from(vec![sampled_of])));
    put(&mut columns, "prefix_blocks", Arc::new(lists.finish()));
    decoded(ARROW, &message_of(columns)).remove(0)
}

#[test]
fn prefix_chains_come_whole() {
    let two = || Some(vec![Some(1), Some(u64::MAX)]);
    let whole = PrefixChain { block_tokens: 16, sampled_of: 1, blocks: vec![1, u64::MAX] };
    assert_eq!(chain(Some(16), None, two()).unwrap().prefix, Some(whole));
    assert_eq!(chain(None, None, None).unwrap().prefix, None);
    let reason = |seen: Seen| seen.unwrap_err().0;
    assert_eq!(reason(chain(None, None, two())), Reason::MissingField);
    assert_eq!(reason(chain(Some(16), None, None)), Reason::MissingField);
    assert_eq!(reason(chain(None, Some(1), None)), Reason::MissingField);
    assert_eq!(reason(chain(Some(0), None, two())), Reason::WrongType);
    assert_eq!(reason(chain(Some(16), Some(0), two())), Reason::WrongType);
    assert_eq!(reason(chain(Some(16), None, Some(vec![Some(1), None]))), Reason::Malformed);
}

#[test]
fn a_chain_is_gone_in_the_next_row_and_its_list_is_used_again() {
    let with_chain =
        |blocks: Vec<u64>| Event { prefix: Some(PrefixChain { block_tokens: 16, sampled_of: 1, blocks }), ..good() };
    let limits = vec![limit()];
    let events = [Event { limits, ..with_chain(vec![1, 2, 3]) }, good(), with_chain(vec![4])];
    let mut places = Vec::new();
    let mut seen = Vec::new();
    crate::decode(ARROW, &encode(&events), &Limits::default(), &mut |_, event| {
        let event = event.unwrap().request().unwrap();
        assert_eq!(event.limits.len(), usize::from(seen.is_empty()));
        let prefix = event.prefix.as_ref();
        places.extend(prefix.map(|chain| chain.blocks.as_ptr()));
        seen.push(prefix.map(|chain| chain.blocks.clone()));
    });
    assert_eq!(seen, [Some(vec![1, 2, 3]), None, Some(vec![4])]);
    assert_eq!(places[0], places[1]);
}

/// What a header says of a limit: the number, and what is left.
type Said = (Option<i64>, Option<i64>);

/// A column of limits with these lists, and in each limit an unknown field.
fn limit_lists(lists: &[&[Said]], unknown: &str, label: ArrayRef) -> ArrayRef {
    let limits: Vec<_> = lists.iter().copied().flatten().copied().collect();
    let names = |name: &str| shared(StringArray::from(vec![name; limits.len()]));
    let numbers = |of: fn(&Said) -> Option<i64>| shared(limits.iter().map(of).collect::<Int64Array>());
    let columns = [
        ("bucket", names("org")),
        ("counts", names("tokens")),
        ("limit", numbers(|limit| limit.0)),
        ("remaining", numbers(|limit| limit.1)),
        (unknown, label),
    ];
    let field = |name: &str, array: &ArrayRef| Field::new(name, array.data_type().clone(), true);
    let fields: Fields = columns.iter().map(|(name, array)| field(name, array)).collect();
    let structs = StructArray::new(fields, columns.map(|(_, array)| array).to_vec(), None);
    let mut offsets = ListBuilder::new(NullBuilder::new());
    for list in lists {
        offsets.values().append_nulls(list.len());
        offsets.append(true);
    }
    let item = Arc::new(Field::new("item", structs.data_type().clone(), true));
    shared(ListArray::new(item, offsets.finish().offsets().clone(), Arc::new(structs), None))
}

#[test]
fn nonsense_in_a_limit_is_unknown_and_costs_nothing() {
    let lists: [&[_]; 3] = [&[(Some(-1), Some(-1)), (Some(10), Some(11))], &[], &[(Some(10), None)]];
    let column = limit_lists(&lists, "team", shared(StringArray::from(vec!["blue"; 3])));
    let mut columns = columns_of(&three());
    put(&mut columns, "limits", column);
    let seen = decoded(ARROW, &message_of(columns))
        .into_iter()
        .map(|event| event.unwrap().limits.iter().map(|limit| (limit.limit, limit.remaining)).collect::<Vec<_>>());
    assert_eq!(seen.collect::<Vec<_>>(), [vec![(None, None); 2], vec![], vec![(Some(10), None)]]);
}

#[test]
fn a_limit_hides_no_text_and_has_its_types_and_bounds() {
    let one: [&[_]; 1] = [&[(Some(1), None)]];
    let answer = |lists: &[&[_]], unknown: &str, label: ArrayRef| {
        let mut columns = columns_of(&[good()]);
        put(&mut columns, "limits", limit_lists(lists, unknown, label));
        decoded(ARROW, &message_of(columns)).remove(0).map(|event| event.limits.len())
    };
    let label = |text: &str| shared(StringArray::from(vec![text]));
    assert_eq!(answer(&one, "team", label("blue")), Ok(1));
    let (reason, detail, _) = answer(&one, "message", label("hello")).unwrap_err();
    assert!(reason == Reason::PromptText && detail.contains("message"), "{detail}");
    assert_eq!(answer(&one, "note", label(&"x".repeat(257))).unwrap_err().0, Reason::PromptText);
    assert_eq!(
        answer(&one, "refused", label("no")).unwrap_err().1,
        "limits.refused has the wrong type: it must be a boolean"
    );
    assert_eq!(answer(&one, "limit", label("1")).unwrap_err().0, Reason::WrongType);
    let twice = shared(Int64Array::from(vec![1]));
    assert_eq!(answer(&one, "limit", twice).unwrap_err().1, "limits.limit is given twice");
    let many = |count: usize| {
        let list = vec![(Some(1), None); count];
        answer(&[&list], "team", shared(StringArray::from(vec!["blue"; count])))
    };
    assert_eq!(many(16), Ok(16));
    assert_eq!(many(17).unwrap_err().1, "limits has more than 16 limits: send those that bind");
    let nameless = Event { limits: vec![Limit { bucket: "".into(), ..limit() }], ..good() };
    assert_eq!(decoded(ARROW, &encode(&[nameless])).remove(0).unwrap_err().1, "limits.bucket is missing or empty");
    middle_refused("cache_recomputed_tokens", UInt64Array::from(vec![0, u64::MAX, 1]), Reason::Overflow);
    middle_refused("cache_session", StringArray::from(vec!["a", &"x".repeat(1_025), "c"]), Reason::TooLarge);
}

#[test]
fn no_two_rows_share_their_blocks() {
    let prefix = |blocks: Vec<u64>| Some(PrefixChain { block_tokens: 16, sampled_of: 1, blocks });
    let rows = [vec![1, 2, 3], vec![], vec![4, 5, 6]].map(|blocks| Event { prefix: prefix(blocks), ..good() });
    let mut message = encode(&rows);
    let offsets = |offsets: [i32; 4]| offsets.map(i32::to_le_bytes).concat();
    let place = message.windows(16).position(|window| window == offsets([0, 3, 3, 6])).unwrap();
    message[place..place + 16].copy_from_slice(&offsets([0, 6, 0, 6]));
    refused(&message, Reason::Malformed, "do not ascend");
    message[place..place + 16].copy_from_slice(&offsets([0, 3, 3, 7]));
    let seen = decoded(ARROW, &message);
    assert!(seen[0].is_ok() && seen[1].is_ok());
    assert_eq!(seen[2].as_ref().unwrap_err().1, "prefix_blocks points to a value that is not in the message");
}

#[test]
fn columns_are_refused_with_the_message() {
    let with = |name: &str, array: ArrayRef| {
        let mut columns = columns_of(&[good()]);
        put(&mut columns, name, array);
        message_of(columns)
    };
    refused(&with("id", Arc::new(Int64Array::from(vec![1]))), Reason::WrongType, "id has the wrong type");
    refused(&with("id", Arc::new(StringViewArray::from(vec!["r"]))), Reason::WrongType, "id has the wrong type");
    let binary = Arc::new(BinaryArray::from_vec(vec![b"p"]));
    refused(&with("provider", binary), Reason::WrongType, "provider has the wrong type");
    refused(&with("output", Arc::new(Float64Array::from(vec![1.0]))), Reason::WrongType, "output");
    refused(&with("output", Arc::new(StringArray::from(vec!["1"]))), Reason::WrongType, "output");
    refused(&with("cache_reported", Arc::new(Int64Array::from(vec![1]))), Reason::WrongType, "cache_reported");
    let naive = Arc::new(TimestampMicrosecondArray::from(vec![1]));
    refused(
        &with("time", naive),
        Reason::WrongType,
        "time has the wrong type: it must be a timestamp with a time zone",
    );
    let mut signed = ListBuilder::new(arrow_array::builder::Int64Builder::new());
    signed.append_value([Some(1)]);
    let signed: ArrayRef = Arc::new(signed.finish());
    refused(&with("limits", Arc::clone(&signed)), Reason::WrongType, "limits has the wrong type");
    refused(&with("prefix_blocks", signed), Reason::WrongType, "a list of uint64");
    refused(&with("type", Arc::new(StringArray::from(vec!["x"]))), Reason::WrongType, "metadata");
    let mut twice = columns_of(&[good()]);
    twice.push(twice[0].clone());
    refused(&message_of(twice), Reason::Malformed, "id is given twice");
    for required in ["id", "source", "time", "provider", "request_model"] {
        let mut columns = columns_of(&[good()]);
        columns.retain(|(field, _)| field.name() != required);
        refused(&message_of(columns), Reason::MissingField, required);
    }
}

#[test]
fn the_type_is_asked_for() {
    let batch = batch_of(columns_of(&[good()]));
    let of_type = |metadata: &[(&str, &str)]| {
        let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let schema = batch.schema_ref().as_ref().clone().with_metadata(metadata);
        let batch = RecordBatch::try_new(Arc::new(schema), batch.columns().to_vec()).unwrap();
        stream_of(&[batch], IpcWriteOptions::default())
    };
    assert!(decoded(ARROW, &of_type(&[("pandas", "{}"), ("type", "aliquot.request.v1")]))[0].is_ok());
    refused(&of_type(&[("pandas", "{}")]), Reason::MissingField, "type, in the metadata of the schema");
    refused(&of_type(&[("type", "aliquot.request.v2")]), Reason::UnknownEventType, "another version");
    refused(
        &of_type(&[("type", "aliquot.node.v1")]),
        Reason::UnknownEventType,
        "aliquot.node.v1 has no columns: send it as JSON",
    );
}

#[test]
fn what_is_no_stream_says_so() {
    let batch = batch_of(columns_of(&[good()]));
    let mut file = FileWriter::try_new(Vec::new(), batch.schema_ref()).unwrap();
    file.write(&batch).unwrap();
    refused(&file.into_inner().unwrap(), Reason::Malformed, "this is an Arrow file");
    let old = IpcWriteOptions::try_new(8, false, MetadataVersion::V4).unwrap();
    refused(&stream_of(std::slice::from_ref(&batch), old), Reason::Malformed, "version 5");
    let legacy = IpcWriteOptions::try_new(8, true, MetadataVersion::V4).unwrap();
    refused(&stream_of(std::slice::from_ref(&batch), legacy), Reason::Malformed, "version 5");
    let message = encode(&[good()]);
    refused(&[&message[..], &message[..]].concat(), Reason::Malformed, "bytes follow the end");
    refused(b"", Reason::Malformed, "cut short");
    refused(b"[]", Reason::Malformed, "cut short");
    refused(b"{\"specversion\":\"1.0\"}", Reason::Malformed, "no message begins");
    refused(b"\xff\xff\xff\xff\0\0\0\0", Reason::Malformed, "does not begin with a schema");
    let batch_first = message.windows(4).skip(1).position(|window| window == [0xff; 4]).unwrap() + 1;
    refused(&message[batch_first..], Reason::Malformed, "does not begin with a schema");
    let schema_twice = [&message[..batch_first], &message[..]].concat();
    refused(&schema_twice, Reason::Malformed, "neither a record batch nor a dictionary");
}

#[test]
fn a_cut_message_counts_no_row() {
    let columns = |id: &str| columns_of(&[Event { id: id.to_owned().into(), ..good() }]);
    let message = stream_of(&[batch_of(columns("a")), batch_of(columns("b"))], IpcWriteOptions::default());
    assert_eq!(decoded(ARROW, &message).len(), 2);
    for length in 0..message.len() {
        refused(&message[..length], Reason::Malformed, "cut short");
    }
}

#[test]
fn limits_hold() {
    let all = Limits::default();
    let events = three();
    let message = encode(&events);
    let seen = decoded_within(&Limits { events_per_message: 2, ..all }, ARROW, &message);
    assert_eq!(seen.len(), 1, "no row counts");
    assert_eq!(seen[0].as_ref().unwrap_err().0, Reason::TooLarge);
    assert!(decoded_within(&Limits { events_per_message: 3, ..all }, ARROW, &message).iter().all(Result::is_ok));
    let short = Limits { message_bytes: message.len() - 1, ..all };
    assert_eq!(decoded_within(&short, ARROW, &message)[0].as_ref().unwrap_err().0, Reason::TooLarge);
    let prefix = Some(PrefixChain { block_tokens: 1, sampled_of: 1, blocks: vec![1, 2] });
    let seen =
        decoded_within(&Limits { blocks_per_event: 1, ..all }, ARROW, &encode(&[good(), Event { prefix, ..good() }]));
    assert!(seen[0].is_ok());
    assert_eq!(seen[1].as_ref().unwrap_err().1, "prefix_blocks has more than 1 blocks: sample them");
    let many = (0..2_000).map(|number| (Field::new(format!("x{number}"), DataType::Null, true), null(1)));
    let columns = columns_of(&[good()]).into_iter().chain(many).collect();
    refused(&message_of(columns), Reason::Malformed, "more than 1024 fields");
}

fn shared(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn null(length: usize) -> ArrayRef {
    Arc::new(NullArray::new(length))
}

/// A column with one list, of these.
fn list(of: ArrayRef) -> ArrayRef {
    let field = Arc::new(Field::new("item", of.data_type().clone(), true));
    let length = i32::try_from(of.len()).unwrap();
    Arc::new(FixedSizeListArray::new(field, length, of, None))
}

#[test]
fn unknown_columns_are_judged_like_unknown_fields() {
    let label = shared(StringArray::from(vec!["blue"]));
    let long = "x".repeat(crate::prompt_text::TEXT_BYTES_MAX + 1);
    let long = || shared(StringArray::from(vec![long.as_str()]));
    let number = || shared(Int64Array::from(vec![17]));
    let object = |name: &str, array: &ArrayRef| {
        let field = Arc::new(Field::new(name, array.data_type().clone(), true));
        shared(StructArray::new(Fields::from(vec![field]), vec![Arc::clone(array)], None))
    };
    let keys =
        |array: &ArrayRef| shared(texts(array).iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>());
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.append(true).unwrap();
    for (name, array, what) in [
        ("prompt", Arc::clone(&label), "has a name for text"),
        ("prompt", keys(&label), "has a name for text"),
        ("user_message", Arc::new(BinaryArray::from_vec(vec![b"x"])), "has a name for text"),
        ("completion", Arc::new(StringViewArray::from(vec!["x"])), "has a name for text"),
        ("prompt_token_ids", list(number()), "has a name for text"),
        ("note", long(), "is too long for a label"),
        ("note", keys(&long()), "is too long for a label"),
        ("note", list(long()), "is too long for a label"),
        ("note", object("note", &keys(&long())), "is too long for a label"),
        ("note", Arc::new(StringViewArray::from(texts(&long()))), "is too long for a label"),
        ("extra", object("content", &label), "has a name for text"),
        ("extra", object("deep", &object("content", &label)), "has a name for text"),
        ("turns", list(object("role", &label)), "is a list of objects"),
        ("turns", list(list(object("role", &label))), "is a list of objects"),
        ("labels", Arc::new(map.finish()), "is a map"),
    ] {
        let mut columns = columns_of(&[good()]);
        put(&mut columns, name, Arc::clone(&array));
        let (reason, detail, _) = decoded(ARROW, &message_of(columns)).remove(0).unwrap_err();
        assert!(reason == Reason::PromptText && detail.contains(what) && detail.contains(name), "{detail}");
        assert!(!detail.contains("xxx") && !detail.contains("blue"), "{detail} repeats the content");
    }
    for (name, array) in [
        ("prompt", number()),
        ("prompt", null(1)),
        ("prompt", shared(StringArray::from(vec![None::<&str>]))),
        ("input", Arc::new(Float64Array::from(vec![0.5]))),
        ("team", Arc::clone(&label)),
        ("team", keys(&label)),
        ("labels", list(Arc::clone(&label))),
        ("extra", object("deep", &object("team", &label))),
        ("prompt_version", label),
    ] {
        let mut columns = columns_of(&[good()]);
        put(&mut columns, name, array);
        assert_eq!(decoded(ARROW, &message_of(columns)), [Ok(good())], "{name}");
    }
}

#[test]
fn a_long_label_costs_its_own_row() {
    let long = "x".repeat(257);
    middle_refused("note", StringArray::from(vec!["a", &long, "c"]), Reason::PromptText);
    middle_refused("prompt", StringArray::from(vec![None, Some("my secret"), None]), Reason::PromptText);
}

#[test]
fn times_of_every_unit() {
    let time = |array: ArrayRef| {
        let mut columns = columns_of(&[good()]);
        put(&mut columns, "time", array);
        decoded(ARROW, &message_of(columns)).remove(0).unwrap().time
    };
    let zone = "Europe/Berlin";
    assert_eq!(time(Arc::new(TimestampSecondArray::from(vec![-2]).with_timezone(zone))), EventTime(-2_000_000));
    assert_eq!(time(Arc::new(TimestampMillisecondArray::from(vec![1_500]).with_timezone(zone))), EventTime(1_500_000));
    assert_eq!(time(Arc::new(TimestampNanosecondArray::from(vec![1_999]).with_timezone(zone))), EventTime(1));
    assert_eq!(time(Arc::new(TimestampNanosecondArray::from(vec![-1]).with_timezone(zone))), EventTime(-1));
}

#[test]
fn dictionaries_are_replaced_and_extended_between_batches() {
    let batch = |models: [&'static str; 2]| {
        let events = models.map(|model| Event { request_model: model.into(), ..good() });
        batch_of(columns_of(&events))
    };
    let models = |message: &[u8]| -> Vec<_> {
        decoded(ARROW, message).into_iter().map(|event| event.unwrap().request_model.into_owned()).collect()
    };
    let replaced = stream_of(&[batch(["a", "b"]), batch(["c", "a"])], IpcWriteOptions::default());
    assert_eq!(models(&replaced), ["a", "b", "c", "a"]);
    let delta = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let extended = stream_of(&[batch(["a", "b"]), sharing(&["a", "b", "c"], &[2, 0])], delta);
    assert!((has_delta(&replaced), has_delta(&extended)) == (false, true));
    assert_eq!(models(&extended), ["a", "b", "c", "a"]);
}

fn has_delta(message: &[u8]) -> bool {
    let mut frames = frames::Frames::new(message);
    std::iter::from_fn(|| frames.read().unwrap())
        .filter_map(|frame| frame.message.header_as_dictionary_batch())
        .any(|batch| batch.isDelta())
}

/// Two good events whose model is a key of this dictionary.
fn sharing(models: &[&str], keys: &[i32]) -> RecordBatch {
    let mut columns = columns_of(&three()[..2]);
    let values = Arc::new(StringArray::from(models.to_vec()));
    let keys = DictionaryArray::<Int32Type>::new(keys.to_vec().into(), values);
    let (field, array) = columns.iter_mut().find(|(field, _)| field.name() == "request_model").unwrap();
    *field = field.clone().with_nullable(false);
    *array = Arc::new(keys);
    batch_of(columns)
}

#[test]
fn a_key_without_an_entry_costs_its_own_row() {
    let mut message = encode(&three());
    // The keys of `source`: 0, 0, 0 as 32 bits each, in the order of the columns behind the offsets and bytes of `id`.
    let ids = message.windows(3).position(|window| window == b"abc").unwrap();
    message[ids + 8 + 4] = 9;
    let seen = decoded(ARROW, &message);
    assert!(seen[0].is_ok() && seen[2].is_ok());
    assert_eq!(seen[1].as_ref().unwrap_err().1, "source points to a value that is not in the message");
}

/// The texts of a column, whatever they are stored as.
fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    match array.as_dictionary_opt::<Int32Type>() {
        Some(keys) => keys.downcast_dict::<StringArray>().unwrap().into_iter().map(owned).collect(),
        None => array.as_string::<i32>().iter().map(owned).collect(),
    }
}

/// The column as another writer might store it.
fn foreign(array: &ArrayRef, style: usize) -> Option<ArrayRef> {
    Some(match array.data_type() {
        DataType::Utf8 | DataType::Dictionary(..) => foreign_texts(&texts(array), style),
        DataType::UInt64 => {
            let numbers: Vec<_> = array.as_primitive::<UInt64Type>().iter().collect();
            let fits = |max: u64| numbers.iter().flatten().all(|number| *number <= max);
            match style % 3 {
                0 if fits(i64::MAX.unsigned_abs()) => {
                    Arc::new(numbers.iter().map(|number| number.map(u64::cast_signed)).collect::<Int64Array>())
                }
                1 if fits(0xffff) => {
                    let narrow = |number: u64| u16::try_from(number).unwrap();
                    Arc::new(numbers.iter().map(|number| number.map(narrow)).collect::<UInt16Array>())
                }
                _ => return None,
            }
        }
        DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)) => foreign_limits(array, style),
        DataType::List(_) => {
            let mut lists = LargeListBuilder::new(UInt64Builder::new());
            for blocks in array.as_list::<i32>().iter() {
                lists
                    .append_option(blocks.map(|blocks| blocks.as_primitive::<UInt64Type>().iter().collect::<Vec<_>>()));
            }
            Arc::new(lists.finish())
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let times = array.as_primitive::<TimestampMicrosecondType>().clone();
            Arc::new(times.with_timezone("-05:00"))
        }
        _ => return None,
    })
}

/// Limits as large lists, of structs whose fields are foreign themselves and come in another order.
fn foreign_limits(array: &ArrayRef, style: usize) -> ArrayRef {
    let lists = array.as_list::<i32>();
    let structs = lists.values().as_struct();
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (field, array) in structs.fields().iter().zip(structs.columns()).rev() {
        let array = foreign(array, style).unwrap_or_else(|| Arc::clone(array));
        fields.push(Field::new(field.name(), array.data_type().clone(), true));
        arrays.push(array);
    }
    let structs = StructArray::new(fields.into(), arrays, None);
    let mut offsets = LargeListBuilder::new(NullBuilder::new());
    for list in lists.iter() {
        offsets.values().append_nulls(list.map_or(0, |list| list.len()));
        offsets.append(true);
    }
    let item = Arc::new(Field::new("item", structs.data_type().clone(), true));
    Arc::new(LargeListArray::new(item, offsets.finish().offsets().clone(), Arc::new(structs), None))
}

fn foreign_texts(texts: &[Option<String>], style: usize) -> ArrayRef {
    match style % 4 {
        0 => Arc::new(StringArray::from(texts.to_vec())),
        1 => Arc::new(LargeStringArray::from(texts.to_vec())),
        2 => Arc::new(texts.iter().map(Option::as_deref).collect::<DictionaryArray<Int8Type>>()),
        _ => {
            let mut names = LargeStringDictionaryBuilder::<UInt16Type>::new();
            texts.iter().for_each(|text| names.append_option(text.as_ref()));
            Arc::new(names.finish())
        }
    }
}

fn limit() -> Limit<'static> {
    Limit {
        bucket: "key-1".into(),
        counts: "requests".into(),
        limit: Some(500),
        remaining: Some(20),
        reset: Some(Micros(9)),
        refused: true,
    }
}

/// One event with every column, and what a writer sent who knows every type there is.
fn targets() -> [Vec<u8>; 2] {
    let mut full = good();
    for class in Class::ALL {
        full.usage.parts.set(class, 5);
    }
    let text = || Some("x".into());
    let full = Event {
        domain: "d".into(),
        attempt: 1,
        tenant: text(),
        sequence: Some(Sequence { epoch: 1, seq: 2 }),
        response_model: text(),
        region: text(),
        http_status: Some(200),
        prefix: Some(PrefixChain { block_tokens: 16, sampled_of: 2, blocks: vec![1, 2, 3] }),
        queue: Some(Micros(1)),
        cache: CacheUse {
            session: text(),
            lifetime: Some(Micros(1)),
            bypass: true,
            cacheable_tokens: Some(1),
            recomputed_tokens: 2,
            ..CacheUse::default()
        },
        limits: vec![limit(), Limit { limit: None, remaining: None, ..limit() }],
        ..full
    };
    [encode(&[full, good()]), include_bytes!("../../../../schemas/events/v1/samples/every_type.arrow").to_vec()]
}

/// Whatever the bytes: rows are bounded by the limit, and what comes out of a message is not more than what is in it.
fn is_answered_soberly(message: &[u8]) {
    let limits = Limits { events_per_message: 100, ..Limits::default() };
    let (mut rows, mut blocks) = (0_usize, 0_usize);
    crate::decode(ARROW, message, &limits, &mut |index, event| {
        assert_eq!(usize::try_from(index).unwrap(), rows);
        rows = rows.saturating_add(1);
        let event = event.ok().and_then(Report::request);
        assert!(event.is_none_or(|event| event.limits.len() <= limits.limits_per_event));
        let prefix = event.and_then(|event| event.prefix.as_ref());
        blocks = blocks.saturating_add(prefix.map_or(0, |chain| chain.blocks.len()));
    });
    assert!(rows <= 100 && blocks <= message.len() / 8);
}

#[test]
fn every_byte_may_be_wrong() {
    for target in targets() {
        assert!(decoded(ARROW, &target).iter().all(Result::is_ok));
        for (place, byte) in target.iter().enumerate() {
            // A neighbouring number, the largest, a negative one, none: each place gets one of them, in turn.
            let wrong = [byte ^ 1, 0xff, byte.wrapping_add(4), 0x80, 0][place % 5];
            let mut message = target.clone();
            message[place] = wrong;
            is_answered_soberly(&message);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn broken_messages_are_answered(
        target in prop::sample::select(targets().to_vec()),
        changes in prop::collection::vec(
            (any::<Index>(), prop_oneof![any::<u8>(), prop::sample::select(&[0_u8, 1, 4, 8, 0x7f, 0x80, 0xff][..])]),
            1..9,
        ),
        cut in prop_oneof![9 => Just(None), 1 => any::<Index>().prop_map(Some)],
    ) {
        is_answered_soberly(&mutated(&target, &changes, cut));
    }

    #[test]
    fn any_bytes_are_answered(mut bytes: Vec<u8>) {
        prop_assert_eq!(decoded(ARROW, &bytes).len(), 1);
        bytes.splice(0..0, [0xff, 0xff, 0xff, 0xff, 16, 0, 0, 0]);
        prop_assert_eq!(decoded(ARROW, &bytes).len(), 1);
    }
}

proptest! {
    #[test]
    fn events_come_back_and_bytes_too(events in prop::collection::vec(event(), 0..6)) {
        let expected: Vec<_> = events.iter().cloned().map(Ok).collect();
        let message = encode(&events);
        let back = decoded(ARROW, &message);
        prop_assert_eq!(&back, &expected);
        prop_assert_eq!(&back, &decoded(JSON_BATCH, &json::encode_batch(&events)));
        let back: Vec<_> = back.into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(encode(&back), message);
    }

    #[test]
    fn other_writers_say_the_same(
        events in prop::collection::vec(event(), 1..5),
        styles in prop::collection::vec(0_usize..12, 8),
        cut in any::<Index>(),
    ) {
        let expected: Vec<_> = events.iter().cloned().map(Ok).collect();
        let mut columns = columns_of(&events);
        columns.reverse();
        for ((field, array), style) in columns.iter_mut().zip(styles.iter().cycle()) {
            if let Some(other) = foreign(array, *style) {
                *array = other;
                *field = Field::new(field.name(), array.data_type().clone(), true);
            }
        }
        let batch = batch_of(columns);
        let cut = cut.index(events.len());
        let rest = events.len().saturating_sub(cut);
        let pieces = [batch.slice(0, cut), batch.slice(cut, 0), batch.slice(cut, rest)];
        prop_assert_eq!(decoded(ARROW, &stream_of(&pieces, IpcWriteOptions::default())), expected);
    }
}

/// What a list holds, as `request.arrow.md` spells it.
fn item_type(item: &Field) -> String {
    let DataType::Struct(fields) = item.data_type() else { return item.data_type().to_string().to_lowercase() };
    let field = |field: &Arc<Field>| {
        let kind = match field.data_type() {
            DataType::Dictionary(..) => "name".to_owned(),
            other => other.to_string().to_lowercase(),
        };
        format!("`{}` {kind}{}", field.name(), if field.is_nullable() { "?" } else { "" })
    };
    format!("struct<{}>", fields.iter().map(field).collect::<Vec<_>>().join(", "))
}

/// `request.arrow.md` as the code has it.
fn listing() -> String {
    let mut text = include_str!("../../../../schemas/events/v1/request.arrow.md").to_owned();
    text.truncate(text.find("| column |").unwrap_or(text.len()));
    text.push_str("| column | type | meaning |\n|---|---|---|\n");
    for column in columns::all() {
        let field = column.field();
        let kind = match field.data_type() {
            DataType::Dictionary(..) => "name".to_owned(),
            DataType::Timestamp(..) => "timestamp(us, UTC)".to_owned(),
            DataType::List(item) => format!("list<{}>", item_type(item)),
            other => other.to_string().to_lowercase(),
        };
        let null = if field.is_nullable() { "?" } else { "" };
        text.push_str(&format!("| `{}` | {kind}{null} | {} |\n", column.name, column.meaning));
    }
    text
}

#[test]
fn the_listing_is_the_schema() {
    assert_eq!(listing(), include_str!("../../../../schemas/events/v1/request.arrow.md"));
}

#[test]
#[ignore = "writes into the repository"]
fn rewrite_listing() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/events/v1/request.arrow.md");
    std::fs::write(path, listing()).unwrap();
}
