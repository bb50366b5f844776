//! `request.schema.json` against the decoder: the same fields, the same verdict about the samples. Knows only the keywords that
//! the schema uses.

use std::fs;

use aliquot_wire::{JSON, Limits, arrow, decode};
use serde_json::{Map, Value, json};

use crate::{directory, name, samples};

fn schema() -> Value {
    serde_json::from_slice(&fs::read(directory().join("request.schema.json")).unwrap()).unwrap()
}

/// The places of all properties: `/data/usage/output`.
fn properties(schema: &Value, place: &str, found: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}/{name}");
        assert!(property["description"].is_string(), "{place} has no description");
        properties(property, &place, found);
        found.push(place);
    }
}

fn places() -> Vec<String> {
    let mut places = Vec::new();
    properties(&schema(), "", &mut places);
    places
}

/// An event with every object that a field can be in.
fn event() -> Value {
    json!({
        "specversion": "1.0", "type": "aliquot.request.v1", "source": "n", "id": "r", "time": "2026-01-31T12:00:00Z",
        "data": {"provider": "p", "request_model": "m", "usage": {}, "prefix": {"block_tokens": 1, "blocks": ""}},
    })
}

fn is_read(event: &Value) -> bool {
    let mut is_read = false;
    decode(JSON, event.to_string().as_bytes(), &Limits::default(), &mut |_, event| is_read = event.is_ok());
    is_read
}

#[test]
fn every_property_is_a_field_the_decoder_reads() {
    assert!(is_read(&event()));
    for place in places().into_iter().chain(["/unknown".to_owned(), "/data/usage/unknown".to_owned()]) {
        let (object, name) = place.rsplit_once('/').unwrap();
        let mut event = event();
        // Half of something is right nowhere, and a field that is not read may hold it.
        event.pointer_mut(object).unwrap().as_object_mut().unwrap().insert(name.to_owned(), json!(0.5));
        assert_eq!(is_read(&event), name == "unknown", "{place}");
    }
}

#[test]
fn every_column_is_a_property() {
    let places = places();
    let is_property = |name: &str| {
        let nested = name.replacen("prefix_", "prefix/", 1);
        let ends = [format!("/{name}"), format!("/data/{nested}"), format!("/data/usage/{name}")];
        ends.iter().any(|end| places.contains(end))
    };
    let schema = arrow::schema();
    for field in schema.fields() {
        assert!(is_property(field.name()), "{}", field.name());
    }
    // What an Arrow stream says once, or what has no columns of its own.
    let without_column = ["specversion", "type", "datacontenttype", "data", "usage", "prefix"];
    assert_eq!(places.len(), schema.fields().len() + without_column.len());
}

/// Whether a value is what a schema asks for.
fn is_valid(schema: &Value, value: &Value) -> bool {
    let is_type = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
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
    let const_fits = schema["const"].is_null() || schema["const"] == *value;
    type_fits
        && number_fits
        && text_fits
        && const_fits
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
    let schema = schema();
    let mut verdicts = Vec::new();
    for path in samples(&crate::directory().join(directory)) {
        let Ok(value) = serde_json::from_slice::<Value>(&fs::read(&path).unwrap()) else { continue };
        let is_batch = name(&path).ends_with(".batch.json") && value.is_array();
        let events = if is_batch { value.as_array().cloned().unwrap() } else { vec![value] };
        verdicts.push((name(&path).to_owned(), events.iter().all(|event| is_valid(&schema, event))));
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
            || sample == "wrong_type-event_instead_of_batch.batch.json"
    };
    for (sample, fits) in verdicts("samples/broken") {
        assert_eq!(fits, beyond(&sample), "{sample}");
    }
}
