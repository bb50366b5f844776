//! How amounts are written: a string of dollars with twelve decimals, never a number.

use aliquot_core::money::Usd;
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An amount in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dollars(pub(crate) Usd);

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        dollars(&self.0, serializer)
    }
}

impl PartialSchema for Dollars {
    fn schema() -> RefOr<Schema> {
        let about = "Dollars with twelve decimals";
        let example = serde_json::Value::from("12.000000075000");
        ObjectBuilder::new().schema_type(Type::String).description(Some(about)).examples([example]).into()
    }
}

impl ToSchema for Dollars {}

/// Writes the amount of a member that has an example of its own.
pub(crate) fn dollars<S: Serializer>(amount: &Usd, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}
