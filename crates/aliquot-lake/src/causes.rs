//! The column `causes`: a request's cost by cause as a list of structs. Null = nobody asked why; a list covers the whole prompt and
//! the whole cost. It lays out what was decided before.

use std::sync::Arc;

use aliquot_core::blame::CausePart;
use aliquot_core::cause::{Cause, Evidence};
use arrow::array::{
    ArrayRef, Decimal128Builder, DictionaryArray, Int32Array, Int32Builder, Int64Builder, ListArray, NullBufferBuilder,
    StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, Fields, Int32Type};
use arrow::error::ArrowError;

use crate::columns::money_builder;

/// Parts for which room is made per row: a hit, new content, and a miss.
const PARTS_PER_ROW: usize = 3;

/// The list of each row, one after the other.
pub(crate) struct CauseLists {
    lengths: Vec<usize>,
    asked: NullBufferBuilder,
    cause: Int32Builder,
    runner_up: Int32Builder,
    evidence: Int32Builder,
    tokens: Int64Builder,
    cost: Decimal128Builder,
}

impl CauseLists {
    pub(crate) fn new(rows: usize) -> Self {
        let parts = rows.saturating_mul(PARTS_PER_ROW);
        let int = || Int32Builder::with_capacity(parts);
        Self {
            lengths: Vec::with_capacity(rows),
            asked: NullBufferBuilder::new(rows),
            cause: int(),
            runner_up: int(),
            evidence: int(),
            tokens: Int64Builder::with_capacity(parts),
            cost: money_builder(parts),
        }
    }

    /// The list of the next row.
    pub(crate) fn push(&mut self, parts: &[CausePart]) {
        self.lengths.push(parts.len());
        self.asked.append(!parts.is_empty());
        for part in parts {
            self.cause.append_value(part.cause as i32);
            self.runner_up.append_option(part.runner_up.map(|cause| cause as i32));
            self.evidence.append_value(part.evidence as i32);
            self.tokens.append_value(part.tokens.cast_signed());
            self.cost.append_value(part.cost.pico());
        }
    }

    pub(crate) fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        let columns: [(&str, bool, ArrayRef); 5] = [
            ("cause", false, cause_names(self.cause.finish())?),
            ("runner_up", true, cause_names(self.runner_up.finish())?),
            ("evidence", false, evidence_names(self.evidence.finish())?),
            ("tokens", false, Arc::new(self.tokens.finish())),
            ("cost_usd", false, Arc::new(self.cost.finish())),
        ];
        let field =
            |(name, nullable, array): &(&str, bool, ArrayRef)| Field::new(*name, array.data_type().clone(), *nullable);
        let fields: Fields = columns.iter().map(field).collect();
        let parts = StructArray::try_new(fields, columns.into_iter().map(|(_, _, array)| array).collect(), None)?;
        // The name that Parquet and Delta give to what is in a list.
        let element = Arc::new(Field::new("element", arrow::array::Array::data_type(&parts).clone(), false));
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        Ok(Arc::new(ListArray::try_new(element, offsets, Arc::new(parts), self.asked.finish())?))
    }
}

/// Causes, given by their places in [`Cause::ALL`], as text.
pub(crate) fn cause_names(places: Int32Array) -> Result<ArrayRef, ArrowError> {
    spelled(places, Cause::ALL.map(Cause::name))
}

/// Kinds of evidence, given by their places in [`Evidence::ALL`], as text.
pub(crate) fn evidence_names(places: Int32Array) -> Result<ArrayRef, ArrowError> {
    spelled(places, Evidence::ALL.map(Evidence::name))
}

/// Values of a closed list, given by their places in it, as text.
pub(crate) fn spelled<const N: usize>(places: Int32Array, names: [&'static str; N]) -> Result<ArrayRef, ArrowError> {
    let names = Arc::new(StringArray::from_iter_values(names));
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(places, names)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_attribution_is_its_place_in_the_list() {
        assert!(Cause::ALL.iter().zip(0..).all(|(cause, place)| *cause as i32 == place));
        assert!(Evidence::ALL.iter().zip(0..).all(|(evidence, place)| *evidence as i32 == place));
    }
}
