//! One cell of one column: texts, whole numbers, times, flags, lists of blocks, read where they lie in the message, at any
//! alignment. Knows no column by name and no limit.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "a bit's place is below eight, and a row's successor is no overflow"
)]

use std::collections::BTreeMap;
use std::ops::Range;

use aliquot_core::time::EventTime;
use arrow_ipc::TimeUnit;

use super::layout::{Node, Type};
use super::stream::Array;

/// What is wrong with a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    NotUtf8,
    /// A key without an entry, or blocks that are not there.
    Dangling,
    Negative,
    /// A time that no 64 bits of microseconds hold.
    Time,
    NullInside,
}

/// A cell; none = null.
pub(super) type Cell<T> = Result<Option<T>, Flaw>;

/// Whether the value at a place is there at all.
fn is_valid(validity: Option<&[u8]>, place: usize) -> bool {
    validity.is_none_or(|bits| bit(bits, place))
}

fn bit(bits: &[u8], place: usize) -> bool {
    bits.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1)
}

/// Where each of many values begins, and where the last one ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Offsets<'a> {
    Narrow(&'a [[u8; 4]]),
    Wide(&'a [[u8; 8]]),
}

impl<'a> Offsets<'a> {
    pub(super) fn of(bytes: &'a [u8], is_wide: bool) -> Self {
        if is_wide { Self::Wide(bytes.as_chunks().0) } else { Self::Narrow(bytes.as_chunks().0) }
    }

    fn get(self, place: usize) -> Option<usize> {
        match self {
            Self::Narrow(offsets) => usize::try_from(i32::from_le_bytes(*offsets.get(place)?)).ok(),
            Self::Wide(offsets) => usize::try_from(i64::from_le_bytes(*offsets.get(place)?)).ok(),
        }
    }

    pub(super) fn range(self, place: usize) -> Option<Range<usize>> {
        Some(self.get(place)?..self.get(place + 1)?)
    }

    /// The end of the last of `length` values, if none of them ends before it begins: else a short message could name the
    /// same bytes again and again and be a thousand times as much when it is read.
    pub(super) fn end(self, length: usize) -> Option<usize> {
        if length == 0 {
            return Some(0);
        }
        (1..=length).try_fold(self.get(0)?, |before, place| self.get(place).filter(|offset| *offset >= before))
    }
}

/// Whole numbers of any width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ints<'a> {
    validity: Option<&'a [u8]>,
    values: Values<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Values<'a> {
    U64(&'a [[u8; 8]]),
    I64(&'a [[u8; 8]]),
    U32(&'a [[u8; 4]]),
    I32(&'a [[u8; 4]]),
    U16(&'a [[u8; 2]]),
    I16(&'a [[u8; 2]]),
    U8(&'a [[u8; 1]]),
    I8(&'a [[u8; 1]]),
}

impl<'a> Ints<'a> {
    pub(super) fn of(kind: Type, array: &Array<'a>) -> Option<Self> {
        let Type::Int { bytes, is_signed } = kind else { return None };
        let values = match (bytes, is_signed) {
            (8, false) => Values::U64(array.first.as_chunks().0),
            (8, true) => Values::I64(array.first.as_chunks().0),
            (4, false) => Values::U32(array.first.as_chunks().0),
            (4, true) => Values::I32(array.first.as_chunks().0),
            (2, false) => Values::U16(array.first.as_chunks().0),
            (2, true) => Values::I16(array.first.as_chunks().0),
            (1, false) => Values::U8(array.first.as_chunks().0),
            (1, true) => Values::I8(array.first.as_chunks().0),
            _ => return None,
        };
        Some(Self { validity: array.validity, values })
    }

    pub(super) fn get(&self, row: usize) -> Cell<u64> {
        if !is_valid(self.validity, row) {
            return Ok(None);
        }
        let signed = |number: i64| u64::try_from(number).map_err(|_| Flaw::Negative);
        match self.values {
            Values::U64(values) => Ok(values.get(row).map(|bytes| u64::from_le_bytes(*bytes))),
            Values::I64(values) => values.get(row).map(|bytes| signed(i64::from_le_bytes(*bytes))).transpose(),
            Values::U32(values) => Ok(values.get(row).map(|bytes| u32::from_le_bytes(*bytes).into())),
            Values::I32(values) => values.get(row).map(|bytes| signed(i32::from_le_bytes(*bytes).into())).transpose(),
            Values::U16(values) => Ok(values.get(row).map(|bytes| u16::from_le_bytes(*bytes).into())),
            Values::I16(values) => values.get(row).map(|bytes| signed(i16::from_le_bytes(*bytes).into())).transpose(),
            Values::U8(values) => Ok(values.get(row).map(|bytes| u8::from_le_bytes(*bytes).into())),
            Values::I8(values) => values.get(row).map(|bytes| signed(i8::from_le_bytes(*bytes).into())).transpose(),
        }
    }
}

/// Texts, plain or as keys of a dictionary.
#[derive(Clone, Copy, Debug)]
pub(super) enum Texts<'d, 'a> {
    Plain(Strings<'a>),
    Keys { keys: Ints<'a>, entries: &'d [Cell<&'a str>] },
}

impl<'d, 'a> Texts<'d, 'a> {
    pub(super) fn of(node: &Node<'_>, array: &Array<'a>, dictionaries: &'d Dictionaries<'a>) -> Option<Self> {
        let Some(id) = node.dictionary else { return Strings::of(node.kind, array).map(Self::Plain) };
        let entries = dictionaries.get(&id).map_or(&[][..], |dictionary| &dictionary.entries);
        Some(Self::Keys { keys: Ints::of(node.kind, array)?, entries })
    }

    pub(super) fn get(&self, row: usize) -> Cell<&'a str> {
        match self {
            Self::Plain(strings) => strings.get(row),
            Self::Keys { keys, entries } => {
                let Some(key) = keys.get(row)? else { return Ok(None) };
                let entry = usize::try_from(key).ok().and_then(|key| entries.get(key));
                entry.copied().unwrap_or(Err(Flaw::Dangling))
            }
        }
    }
}

/// Plain texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strings<'a> {
    validity: Option<&'a [u8]>,
    offsets: Offsets<'a>,
    bytes: &'a [u8],
    /// All the bytes, if all are UTF-8: then no text has to be looked at again.
    text: Option<&'a str>,
}

impl<'a> Strings<'a> {
    fn of(kind: Type, array: &Array<'a>) -> Option<Self> {
        let Type::Text { is_wide } = kind else { return None };
        Some(Self {
            validity: array.validity,
            offsets: Offsets::of(array.first, is_wide),
            bytes: array.second,
            text: str::from_utf8(array.second).ok(),
        })
    }

    fn get(&self, row: usize) -> Cell<&'a str> {
        if !is_valid(self.validity, row) {
            return Ok(None);
        }
        let range = self.offsets.range(row).ok_or(Flaw::Dangling)?;
        let text = match self.text {
            Some(text) => text.get(range),
            None => self.bytes.get(range).and_then(|bytes| str::from_utf8(bytes).ok()),
        };
        text.map(Some).ok_or(Flaw::NotUtf8)
    }
}

/// The dictionaries sent so far.
pub(super) type Dictionaries<'a> = BTreeMap<i64, Dictionary<'a>>;

/// The values of one dictionary.
#[derive(Debug, Default)]
pub(super) struct Dictionary<'a> {
    /// Its texts; none where its values are something else.
    entries: Vec<Cell<&'a str>>,
    /// Bytes of the longest string anywhere in it.
    pub(super) longest: usize,
}

impl<'a> Dictionary<'a> {
    pub(super) fn of(nodes: &[Node<'_>], arrays: &[Array<'a>]) -> Self {
        let longest = nodes.iter().zip(arrays).map(|(node, array)| longest(node.kind, array)).max();
        let mut entries = Vec::new();
        if let ([node, ..], [array, ..]) = (nodes, arrays)
            && let Some(strings) = Strings::of(node.kind, array)
        {
            entries.extend((0..array.length).map(|place| strings.get(place)));
        }
        Self { entries, longest: longest.unwrap_or_default() }
    }

    /// Adds the values of a later message.
    pub(super) fn extend(&mut self, delta: Self) {
        self.entries.extend(delta.entries);
        self.longest = self.longest.max(delta.longest);
    }
}

/// Bytes of the longest string in a node; 0 where there are no strings.
pub(super) fn longest(kind: Type, array: &Array<'_>) -> usize {
    match kind {
        Type::Text { is_wide } | Type::Bytes { is_wide } => {
            let offsets = Offsets::of(array.first, is_wide);
            (0..array.length)
                .filter_map(|place| offsets.range(place))
                .map(|range| range.len())
                .max()
                .unwrap_or_default()
        }
        Type::View => {
            let lengths =
                array.first.as_chunks::<16>().0.iter().take(array.length).filter_map(|view| view.first_chunk());
            let longest = lengths.map(|length| i32::from_le_bytes(*length)).max();
            longest.and_then(|length| usize::try_from(length).ok()).unwrap_or_default()
        }
        Type::FixedBytes { bytes } => bytes,
        _ => 0,
    }
}

/// The length of each string of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths<'a>(Offsets<'a>);

impl<'a> Lengths<'a> {
    pub(super) fn of(kind: Type, array: &Array<'a>) -> Option<Self> {
        match kind {
            Type::Text { is_wide } | Type::Bytes { is_wide } => Some(Self(Offsets::of(array.first, is_wide))),
            _ => None,
        }
    }

    pub(super) fn get(self, row: usize) -> usize {
        self.0.range(row).map_or(0, |range| range.len())
    }
}

/// Points in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times<'a> {
    validity: Option<&'a [u8]>,
    values: &'a [[u8; 8]],
    unit: TimeUnit,
}

impl<'a> Times<'a> {
    pub(super) fn of(kind: Type, array: &Array<'a>) -> Option<Self> {
        let Type::Timestamp { unit, has_zone: true } = kind else { return None };
        Some(Self { validity: array.validity, values: array.first.as_chunks().0, unit })
    }

    /// The time in microseconds; what is finer is cut off.
    pub(super) fn get(&self, row: usize) -> Cell<EventTime> {
        if !is_valid(self.validity, row) {
            return Ok(None);
        }
        let Some(bytes) = self.values.get(row) else { return Ok(None) };
        let count = i64::from_le_bytes(*bytes);
        let micros = match self.unit {
            TimeUnit::SECOND => count.checked_mul(1_000_000),
            TimeUnit::MILLISECOND => count.checked_mul(1_000),
            TimeUnit::MICROSECOND => Some(count),
            TimeUnit::NANOSECOND => Some(count.div_euclid(1_000)),
            _ => None,
        };
        micros.map(|micros| Some(EventTime(micros))).ok_or(Flaw::Time)
    }
}

/// Yes or no.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flags<'a> {
    validity: Option<&'a [u8]>,
    bits: &'a [u8],
}

impl<'a> Flags<'a> {
    pub(super) fn of(kind: Type, array: &Array<'a>) -> Option<Self> {
        (kind == Type::Bool).then_some(Self { validity: array.validity, bits: array.first })
    }

    pub(super) fn get(&self, row: usize) -> Option<bool> {
        is_valid(self.validity, row).then(|| bit(self.bits, row))
    }
}

/// Lists of anything: where each begins and ends among the values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists<'a> {
    validity: Option<&'a [u8]>,
    offsets: Offsets<'a>,
}

impl<'a> Lists<'a> {
    pub(super) fn of(kind: Type, array: &Array<'a>) -> Option<Self> {
        let Type::List { is_wide } = kind else { return None };
        Some(Self { validity: array.validity, offsets: Offsets::of(array.first, is_wide) })
    }

    pub(super) fn get(&self, row: usize) -> Cell<Range<usize>> {
        if !is_valid(self.validity, row) {
            return Ok(None);
        }
        self.offsets.range(row).map(Some).ok_or(Flaw::Dangling)
    }
}

/// Lists of blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks<'a> {
    lists: Lists<'a>,
    blocks_validity: Option<&'a [u8]>,
    blocks: &'a [[u8; 8]],
}

impl<'a> Blocks<'a> {
    /// The lists of a node, given it and what is inside it.
    pub(super) fn of(nodes: &[Node<'_>], arrays: &[Array<'a>]) -> Option<Self> {
        let ([list, blocks], [list_array, blocks_array, ..]) = (nodes, arrays) else { return None };
        let Type::Int { bytes: 8, is_signed: false } = blocks.kind else { return None };
        let blocks = blocks_array.first.as_chunks().0;
        Some(Self {
            lists: Lists::of(list.kind, list_array)?,
            blocks_validity: blocks_array.validity,
            blocks: blocks.get(..blocks_array.length).unwrap_or(blocks),
        })
    }

    pub(super) fn get(&self, row: usize) -> Cell<&'a [[u8; 8]]> {
        let Some(range) = self.lists.get(row)? else { return Ok(None) };
        if self.blocks_validity.is_some_and(|bits| !range.clone().all(|place| bit(bits, place))) {
            return Err(Flaw::NullInside);
        }
        self.blocks.get(range).map(Some).ok_or(Flaw::Dangling)
    }
}

/// Which rows have something in a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presence<'a>(pub(super) Option<&'a [u8]>);

impl Presence<'_> {
    pub(super) fn get(self, row: usize) -> bool {
        is_valid(self.0, row)
    }
}
