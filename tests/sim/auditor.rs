//! Computes again what should have come out, from the log alone and by the slowest obvious method: plain sets, plain tables,
//! plain sums. Uses none of the rules it checks, and compares everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use aliquot_core::commit::{Rejected, Tally};
use aliquot_core::event::{Event, Head, NodeReport, QUANTITY_MAX, Report, Usage};
use aliquot_core::money::{Rate, Usd};
use aliquot_core::position::{Offset, Partition, Place};
use aliquot_core::prices::BookId;
use aliquot_core::rating::Unpriced;
use aliquot_core::reject::Reason;
use aliquot_core::time::EventTime;
use aliquot_core::totals::{TotalKey, Totals};
use aliquot_core::usage::{ByClass, Class};

use crate::prices::{LIST, LONG, LONG_FACTOR, factor};
use crate::sinks::World;
use crate::stores::{Completeness, Interval, Row, StreamKey};
use crate::workload::{Entry, Item, REGISTERED, Told, Workload};

/// What should be in the stores.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) rows: Vec<Row>,
    pub(crate) rejects: Vec<(Place, EventTime, Reason, String, Vec<u8>)>,
    pub(crate) intervals: Vec<Interval>,
    pub(crate) tallies: BTreeMap<Partition, Tally>,
    arrived: BTreeMap<StreamKey, BTreeSet<u64>>,
}

/// What one partition has seen.
#[derive(Default)]
struct Memory {
    /// By source and domain: epoch → numbers.
    numbers: BTreeMap<(String, String), BTreeMap<u64, BTreeSet<u64>>>,
    /// By source, domain and epoch: the times of the events that brought a number, as far as they can be true.
    times: BTreeMap<(String, String, u64), Vec<EventTime>>,
    identities: BTreeSet<(String, String, u32)>,
}

enum Verdict {
    Accepted,
    Duplicate,
    Rejected(Reason),
}

/// Everything that is not as it should be.
pub(crate) fn audit(workload: &Workload, world: &World) -> Vec<String> {
    let truth = Truth::of(workload, &world.ledger.activations);
    let mut findings = Findings(world.findings.clone());
    for partition in workload.all_partitions() {
        let end = workload.end(partition);
        let at = |at: Option<&Offset>| at.copied().unwrap_or_default();
        findings.compare("lake position", &at(world.lake.at.get(&partition)), &end);
        findings.compare("ledger position", &at(world.ledger.at.get(&partition)), &end);
    }
    let mut rows = world.lake.rows.clone();
    rows.sort_by_key(|row| row.place);
    findings.compare("number of rows", &rows.len(), &truth.rows.len());
    findings.compare("rows", &rows, &truth.rows);
    let mut intervals = world.lake.intervals.clone();
    intervals.sort_by_key(|interval| interval.place);
    findings.compare("intervals of nodes", &intervals, &truth.intervals);
    findings.compare("rejects", &rejects(&world.lake.rejects), &truth.rejects);
    findings.compare("totals of the ledger", &world.ledger.totals, &sums(&truth.rows));
    findings.compare("totals of the lake", &sums(&world.lake.rows), &world.ledger.totals);
    let moved = |(_, tally): &(&Partition, &Tally)| **tally != Tally::default();
    let tallies =
        |tallies: &BTreeMap<Partition, Tally>| format!("{:?}", tallies.iter().filter(moved).collect::<Vec<_>>());
    findings.compare("tallies", &tallies(&world.ledger.tallies), &tallies(&truth.tallies));
    findings.compare("streams and their gaps", &world.ledger.streams, &truth.streams());
    findings.0
}

struct Findings(Vec<String>);

impl Findings {
    fn compare<T: PartialEq + Debug>(&mut self, what: &str, found: &T, wanted: &T) {
        if found != wanted {
            let difference = first_difference(&format!("{found:#?}"), &format!("{wanted:#?}"));
            self.0.push(format!("{what}: {difference}"));
        }
    }
}

fn first_difference(found: &str, wanted: &str) -> String {
    let mut lines = found.lines().zip(wanted.lines()).enumerate();
    match lines.find(|(_, (found, wanted))| found != wanted) {
        Some((line, (found, wanted))) => format!("line {line}: found {}, wanted {}", found.trim(), wanted.trim()),
        None => format!("found {} lines, wanted {}", found.lines().count(), wanted.lines().count()),
    }
}

fn rejects(rejects: &[Rejected]) -> Vec<(Place, EventTime, Reason, String, Vec<u8>)> {
    let keep = |reject: &Rejected| {
        assert!(!reject.detail.is_empty(), "{:?} says nothing", reject.reason);
        (reject.place, reject.received_at, reject.reason, reject.content_type.clone(), reject.raw.clone())
    };
    let mut rejects: Vec<_> = rejects.iter().map(keep).collect();
    rejects.sort_by_key(|reject| reject.0);
    rejects
}

impl Truth {
    pub(crate) fn of(workload: &Workload, activations: &BTreeMap<Partition, BTreeMap<Offset, BookId>>) -> Self {
        let mut truth = Self::default();
        for partition in workload.all_partitions() {
            let mut memory = Memory::default();
            let none = BTreeMap::new();
            let activations = activations.get(&partition).unwrap_or(&none);
            for entry in workload.entries(partition) {
                let earlier = activations.range(..=entry.message.offset).next_back();
                let book = earlier.or_else(|| activations.first_key_value()).map_or(BookId(0), |(_, book)| *book);
                truth.entry(partition, entry, book, &mut memory);
            }
            for ((source, domain), epochs) in memory.numbers {
                for (epoch, numbers) in epochs {
                    truth.arrived.insert((partition, source.clone(), domain.clone(), epoch), numbers);
                }
            }
        }
        truth
    }

    fn entry(&mut self, partition: Partition, entry: &Entry, book: BookId, memory: &mut Memory) {
        let message = &entry.message;
        let mut has_refused = false;
        for (item, index) in entry.items.iter().zip(0..) {
            let place = Place { partition, offset: message.offset, index };
            let tally = self.tallies.entry(partition).or_default();
            let (verdict, raw) = match item {
                Item::Bad(reason, raw) => (Verdict::Rejected(*reason), raw),
                Item::Event(event, raw) => {
                    let wrong = wrong(event, message.received_at);
                    let verdict = memory.judge(Report::Request(event).head(), wrong);
                    if matches!(verdict, Verdict::Accepted) {
                        tally.charged += 1;
                        self.rows.push(charged(place, message.received_at, event, book));
                    }
                    (verdict, raw)
                }
                Item::Report(told, raw) => {
                    let wrong = wrong_report(told, message.received_at);
                    let verdict = memory.judge(told.report().head(), wrong);
                    if matches!(verdict, Verdict::Accepted) {
                        tally.reports += 1;
                        self.intervals.extend(interval(place, told));
                    }
                    (verdict, raw)
                }
            };
            let reason = match verdict {
                Verdict::Accepted => continue,
                Verdict::Duplicate => {
                    tally.duplicates += 1;
                    continue;
                }
                Verdict::Rejected(reason) => reason,
            };
            let raw = match (entry.is_arrow, has_refused) {
                (true, true) => &Vec::new(),
                (true, false) => &message.payload,
                (false, _) => raw,
            };
            has_refused = true;
            tally.rejected += 1;
            self.rejects.push((place, message.received_at, reason, message.content_type.clone(), raw.clone()));
        }
    }

    /// Every stream with what is missing in it. A forgotten epoch is a report of the past, which the ledger still has.
    fn streams(&self) -> BTreeMap<StreamKey, Completeness> {
        let report = |numbers: &BTreeSet<u64>| {
            let end = numbers.last().map_or(0, |last| last + 1);
            let mut gaps: Vec<(u64, u64)> = Vec::new();
            for missing in (0..end).filter(|number| !numbers.contains(number)) {
                match gaps.last_mut() {
                    Some(gap) if gap.1 == missing => gap.1 = missing + 1,
                    _ => gaps.push((missing, missing + 1)),
                }
            }
            (end, u64::try_from(numbers.len()).unwrap(), gaps)
        };
        self.arrived.iter().map(|(key, numbers)| (key.clone(), report(numbers))).collect()
    }
}

/// Epochs of one stream that are told apart.
const EPOCHS: usize = 16;

impl Memory {
    /// What becomes of an event, given what is wrong with it.
    fn judge(&mut self, event: Head<'_>, wrong: Option<Reason>) -> Verdict {
        let is_absurd = wrong == Some(Reason::AbsurdTime);
        let mut is_reused = false;
        if let Some(sequence) = event.sequence {
            if sequence.seq == u64::MAX {
                return Verdict::Rejected(Reason::SequenceTooSparse);
            }
            let (source, domain) = (event.source.to_string(), event.domain.to_string());
            let epochs = self.numbers.entry((source.clone(), domain.clone())).or_default();
            let newer = epochs.keys().filter(|epoch| **epoch > sequence.epoch).count();
            if newer >= EPOCHS {
                return Verdict::Rejected(Reason::EpochRetired);
            }
            let times = self.times.entry((source, domain, sequence.epoch)).or_default();
            if epochs.entry(sequence.epoch).or_default().insert(sequence.seq) {
                times.extend((!is_absurd).then_some(event.time));
            } else if is_absurd || times.iter().any(|time| *time >= event.time) {
                return Verdict::Duplicate;
            } else {
                is_reused = true;
            }
        }
        let identity = (event.source.to_string(), event.id.to_string(), event.attempt);
        if self.identities.contains(&identity) {
            return Verdict::Duplicate;
        }
        if is_reused {
            return Verdict::Rejected(Reason::SequenceReused);
        }
        if let Some(reason) = wrong {
            return Verdict::Rejected(reason);
        }
        self.identities.insert(identity);
        Verdict::Accepted
    }
}

fn interval(place: Place, told: &Told) -> Option<Interval> {
    let Told::Node(report) = told else { return None };
    let gpu_micros = u64::try_from(report.interval.0).unwrap() * u64::from(report.gpu_count);
    let told = Interval { place, source: report.source.to_string(), time: report.time, gpu_micros };
    (gpu_micros > 0).then_some(told)
}

fn is_absurd(time: EventTime, received_at: EventTime) -> bool {
    const DAY: i64 = 86_400_000_000;
    time.0 < received_at.0 - 400 * DAY || time.0 > received_at.0 + DAY / 24
}

fn wrong_report(told: &Told, received_at: EventTime) -> Option<Reason> {
    if is_absurd(told.report().head().time, received_at) {
        return Some(Reason::AbsurdTime);
    }
    let Told::Node(NodeReport { interval, gpu_count, busy, .. }) = told else { return None };
    busy.is_some_and(|busy| busy.0 > interval.0 * i64::from(*gpu_count)).then_some(Reason::Overflow)
}

fn wrong(event: &Event<'_>, received_at: EventTime) -> Option<Reason> {
    let Usage { parts, input_total, output_total, .. } = &event.usage;
    let sum = |classes: &[Class]| classes.iter().map(|class| parts.get(*class)).sum::<u64>();
    if is_absurd(event.time, received_at) {
        return Some(Reason::AbsurdTime);
    }
    if event.tenant.as_deref().is_some_and(|tenant| !REGISTERED.contains(&tenant)) {
        return Some(Reason::UnknownTenant);
    }
    if parts.iter().any(|(_, quantity)| quantity > QUANTITY_MAX) {
        return Some(Reason::Overflow);
    }
    let input = sum(&[Class::Uncached, Class::CacheRead]);
    let output = sum(&[Class::Output, Class::Reasoning]);
    let differs = input_total.is_some_and(|total| total != input) || output_total.is_some_and(|total| total != output);
    differs.then_some(Reason::PartsDoNotAddUp)
}

fn charged(place: Place, received_at: EventTime, event: &Event<'_>, book: BookId) -> Row {
    let model = event.response_model.as_ref().unwrap_or(&event.request_model);
    let mut row = Row {
        place,
        received_at,
        id: event.id.to_string(),
        source: event.source.to_string(),
        attempt: event.attempt,
        time: event.time,
        tenant: event.tenant.as_ref().map(ToString::to_string),
        sequence: event.sequence,
        domain: event.domain.to_string(),
        provider: event.provider.to_string(),
        model: model.to_string(),
        feature: event.feature.as_ref().map(ToString::to_string),
        session: event.cache.session.as_ref().map(ToString::to_string),
        replica: event.cache.replica.as_ref().map(ToString::to_string),
        blocks: event.prefix.as_ref().map(|chain| chain.blocks.clone()).unwrap_or_default(),
        parts: event.usage.parts,
        costs: ByClass::all(Usd::ZERO),
        rates: ByClass::all(None),
        unpriced: None,
        book,
    };
    if !LIST.iter().any(|(provider, _, _)| *provider == row.provider) {
        row.unpriced = Some(Unpriced::UnknownProvider);
        return row;
    }
    let Some((_, _, line)) = LIST.iter().find(|(provider, name, _)| *provider == row.provider && *name == row.model)
    else {
        row.unpriced = Some(Unpriced::UnknownModel);
        return row;
    };
    let prompt = row.parts.get(Class::Uncached) + row.parts.get(Class::CacheRead);
    let times = factor(book) * if prompt > LONG { LONG_FACTOR } else { 1 };
    for (class, quantity) in event.usage.parts.iter().filter(|(_, quantity)| *quantity > 0) {
        let listed = line.iter().find(|(listed, _)| *listed == class).map(|(_, pico)| *pico);
        match listed.or((class == Class::Requests).then_some(0)) {
            Some(pico) => {
                row.rates.set(class, Some(Rate::from_pico(pico * times)));
                row.costs.set(class, Usd::from_pico(i128::from(pico) * i128::from(times) * i128::from(quantity)));
            }
            None => row.unpriced = Some(Unpriced::UnknownClass),
        }
    }
    row
}

fn sums(rows: &[Row]) -> Totals {
    let mut sums = Totals::new();
    for row in rows {
        for (class, quantity) in row.parts.iter().filter(|(_, quantity)| *quantity > 0) {
            let key = TotalKey {
                hour: EventTime(row.time.0 / 3_600_000_000 * 3_600_000_000),
                tenant: row.tenant.clone(),
                provider: row.provider.clone(),
                model: row.model.clone(),
                class,
                rate: row.rates.get(class),
                book: row.book,
            };
            let sum = sums.entry(key).or_default();
            sum.quantity += u128::from(quantity);
            sum.cost = Usd::from_pico(sum.cost.pico() + row.costs.get(class).pico());
        }
    }
    sums
}
