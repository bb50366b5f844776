//! The counts of all nodes of one partition: which numbers arrived, and which streams moved since they were last reported.
//! Decides nothing about an event but whether its number is new.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::commit::StreamReport;
use crate::event::Sequence;
use crate::position::Partition;
use crate::reject::Reason;
use crate::sequence::{Arrival, Arrived, SEQ_MAX};
use crate::time::EventTime;

/// Epochs remembered per node and domain; a node that restarts more often within its replay horizon has other troubles.
pub const EPOCHS_MAX: usize = 16;

/// What arrived, by source and domain. The two names are looked up as they stand in the event: a known stream costs no
/// allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    by_source: BTreeMap<String, BTreeMap<String, Stream>>,
}

/// One count of a node, from its 0 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The numbers that arrived.
    pub arrived: Arrived,
    /// The latest time of an event that brought a new number. A true resend is never later than this.
    pub latest: EventTime,
}

impl Default for Epoch {
    fn default() -> Self {
        Self { arrived: Arrived::default(), latest: EventTime::MIN }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stream {
    epochs: BTreeMap<u64, Epoch>,
    /// The epochs to report.
    moved: BTreeSet<u64>,
    /// Epochs that were forgotten before they were reported.
    retired: BTreeMap<u64, Epoch>,
}

impl Streams {
    /// Records a number of the stream `source`, `domain`, brought by an event of this `time`; an absurd time counts as
    /// [`EventTime::MIN`].
    ///
    /// # Errors
    /// [`Reason::EpochRetired`] when the epoch is older than all of the [`EPOCHS_MAX`] that are remembered.
    pub fn arrive(
        &mut self,
        source: &str,
        domain: &str,
        sequence: Sequence,
        time: EventTime,
    ) -> Result<Arrival, Reason> {
        if sequence.seq > SEQ_MAX {
            // Never recorded, so it must not begin a stream or retire an epoch either.
            return Ok(Arrival::TooSparse);
        }
        let domains = match self.by_source.get_mut(source) {
            Some(domains) => domains,
            None => self.by_source.entry(source.to_owned()).or_default(),
        };
        match domains.get_mut(domain) {
            Some(stream) => stream.arrive(sequence, time),
            None => domains.entry(domain.to_owned()).or_default().arrive(sequence, time),
        }
    }

    /// How many numbers below the highest seen have not arrived in the stream `source`, `domain` of this epoch.
    pub fn missing(&self, source: &str, domain: &str, epoch: u64) -> u64 {
        let stream = self.by_source.get(source).and_then(|domains| domains.get(domain));
        let known = stream.and_then(|stream| stream.epochs.get(&epoch));
        known.map_or(0, |epoch| epoch.arrived.end().saturating_sub(epoch.arrived.count()))
    }

    /// The streams that moved since the last call, by source, domain and epoch.
    pub fn take_moved(&mut self, partition: Partition) -> Vec<StreamReport> {
        let mut reports = Vec::new();
        for (source, domains) in &mut self.by_source {
            for (domain, stream) in domains {
                let report = |(epoch, Epoch { arrived, .. }): (u64, &Epoch)| StreamReport {
                    partition,
                    source: source.clone(),
                    epoch,
                    domain: domain.clone(),
                    end: arrived.end(),
                    received: arrived.count(),
                    gaps: arrived.gaps().collect(),
                };
                let retired = core::mem::take(&mut stream.retired);
                reports.extend(retired.iter().map(|(number, epoch)| report((*number, epoch))));
                let moved = core::mem::take(&mut stream.moved);
                reports.extend(moved.into_iter().filter_map(|epoch| Some(report((epoch, stream.epochs.get(&epoch)?)))));
            }
        }
        reports
    }

    /// How many streams there are.
    pub fn count(&self) -> usize {
        self.by_source.values().map(BTreeMap::len).sum()
    }

    /// Source, domain and what arrived by epoch, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &BTreeMap<u64, Epoch>)> {
        self.by_source.iter().flat_map(|(source, domains)| {
            domains.iter().map(|(domain, stream)| (source.as_str(), domain.as_str(), &stream.epochs))
        })
    }

    /// Appends a stream of which nothing is to be reported; `None` unless it comes after all that are there.
    pub fn restore_next(&mut self, source: String, domain: String, epochs: BTreeMap<u64, Epoch>) -> Option<()> {
        if self.by_source.last_key_value().is_some_and(|(last, _)| *last > source) {
            return None;
        }
        let domains = self.by_source.entry(source).or_default();
        if domains.last_key_value().is_some_and(|(last, _)| *last >= domain) {
            return None;
        }
        domains.insert(domain, Stream { epochs, ..Stream::default() });
        Some(())
    }
}

impl Stream {
    fn arrive(&mut self, Sequence { epoch, seq }: Sequence, time: EventTime) -> Result<Arrival, Reason> {
        if !self.epochs.contains_key(&epoch) && self.epochs.len() >= EPOCHS_MAX {
            let oldest =
                self.epochs.first_entry().filter(|oldest| *oldest.key() < epoch).ok_or(Reason::EpochRetired)?;
            let (oldest, forgotten) = oldest.remove_entry();
            // What became of it since the last report would otherwise never be told.
            if self.moved.remove(&oldest) {
                self.retired.insert(oldest, forgotten);
            }
        }
        let known = self.epochs.entry(epoch).or_default();
        let arrival = known.arrived.insert(seq);
        match arrival {
            Arrival::New => {
                known.latest = known.latest.max(time);
                self.moved.insert(epoch);
            }
            Arrival::Duplicate if time > known.latest => return Ok(Arrival::Reused),
            _ => {}
        }
        Ok(arrival)
    }
}
