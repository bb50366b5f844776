//! A message to its events: looks the stream through, matches its columns with the contract, and calls back row by row.

use aliquot_core::event::{Event, Report};
use aliquot_core::reject::Reason;

use super::cells::Dictionaries;
use super::columns::{self, Column, Kind, Need};
use super::layout::{Layout, siblings};
use super::limits;
use super::malformed;
use super::rows::Rows;
use super::stream::{Array, Piece, Stream};
use super::suspects::{self, Suspect, Unknown, Verdict};
use super::types::type_problem;
use crate::cloudevent::missing_detail;
use crate::json::Each;
use crate::limits::Limits;
use crate::refusal::Problem;

/// Reads a message that is one Arrow IPC stream.
pub(crate) fn decode(payload: &[u8], limits: &Limits, each: &mut Each<'_>) {
    let stream = Stream::read(payload, limits).and_then(|stream| Ok((Plan::of(&stream.layout)?, stream)));
    match stream {
        Ok((plan, stream)) => deliver(payload, &plan, stream, limits, each),
        Err(problem) => each(0, Err(problem.about(payload))),
    }
}

/// Which column of a stream is which of the contract.
#[derive(Debug, Default)]
struct Plan {
    known: Vec<(Column, usize)>,
    unknown: Vec<Unknown>,
}

impl Plan {
    fn of(layout: &Layout<'_>) -> Result<Self, Problem> {
        let mut plan = Self::default();
        for place in siblings(&layout.nodes, 0, layout.nodes.len()) {
            let name = layout.nodes.get(place).map_or("", |node| node.name);
            let Some(column) = Column::of_name(name) else {
                plan.unknown(layout, place, name)?;
                continue;
            };
            if plan.known.iter().any(|(known, _)| known.name == column.name) {
                return Err(malformed(format!("{} is given twice", column.name)));
            }
            if let Some(problem) = type_problem(column, layout, place) {
                return Err(problem);
            }
            if column.kind == Kind::Limits {
                plan.inside_limits(layout, place)?;
            }
            plan.known.push((column, place));
        }
        let is_known = |column: &Column| plan.known.iter().any(|(known, _)| known.name == column.name);
        let missing = columns::all().find(|column| column.need == Need::Required && !is_known(column));
        match missing {
            Some(column) => Err(Problem::new(Reason::MissingField, missing_detail(column.name))),
            None => Ok(plan),
        }
    }

    fn unknown(&mut self, layout: &Layout<'_>, place: usize, name: &str) -> Result<(), Problem> {
        if name == columns::TYPE {
            let detail = "type is a column: put it into the metadata of the schema, all rows are of one type";
            return Err(Problem::new(Reason::WrongType, detail));
        }
        self.suspect(layout, place, place);
        Ok(())
    }

    /// What is inside `limits`: nothing twice, and what is not known is judged like a column.
    fn inside_limits(&mut self, layout: &Layout<'_>, column: usize) -> Result<(), Problem> {
        let mut seen = Vec::new();
        for place in limits::inside(&layout.nodes, column).into_iter().flatten() {
            let name = layout.nodes.get(place).map_or("", |node| node.name);
            if limits::column_of(name).is_none() {
                self.suspect(layout, column, place);
            } else if seen.contains(&name) {
                return Err(malformed(format!("limits.{name} is given twice")));
            }
            seen.push(name);
        }
        Ok(())
    }

    fn suspect(&mut self, layout: &Layout<'_>, column: usize, place: usize) {
        match suspects::judge(layout, place) {
            Verdict::Harmless => {}
            verdict => self.unknown.push(Unknown { column, place, verdict }),
        }
    }

    fn rows<'d, 'a>(
        &self,
        layout: &Layout<'a>,
        arrays: &[Array<'a>],
        dictionaries: &'d Dictionaries<'a>,
    ) -> Rows<'d, 'a> {
        let mut rows = Rows::default();
        for (column, place) in &self.known {
            rows.take(*column, layout, *place, arrays, dictionaries);
        }
        let unknown = self.unknown.iter().copied();
        rows.suspects.extend(unknown.filter_map(|unknown| Suspect::of(layout, unknown, arrays, dictionaries)));
        rows
    }
}

fn deliver<'a>(payload: &'a [u8], plan: &Plan, stream: Stream<'a>, limits: &Limits, each: &mut Each<'_>) {
    let Stream { layout, pieces } = stream;
    let mut dictionaries = Dictionaries::new();
    let (mut event, mut spare) = (Event::default(), None);
    let mut index = 0_u32;
    let mut raw = Some(payload);
    for piece in pieces {
        match piece {
            Piece::Dictionary { id, is_delta: true, dictionary } => {
                dictionaries.entry(id).or_default().extend(dictionary);
            }
            Piece::Dictionary { id, is_delta: false, dictionary } => {
                dictionaries.insert(id, dictionary);
            }
            Piece::Batch { row_count, arrays } => {
                let rows = plan.rows(&layout, &arrays, &dictionaries);
                for row in 0..row_count {
                    match rows.read(row, limits, &mut event, &mut spare) {
                        Ok(()) => each(index, Ok(Report::Request(&event))),
                        Err(problem) => each(index, Err(row_refusal(problem, raw.take()))),
                    }
                    index = index.saturating_add(1);
                }
            }
        }
    }
}

/// The refusal of a row: the message goes with the first of them, so that a message of ten thousand bad rows is not kept ten
/// thousand times.
fn row_refusal(mut problem: Problem, raw: Option<&[u8]>) -> crate::Refusal<'_> {
    if raw.is_none() {
        problem.detail.push_str("; its bytes are with the first refused row of the message");
    }
    problem.about(raw.unwrap_or_default())
}
