//! Whether the columns of a stream have the types of the contract. Looks at no cell.

use aliquot_core::reject::Reason;

use super::columns::{Column, Kind};
use super::layout::{Layout, Node, Type};
use super::limits;
use crate::refusal::Problem;

/// What is wrong with the type of a known column, or of something inside it, if anything is.
pub(super) fn type_problem(column: Column, layout: &Layout<'_>, place: usize) -> Option<Problem> {
    problem_within("", column, layout, place).or_else(|| {
        let mut inside = (column.kind == Kind::Limits).then(|| limits::inside(&layout.nodes, place)).flatten()?;
        inside.find_map(|place| {
            let column = limits::column_of(layout.nodes.get(place)?.name)?;
            problem_within("limits.", column, layout, place)
        })
    })
}

fn problem_within(above: &str, column: Column, layout: &Layout<'_>, place: usize) -> Option<Problem> {
    let node = layout.nodes.get(place)?;
    let inside = layout.nodes.get(place.saturating_add(1));
    let values = node.dictionary.map(|id| layout.dictionaries.get(&id).and_then(|values| values.first()));
    let (fits, wanted) = match column.kind {
        Kind::Id | Kind::Name => {
            let texts = values.unwrap_or(Some(node));
            (texts.is_some_and(|node| matches!(node.kind, Type::Text { .. })), "utf8, plain or as a dictionary")
        }
        Kind::Count(_) => (values.is_none() && matches!(node.kind, Type::Int { .. }), "an integer"),
        Kind::Time => (matches!(node.kind, Type::Timestamp { has_zone: true, .. }), "a timestamp with a time zone"),
        Kind::Flag => (node.kind == Type::Bool, "a boolean"),
        Kind::Blocks => (are_blocks(node, inside), "a list of uint64"),
        Kind::Limits => (limits::inside(&layout.nodes, place).is_some(), "a list of structs"),
    };
    let detail = || format!("{above}{} has the wrong type: it must be {wanted}", column.name);
    (!fits).then(|| Problem::new(Reason::WrongType, detail()))
}

fn are_blocks(list: &Node<'_>, inside: Option<&Node<'_>>) -> bool {
    let block = Some((Type::Int { bytes: 8, is_signed: false }, None));
    matches!(list.kind, Type::List { .. }) && inside.map(|node| (node.kind, node.dictionary)) == block
}
