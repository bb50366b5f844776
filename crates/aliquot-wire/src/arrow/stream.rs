//! One whole stream, looked through before any row of it counts: the layout, and the buffers of every batch, each inside its
//! body and long enough for its length. Reads no cell.

use aliquot_core::reject::Reason;
use arrow_ipc::{Buffer, FieldNode, MessageHeader, RecordBatch, Schema};

use super::cells::{Dictionary, Offsets};
use super::columns::TYPE;
use super::frames::{Frame, Frames};
use super::layout::{Layout, Node, Type, siblings};
use super::malformed;
use crate::cloudevent::missing_detail;
use crate::event_type::EventType;
use crate::limits::Limits;
use crate::refusal::Problem;

/// A stream of which every buffer lies where it should.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    pub(super) layout: Layout<'a>,
    pub(super) pieces: Vec<Piece<'a>>,
}

/// What follows the schema.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Dictionary { id: i64, is_delta: bool, dictionary: Dictionary<'a> },
    Batch { row_count: usize, arrays: Vec<Array<'a>> },
}

/// The buffers of one node, in the order they come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Array<'a> {
    pub(super) length: usize,
    /// One bit per value, 0 = null; none = no value is null.
    pub(super) validity: Option<&'a [u8]>,
    /// Offsets of texts and lists, else the values.
    pub(super) first: &'a [u8],
    /// The bytes of texts.
    pub(super) second: &'a [u8],
}

impl<'a> Stream<'a> {
    pub(super) fn read(payload: &'a [u8], limits: &Limits) -> Result<Self, Problem> {
        let mut frames = Frames::new(payload);
        let schema = frames.read()?.and_then(|frame| frame.message.header_as_schema());
        let schema = schema.ok_or_else(|| malformed("the stream does not begin with a schema"))?;
        check_type(schema)?;
        let mut stream = Self { layout: Layout::of(schema)?, pieces: Vec::new() };
        let mut row_count = 0_usize;
        while let Some(frame) = frames.read()? {
            let piece = stream.piece(&frame)?;
            if let Piece::Batch { row_count: more, .. } = &piece {
                row_count = row_count.saturating_add(*more);
            }
            if u32::try_from(row_count).is_ok_and(|count| count <= limits.events_per_message) {
                stream.pieces.push(piece);
            } else {
                let detail =
                    format!("the message has more than {} events: send smaller batches", limits.events_per_message);
                return Err(Problem::new(Reason::TooLarge, detail));
            }
        }
        Ok(stream)
    }

    fn piece(&self, frame: &Frame<'a>) -> Result<Piece<'a>, Problem> {
        match frame.message.header_type() {
            MessageHeader::RecordBatch => {
                let batch = frame.message.header_as_record_batch().ok_or_else(no_header)?;
                let arrays = arrays(batch, frame.body, &self.layout.nodes)?;
                let row_count = length(batch.length())?;
                let mut columns = siblings(&self.layout.nodes, 0, self.layout.nodes.len());
                if columns.any(|place| arrays.get(place).is_none_or(|array| array.length != row_count)) {
                    return Err(malformed("the columns of a record batch are not equally long"));
                }
                Ok(Piece::Batch { row_count, arrays })
            }
            MessageHeader::DictionaryBatch => {
                let batch = frame.message.header_as_dictionary_batch().ok_or_else(no_header)?;
                let (id, is_delta) = (batch.id(), batch.isDelta());
                let nodes = self.layout.dictionaries.get(&id);
                let nodes = nodes.ok_or_else(|| malformed("a dictionary belongs to no column"))?;
                let arrays = arrays(batch.data().ok_or_else(no_header)?, frame.body, nodes)?;
                Ok(Piece::Dictionary { id, is_delta, dictionary: Dictionary::of(nodes, &arrays) })
            }
            _ => Err(malformed("a message of the stream is neither a record batch nor a dictionary")),
        }
    }
}

fn check_type(schema: Schema<'_>) -> Result<(), Problem> {
    let mut metadata = schema.custom_metadata().into_iter().flatten();
    let event_type = metadata.find(|pair| pair.key() == Some(TYPE)).and_then(|pair| pair.value());
    let Some(event_type) = event_type else {
        return Err(Problem::new(Reason::MissingField, missing_detail("type, in the metadata of the schema,")));
    };
    let detail = match EventType::of_name(event_type) {
        Ok(EventType::Request) => return Ok(()),
        Ok(other) => format!("{} has no columns: send it as JSON", other.name()),
        Err(detail) => detail,
    };
    Err(Problem::new(Reason::UnknownEventType, detail))
}

/// The buffers of every node.
fn arrays<'a>(batch: RecordBatch<'a>, body: &'a [u8], nodes: &[Node<'a>]) -> Result<Vec<Array<'a>>, Problem> {
    if batch.compression().is_some() {
        return Err(malformed(
            "the record batches are compressed: write them plain and let Kafka compress the message",
        ));
    }
    let mut lengths = batch.nodes().into_iter().flatten();
    let mut buffers = batch.buffers().into_iter().flatten();
    let mut extra_counts = batch.variadicBufferCounts().into_iter().flatten();
    let mut cursor = Cursor { lengths: &mut lengths, buffers: &mut buffers, extra_counts: &mut extra_counts, body };
    let arrays = nodes.iter().map(|node| cursor.array(node.kind)).collect::<Result<_, _>>()?;
    if cursor.lengths.next().is_some() || cursor.buffers.next().is_some() {
        return Err(malformed("a record batch has more buffers than its schema"));
    }
    Ok(arrays)
}

/// Where the reading of one batch stands.
struct Cursor<'c, 'a> {
    lengths: &'c mut dyn Iterator<Item = &'a FieldNode>,
    buffers: &'c mut dyn Iterator<Item = &'a Buffer>,
    extra_counts: &'c mut dyn Iterator<Item = i64>,
    body: &'a [u8],
}

impl<'a> Cursor<'_, 'a> {
    fn array(&mut self, kind: Type) -> Result<Array<'a>, Problem> {
        let node = self.lengths.next().ok_or_else(too_few)?;
        let length = length(node.length())?;
        let mut array = Array { length, ..Array::default() };
        if matches!(kind, Type::Null | Type::RunEnds) {
            return Ok(array);
        }
        if !matches!(kind, Type::Union { .. }) {
            let validity = self.buffer(0)?;
            if node.null_count() != 0 {
                array.validity = Some(validity);
                at_least(validity, length.div_ceil(8))?;
            }
        }
        match kind {
            Type::Bool => array.first = self.buffer(length.div_ceil(8))?,
            Type::Int { bytes, .. } | Type::Number { bytes } | Type::FixedBytes { bytes } => {
                array.first = self.buffer(length.saturating_mul(bytes))?;
            }
            Type::Timestamp { .. } => array.first = self.buffer(length.saturating_mul(8))?,
            Type::Text { is_wide } | Type::Bytes { is_wide } => {
                let end;
                (array.first, end) = self.offsets(length, is_wide)?;
                array.second = self.buffer(end)?;
            }
            Type::List { is_wide } => (array.first, _) = self.offsets(length, is_wide)?,
            Type::Map => (array.first, _) = self.offsets(length, false)?,
            Type::View => {
                array.first = self.buffer(length.saturating_mul(16))?;
                let extra = self.extra_counts.next().ok_or_else(too_few)?;
                for _ in 0..extra {
                    self.buffer(0)?;
                }
            }
            Type::ListView { .. } => {
                self.buffer(0)?;
                self.buffer(0)?;
            }
            Type::Union { is_dense } => {
                self.buffer(0)?;
                if is_dense {
                    self.buffer(0)?;
                }
            }
            Type::FixedList | Type::Struct | Type::Null | Type::RunEnds => {}
        }
        Ok(array)
    }

    /// The next buffer as the offsets of so many values, and the end of the last of them. Of no values there may be none.
    fn offsets(&mut self, length: usize, is_wide: bool) -> Result<(&'a [u8], usize), Problem> {
        let width = if is_wide { 8 } else { 4 };
        let bytes = self.buffer(if length == 0 { 0 } else { length.saturating_add(1).saturating_mul(width) })?;
        let end = Offsets::of(bytes, is_wide).end(length);
        Ok((bytes, end.ok_or_else(|| malformed("the offsets of a column do not ascend"))?))
    }

    /// The next buffer, which must have so many bytes at least.
    fn buffer(&mut self, bytes_min: usize) -> Result<&'a [u8], Problem> {
        let buffer = self.buffers.next().ok_or_else(too_few)?;
        let from = usize::try_from(buffer.offset()).ok();
        let bytes = from
            .zip(usize::try_from(buffer.length()).ok())
            .and_then(|(from, length)| self.body.get(from..from.checked_add(length)?));
        let bytes = bytes.ok_or_else(|| malformed("a buffer lies outside its record batch"))?;
        at_least(bytes, bytes_min)?;
        Ok(bytes)
    }
}

fn at_least(bytes: &[u8], bytes_min: usize) -> Result<(), Problem> {
    if bytes.len() < bytes_min {
        return Err(malformed("a buffer is shorter than its column"));
    }
    Ok(())
}

fn length(length: i64) -> Result<usize, Problem> {
    usize::try_from(length).map_err(|_| malformed("a record batch has a length below zero"))
}

fn too_few() -> Problem {
    malformed("a record batch has fewer buffers than its schema")
}

fn no_header() -> Problem {
    malformed("a message of the stream has no header")
}
