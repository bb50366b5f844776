//! Events that a node sent and that never arrived are known by node, epoch and range; delivered later, the gap closes.

use aliquot_core::event::{Event, Sequence, Usage};
use aliquot_core::ports::Outgoing;
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};
use serde_json::json;

use crate::process::Service;
use crate::world::{World, produce};

const START: EventTime = EventTime(1_794_908_520_000_000);

/// Event `seq` of the node, as a message.
fn message(seq: u64) -> Outgoing {
    let mut parts = ByClass::all(0);
    parts.set(Class::Uncached, 1_000);
    parts.set(Class::Output, 100);
    parts.set(Class::Requests, 1);
    let time = EventTime(START.0 + i64::try_from(seq).unwrap() * 1_000);
    let event = Event {
        id: format!("r{seq}").into(),
        source: "node-7".into(),
        domain: "pool-a".into(),
        time,
        tenant: Some("acme".into()),
        sequence: Some(Sequence { epoch: 3, seq }),
        provider: "anthropic".into(),
        request_model: "claude-sonnet-4-5".into(),
        usage: Usage { parts, ..Usage::default() },
        ..Event::default()
    };
    Outgoing {
        key: "pool-a".into(),
        content_type: aliquot_wire::JSON.into(),
        received_at: time,
        payload: aliquot_wire::json::encode(&event),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_reported_and_closes_when_the_events_come() {
    let world = World::new(1).await;
    let outlet = world.outlet();
    produce(&outlet, (0..100).filter(|seq| !(40..45).contains(seq) && *seq != 70).map(message)).await;
    let config = world.config("all", "[pipeline]\ncommit_interval_ms = 200\n");
    let mut service = [Service::start(&config, "all").await];
    world.until_held(94, &mut service).await;
    let findings = world.audit().await;
    assert_eq!(findings["lake_equals_ledger"], true);
    assert_eq!(findings["holds"], false, "missing events do not pass an audit");
    let gap = |from, to| json!({ "source": "node-7", "epoch": 3, "domain": "pool-a", "from": from, "to": to });
    assert_eq!(findings["gaps"], json!([gap(40, 45), gap(70, 71)]));
    let listed = service[0].get("/v1/gaps").await;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2), "{listed}");

    produce(&outlet, [40, 41, 42, 43, 44, 70].map(message).into_iter()).await;
    world.until_held(100, &mut service).await;
    let findings = world.audit().await;
    assert_eq!((&findings["gaps"], &findings["holds"]), (&json!([]), &json!(true)));
    assert_eq!(findings["lake"]["charged"], 100);
    let [service] = service;
    service.stop().await;
}
