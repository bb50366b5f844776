//! One row of a batch into an event, by the rules the JSON decoder has for the same fields.

use std::borrow::Cow;

use aliquot_core::event::{Event, PrefixChain, Sequence, Usage};
use aliquot_core::reject::Reason;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::{ByClass, Class};

use super::cache_use::CacheColumns;
use super::cells::{Blocks, Dictionaries, Flags, Flaw, Ints, Texts, Times};
use super::columns::{Column, Kind};
use super::fields::{CountColumn, TextColumn, known, missing, narrow, problem_of};
use super::layout::Layout;
use super::limits::LimitLists;
use super::stream::Array;
use super::suspects::Suspect;
use crate::field::too_many_blocks;
use crate::limits::Limits;
use crate::refusal::Problem;
use crate::request::{SAMPLE_THEM, chain_counts_from_one, reports_cache};
use crate::timestamp;

/// The columns of one batch.
#[derive(Debug, Default)]
pub(super) struct Rows<'d, 'a> {
    id: TextColumn<'d, 'a>,
    source: TextColumn<'d, 'a>,
    time: Option<Times<'a>>,
    subject: TextColumn<'d, 'a>,
    partition_key: TextColumn<'d, 'a>,
    epoch: CountColumn<'a>,
    seq: CountColumn<'a>,
    attempt: CountColumn<'a>,
    provider: TextColumn<'d, 'a>,
    request_model: TextColumn<'d, 'a>,
    response_model: TextColumn<'d, 'a>,
    operation: TextColumn<'d, 'a>,
    service_tier: TextColumn<'d, 'a>,
    region: TextColumn<'d, 'a>,
    feature: TextColumn<'d, 'a>,
    project: TextColumn<'d, 'a>,
    traffic_class: TextColumn<'d, 'a>,
    http_status: CountColumn<'a>,
    parts: Vec<(Class, CountColumn<'a>)>,
    input_total: CountColumn<'a>,
    output_total: CountColumn<'a>,
    cache_reported: Option<Flags<'a>>,
    block_tokens: CountColumn<'a>,
    sampled_of: CountColumn<'a>,
    blocks: Option<Blocks<'a>>,
    queue: CountColumn<'a>,
    ttft: CountColumn<'a>,
    duration: CountColumn<'a>,
    cache: CacheColumns<'d, 'a>,
    limits: Option<LimitLists<'d, 'a>>,
    pub(super) suspects: Vec<Suspect<'a>>,
}

impl<'d, 'a> Rows<'d, 'a> {
    /// Takes a column of the batch, whose type is known to fit.
    pub(super) fn take(
        &mut self,
        column: Column,
        layout: &Layout<'a>,
        place: usize,
        arrays: &[Array<'a>],
        dictionaries: &'d Dictionaries<'a>,
    ) {
        let nodes = layout.nodes.get(place..).unwrap_or_default();
        let columns = arrays.get(place..).unwrap_or_default();
        let ([node, ..], [array, ..]) = (nodes, columns) else { return };
        match column.kind {
            Kind::Id | Kind::Name => {
                let text = TextColumn { name: column.name, texts: Texts::of(node, array, dictionaries) };
                self.take_text(text);
            }
            Kind::Count(max) => {
                self.take_count(CountColumn { name: column.name, max, ints: Ints::of(node.kind, array) })
            }
            Kind::Time => self.time = Times::of(node.kind, array),
            Kind::Flag if column.name == "cache_reported" => self.cache_reported = Flags::of(node.kind, array),
            Kind::Flag => self.cache.take_bypass(Flags::of(node.kind, array)),
            Kind::Blocks => self.blocks = Blocks::of(nodes.get(..2).unwrap_or_default(), columns),
            Kind::Limits => self.limits = LimitLists::of(layout, place, arrays, dictionaries),
        }
    }

    fn take_text(&mut self, text: TextColumn<'d, 'a>) {
        match text.name {
            "id" => self.id = text,
            "source" => self.source = text,
            "subject" => self.subject = text,
            "partitionkey" => self.partition_key = text,
            "provider" => self.provider = text,
            "request_model" => self.request_model = text,
            "response_model" => self.response_model = text,
            "operation" => self.operation = text,
            "service_tier" => self.service_tier = text,
            "region" => self.region = text,
            "feature" => self.feature = text,
            "project" => self.project = text,
            "traffic_class" => self.traffic_class = text,
            _ => self.cache.take_text(text),
        }
    }

    fn take_count(&mut self, count: CountColumn<'a>) {
        match count.name {
            "nodeepoch" => self.epoch = count,
            "nodeseq" => self.seq = count,
            "attempt" => self.attempt = count,
            "http_status" => self.http_status = count,
            "input_total" => self.input_total = count,
            "output_total" => self.output_total = count,
            "prefix_block_tokens" => self.block_tokens = count,
            "prefix_sampled_of" => self.sampled_of = count,
            "queue_us" => self.queue = count,
            "ttft_us" => self.ttft = count,
            "duration_us" => self.duration = count,
            name => match Class::from_name(name) {
                Some(class) => self.parts.push((class, count)),
                None => self.cache.take_count(count),
            },
        }
    }

    /// Overwrites `event` with the row. The list of blocks is kept in `spare` while no event has one.
    pub(super) fn read(
        &self,
        row: usize,
        limits: &Limits,
        event: &mut Event<'a>,
        spare: &mut Option<PrefixChain>,
    ) -> Result<(), Problem> {
        if let Some(problem) = self.suspects.iter().find_map(|suspect| suspect.problem(row)) {
            return Err(problem);
        }
        let id = self.id.required(row, limits)?;
        let source = self.source.required(row, limits)?;
        let domain = self.partition_key.get(row, limits)?.unwrap_or(source);
        *spare = event.prefix.take().or(spare.take());
        let prefix = if self.has_chain(row)? { Some(self.chain(row, limits, spare.take())?) } else { None };
        let mut shared_limits = std::mem::take(&mut event.limits);
        shared_limits.clear();
        if let Some(lists) = &self.limits {
            lists.read(row, limits, &mut shared_limits)?;
        }
        *event = Event {
            id: Cow::Borrowed(id),
            source: Cow::Borrowed(source),
            attempt: narrow(self.attempt.get(row)?).unwrap_or_default(),
            time: self.time(row)?,
            tenant: self.subject.optional(row, limits)?,
            sequence: self.sequence(row)?,
            domain: Cow::Borrowed(domain),
            provider: Cow::Borrowed(self.provider.required(row, limits)?),
            request_model: Cow::Borrowed(self.request_model.required(row, limits)?),
            response_model: self.response_model.optional(row, limits)?,
            operation: self.operation.optional(row, limits)?,
            service_tier: self.service_tier.optional(row, limits)?,
            region: self.region.optional(row, limits)?,
            feature: self.feature.optional(row, limits)?,
            project: self.project.optional(row, limits)?,
            traffic_class: self.traffic_class.optional(row, limits)?,
            http_status: narrow(self.http_status.get(row)?),
            usage: self.usage(row)?,
            prefix,
            queue: narrow(self.queue.get(row)?).map(Micros),
            ttft: narrow(self.ttft.get(row)?).map(Micros),
            duration: narrow(self.duration.get(row)?).map(Micros),
            cache: self.cache.read(row, limits)?,
            limits: shared_limits,
        };
        Ok(())
    }

    fn time(&self, row: usize) -> Result<EventTime, Problem> {
        let time = match &self.time {
            Some(times) => known("time", times.get(row))?,
            None => None,
        };
        let Some(time) = time else { return Err(missing("time")) };
        if !timestamp::is_writable(time) {
            return Err(problem_of("time", Flaw::Time));
        }
        Ok(time)
    }

    fn sequence(&self, row: usize) -> Result<Option<Sequence>, Problem> {
        match (self.epoch.get(row)?, self.seq.get(row)?) {
            (Some(epoch), Some(seq)) => Ok(Some(Sequence { epoch, seq })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(missing("nodeseq")),
            (None, Some(_)) => Err(missing("nodeepoch")),
        }
    }

    fn usage(&self, row: usize) -> Result<Usage, Problem> {
        let mut parts = ByClass::all(0);
        parts.set(Class::Requests, 1);
        let mut given = ByClass::all(false);
        for (class, column) in &self.parts {
            if let Some(quantity) = column.get(row)? {
                parts.set(*class, quantity);
                given.set(*class, true);
            }
        }
        let flag = self.cache_reported.as_ref().and_then(|flags| flags.get(row));
        Ok(Usage {
            parts,
            input_total: self.input_total.get(row)?,
            output_total: self.output_total.get(row)?,
            cache_reported: flag.unwrap_or_else(|| reports_cache(|class| given.get(class))),
        })
    }

    /// Whether any part of a chain is there.
    fn has_chain(&self, row: usize) -> Result<bool, Problem> {
        let has_blocks = self.blocks.as_ref().is_some_and(|blocks| blocks.get(row) != Ok(None));
        Ok(has_blocks || self.block_tokens.get(row)?.is_some() || self.sampled_of.get(row)?.is_some())
    }

    fn chain(&self, row: usize, limits: &Limits, spare: Option<PrefixChain>) -> Result<PrefixChain, Problem> {
        let blocks = match &self.blocks {
            Some(blocks) => known("prefix_blocks", blocks.get(row))?,
            None => None,
        };
        let Some(blocks) = blocks else { return Err(missing("prefix_blocks")) };
        if blocks.len() > limits.blocks_per_event {
            return Err(Problem::new(Reason::TooLarge, too_many_blocks("prefix_blocks", limits, SAMPLE_THEM)));
        }
        let Some(block_tokens) = self.block_tokens.get(row)? else { return Err(missing("prefix_block_tokens")) };
        let sampled_of = self.sampled_of.get(row)?.unwrap_or(1);
        if block_tokens == 0 || sampled_of == 0 {
            return Err(Problem::new(
                Reason::WrongType,
                chain_counts_from_one("prefix_block_tokens", "prefix_sampled_of"),
            ));
        }
        let mut chain = spare.unwrap_or_default();
        chain.block_tokens = narrow(Some(block_tokens)).unwrap_or(u32::MAX);
        chain.sampled_of = narrow(Some(sampled_of)).unwrap_or(u32::MAX);
        chain.blocks.clear();
        chain.blocks.extend(blocks.iter().map(|block| u64::from_le_bytes(*block)));
        Ok(chain)
    }
}
