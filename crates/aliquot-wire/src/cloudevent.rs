//! The envelope: CloudEvents 1.0 attributes and extensions as JSON. What is under `data` is read by the event's type.
//!
//! | attribute | field |
//! |---|---|
//! | `id`, `source`, `time` | the same |
//! | `subject` | tenant of a request; absent = unknown; of other types not kept |
//! | `nodeepoch`, `nodeseq` | sequence, both or neither |
//! | `partitionkey` | cache domain; absent = the source |

use std::borrow::Cow;
use std::fmt;

use aliquot_core::event::Sequence;
use aliquot_core::reject::Reason;
use aliquot_core::time::EventTime;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::event_type::{EventType, SPEC_VERSION};
use crate::field::{Name, Reading};
use crate::prompt_text::Suspect;
use crate::request::Request;
use crate::slots::Slots;
use crate::{cache, node, timestamp};

/// Reads one event into the slot of its type, and answers which that is.
#[derive(Debug)]
pub(crate) struct Envelope<'s, 'c, 'de> {
    pub(crate) reading: &'s mut Reading<'c>,
    pub(crate) slots: &'s mut Slots<'de>,
}

/// What the envelope says, and `data` if it came before the type.
#[derive(Debug, Default)]
struct Attributes<'de> {
    spec_version: Option<Cow<'de, str>>,
    type_name: Option<Cow<'de, str>>,
    /// What the name means, once it came; none = it is not read.
    event_type: Option<EventType>,
    id: Cow<'de, str>,
    source: Cow<'de, str>,
    time: Option<Cow<'de, str>>,
    subject: Option<Cow<'de, str>>,
    partition_key: Cow<'de, str>,
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
        self.type_name.is_some() && self.event_type.is_none()
            || self.spec_version.as_deref().is_some_and(|version| version != SPEC_VERSION)
    }
}

impl<'de> DeserializeSeed<'de> for Envelope<'_, '_, 'de> {
    type Value = EventType;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<EventType, D::Error> {
        self.reading.field = "";
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_, '_, 'de> {
    type Value = EventType;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<EventType, A::Error> {
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
        let reading = &mut *self.reading;
        match name {
            "specversion" => reading.optional_text(map, "specversion", &mut attributes.spec_version),
            "type" => {
                reading.optional_text(map, "type", &mut attributes.type_name)?;
                attributes.event_type = attributes.type_name.as_deref().and_then(|name| EventType::of_name(name).ok());
                Ok(())
            }
            "id" => reading.text(map, "id", &mut attributes.id),
            "source" => reading.text(map, "source", &mut attributes.source),
            "time" => reading.optional_text(map, "time", &mut attributes.time),
            "subject" => reading.optional_text(map, "subject", &mut attributes.subject),
            "partitionkey" => reading.text(map, "partitionkey", &mut attributes.partition_key),
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
        let Self { reading, slots } = self;
        if !matches!(attributes.data, Data::Missing) {
            return Err(reading.twice("data"));
        }
        reading.field = "data";
        attributes.data = match attributes.event_type {
            Some(event_type) => {
                map.next_value_seed(DataOf { event_type, reading, slots })?;
                Data::Read
            }
            None => Data::Unread(map.next_value()?),
        };
        Ok(())
    }

    fn finish<E: Error>(self, attributes: Attributes<'de>) -> Result<EventType, E> {
        let Self { reading, slots } = self;
        let head = Head::of(reading, &attributes)?;
        let Attributes { id, source, subject, partition_key, data, .. } = attributes;
        let event_type = head.event_type;
        match data {
            Data::Read => {}
            Data::Missing => return Err(missing(reading, "data")),
            Data::Unread(raw) => DataOf { event_type, reading, slots }
                .deserialize(&mut serde_json::Deserializer::from_str(raw.get()))
                .map_err(|error| {
                    let problem = reading.problem_of(&error);
                    reading.refuse(problem.reason, problem.detail)
                })?,
        }
        let domain = if partition_key.is_empty() { source.clone() } else { partition_key };
        let Head { time, sequence, .. } = head;
        match event_type {
            EventType::Request => {
                let event = &mut slots.request;
                (event.id, event.source, event.domain) = (id, source, domain);
                (event.time, event.sequence, event.tenant) = (time, sequence, subject);
            }
            EventType::Node => {
                let node = &mut slots.node;
                (node.id, node.source, node.domain) = (id, source, domain);
                (node.time, node.sequence) = (time, sequence);
            }
            EventType::Cache => {
                let cache = &mut slots.cache;
                (cache.id, cache.source, cache.domain) = (id, source, domain);
                (cache.time, cache.sequence) = (time, sequence);
            }
        }
        Ok(event_type)
    }
}

/// What must be true of every envelope.
#[derive(Debug)]
struct Head {
    event_type: EventType,
    time: EventTime,
    sequence: Option<Sequence>,
}

impl Head {
    fn of<E: Error>(reading: &mut Reading<'_>, attributes: &Attributes<'_>) -> Result<Self, E> {
        let Some(name) = &attributes.type_name else { return Err(missing(reading, "type")) };
        let event_type = EventType::of_name(name).map_err(|detail| reading.refuse(Reason::UnknownEventType, detail))?;
        match attributes.spec_version.as_deref() {
            Some(SPEC_VERSION) => {}
            Some(_) => return Err(reading.refuse(Reason::UnknownEventType, "specversion must be 1.0")),
            None => return Err(missing(reading, "specversion")),
        }
        if attributes.id.is_empty() {
            return Err(missing(reading, "id"));
        }
        if attributes.source.is_empty() {
            return Err(missing(reading, "source"));
        }
        let Some(time) = &attributes.time else { return Err(missing(reading, "time")) };
        let Some(time) = timestamp::parse(time) else {
            return Err(reading.refuse(Reason::AbsurdTime, "time is not RFC 3339, such as 2026-01-31T12:00:00.000000Z"));
        };
        let sequence = sequence(reading, attributes.epoch, attributes.seq)?;
        Ok(Self { event_type, time, sequence })
    }
}

/// Reads `data` into the slot of a type, which it empties before.
#[derive(Debug)]
struct DataOf<'s, 'c, 'de> {
    event_type: EventType,
    reading: &'s mut Reading<'c>,
    slots: &'s mut Slots<'de>,
}

impl<'de> DeserializeSeed<'de> for DataOf<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { event_type, reading, slots } = self;
        match event_type {
            EventType::Request => Request { reading, event: slots.clear_request() }.deserialize(deserializer),
            EventType::Node => node::read(reading, slots.clear_node(), deserializer),
            EventType::Cache => cache::read(reading, slots.clear_cache(), deserializer),
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
