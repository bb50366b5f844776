//! One row of a batch into an event, by the rules the JSON decoder has for the same fields.

use std::borrow::Cow;

use aliquot_core::event::{Event, PrefixChain, Sequence, Usage};
use aliquot_core::reject::Reason;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::{ByClass, Class};

use super::cells::{Blocks, Cell, Dictionaries, Flags, Flaw, Ints, Texts, Times};
use super::columns::{Column, Kind};
use super::layout::{Layout, Node, Type};
use super::malformed;
use super::stream::Array;
use super::suspects::Suspect;
use crate::cloudevent::missing_detail;
use crate::field::too_long;
use crate::limits::Limits;
use crate::refusal::Problem;
use crate::request::{chain_counts_from_one, reports_cache, too_many_blocks};
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
    pub(super) suspects: Vec<Suspect<'a>>,
}

/// What is wrong with the type of a known column, if anything is.
pub(super) fn type_problem(column: Column, layout: &Layout<'_>, place: usize) -> Option<Problem> {
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
    };
    let detail = || format!("{} has the wrong type: it must be {wanted}", column.name);
    (!fits).then(|| Problem::new(Reason::WrongType, detail()))
}

fn are_blocks(list: &Node<'_>, inside: Option<&Node<'_>>) -> bool {
    let block = Some((Type::Int { bytes: 8, is_signed: false }, None));
    matches!(list.kind, Type::List { .. }) && inside.map(|node| (node.kind, node.dictionary)) == block
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
        let arrays = arrays.get(place..).unwrap_or_default();
        let ([node, ..], [array, ..]) = (nodes, arrays) else { return };
        match column.kind {
            Kind::Id | Kind::Name => {
                let text = TextColumn { name: column.name, texts: Texts::of(node, array, dictionaries) };
                self.take_text(text);
            }
            Kind::Count(max) => {
                self.take_count(CountColumn { name: column.name, max, ints: Ints::of(node.kind, array) })
            }
            Kind::Time => self.time = Times::of(node.kind, array),
            Kind::Flag => self.cache_reported = Flags::of(node.kind, array),
            Kind::Blocks => self.blocks = Blocks::of(nodes.get(..2).unwrap_or_default(), arrays),
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
            _ => {}
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
            class => self.parts.extend(Class::from_name(class).map(|class| (class, count))),
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
            return Err(Problem::new(Reason::TooLarge, too_many_blocks("prefix_blocks", limits)));
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

/// A column of texts; without a name it is not there.
#[derive(Clone, Copy, Debug, Default)]
struct TextColumn<'d, 'a> {
    name: &'static str,
    texts: Option<Texts<'d, 'a>>,
}

impl<'a> TextColumn<'_, 'a> {
    /// The text; an empty one is as good as none.
    fn get(&self, row: usize, limits: &Limits) -> Result<Option<&'a str>, Problem> {
        let Some(texts) = &self.texts else { return Ok(None) };
        match known(self.name, texts.get(row))? {
            Some(text) if text.len() > limits.field_bytes => {
                Err(Problem::new(Reason::TooLarge, too_long(self.name, limits.field_bytes)))
            }
            text => Ok(text.filter(|text| !text.is_empty())),
        }
    }

    fn optional(&self, row: usize, limits: &Limits) -> Result<Option<Cow<'a, str>>, Problem> {
        Ok(self.get(row, limits)?.map(Cow::Borrowed))
    }

    fn required(&self, row: usize, limits: &Limits) -> Result<&'a str, Problem> {
        self.get(row, limits)?.ok_or_else(|| missing(self.name))
    }
}

/// A column of whole numbers; without a name it is not there.
#[derive(Clone, Copy, Debug, Default)]
struct CountColumn<'a> {
    name: &'static str,
    max: u64,
    ints: Option<Ints<'a>>,
}

impl CountColumn<'_> {
    fn get(&self, row: usize) -> Result<Option<u64>, Problem> {
        let Some(ints) = &self.ints else { return Ok(None) };
        match known(self.name, ints.get(row))? {
            Some(number) if number > self.max => {
                Err(Problem::new(Reason::Overflow, format!("{} exceeds {}", self.name, self.max)))
            }
            number => Ok(number),
        }
    }
}

/// A number that is known to fit, in its own type.
fn narrow<T: TryFrom<u64>>(number: Option<u64>) -> Option<T> {
    number.and_then(|number| T::try_from(number).ok())
}

fn known<T>(column: &'static str, cell: Cell<T>) -> Result<Option<T>, Problem> {
    cell.map_err(|flaw| problem_of(column, flaw))
}

#[cold]
fn problem_of(column: &'static str, flaw: Flaw) -> Problem {
    match flaw {
        Flaw::NotUtf8 => malformed(format!("{column} is not UTF-8")),
        Flaw::Dangling => malformed(format!("{column} points to a value that is not in the message")),
        Flaw::NullInside => malformed(format!("{column} has a null inside")),
        Flaw::Negative => Problem::new(Reason::Negative, format!("{column} is below zero")),
        Flaw::Time => Problem::new(Reason::AbsurdTime, format!("{column} is outside the years 0 to 9999")),
    }
}

#[cold]
fn missing(column: &str) -> Problem {
    Problem::new(Reason::MissingField, missing_detail(column))
}
