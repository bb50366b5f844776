//! What has been folded and not yet cut into a commit: rows, rejects and counts. Decides nothing about an event.

use aliquot_core::blame::Attribution;
use aliquot_core::commit::{Commit, Rejected};
use aliquot_core::event::Event;
use aliquot_core::ports::RawMessage;
use aliquot_core::position::{Partition, Place};
use aliquot_core::rating::Rated;
use aliquot_core::reject::Reason;

use crate::{Progress, Settings};

/// A commit in the making, with what it will add to the run's progress.
#[derive(Debug, Default)]
pub(crate) struct Accrued {
    pub(crate) commit: Commit,
    pub(crate) progress: Progress,
    bytes: usize,
}

impl Accrued {
    /// Nothing yet, in the room of a commit that was written: fresh room for 65,536 rows costs as much as folding a sixth of
    /// them.
    pub(crate) fn in_room_of(commit: Commit) -> Self {
        let Commit { mut charges, mut rejects, .. } = commit;
        charges.clear();
        rejects.clear();
        Self { commit: Commit { charges, rejects, ..Commit::default() }, ..Self::default() }
    }

    /// Counts a message, whatever is in it.
    pub(crate) fn message(&mut self, partition: Partition, message: &RawMessage) {
        let length = message.payload.len();
        // The content type is the sender's, too, and every reject keeps it.
        self.bytes = self.bytes.saturating_add(length).saturating_add(message.content_type.len());
        self.progress.messages = self.progress.messages.saturating_add(1);
        self.progress.bytes = self.progress.bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        self.commit.tallies.entry(partition).or_default();
    }

    /// Takes in a rated event, with who caused what of it.
    pub(crate) fn charge(
        &mut self,
        place: Place,
        message: &RawMessage,
        event: &Event<'_>,
        rated: Rated,
        attribution: &Attribution<'_>,
    ) {
        self.progress.charged = self.progress.charged.saturating_add(1);
        self.progress.unpriced = self.progress.unpriced.saturating_add(u64::from(rated.unpriced.is_some()));
        self.progress.latest = self.progress.latest.max(Some(event.time));
        if let Some(tally) = self.commit.tallies.get_mut(&place.partition) {
            tally.charged = tally.charged.saturating_add(1);
        }
        self.commit.charges.push(place, message.received_at, event, rated);
        self.commit.charges.attribute_last(attribution);
    }

    /// Counts an event that was accepted and is no request: it has no row, only what follows from it has.
    pub(crate) fn report(&mut self, place: Place) {
        self.progress.reports = self.progress.reports.saturating_add(1);
        if let Some(tally) = self.commit.tallies.get_mut(&place.partition) {
            tally.reports = tally.reports.saturating_add(1);
        }
    }

    /// Counts an event that was there already.
    pub(crate) fn duplicate(&mut self, place: Place) {
        self.progress.duplicates = self.progress.duplicates.saturating_add(1);
        if let Some(tally) = self.commit.tallies.get_mut(&place.partition) {
            tally.duplicates = tally.duplicates.saturating_add(1);
        }
    }

    /// Takes in what was not accepted, with its bytes.
    pub(crate) fn reject(&mut self, place: Place, message: &RawMessage, reason: Reason, detail: String, raw: &[u8]) {
        let count = self.progress.rejected.entry(reason).or_default();
        *count = count.saturating_add(1);
        if let Some(tally) = self.commit.tallies.get_mut(&place.partition) {
            tally.rejected = tally.rejected.saturating_add(1);
        }
        self.commit.rejects.push(Rejected {
            place,
            received_at: message.received_at,
            reason,
            detail,
            content_type: message.content_type.clone(),
            raw: raw.to_vec(),
        });
    }

    /// Whether it should be cut.
    pub(crate) fn is_full(&self, settings: &Settings) -> bool {
        self.rows() >= settings.commit_rows_max || self.bytes >= settings.commit_bytes_max
    }

    /// Charges and rejects.
    pub(crate) fn rows(&self) -> usize {
        self.commit.charges.rows().len().saturating_add(self.commit.rejects.len())
    }
}

#[cfg(test)]
mod tests {
    use aliquot_core::position::Offset;
    use aliquot_core::time::EventTime;

    use super::*;

    #[test]
    fn a_commit_is_full_by_all_that_senders_can_make_long() {
        let settings = Settings { commit_bytes_max: 100, ..Settings::default() };
        for (payload, content_type, full) in [(60, 39, false), (60, 40, true), (0, 100, true), (100, 0, true)] {
            let mut accrued = Accrued::default();
            let message = RawMessage {
                offset: Offset(0),
                received_at: EventTime(0),
                content_type: "x".repeat(content_type),
                payload: vec![0; payload],
            };
            accrued.message(Partition(0), &message);
            assert_eq!(accrued.is_full(&settings), full, "{payload} and {content_type} bytes");
        }
    }
}
