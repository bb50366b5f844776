//! What a schema says about the buffers that follow: one node per column and per thing inside a column, depth first, which is
//! the order the buffers come in. Knows no column by name.

use std::collections::BTreeMap;

use arrow_ipc::{Endianness, Field, Int, Precision, Schema, TimeUnit, Type as Tag, UnionMode};

use super::malformed;
use crate::refusal::Problem;

/// Nodes of one schema: twenty times the columns there are, and few enough to be walked for every message.
const NODES_MAX: usize = 1_024;

/// How the values of a node are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Bool,
    Int {
        bytes: usize,
        is_signed: bool,
    },
    Timestamp {
        unit: TimeUnit,
        has_zone: bool,
    },
    /// Any other number, date or length of time.
    Number {
        bytes: usize,
    },
    FixedBytes {
        bytes: usize,
    },
    Text {
        is_wide: bool,
    },
    Bytes {
        is_wide: bool,
    },
    View,
    List {
        is_wide: bool,
    },
    ListView {
        is_wide: bool,
    },
    FixedList,
    Map,
    Struct,
    Union {
        is_dense: bool,
    },
    RunEnds,
}

/// A column, or something inside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    /// Of a dictionary, the type of its keys.
    pub(super) kind: Type,
    /// The dictionary that the values are keys of.
    pub(super) dictionary: Option<i64>,
    /// Nodes inside this one; they follow it.
    pub(super) inside: usize,
}

/// A schema as nodes.
#[derive(Debug, Default)]
pub(super) struct Layout<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// The values of each dictionary: one node and what is inside it.
    pub(super) dictionaries: BTreeMap<i64, Vec<Node<'a>>>,
    node_count: usize,
}

impl<'a> Layout<'a> {
    pub(super) fn of(schema: Schema<'a>) -> Result<Self, Problem> {
        if schema.endianness() != Endianness::Little {
            return Err(malformed("the stream is big-endian: write it little-endian"));
        }
        let mut layout = Self::default();
        let mut nodes = Vec::new();
        for field in schema.fields().into_iter().flatten() {
            layout.flatten(field, &mut nodes)?;
        }
        layout.nodes = nodes;
        Ok(layout)
    }

    /// Appends a field and what is inside it. The verifier of the metadata bounds the depth, the count bounds the rest.
    fn flatten(&mut self, field: Field<'a>, nodes: &mut Vec<Node<'a>>) -> Result<(), Problem> {
        let Some(encoding) = field.dictionary() else { return self.flatten_values(field, nodes) };
        let kind = encoding.indexType().map_or(Ok(Type::Int { bytes: 4, is_signed: true }), int)?;
        let id = encoding.id();
        nodes.push(Node { name: field.name().unwrap_or_default(), kind, dictionary: Some(id), inside: 0 });
        let mut values = Vec::new();
        self.flatten_values(field, &mut values)?;
        let shared = self.dictionaries.entry(id).or_insert_with(|| values.clone());
        if shared.iter().map(|node| node.kind).ne(values.iter().map(|node| node.kind)) {
            return Err(malformed("two columns of different types share a dictionary"));
        }
        Ok(())
    }

    fn flatten_values(&mut self, field: Field<'a>, nodes: &mut Vec<Node<'a>>) -> Result<(), Problem> {
        self.node_count = self.node_count.saturating_add(1);
        if self.node_count > NODES_MAX {
            return Err(malformed(format!("the schema has more than {NODES_MAX} fields: send those of the contract")));
        }
        let place = nodes.len();
        let name = field.name().unwrap_or_default();
        nodes.push(Node { name, kind: type_of(field)?, dictionary: None, inside: 0 });
        for child in field.children().into_iter().flatten() {
            self.flatten(child, nodes)?;
        }
        let inside = nodes.len().saturating_sub(place).saturating_sub(1);
        if let Some(node) = nodes.get_mut(place) {
            node.inside = inside;
        }
        Ok(())
    }
}

/// The places of the nodes directly below a place, `0..` being the columns of a schema.
pub(super) fn siblings(nodes: &[Node<'_>], from: usize, to: usize) -> impl Iterator<Item = usize> {
    let next = move |place: &usize| {
        let node = nodes.get(*place)?;
        Some(place.saturating_add(node.inside).saturating_add(1))
    };
    std::iter::successors(Some(from), next).take_while(move |place| *place < to)
}

fn type_of(field: Field<'_>) -> Result<Type, Problem> {
    let bits = |bits: i32| usize::try_from(bits / 8).ok();
    let number = |bytes: Option<usize>| bytes.map(|bytes| Type::Number { bytes });
    let found = match field.type_type() {
        Tag::Null => Some(Type::Null),
        Tag::Bool => Some(Type::Bool),
        Tag::Int => return field.type_as_int().map_or_else(|| Err(unknown()), int),
        Tag::FloatingPoint => number(field.type_as_floating_point().and_then(|float| match float.precision() {
            Precision::HALF => Some(2),
            Precision::SINGLE => Some(4),
            Precision::DOUBLE => Some(8),
            _ => None,
        })),
        Tag::Decimal => number(field.type_as_decimal().and_then(|decimal| bits(decimal.bitWidth()))),
        Tag::Date => number(field.type_as_date().map(|date| if date.unit().0 == 0 { 4 } else { 8 })),
        Tag::Time => number(field.type_as_time().and_then(|time| bits(time.bitWidth()))),
        Tag::Duration => number(Some(8)),
        Tag::Interval => number(field.type_as_interval().and_then(|interval| match interval.unit().0 {
            0 => Some(4),
            1 => Some(8),
            2 => Some(16),
            _ => None,
        })),
        Tag::Timestamp => field.type_as_timestamp().map(|time| Type::Timestamp {
            unit: time.unit(),
            has_zone: time.timezone().is_some_and(|zone| !zone.is_empty()),
        }),
        Tag::FixedSizeBinary => field
            .type_as_fixed_size_binary()
            .and_then(|fixed| usize::try_from(fixed.byteWidth()).ok())
            .map(|bytes| Type::FixedBytes { bytes }),
        Tag::Union => field.type_as_union().map(|union| Type::Union { is_dense: union.mode() == UnionMode::Dense }),
        tag => type_without_parameters(tag),
    };
    found.ok_or_else(unknown)
}

fn type_without_parameters(tag: Tag) -> Option<Type> {
    Some(match tag {
        Tag::Utf8 => Type::Text { is_wide: false },
        Tag::LargeUtf8 => Type::Text { is_wide: true },
        Tag::Binary => Type::Bytes { is_wide: false },
        Tag::LargeBinary => Type::Bytes { is_wide: true },
        Tag::Utf8View | Tag::BinaryView => Type::View,
        Tag::List => Type::List { is_wide: false },
        Tag::LargeList => Type::List { is_wide: true },
        Tag::ListView => Type::ListView { is_wide: false },
        Tag::LargeListView => Type::ListView { is_wide: true },
        Tag::FixedSizeList => Type::FixedList,
        Tag::Map => Type::Map,
        Tag::Struct_ => Type::Struct,
        Tag::RunEndEncoded => Type::RunEnds,
        _ => return None,
    })
}

fn int(int: Int<'_>) -> Result<Type, Problem> {
    match int.bitWidth() {
        8 | 16 | 32 | 64 => {
            let bytes = usize::try_from(int.bitWidth() / 8).unwrap_or_default();
            Ok(Type::Int { bytes, is_signed: int.is_signed() })
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Problem {
    malformed("a column has a type that Arrow does not know")
}
