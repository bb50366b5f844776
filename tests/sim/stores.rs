//! The lake and the ledger of the simulation, in memory, with the rules of the real ones: data and position in one step, rows
//! below the position dropped. They outlive the processes that write to them, and can be made to lie, to see that it is noticed.

use std::collections::BTreeMap;

use aliquot_core::capacity::CapacityRow;
use aliquot_core::charge::{Charge, Charges};
use aliquot_core::commit::{Commit, Rejected, Tally};
use aliquot_core::event::Sequence;
use aliquot_core::money::{Rate, Usd};
use aliquot_core::position::{Offset, OffsetRange, Partition, Place, Positions};
use aliquot_core::prices::BookId;
use aliquot_core::rating::{Rated, Unpriced};
use aliquot_core::state::PartitionState;
use aliquot_core::time::EventTime;
use aliquot_core::totals::{Totals, totals};
use aliquot_core::usage::ByClass;
use aliquot_wire::snapshot;

/// A row of the lake.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) place: Place,
    pub(crate) received_at: EventTime,
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) attempt: u32,
    pub(crate) time: EventTime,
    pub(crate) tenant: Option<String>,
    pub(crate) sequence: Option<Sequence>,
    pub(crate) domain: String,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) feature: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) replica: Option<String>,
    pub(crate) blocks: Vec<u64>,
    pub(crate) parts: ByClass<u64>,
    pub(crate) costs: ByClass<Usd>,
    pub(crate) rates: ByClass<Option<Rate>>,
    pub(crate) unpriced: Option<Unpriced>,
    pub(crate) book: BookId,
}

fn row(charges: &Charges, charge: &Charge) -> Row {
    let text = |symbol| charges.names.text(symbol).to_owned();
    let Rated { book, costs, rates, unpriced, .. } = charges.rated(charge);
    Row {
        place: charge.place,
        received_at: charge.received_at,
        id: charges.id(charge).to_owned(),
        source: text(charge.source),
        attempt: charge.attempt,
        time: charge.time,
        tenant: charge.tenant.map(text),
        sequence: charge.sequence,
        domain: text(charge.domain),
        provider: text(charge.provider),
        model: text(charge.model),
        feature: charge.feature.map(text),
        session: charge.session.map(text),
        replica: charge.replica.map(text),
        blocks: charges.blocks(charge).to_vec(),
        parts: charges.parts(charge),
        costs,
        rates,
        unpriced,
        book,
    }
}

/// A way for a store to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// The lake leaves a row out.
    DropsARow,
    /// The lake writes a row twice.
    DoublesARow,
    /// The lake is a picodollar off.
    MiscountsMoney,
    /// The lake saves its position first, and its data in a second step.
    PositionBeforeData,
    /// The lake saves its data first, and its position in a second step.
    DataBeforePosition,
    /// The lake leaves a reject out.
    DropsAReject,
    /// The lake keeps a reject without its last byte.
    CutsAReject,
    /// The lake leaves out a node's interval.
    DropsAnInterval,
    /// The ledger adds what it holds already.
    AddsAgain,
    /// The ledger counts a duplicate too many.
    MiscountsDuplicates,
    /// The ledger counts a report of a node too many.
    MiscountsReports,
    /// The ledger keeps states without what had arrived.
    ForgetsArrivals,
    /// The ledger says that no price list was ever activated.
    ForgetsActivations,
    /// The ledger does not say which numbers are missing.
    HidesGaps,
}

impl Sabotage {
    pub(crate) const ALL: [Self; 14] = [
        Self::DropsARow,
        Self::DoublesARow,
        Self::MiscountsMoney,
        Self::PositionBeforeData,
        Self::DataBeforePosition,
        Self::DropsAReject,
        Self::CutsAReject,
        Self::DropsAnInterval,
        Self::AddsAgain,
        Self::MiscountsDuplicates,
        Self::MiscountsReports,
        Self::ForgetsArrivals,
        Self::ForgetsActivations,
        Self::HidesGaps,
    ];
}

/// A node's interval in the lake: what of it the node told. What it cost, and whom, is attribution's business.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) place: Place,
    pub(crate) source: String,
    pub(crate) time: EventTime,
    pub(crate) gpu_micros: u64,
}

fn interval(row: &CapacityRow) -> Interval {
    Interval { place: row.place, source: row.source.clone(), time: row.time, gpu_micros: row.available }
}

/// The lake: three tables, each with its own positions; those of rejects and of intervals move only when they get rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lake {
    pub(crate) rows: Vec<Row>,
    pub(crate) rejects: Vec<Rejected>,
    pub(crate) intervals: Vec<Interval>,
    pub(crate) at: Positions,
    rejects_at: Positions,
    intervals_at: Positions,
}

impl Lake {
    pub(crate) fn put_rejects(&mut self, commit: &Commit, sabotage: Option<Sabotage>) {
        let at = &self.rejects_at;
        let news = commit.rejects.iter().filter(|reject| is_new(at, reject.place)).cloned();
        let mut news: Vec<_> = news.collect();
        if news.is_empty() {
            return;
        }
        match sabotage {
            Some(Sabotage::DropsAReject) => drop(news.pop()),
            Some(Sabotage::CutsAReject) => {
                news.iter_mut().for_each(|reject| reject.raw.truncate(reject.raw.len().saturating_sub(1)))
            }
            _ => {}
        }
        self.rejects.extend(news);
        advance(&mut self.rejects_at, &commit.ranges);
    }

    pub(crate) fn put_intervals(&mut self, commit: &Commit, sabotage: Option<Sabotage>) {
        let at = &self.intervals_at;
        let mut news: Vec<_> = commit.capacity.iter().filter(|row| is_new(at, row.place)).map(interval).collect();
        if news.is_empty() {
            return;
        }
        if sabotage == Some(Sabotage::DropsAnInterval) {
            drop(news.pop());
        }
        self.intervals.extend(news);
        advance(&mut self.intervals_at, &commit.ranges);
    }

    pub(crate) fn put_rows(&mut self, commit: &Commit, sabotage: Option<Sabotage>) {
        let charges = &commit.charges;
        let news = charges.rows().iter().filter(|charge| is_new(&self.at, charge.place));
        let mut news: Vec<_> = news.map(|charge| row(charges, charge)).collect();
        match (sabotage, news.last_mut()) {
            (Some(Sabotage::DropsARow), _) => drop(news.pop()),
            (Some(Sabotage::DoublesARow), Some(last)) => {
                let twin = last.clone();
                news.push(twin);
            }
            (Some(Sabotage::MiscountsMoney), Some(last)) => {
                let class = aliquot_core::usage::Class::Output;
                let cost = Usd::from_pico(last.costs.get(class).pico() + 1);
                last.costs.set(class, cost);
            }
            _ => {}
        }
        self.rows.extend(news);
    }

    pub(crate) fn advance(&mut self, commit: &Commit) {
        advance(&mut self.at, &commit.ranges);
    }
}

/// The ledger: totals, counts, streams, states and activations, all moved in one step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) totals: Totals,
    pub(crate) tallies: BTreeMap<Partition, Tally>,
    pub(crate) streams: BTreeMap<StreamKey, Completeness>,
    pub(crate) at: Positions,
    /// Newest first.
    pub(crate) states: BTreeMap<Partition, Vec<(Offset, Vec<u8>)>>,
    pub(crate) activations: BTreeMap<Partition, BTreeMap<Offset, BookId>>,
}

/// Partition, source, domain, epoch.
pub(crate) type StreamKey = (Partition, String, String, u64);

/// One past the highest number, how many numbers arrived, and the missing runs.
pub(crate) type Completeness = (u64, u64, Vec<(u64, u64)>);

/// States that are kept.
const STATES_MAX: usize = 3;

/// What a ledger does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The range begins behind the position: something would be missing.
    Hole,
    /// The range straddles the position: its counts cannot be divided.
    Straddle,
}

impl Ledger {
    pub(crate) fn put(&mut self, commit: &Commit, sabotage: Option<Sabotage>) -> Result<(), Refused> {
        let at = |partition: &Partition| self.at.get(partition).copied().unwrap_or_default();
        let is_held = |(partition, range): &(&Partition, &OffsetRange)| range.to <= at(partition);
        for (partition, range) in commit.ranges.iter().filter(|entry| !is_held(entry)) {
            if range.from > at(partition) {
                return Err(Refused::Hole);
            }
            if range.from < at(partition) {
                return Err(Refused::Straddle);
            }
        }
        let moves: Vec<_> =
            commit.ranges.iter().filter(|entry| !is_held(entry)).map(|(partition, _)| *partition).collect();
        let adds_again = sabotage == Some(Sabotage::AddsAgain);
        let is_added = |charge: &&Charge| adds_again || is_new(&self.at, charge.place);
        for (key, total) in totals(&commit.charges, commit.charges.rows().iter().filter(is_added)) {
            let sum = self.totals.entry(key).or_default();
            sum.quantity += total.quantity;
            sum.cost = sum.cost.checked_add(total.cost).unwrap();
        }
        for partition in &moves {
            let (new, sum) = (commit.tallies[partition], self.tallies.entry(*partition).or_default());
            sum.charged += new.charged;
            sum.duplicates += new.duplicates + u64::from(sabotage == Some(Sabotage::MiscountsDuplicates));
            sum.rejected += new.rejected;
            sum.reports += new.reports + u64::from(sabotage == Some(Sabotage::MiscountsReports));
            self.keep_state(*partition, commit, sabotage);
        }
        for report in commit.streams.iter().filter(|report| moves.contains(&report.partition)) {
            let key = (report.partition, report.source.clone(), report.domain.clone(), report.epoch);
            let gaps = if sabotage == Some(Sabotage::HidesGaps) { Vec::new() } else { report.gaps.clone() };
            self.streams.insert(key, (report.end, report.received, gaps));
        }
        advance(&mut self.at, &commit.ranges);
        Ok(())
    }

    fn keep_state(&mut self, partition: Partition, commit: &Commit, sabotage: Option<Sabotage>) {
        let next = commit.ranges[&partition].to;
        let Some(bytes) = commit.snapshots.get(&partition) else { return };
        let bytes = match sabotage {
            Some(Sabotage::ForgetsArrivals) => {
                snapshot::encode(&PartitionState { next, ..PartitionState::default() }, &nothing_attributed())
            }
            _ => bytes.clone(),
        };
        let states = self.states.entry(partition).or_default();
        states.insert(0, (next, bytes));
        states.truncate(STATES_MAX);
    }
}

fn is_new(at: &Positions, place: Place) -> bool {
    at.get(&place.partition).is_none_or(|at| place.offset >= *at)
}

fn advance(at: &mut Positions, ranges: &BTreeMap<Partition, OffsetRange>) {
    for (partition, range) in ranges {
        let position = at.entry(*partition).or_default();
        *position = range.to.max(*position);
    }
}

/// The bytes of an attribution that remembers nothing.
pub(crate) fn nothing_attributed() -> Vec<u8> {
    let mut out = aliquot_core::bytes::Writer::default();
    aliquot_attribution::attributor::Attributor::default().save(&mut out);
    out.into_bytes()
}
