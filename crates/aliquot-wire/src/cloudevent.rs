//! The envelope: CloudEvents 1.0 attributes and extensions as JSON. What is under `data` is read by the event's type.
//!
//! | attribute | field |
//! |---|---|
//! | `id`, `source`, `time` | the same |
//! | `subject` | tenant; absent = unknown |
//! | `nodeepoch`, `nodeseq` | sequence, both or neither |
//! | `partitionkey` | cache domain; absent = the source |

use std::borrow::Cow;
use std::fmt;

use aliquot_core::event::{Event, Sequence};
use aliquot_core::reject::Reason;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::field::{Name, Reading};
use crate::prompt_text::Suspect;
use crate::request::Request;
use crate::timestamp;

/// The version of CloudEvents that is read and written.
pub(crate) const SPEC_VERSION: &str = "1.0";
/// The type of event that is read and written.
pub(crate) const REQUEST_V1: &str = "aliquot.request.v1";

/// Types that exist, but that this version does not read.
const LATER: [&str; 4] = ["aliquot.node.v1", "aliquot.cache.v1", "aliquot.outcome.v1", "aliquot.correction.v1"];

/// What is wrong with a type, or `None` if it is read.
pub(crate) fn type_problem(event_type: &str) -> Option<String> {
    if event_type == REQUEST_V1 {
        return None;
    }
    if let Some(known) = LATER.iter().find(|known| **known == event_type) {
        return Some(format!("{known} is not read by this version, only {REQUEST_V1}"));
    }
    let family = event_type.rsplit_once(".v").filter(|(family, _)| *family == "aliquot.request");
    Some(match family {
        Some(_) => format!("another version of {REQUEST_V1}: upgrade the consumer before the emitter"),
        None => format!("the type is not {REQUEST_V1}, the only one this version reads"),
    })
}

/// Reads one event into `event`, which holds the defaults.
#[derive(Debug)]
pub(crate) struct Envelope<'s, 'c, 'de> {
    pub(crate) reading: &'s mut Reading<'c>,
    pub(crate) event: &'s mut Event<'de>,
}

/// The attributes that have no place in the event, and `data` if it came before the type.
#[derive(Debug, Default)]
struct Attributes<'de> {
    spec_version: Option<Cow<'de, str>>,
    event_type: Option<Cow<'de, str>>,
    time: Option<Cow<'de, str>>,
    epoch: Option<u64>,
    seq: Option<u64>,
    data: Data<'de>,
}

#[derive(Debug, Default)]
enum Data<'de> {
    #[default]
    Missing,
    Unread(&'de RawValue),
    Read,
}

impl Attributes<'_> {
    fn is_foreign(&self) -> bool {
        self.event_type.as_deref().is_some_and(|event_type| event_type != REQUEST_V1)
            || self.spec_version.as_deref().is_some_and(|version| version != SPEC_VERSION)
    }
}

impl<'de> DeserializeSeed<'de> for Envelope<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.reading.field = "";
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut attributes = Attributes::default();
        while let Some(name) = map.next_key_seed(Name)? {
            if attributes.is_foreign() && !matches!(name.as_ref(), "type" | "specversion") {
                // Another type may give every other name another meaning.
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            self.attribute(&name, &mut attributes, &mut map)?;
        }
        self.finish(attributes)
    }
}

impl<'de> Envelope<'_, '_, 'de> {
    fn attribute<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        attributes: &mut Attributes<'de>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let Self { reading, event } = self;
        match name {
            "specversion" => reading.optional_text(map, "specversion", &mut attributes.spec_version),
            "type" => reading.optional_text(map, "type", &mut attributes.event_type),
            "id" => reading.text(map, "id", &mut event.id),
            "source" => reading.text(map, "source", &mut event.source),
            "time" => reading.optional_text(map, "time", &mut attributes.time),
            "subject" => reading.optional_text(map, "subject", &mut event.tenant),
            "partitionkey" => reading.text(map, "partitionkey", &mut event.domain),
            "nodeepoch" => reading.extension(map, "nodeepoch", &mut attributes.epoch),
            "nodeseq" => reading.extension(map, "nodeseq", &mut attributes.seq),
            "datacontenttype" => self.data_content_type(map),
            "data" => self.data(attributes, map),
            unknown => map.next_value_seed(Suspect::new(reading, unknown)),
        }
    }

    fn data_content_type<A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        let mut given = None;
        self.reading.optional_text(map, "datacontenttype", &mut given)?;
        if given.as_deref().is_none_or(is_json) {
            return Ok(());
        }
        Err(self.reading.refuse(Reason::WrongType, "datacontenttype must be application/json"))
    }

    fn data<A: MapAccess<'de>>(&mut self, attributes: &mut Attributes<'de>, map: &mut A) -> Result<(), A::Error> {
        if !matches!(attributes.data, Data::Missing) {
            return Err(self.reading.twice("data"));
        }
        self.reading.field = "data";
        attributes.data = if attributes.event_type.is_some() {
            map.next_value_seed(Request { reading: self.reading, event: self.event })?;
            Data::Read
        } else {
            Data::Unread(map.next_value()?)
        };
        Ok(())
    }

    fn finish<E: Error>(self, attributes: Attributes<'de>) -> Result<(), E> {
        let Self { reading, event } = self;
        let Some(event_type) = &attributes.event_type else { return Err(missing(reading, "type")) };
        if let Some(detail) = type_problem(event_type) {
            return Err(reading.refuse(Reason::UnknownEventType, detail));
        }
        match attributes.spec_version.as_deref() {
            Some(SPEC_VERSION) => {}
            Some(_) => return Err(reading.refuse(Reason::UnknownEventType, "specversion must be 1.0")),
            None => return Err(missing(reading, "specversion")),
        }
        if event.id.is_empty() {
            return Err(missing(reading, "id"));
        }
        if event.source.is_empty() {
            return Err(missing(reading, "source"));
        }
        let Some(time) = &attributes.time else { return Err(missing(reading, "time")) };
        let Some(time) = timestamp::parse(time) else {
            return Err(reading.refuse(Reason::AbsurdTime, "time is not RFC 3339, such as 2026-01-31T12:00:00.000000Z"));
        };
        event.time = time;
        event.sequence = sequence(reading, attributes.epoch, attributes.seq)?;
        if event.domain.is_empty() {
            event.domain.clone_from(&event.source);
        }
        match attributes.data {
            Data::Read => Ok(()),
            Data::Missing => Err(missing(reading, "data")),
            Data::Unread(raw) => Request { reading, event }
                .deserialize(&mut serde_json::Deserializer::from_str(raw.get()))
                .map_err(|error| {
                    let problem = reading.problem_of(&error);
                    reading.refuse(problem.reason, problem.detail)
                }),
        }
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

fn sequence<E: Error>(reading: &mut Reading<'_>, epoch: Option<u64>, seq: Option<u64>) -> Result<Option<Sequence>, E> {
    match (epoch, seq) {
        (Some(epoch), Some(seq)) => Ok(Some(Sequence { epoch, seq })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(missing(reading, "nodeseq")),
        (None, Some(_)) => Err(missing(reading, "nodeepoch")),
    }
}

/// The refusal of an event without a field it must have.
pub(crate) fn missing<E: Error>(reading: &mut Reading<'_>, field: &str) -> E {
    reading.refuse(Reason::MissingField, missing_detail(field))
}

/// The detail of that refusal.
pub(crate) fn missing_detail(field: &str) -> String {
    format!("{field} is missing or empty")
}
