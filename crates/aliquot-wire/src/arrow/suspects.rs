//! Looks at columns nobody asked for: is that prompt text? The rules are those of [`crate::prompt_text`], with a type in the
//! place of a value: a column of numbers is no text, one with a name for text or with lists of objects is.
//!
//! What nobody asked for inside a known list of structs is judged like a column, and is the row's whose list it is in.
//!
//! A map is refused as well, because its names are not in the schema. Of strings inside lists and objects, and in
//! dictionaries, only the longest of the batch is looked at: if it is too long for a label, so is the cell of every row.

use aliquot_core::reject::Reason;

use super::cells::{Dictionaries, Lengths, Lists, Presence, longest};
use super::layout::{Layout, Node, Type, siblings};
use super::stream::Array;
use crate::prompt_text::{TEXT_BYTES_MAX, detail, is_text_name};
use crate::refusal::Problem;

const LONG: &str = "is too long for a label";

/// What the schema alone says about an unknown column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Harmless,
    /// It has strings in it, and their length decides.
    Strings,
    Text(&'static str),
}

/// Judges the column at a place of the schema.
pub(super) fn judge(layout: &Layout<'_>, place: usize) -> Verdict {
    judge_node(layout, &layout.nodes, place, false)
}

fn judge_node(layout: &Layout<'_>, nodes: &[Node<'_>], place: usize, is_in_list: bool) -> Verdict {
    let Some(node) = nodes.get(place) else { return Verdict::Harmless };
    if let Some(values) = node.dictionary.and_then(|id| layout.dictionaries.get(&id)) {
        return judge_node(layout, values, 0, is_in_list);
    }
    let verdict = match node.kind {
        Type::Null | Type::Bool | Type::Int { .. } | Type::Timestamp { .. } | Type::Number { .. } => {
            return Verdict::Harmless;
        }
        _ if is_text_name(node.name) => return Verdict::Text("has a name for text"),
        Type::Map => return Verdict::Text("is a map, whose names are not in the schema"),
        Type::Struct if is_in_list => return Verdict::Text("is a list of objects"),
        Type::Text { .. } | Type::Bytes { .. } | Type::View | Type::FixedBytes { .. } => return Verdict::Strings,
        Type::Struct | Type::Union { .. } | Type::RunEnds => false,
        Type::List { .. } | Type::ListView { .. } | Type::FixedList => true,
    };
    let inside = siblings(nodes, place.saturating_add(1), place.saturating_add(1).saturating_add(node.inside));
    inside.map(|child| judge_node(layout, nodes, child, verdict)).max().unwrap_or(Verdict::Harmless)
}

/// A column nobody asked for that may hold text, by the schema alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unknown {
    /// The column of the batch that it is, or that it is inside of.
    pub(super) column: usize,
    /// Its own place.
    pub(super) place: usize,
    pub(super) verdict: Verdict,
}

/// An unknown column of one batch that may hold text.
#[derive(Debug)]
pub(super) struct Suspect<'a> {
    name: &'a str,
    presence: Presence<'a>,
    /// Of something inside a list: which of its values are a row's, and how many it has in all.
    lists: Option<(Lists<'a>, usize)>,
    /// Where only a length makes it text.
    lengths: Option<Lengths<'a>>,
    what: &'static str,
}

impl<'a> Suspect<'a> {
    /// That column, unless nothing in this batch can be wrong with it.
    pub(super) fn of(
        layout: &Layout<'a>,
        Unknown { column, place, verdict }: Unknown,
        arrays: &[Array<'a>],
        dictionaries: &Dictionaries<'a>,
    ) -> Option<Self> {
        let node = layout.nodes.get(place)?;
        let array = arrays.get(place)?;
        let lists = Lists::of(layout.nodes.get(column)?.kind, arrays.get(column)?).filter(|_| place != column);
        let lists = lists.map(|lists| (lists, array.length));
        let suspect = Self { name: node.name, presence: Presence(array.validity), lists, lengths: None, what: LONG };
        match verdict {
            Verdict::Harmless => None,
            Verdict::Text(what) => Some(Self { what, ..suspect }),
            Verdict::Strings => {
                let inside = place..=place.saturating_add(node.inside);
                let nodes = layout.nodes.get(inside.clone())?.iter().zip(arrays.get(inside)?);
                let lengths = nodes.map(|(node, array)| match node.dictionary {
                    Some(id) => dictionaries.get(&id).map_or(0, |dictionary| dictionary.longest),
                    None => longest(node.kind, array),
                });
                let lengths_of_rows =
                    Lengths::of(node.kind, array).filter(|_| node.dictionary.is_none() && place == column);
                (lengths.max()? > TEXT_BYTES_MAX).then_some(Self { lengths: lengths_of_rows, ..suspect })
            }
        }
    }

    /// Why the row is refused, if it is.
    pub(super) fn problem(&self, row: usize) -> Option<Problem> {
        let is_text = self.is_present(row) && self.lengths.is_none_or(|lengths| lengths.get(row) > TEXT_BYTES_MAX);
        is_text.then(|| Problem::new(Reason::PromptText, detail(self.name, self.what)))
    }

    fn is_present(&self, row: usize) -> bool {
        let Some((lists, length)) = &self.lists else { return self.presence.get(row) };
        let Ok(Some(values)) = lists.get(row) else { return false };
        (values.start..values.end.min(*length)).any(|place| self.presence.get(place))
    }
}
