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

/// Epochs remembered per node and domain; a node that restarts more often within its replay horizon has other troubles.
pub const EPOCHS_MAX: usize = 16;

/// What arrived, by source and domain. The two names are looked up as they stand in the event: a known stream costs no
/// allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    by_source: BTreeMap<String, BTreeMap<String, Stream>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stream {
    epochs: BTreeMap<u64, Arrived>,
    /// The epochs to report.
    moved: BTreeSet<u64>,
    /// Epochs that were forgotten before they were reported.
    retired: BTreeMap<u64, Arrived>,
}

impl Streams {
    /// Records a number of the stream `source`, `domain`.
    ///
    /// # Errors
    /// [`Reason::EpochRetired`] when the epoch is older than all of the [`EPOCHS_MAX`] that are remembered.
    pub fn arrive(&mut self, source: &str, domain: &str, sequence: Sequence) -> Result<Arrival, Reason> {
        if sequence.seq > SEQ_MAX {
            // Never recorded, so it must not begin a stream or retire an epoch either.
            return Ok(Arrival::TooSparse);
        }
        let domains = match self.by_source.get_mut(source) {
            Some(domains) => domains,
            None => self.by_source.entry(source.to_owned()).or_default(),
        };
        match domains.get_mut(domain) {
            Some(stream) => stream.arrive(sequence),
            None => domains.entry(domain.to_owned()).or_default().arrive(sequence),
        }
    }

    /// The streams that moved since the last call, by source, domain and epoch.
    pub fn take_moved(&mut self, partition: Partition) -> Vec<StreamReport> {
        let mut reports = Vec::new();
        for (source, domains) in &mut self.by_source {
            for (domain, stream) in domains {
                let report = |(epoch, arrived): (u64, &Arrived)| StreamReport {
                    partition,
                    source: source.clone(),
                    epoch,
                    domain: domain.clone(),
                    end: arrived.end(),
                    received: arrived.count(),
                    gaps: arrived.gaps().collect(),
                };
                let retired = core::mem::take(&mut stream.retired);
                reports.extend(retired.iter().map(|(epoch, arrived)| report((*epoch, arrived))));
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
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &BTreeMap<u64, Arrived>)> {
        self.by_source.iter().flat_map(|(source, domains)| {
            domains.iter().map(|(domain, stream)| (source.as_str(), domain.as_str(), &stream.epochs))
        })
    }

    /// Appends a stream of which nothing is to be reported; `None` unless it comes after all that are there.
    pub fn restore_next(&mut self, source: String, domain: String, epochs: BTreeMap<u64, Arrived>) -> Option<()> {
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
    fn arrive(&mut self, Sequence { epoch, seq }: Sequence) -> Result<Arrival, Reason> {
        if !self.epochs.contains_key(&epoch) && self.epochs.len() >= EPOCHS_MAX {
            let oldest =
                self.epochs.first_entry().filter(|oldest| *oldest.key() < epoch).ok_or(Reason::EpochRetired)?;
            let (oldest, arrived) = oldest.remove_entry();
            // What became of it since the last report would otherwise never be told.
            if self.moved.remove(&oldest) {
                self.retired.insert(oldest, arrived);
            }
        }
        let arrival = self.epochs.entry(epoch).or_default().insert(seq);
        if arrival == Arrival::New {
            self.moved.insert(epoch);
        }
        Ok(arrival)
    }
}
