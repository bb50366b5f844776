//! Messages into states and rows: decodes each message, asks the partition's state about each event, and keeps the answer.
//! Neither reads the log nor writes anything; what comes out depends on nothing but the messages, the states and the books.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use aliquot_core::event::Report;
use aliquot_core::ports::{RawBatch, RawMessage};
use aliquot_core::position::{Offset, Partition, Place};
use aliquot_core::prices::BookId;
use aliquot_core::rating::Rater;
use aliquot_core::reject::Reason;
use aliquot_core::state::Applied;
use aliquot_wire::{RawEvents, decode};

use crate::accrue::Accrued;
use crate::error::Error;
use crate::partition::{Open, Partitions};
use crate::{Books, Settings};

/// The states, and what has accrued since the last cut.
#[derive(Debug)]
pub(crate) struct Fold<'b> {
    settings: Settings,
    books: &'b Books,
    raters: BTreeMap<BookId, Rater<'b>>,
    partitions: Partitions,
    accrued: Accrued,
    /// Room for what accrues after the next cut.
    spare: Accrued,
}

/// A batch that is being folded.
#[derive(Debug)]
pub(crate) struct Rest {
    partition: Partition,
    from: Offset,
    to: Offset,
    messages: Peekable<IntoIter<RawMessage>>,
}

impl From<RawBatch> for Rest {
    fn from(batch: RawBatch) -> Self {
        let RawBatch { partition, range, messages } = batch;
        Self { partition, from: range.from, to: range.to, messages: messages.into_iter().peekable() }
    }
}

/// How far a batch was folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folded {
    /// To its end.
    Whole,
    /// Until a commit must be cut.
    UntilCut,
}

impl<'b> Fold<'b> {
    pub(crate) fn new(settings: Settings, books: &'b Books) -> Self {
        Self {
            settings,
            books,
            raters: BTreeMap::new(),
            partitions: BTreeMap::new(),
            accrued: Accrued::default(),
            spare: Accrued::default(),
        }
    }

    /// Takes a partition on.
    pub(crate) fn open(&mut self, partition: Partition, open: Open) -> Result<(), Error> {
        for (from, id) in open.schedule.books_from(open.state.next) {
            let book = self.books.all.get(&id).ok_or(Error::MissingBook { book: id, partition, from })?;
            self.raters.entry(id).or_insert_with(|| Rater::new(book));
        }
        self.partitions.insert(partition, open);
        Ok(())
    }

    /// Lets a partition go.
    pub(crate) fn close(&mut self, partition: Partition) {
        self.partitions.remove(&partition);
    }

    /// Forgets every state and everything that accrued; answers which partitions they were of.
    pub(crate) fn close_all(&mut self) -> Vec<Partition> {
        self.accrued = Accrued::default();
        std::mem::take(&mut self.partitions).into_keys().collect()
    }

    /// Takes the room of a commit that was written.
    pub(crate) fn reuse(&mut self, spare: Accrued) {
        self.spare = spare;
    }

    /// Whether anything waits for its commit.
    pub(crate) fn has_accrued(&self) -> bool {
        self.partitions.values().any(Open::has_accrued)
    }

    /// Folds the batch until it is over or a commit must be cut. A batch of a partition that is not ours is left alone: it was
    /// fetched before the partition was lost.
    pub(crate) fn fold(&mut self, rest: &mut Rest) -> Result<Folded, Error> {
        let Self { settings, raters, partitions, accrued, .. } = self;
        let Some(open) = partitions.get_mut(&rest.partition) else { return Ok(Folded::Whole) };
        if rest.from > open.state.next {
            return Err(Error::Gap { partition: rest.partition, found: rest.from, wanted: open.state.next });
        }
        loop {
            let next = rest.messages.peek().map_or(rest.to, |message| message.offset);
            if !open.advance(next) {
                return Ok(Folded::UntilCut);
            }
            rest.from = rest.from.max(next);
            let Some(message) = rest.messages.next() else { return Ok(Folded::Whole) };
            // A source may begin a little before the place that was sought.
            if message.offset < open.state.next {
                continue;
            }
            let book = open.schedule.book_at(message.offset);
            let rater = raters.get_mut(&book).expect("a partition is opened only with all its books");
            Folding { settings, rater, accrued, partition: rest.partition, open }.fold(&message);
            open.state.next = message.offset.next();
            rest.from = open.state.next;
            if accrued.is_full(settings) {
                return Ok(Folded::UntilCut);
            }
        }
    }

    /// Takes what has accrued, with the states after it; `None` if no partition has moved.
    pub(crate) fn cut(&mut self) -> Option<Accrued> {
        for (partition, open) in &mut self.partitions {
            open.cut(*partition, &mut self.accrued.commit);
        }
        if self.accrued.commit.ranges.is_empty() {
            return None;
        }
        let spare = std::mem::take(&mut self.spare);
        let mut accrued = std::mem::replace(&mut self.accrued, spare);
        let progress = &mut accrued.progress;
        progress.events = progress.rejected.values().fold(progress.charged, |sum, count| sum.saturating_add(*count));
        progress.events = progress.events.saturating_add(progress.duplicates).saturating_add(progress.reports);
        progress.positions = accrued.commit.ranges.iter().map(|(partition, range)| (*partition, range.to)).collect();
        Some(accrued)
    }
}

/// One message on its way into a partition's state.
struct Folding<'f, 'b> {
    settings: &'f Settings,
    rater: &'f mut Rater<'b>,
    accrued: &'f mut Accrued,
    partition: Partition,
    open: &'f mut Open,
}

impl Folding<'_, '_> {
    fn fold(self, message: &RawMessage) {
        let Self { settings, rater, accrued, partition, open } = self;
        let RawMessage { offset, received_at, ref content_type, ref payload } = *message;
        let is_new = open.is_new(offset);
        if is_new {
            accrued.message(partition, message);
        }
        let mut raw_events = None;
        decode(content_type, payload, &settings.limits, &mut |index, read| {
            let place = Place { partition, offset, index };
            let report = match read {
                Ok(report) => report,
                Err(refusal) if is_new => {
                    return accrued.reject(place, message, refusal.reason, refusal.detail, refusal.raw);
                }
                Err(_) => return,
            };
            // Attribution sees it also while a state is being rebuilt: what is used now decides who is to blame later.
            let Open { state, attributor, .. } = &mut *open;
            let applied = match report {
                Report::Request(event) => state.apply(rater, &settings.rules, received_at, event).map(|rated| {
                    let missing = state.missing_before(event);
                    let attribution = attributor.request(&settings.attribution, event, &rated, missing);
                    if is_new {
                        accrued.charge(place, message, event, rated, &attribution);
                    }
                }),
                Report::Node(node) => state.apply_node(&settings.rules, received_at, node).map(|()| {
                    attributor.node(&settings.attribution, node);
                    if is_new {
                        accrued.report(place);
                    }
                }),
                Report::Cache(cache) => state.apply_cache(&settings.rules, received_at, cache).map(|()| {
                    attributor.cache(&settings.attribution, cache);
                    if is_new {
                        accrued.report(place);
                    }
                }),
            };
            match applied {
                Applied::Accepted(()) => {}
                _ if !is_new => {}
                Applied::Duplicate => accrued.duplicate(place),
                Applied::Rejected(reason) => {
                    let raw = raw_events.get_or_insert_with(|| RawEvents::new(content_type, payload)).get(index);
                    accrued.reject(place, message, reason, about(reason, report, raw), raw);
                }
            }
        });
    }
}

/// What a reader of the rejects should look at: the field that core decided by.
fn about(reason: Reason, report: Report<'_>, raw: &[u8]) -> String {
    let field = match reason {
        Reason::Overflow if report.request().is_none() => "data: GPUs that worked longer than they were there",
        Reason::AbsurdTime => "time, compared with the time of arrival",
        Reason::UnknownTenant => "subject",
        Reason::PartsDoNotAddUp => "data.usage: the totals and their parts",
        Reason::Overflow => "data.usage",
        Reason::SequenceTooSparse => "nodeseq",
        Reason::EpochRetired | Reason::SequenceReused => "nodeepoch",
        _ => "",
    };
    let elsewhere = if raw.is_empty() { "; the message is kept with its first refused event" } else { "" };
    format!("{field}{elsewhere}")
}
