//! One session: parsed from its line, then kept small, because all sessions of a trace may be open at once. A prompt is kept as
//! how many blocks it shares with the one before, and runs of consecutive numbers for the rest.

use std::borrow::Cow;
use std::collections::VecDeque;

use aliquot_core::time::Micros;
use serde::Deserialize;

use super::super::{Request, from_seconds};
use crate::random::hash;

/// An open session: the requests that are still to come.
#[derive(Debug)]
pub(super) struct Session {
    id: String,
    key: u64,
    start: Micros,
    block_tokens: u32,
    /// Added to every block number.
    namespace: u64,
    models: Vec<String>,
    kept: VecDeque<Kept>,
    /// The blocks of the request that was taken last.
    blocks: Vec<u32>,
}

/// A request, without what it shares with the one before.
#[derive(Debug)]
struct Kept {
    /// Since the session's start.
    at: Micros,
    place: Box<str>,
    model_idx: usize,
    prompt_tokens: u64,
    output_tokens: u64,
    ttft: Option<Micros>,
    duration: Option<Micros>,
    receipts: u32,
    shared: usize,
    /// First number and length.
    runs: Box<[(u32, u32)]>,
}

#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    id: Cow<'l, str>,
    block_size: u32,
    hash_id_scope: Scope,
    requests: Vec<Record>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Scope {
    Local,
    Global,
}

#[derive(Deserialize)]
struct Record {
    t: f64,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    model: String,
    #[serde(default, rename = "in")]
    prompt_tokens: u64,
    #[serde(default, rename = "out")]
    output_tokens: u64,
    #[serde(default)]
    hash_ids: Vec<u32>,
    api_time: Option<f64>,
    ttft: Option<f64>,
    /// Of a sub-agent.
    #[serde(default)]
    requests: Vec<Record>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum Kind {
    #[serde(rename = "n")]
    Plain,
    #[serde(rename = "s")]
    Streamed,
    #[serde(rename = "subagent")]
    SubAgent,
}

/// A record with its place and time in the session.
struct Placed {
    at: Micros,
    place: String,
    receipts: u32,
    record: Record,
}

impl Session {
    /// The session on `line`, `number` being its place in the file; or what is wrong with it.
    pub(super) fn parse(line: &[u8], number: u32, start: Micros) -> Result<Self, String> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let mut placed = Vec::new();
        place(line.requests, Micros(0), "", &mut placed)?;
        // Stable: what is simultaneous stays in the order of the records.
        placed.sort_by_key(|placed| placed.at);
        let namespace = match line.hash_id_scope {
            Scope::Local => u64::from(number) << 32,
            Scope::Global => 0,
        };
        let mut session = Self {
            key: hash(0, &line.id),
            id: line.id.into_owned(),
            start,
            block_tokens: line.block_size,
            namespace,
            models: Vec::new(),
            kept: VecDeque::with_capacity(placed.len()),
            blocks: Vec::new(),
        };
        let mut previous: &[u32] = &[];
        for placed in &placed {
            session.keep(placed, previous)?;
            previous = &placed.record.hash_ids;
        }
        Ok(session)
    }

    /// When its next request arrives, since the start of the trace.
    pub(super) fn next_at(&self) -> Option<Micros> {
        self.kept.front().map(|kept| Micros(self.start.0.saturating_add(kept.at.0)))
    }

    /// The next request.
    pub(super) fn take(&mut self) -> Option<Request> {
        let at = self.next_at()?;
        let kept = self.kept.pop_front()?;
        self.blocks.truncate(kept.shared);
        for (first, length) in &kept.runs {
            self.blocks.extend(*first..first.saturating_add(*length));
        }
        Some(Request {
            at,
            id: format!("{}/{}", self.id, kept.place),
            session: self.key,
            model: self.models.get(kept.model_idx).cloned().unwrap_or_default(),
            prompt_tokens: kept.prompt_tokens,
            output_tokens: kept.output_tokens,
            blocks: Some(self.blocks.iter().map(|block| self.namespace | u64::from(*block)).collect()),
            block_tokens: self.block_tokens,
            ttft: kept.ttft,
            duration: kept.duration,
            receipts: kept.receipts,
        })
    }

    fn keep(&mut self, placed: &Placed, previous: &[u32]) -> Result<(), String> {
        let Placed { at, place, receipts, record } = placed;
        let shared = record.hash_ids.iter().zip(previous).take_while(|(block, before)| block == before).count();
        let model_idx = self.model_idx(&record.model);
        self.kept.push_back(Kept {
            at: *at,
            place: place.as_str().into(),
            model_idx,
            prompt_tokens: record.prompt_tokens,
            output_tokens: record.output_tokens,
            ttft: record.ttft.map(|ttft| seconds("ttft", ttft)).transpose()?,
            duration: record.api_time.map(|time| seconds("api_time", time)).transpose()?,
            receipts: *receipts,
            shared,
            runs: runs(&record.hash_ids[shared..]),
        });
        Ok(())
    }

    fn model_idx(&mut self, model: &str) -> usize {
        self.models.iter().position(|known| known == model).unwrap_or_else(|| {
            self.models.push(model.to_owned());
            self.models.len() - 1
        })
    }
}

/// Lists the records with those of sub-agents in their places: `3` is the fourth record, `3.0` the first of a sub-agent there.
fn place(records: Vec<Record>, base: Micros, above: &str, placed: &mut Vec<Placed>) -> Result<(), String> {
    let mut records = records.into_iter().enumerate().peekable();
    while let Some((index, record)) = records.next() {
        let mut at = Micros(base.0.saturating_add(seconds("t", record.t)?.0));
        let place_of = format!("{above}{index}");
        if record.kind == Kind::SubAgent {
            place(record.requests, at, &format!("{place_of}."), placed)?;
            continue;
        }
        let mut seen = (record, 1);
        if let Some((_, twin)) = records.next_if(|(_, next)| is_seen_twice(&seen.0, next)) {
            at = Micros(base.0.saturating_add(seconds("t", twin.t)?.0));
            seen = (twin, 2);
        }
        let (record, receipts) = seen;
        placed.push(Placed { at, place: place_of, receipts, record });
    }
    Ok(())
}

/// The recorder of an earlier release wrote a turn down when it began to stream and again when it was done.
fn is_seen_twice(first: &Record, second: &Record) -> bool {
    first.kind == Kind::Streamed
        && second.kind == Kind::Plain
        && first.prompt_tokens == second.prompt_tokens
        && first.hash_ids == second.hash_ids
}

fn runs(blocks: &[u32]) -> Box<[(u32, u32)]> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for block in blocks {
        match runs.last_mut() {
            Some((first, length)) if first.checked_add(*length) == Some(*block) => *length += 1,
            _ => runs.push((*block, 1)),
        }
    }
    runs.into_boxed_slice()
}

fn seconds(field: &str, seconds: f64) -> Result<Micros, String> {
    from_seconds(seconds).ok_or_else(|| format!("{field} is no number of seconds"))
}
