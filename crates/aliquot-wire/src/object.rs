//! One JSON object, name by name: whoever reads it says what a name means. Null is no object.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use crate::field::{Name, Reading};

/// What an object's names mean.
pub(crate) trait Fields<'de> {
    /// Where the object stands in its event.
    const PLACE: &'static str;

    /// Reads the value of one name.
    fn field<A: MapAccess<'de>>(&mut self, name: &str, reading: &mut Reading<'_>, map: &mut A) -> Result<(), A::Error>;
}

/// Reads an object into its fields; answers whether there is one.
#[derive(Debug)]
pub(crate) struct Object<'s, 'c, F> {
    pub(crate) reading: &'s mut Reading<'c>,
    pub(crate) fields: &'s mut F,
}

impl<'de, F: Fields<'de>> DeserializeSeed<'de> for Object<'_, '_, F> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        self.reading.field = F::PLACE;
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Fields<'de>> Visitor<'de> for Object<'_, '_, F> {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            self.fields.field(&name, self.reading, &mut map)?;
        }
        Ok(true)
    }
}
