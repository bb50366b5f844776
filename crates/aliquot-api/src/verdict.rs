//! What the gateway says about each event. Decides nothing: it counts and lays out.

use aliquot_core::reject::Reason;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The verdicts about one request's events, in the order of the events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Verdicts {
    /// How many events are stored.
    accepted: u32,
    /// How many are not.
    rejected: u32,
    /// One verdict for each event.
    events: Vec<EventVerdict>,
}

/// The verdict about one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct EventVerdict {
    /// The event's place in the request, from 0.
    index: u32,
    /// `accepted` or `rejected`.
    #[schema(value_type = Outcome)]
    verdict: Outcome,
    /// Why it was rejected, one of a closed list.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "reason_name")]
    #[schema(value_type = Option<String>, example = "parts_do_not_add_up")]
    reason: Option<Reason>,
    /// What in particular: a field's name, never its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Accepted,
    Rejected,
}

impl Verdicts {
    pub(crate) fn accept(&mut self, index: u32) {
        self.accepted = self.accepted.saturating_add(1);
        self.events.push(EventVerdict { index, verdict: Outcome::Accepted, reason: None, detail: None });
    }

    pub(crate) fn reject(&mut self, index: u32, reason: Reason, detail: impl Into<String>) {
        self.rejected = self.rejected.saturating_add(1);
        let (reason, detail) = (Some(reason), Some(detail.into()));
        self.events.push(EventVerdict { index, verdict: Outcome::Rejected, reason, detail });
    }

    pub(crate) const fn accepted(&self) -> u32 {
        self.accepted
    }

    /// The reasons of the rejected events.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = Reason> + '_ {
        self.events.iter().filter_map(|event| event.reason)
    }

    pub(crate) const fn has_rejections(&self) -> bool {
        self.rejected > 0
    }

    /// Whether there were events and none is accepted.
    pub(crate) const fn are_all_rejections(&self) -> bool {
        self.accepted == 0 && self.rejected > 0
    }
}

fn reason_name<S: Serializer>(reason: &Option<Reason>, serializer: S) -> Result<S::Ok, S::Error> {
    reason.map(Reason::name).serialize(serializer)
}
