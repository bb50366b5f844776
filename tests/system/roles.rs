//! One process for each role over one topic: events go in at the gateway, are aggregated by another, and answered by a third.

use serde_json::json;

use crate::process::Service;
use crate::world::World;

fn event(id: usize, output: i64) -> serde_json::Value {
    json!({
        "specversion": "1.0", "type": "aliquot.request.v1", "id": format!("r{id}"), "source": "proxy-1",
        "time": "2026-11-17T10:00:00Z", "subject": if id.is_multiple_of(2) { "acme" } else { "globex" },
        "partitionkey": format!("domain-{}", id % 5),
        "data": {
            "provider": "anthropic", "request_model": "claude-sonnet-4-5",
            "usage": { "uncached": 100, "cache_read": 900, "output": output },
        },
    })
}

async fn post(url: &str, events: &[serde_json::Value]) -> (u16, serde_json::Value) {
    let answer = reqwest::Client::new()
        .post(format!("{url}/v1/events"))
        .header("content-type", aliquot_wire::JSON_BATCH)
        .body(serde_json::to_vec(events).unwrap())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_an_aggregator_and_an_api_make_one_system() {
    let world = World::new(4).await;
    let config = |role: &str| world.config(role, "[pipeline]\ncommit_interval_ms = 200\n");
    let gateway = Service::start(&config("gateway"), "gateway").await;
    let aggregator = Service::start(&config("aggregator"), "aggregator").await;
    let api = Service::start(&config("api"), "api").await;

    let mut events: Vec<_> = (0..40).map(|id| event(id, 10)).collect();
    events.push(event(99, -1));
    let (status, verdicts) = post(&gateway.url, &events).await;
    assert_eq!((status, &verdicts["accepted"], &verdicts["rejected"]), (202, &json!(40), &json!(1)), "{verdicts}");
    assert_eq!(verdicts["events"][40]["reason"], "negative", "{verdicts}");
    // A client that did not hear the answer sends again.
    let (status, _) = post(&gateway.url, &events[..40]).await;
    assert_eq!(status, 202);

    let path = "/v1/costs?from=2026-11-17T00:00:00Z&to=2026-11-18T00:00:00Z&group_by=tenant";
    let deadline = tokio::time::Instant::now() + crate::process::PATIENCE;
    let costs = loop {
        let costs = api.get(path).await;
        let rows = costs["data"].as_array().unwrap();
        // 20 requests each: 100 uncached at 3 $, 900 read at 0.30 $, 10 output at 15 $ per million.
        let cost = "0.014400000000";
        if rows.len() == 2 && rows.iter().all(|row| row["cost_usd"] == cost) {
            break costs;
        }
        assert!(tokio::time::Instant::now() < deadline, "{costs}");
        tokio::time::sleep(crate::process::LOOK_WAIT).await;
    };
    assert_eq!(costs["data"][0]["tenant"], "acme");
    assert_eq!(world.audit().await["holds"], true);

    // Each has only its own routes, and all say that they live.
    for (service, path, expected) in [
        (&gateway, "/v1/costs", 404),
        (&api, "/v1/events", 404),
        (&aggregator, "/v1/costs", 404),
        (&aggregator, "/readyz", 200),
    ] {
        let status = reqwest::get(format!("{}{path}", service.url)).await.unwrap().status().as_u16();
        assert_eq!(status, expected, "{path}");
    }
    let metrics = reqwest::get(format!("{}/metrics", aggregator.url)).await.unwrap().text().await.unwrap();
    for line in [
        r#"aliquot_pipeline_events_total{outcome="charged"} 40"#,
        r#"aliquot_pipeline_events_total{outcome="duplicate"} 40"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in {metrics}");
    }
    for service in [gateway, aggregator, api] {
        service.stop().await;
    }
}
