//! What the tests stand on: a log in memory that can fail or wait, a clock that stands still, and requests as text.

use std::fmt;
use std::sync::{Arc, Mutex};

use aliquot_api::{Access, Clock, Concurrency, Door, Gateway, Metrics, Readiness, RequestIds, State, router};
use aliquot_core::ports::{Fault, Kind, Outgoing, Outlet};
use aliquot_core::state::Rules;
use aliquot_core::time::EventTime;
use aliquot_wire::Limits;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

/// 2026-01-31T12:00:00Z, when every request of the tests arrives.
pub(crate) const NOW: EventTime = EventTime(1_769_860_800_000_000);

/// What the log does with the next messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Takes,
    /// Only once the test says so, by [`Log::release`].
    Waits,
    Fails(Kind),
    Panics,
}

/// A log in memory.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    mood: Arc<Mutex<Mood>>,
    messages: Arc<Mutex<Vec<Outgoing>>>,
    asked: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

#[derive(Debug)]
pub(crate) struct Broken(Kind);

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the secret address of the broker")
    }
}

impl std::error::Error for Broken {}

impl Fault for Broken {
    fn kind(&self) -> Kind {
        self.0
    }
}

impl Log {
    pub(crate) fn new(mood: Mood) -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Self { mood: Arc::new(Mutex::new(mood)), messages: Arc::default(), asked: none(), released: none() }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Until somebody has asked the log to take messages.
    pub(crate) async fn asked(&self) {
        self.asked.acquire().await.unwrap().forget();
    }

    pub(crate) fn release(&self) {
        self.released.add_permits(1);
    }

    /// What the log holds, one message a line.
    pub(crate) fn text(&self) -> String {
        let line = |message: &Outgoing| {
            assert_eq!(message.received_at, NOW);
            format!("{} {} {}\n", message.key, message.content_type, String::from_utf8_lossy(&message.payload))
        };
        self.messages.lock().unwrap().iter().map(line).collect()
    }

    pub(crate) fn messages(&self) -> Vec<Outgoing> {
        self.messages.lock().unwrap().clone()
    }
}

impl Outlet for Log {
    type Error = Broken;

    async fn append(&self, messages: Vec<Outgoing>) -> Result<(), Broken> {
        self.asked.add_permits(1);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Takes => {}
            Mood::Waits => self.released.acquire().await.unwrap().forget(),
            Mood::Fails(kind) => return Err(Broken(kind)),
            Mood::Panics => panic!("the secret state of the log"),
        }
        self.messages.lock().unwrap().extend(messages);
        Ok(())
    }
}

/// A process with these ends, ready, at [`NOW`].
pub(crate) fn state() -> State {
    let (_, readiness) = watch::channel(Readiness::READY);
    State {
        access: Access::Open,
        clock: Clock::new(|| NOW),
        request_ids: RequestIds::starting_at(EventTime(0xa1)),
        readiness,
        metrics: Metrics::default(),
        concurrency: Concurrency::default(),
        gateway: None,
        readers: None,
    }
}

/// A gateway before `log`.
pub(crate) fn gateway(log: &Log, limits: Limits) -> Gateway {
    Gateway { outlet: Door::to(log.clone()), limits, rules: Arc::new(Rules::default()) }
}

/// A process that is a gateway before `log` and nothing else.
pub(crate) fn gateway_only(log: &Log) -> Router {
    router(State { gateway: Some(gateway(log, Limits::default())), ..state() })
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

pub(crate) fn post(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/v1/events").header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap()
}

/// The answer as text: status, the headers that say something, and the whole body.
pub(crate) async fn ask(router: &Router, request: Request<Body>) -> String {
    let response = router.clone().oneshot(request).await.unwrap();
    let mut text = response.status().as_u16().to_string();
    for name in ["content-type", "x-request-id", "retry-after", "allow"] {
        if let Some(value) = response.headers().get(name) {
            text += &format!(" {name}={}", value.to_str().unwrap());
        }
    }
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    format!("{text}\n{}", String::from_utf8(body.to_vec()).unwrap())
}

/// The status alone.
pub(crate) async fn status(router: &Router, request: Request<Body>) -> u16 {
    router.clone().oneshot(request).await.unwrap().status().as_u16()
}

/// An event of this id and domain, with this usage.
pub(crate) fn event(id: &str, domain: &str, usage: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","type":"aliquot.request.v1","source":"node-1","id":"{id}","time":"2026-01-31T11:59:59.000000Z","subject":"acme","partitionkey":"{domain}","data":{{"provider":"openai","request_model":"m","usage":{usage}}}}}"#
    )
}
