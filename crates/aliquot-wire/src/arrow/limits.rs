//! The column `limits` of a batch: a list of structs, by the rules that JSON has for the same list.

use std::borrow::Cow;

use aliquot_core::event::Limit;
use aliquot_core::reject::Reason;
use aliquot_core::time::Micros;

use super::cells::{Dictionaries, Flags, Flaw, Ints, Lists, Presence, Texts};
use super::columns::{Column, LIMIT};
use super::fields::{TextColumn, known, narrow, problem_of};
use super::layout::{Layout, Node, Type, siblings};
use super::stream::Array;
use crate::limits::Limits;
use crate::refusal::Problem;
use crate::request::too_many_limits;

/// The lists of one batch.
#[derive(Debug)]
pub(super) struct LimitLists<'d, 'a> {
    lists: Lists<'a>,
    /// Which limits are there, and how many at most.
    structs: Presence<'a>,
    length: usize,
    bucket: TextColumn<'d, 'a>,
    counts: TextColumn<'d, 'a>,
    limit: Option<Ints<'a>>,
    remaining: Option<Ints<'a>>,
    reset: Option<Ints<'a>>,
    refused: Option<Flags<'a>>,
}

/// The places of what is inside each limit of the column at `place`; none if it is no list of structs.
pub(super) fn inside(nodes: &[Node<'_>], place: usize) -> Option<impl Iterator<Item = usize>> {
    let below = place.saturating_add(1);
    let (list, limit) = (nodes.get(place)?, nodes.get(below)?);
    if !matches!((list.kind, limit.kind, limit.dictionary), (Type::List { .. }, Type::Struct, None)) {
        return None;
    }
    let first = below.saturating_add(1);
    Some(siblings(nodes, first, first.saturating_add(limit.inside)))
}

/// What a name inside a limit means.
pub(super) fn column_of(name: &str) -> Option<Column> {
    LIMIT.into_iter().find(|column| column.name == name)
}

impl<'d, 'a> LimitLists<'d, 'a> {
    /// The lists of the column at `place`, whose type is known to fit.
    pub(super) fn of(
        layout: &Layout<'a>,
        place: usize,
        arrays: &[Array<'a>],
        dictionaries: &'d Dictionaries<'a>,
    ) -> Option<Self> {
        let nodes = &layout.nodes;
        let structs = arrays.get(place.saturating_add(1))?;
        let text = |name| TextColumn { name, texts: None };
        let mut lists = Self {
            lists: Lists::of(nodes.get(place)?.kind, arrays.get(place)?)?,
            structs: Presence(structs.validity),
            length: structs.length,
            bucket: text("limits.bucket"),
            counts: text("limits.counts"),
            limit: None,
            remaining: None,
            reset: None,
            refused: None,
        };
        for place in inside(nodes, place)? {
            let (node, array) = (nodes.get(place)?, arrays.get(place)?);
            match node.name {
                "bucket" => lists.bucket.texts = Texts::of(node, array, dictionaries),
                "counts" => lists.counts.texts = Texts::of(node, array, dictionaries),
                "limit" => lists.limit = Ints::of(node.kind, array),
                "remaining" => lists.remaining = Ints::of(node.kind, array),
                "reset_us" => lists.reset = Ints::of(node.kind, array),
                "refused" => lists.refused = Flags::of(node.kind, array),
                _ => {}
            }
        }
        Some(lists)
    }

    /// Appends the limits of a row.
    pub(super) fn read(&self, row: usize, limits: &Limits, out: &mut Vec<Limit<'a>>) -> Result<(), Problem> {
        let Some(range) = known("limits", self.lists.get(row))? else { return Ok(()) };
        if range.end > self.length {
            return Err(problem_of("limits", Flaw::Dangling));
        }
        for place in range.filter(|place| self.structs.get(*place)) {
            if out.len() >= limits.limits_per_event {
                return Err(Problem::new(Reason::TooLarge, too_many_limits("limits", limits)));
            }
            out.push(self.limit(place, limits)?);
        }
        Ok(())
    }

    fn limit(&self, place: usize, limits: &Limits) -> Result<Limit<'a>, Problem> {
        // What a header said below zero is no number.
        let number = |ints: &Option<Ints<'a>>| ints.and_then(|ints| ints.get(place).ok().flatten());
        let limit = Limit {
            bucket: Cow::Borrowed(self.bucket.required(place, limits)?),
            counts: Cow::Borrowed(self.counts.required(place, limits)?),
            limit: number(&self.limit),
            remaining: number(&self.remaining),
            reset: narrow(number(&self.reset)).map(Micros),
            refused: self.refused.and_then(|flags| flags.get(place)).unwrap_or_default(),
        };
        Ok(limit.plausible())
    }
}
