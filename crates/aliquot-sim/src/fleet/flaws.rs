//! What is wrong with real traffic: a few events of each kind, so that every counter of the demo shows something. Which events
//! they are depends on the seed and the request alone.

use aliquot_core::event::Event;
use aliquot_core::ports::Outgoing;
use aliquot_core::time::{EventTime, Micros};

use super::users::{Route, User};
use crate::random::{hash, pair, scaled};

/// One of so many events is sent again.
const RESENT_ONE_OF: u64 = 400;

/// A sender that saw no answer waits so long.
const RESEND_AFTER: Micros = Micros(2_000_000);

/// One of so many requests on the shared nodes carries no tenant.
const NAMELESS_ONE_OF: u64 = 1_000;

/// One of so many requests to `OpenAI` goes to a model that no price list has.
const UNPRICED_ONE_OF: u64 = 80;

/// A preview that is invoiced separately.
const UNPRICED_MODEL: &str = "orion-2-preview";

/// The events with flaws.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flaws {
    key: u64,
}

impl Flaws {
    pub(super) fn new(seed: u64) -> Self {
        Self { key: hash(seed, "flaws") }
    }

    /// Gives the event of request `number` its flaw, if it has one.
    pub(super) fn touch(self, number: u64, user: &User, event: &mut Event<'static>) {
        match user.route {
            Route::Home(_) | Route::EveryNode(_) if self.is_drawn(number, "tenant", NAMELESS_ONE_OF) => {
                event.tenant = None
            }
            Route::OpenAi if self.is_drawn(number, "model", UNPRICED_ONE_OF) => {
                event.request_model = UNPRICED_MODEL.into();
                event.response_model = Some(UNPRICED_MODEL.into());
            }
            _ => {}
        }
    }

    /// Whether the sender counts its events.
    pub(super) fn is_counted(self, event: &Event<'_>) -> bool {
        event.source != "reseller"
    }

    /// How long after the event of request `number` it is sent again.
    pub(super) fn resend_after(self, number: u64) -> Option<Micros> {
        self.is_drawn(number, "resend", RESENT_ONE_OF).then_some(RESEND_AFTER)
    }

    fn is_drawn(self, number: u64, what: &str, one_of: u64) -> bool {
        scaled(pair(hash(self.key, what), number), one_of) == 0
    }
}

/// Payloads that cannot be accepted: cut short by a hop, below zero by an overflow, not JSON at all.
const BROKEN: [&str; 3] = [
    r#"{"specversion":"1.0","type":"aliquot.request.v1","source":"gpu-1","id":"req-cut","time":"2026-11-17T09:4"#,
    r#"{"specversion":"1.0","type":"aliquot.request.v1","source":"gpu-2","id":"req-negative","time":"2026-11-17T09:45:00Z","subject":"kestrel","data":{"provider":"self","request_model":"llama-3.3-70b","usage":{"uncached":-412,"output":80}}}"#,
    "upstream connect error or disconnect/reset before headers",
];

/// How many of them there are.
pub(super) const MALFORMED: u64 = 3;

/// The broken messages, spread over the run.
pub(super) fn malformed(start: EventTime, length: Micros) -> Vec<Outgoing> {
    let part = length.0 / 4;
    let message = |(place, payload): (i64, &&str)| Outgoing {
        key: "gpu-1".to_owned(),
        content_type: aliquot_wire::JSON.to_owned(),
        received_at: EventTime(start.0.saturating_add(part.saturating_mul(place))),
        payload: payload.as_bytes().to_vec(),
    };
    (1..).zip(&BROKEN).map(message).collect()
}
