//! The JSON schemas against the decoder: the same fields, the same verdict about the samples. Knows only the keywords that the
//! schemas use.

use std::fs;

use aliquot_wire::{JSON, Limits, arrow, decode};
use arrow_schema::DataType;
use serde_json::{Map, Value, json};

use crate::{directory, name, samples};

/// The types of events, each with a schema of its own.
const TYPES: [&str; 3] = ["request", "node", "cache"];

fn schema(of: &str) -> Value {
    serde_json::from_slice(&fs::read(directory().join(format!("{of}.schema.json"))).unwrap()).unwrap()
}

/// The places of all properties: `/data/usage/output`; with whether a number with a fraction may stand there.
fn properties(schema: &Value, place: &str, found: &mut Vec<(String, bool)>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}/{name}");
        assert!(property["description"].is_string(), "{place} has no description");
        properties(property, &place, found);
        properties(&property["items"], &format!("{place}/0"), found);
        let takes_any_number = property["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("number")));
        found.push((place, takes_any_number));
    }
}

fn places(of: &str) -> Vec<(String, bool)> {
    let mut places = Vec::new();
    properties(&schema(of), "", &mut places);
    places
}

/// An event with every object that a field can be in.
fn event(of: &str) -> Value {
    let data = match of {
        "request" => json!({
            "provider": "p", "request_model": "m", "usage": {}, "prefix": {"block_tokens": 1, "blocks": ""}, "cache": {},
            "limits": [{"bucket": "b", "counts": "c"}],
        }),
        "node" => json!({"interval_us": 1, "gpu_count": 1, "gpu_type": "g"}),
        _ => json!({}),
    };
    json!({
        "specversion": "1.0", "type": format!("aliquot.{of}.v1"), "source": "n", "id": "r", "time": "2026-01-31T12:00:00Z",
        "data": data,
    })
}

fn is_read(event: &Value) -> bool {
    let mut is_read = false;
    decode(JSON, event.to_string().as_bytes(), &Limits::default(), &mut |_, event| is_read = event.is_ok());
    is_read
}

#[test]
fn every_property_is_a_field_the_decoder_reads() {
    for of in TYPES {
        assert!(is_read(&event(of)));
        let unknown = ["/unknown".to_owned(), "/data/unknown".to_owned()].map(|place| (place, false));
        for (place, takes_any_number) in places(of).into_iter().chain(unknown) {
            let (object, name) = place.rsplit_once('/').unwrap();
            let mut event = event(of);
            // Half of something, or a list, is right nowhere, and a field that is not read may hold it.
            let wrong = if takes_any_number { json!([]) } else { json!(0.5) };
            event.pointer_mut(object).unwrap().as_object_mut().unwrap().insert(name.to_owned(), wrong);
            assert_eq!(is_read(&event), name == "unknown", "{of}: {place}");
        }
    }
}

#[test]
fn every_column_is_a_property() {
    let places: Vec<_> = places("request").into_iter().map(|(place, _)| place).collect();
    let is_property = |name: &str| {
        let nested = name.replacen("prefix_", "prefix/", 1);
        let cached = name.replacen("cache_", "cache/", 1);
        let ends = ["".to_owned(), "data/".to_owned(), "data/usage/".to_owned()].map(|above| format!("/{above}{name}"));
        ends.into_iter().chain([format!("/data/{nested}"), format!("/data/{cached}")]).any(|end| places.contains(&end))
    };
    let schema = arrow::schema();
    for field in schema.fields() {
        assert!(is_property(field.name()), "{}", field.name());
    }
    let DataType::List(limit) = schema.field_with_name("limits").unwrap().data_type() else { panic!("a list") };
    let DataType::Struct(limit) = limit.data_type() else { panic!("a list of structs") };
    for field in limit {
        assert!(places.contains(&format!("/data/limits/0/{}", field.name())), "{}", field.name());
    }
    // What an Arrow stream says once, or what has no columns of its own.
    let without_column = ["specversion", "type", "datacontenttype", "data", "usage", "prefix", "cache"];
    assert_eq!(places.len(), schema.fields().len() + limit.len() + without_column.len());
}

/// Whether a value is what a schema asks for.
fn is_valid(schema: &Value, value: &Value) -> bool {
    let is_type = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "object" => value.is_object(),
        unknown => panic!("{unknown} is no type of the schema"),
    };
    let type_fits = match &schema["type"] {
        Value::String(kind) => is_type(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is_type(kind.as_str().unwrap())),
        _ => true,
    };
    let number_fits = !value.is_number()
        || (schema["minimum"].is_null() || value.as_u64() >= schema["minimum"].as_u64())
            && (schema["maximum"].is_null() || value.as_u64() <= schema["maximum"].as_u64());
    let length = value.as_str().map(|text| u64::try_from(text.chars().count()).unwrap());
    let text_fits = length.is_none_or(|length| {
        schema["minLength"].as_u64().is_none_or(|min| length >= min)
            && schema["maxLength"].as_u64().is_none_or(|max| length <= max)
    });
    let items_fit = value.as_array().is_none_or(|items| {
        let length = u64::try_from(items.len()).unwrap();
        schema["maxItems"].as_u64().is_none_or(|max| length <= max)
            && items.iter().all(|item| is_valid(&schema["items"], item))
    });
    let const_fits = schema["const"].is_null() || schema["const"] == *value;
    type_fits
        && number_fits
        && text_fits
        && const_fits
        && items_fit
        && value.as_object().is_none_or(|object| has_all(schema, object))
}

fn has_all(schema: &Value, object: &Map<String, Value>) -> bool {
    let has = |name: &Value| object.contains_key(name.as_str().unwrap());
    let dependent = schema["dependentRequired"].as_object().into_iter().flatten();
    let mut dependent = dependent.filter(|(name, _)| object.contains_key(*name));
    schema["required"].as_array().into_iter().flatten().all(has)
        && dependent.all(|(_, needed)| needed.as_array().unwrap().iter().all(has))
        && object.iter().all(|(name, value)| is_valid(&schema["properties"][name], value))
}

/// The samples that are JSON at all, with whether they fit the schema.
fn verdicts(directory: &str) -> Vec<(String, bool)> {
    let schemas = TYPES.map(|of| (format!("aliquot.{of}.v1"), schema(of)));
    let schema_of = |event: &Value| {
        let of_type = schemas.iter().find(|(event_type, _)| event["type"] == **event_type);
        of_type.map_or(&schemas[0].1, |(_, schema)| schema).clone()
    };
    let mut verdicts = Vec::new();
    for path in samples(&crate::directory().join(directory)) {
        let Ok(value) = serde_json::from_slice::<Value>(&fs::read(&path).unwrap()) else { continue };
        let is_batch = name(&path).ends_with(".batch.json") && value.is_array();
        let events = if is_batch { value.as_array().cloned().unwrap() } else { vec![value] };
        verdicts.push((name(&path).to_owned(), events.iter().all(|event| is_valid(&schema_of(event), event))));
    }
    verdicts
}

#[test]
fn the_schema_says_of_the_samples_what_the_decoder_says() {
    for (sample, fits) in verdicts("samples") {
        assert!(fits, "{sample} does not fit the schema");
    }
    // What a schema cannot say, or only by a pattern or a format, which are not looked at here.
    let beyond = |sample: &str| {
        let reason = sample.split('-').next().unwrap();
        let what = [
            "malformed",
            "parts_do_not_add_up",
            "prompt_text",
            "absurd_time",
            "unknown_tenant",
            "epoch_retired",
            "sequence_reused",
        ];
        what.contains(&reason)
            || ["unknown_content_type-plain_text.txt", "wrong_type-data_is_xml.json"].contains(&sample)
            || sample == "overflow-node_busier_than_its_gpus.json"
            || sample == "wrong_type-event_instead_of_batch.batch.json"
    };
    for (sample, fits) in verdicts("samples/broken") {
        assert_eq!(fits, beyond(&sample), "{sample}");
    }
}
