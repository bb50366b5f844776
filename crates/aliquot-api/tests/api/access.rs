//! Who may ask: each route with each scope, keys that do not hold, and what a key of one tenant sees.

use aliquot_api::{Access, State, router};
use aliquot_core::time::EventTime;
use aliquot_core::usage::Class;
use aliquot_ledger::{Author, KEY_RANDOM_BYTES, Ledger, NewKey, Scope};
use aliquot_wire::{JSON, Limits};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use tempfile::TempDir;

use crate::stored::{commit, readers};
use crate::world::{Log, Mood, NOW, ask, event, gateway, get, post, state, status};

/// A gateway and an API over a small lake, its ledger, and a log.
struct Keyed {
    _directory: TempDir,
    router: Router,
    ledger: Ledger,
    log: Log,
}

async fn keyed() -> Keyed {
    let directory = tempfile::tempdir().unwrap();
    let requests = [
        ("2026-01-31T10:00:05Z", Some("acme"), "m", None, &[(Class::Uncached, 100)][..]),
        ("2026-01-31T10:30:00Z", Some("globex"), "m", None, &[(Class::Uncached, 7_000)][..]),
        ("2026-01-31T11:00:00Z", Some("acme"), "m", None, &[(Class::Output, 30)][..]),
    ];
    let readers = readers(directory.path(), &commit(&requests, &[])).await;
    let ledger = readers.ledger.clone();
    let log = Log::new(Mood::Takes);
    let access = Access::Keys(ledger.clone());
    let state = State { access, readers: Some(readers), gateway: Some(gateway(&log, Limits::default())), ..state() };
    Keyed { _directory: directory, router: router(state), ledger, log }
}

impl Keyed {
    async fn key(&self, byte: u8, scope: Scope, tenant: Option<&str>) -> String {
        let new = NewKey {
            name: "a test".to_owned(),
            scopes: vec![scope],
            tenant: tenant.map(str::to_owned),
            expires_at: Some(EventTime(NOW.0 + 1)),
        };
        let by = Author { who: "a test", at: EventTime(NOW.0 - 1) };
        self.ledger.create_key(by, new, [byte; KEY_RANDOM_BYTES]).await.unwrap().0
    }
}

fn with(mut request: Request<Body>, authorization: &str) -> Request<Body> {
    request.headers_mut().insert("authorization", authorization.parse().unwrap());
    request
}

fn bearer(path: &str, key: &str) -> Request<Body> {
    with(get(path), &format!("Bearer {key}"))
}

const READ: [&str; 9] = [
    "/v1/usage",
    "/v1/costs",
    "/v1/hit-rates",
    "/v1/bill-change",
    "/v1/rejects",
    "/v1/externalities",
    "/v1/causes",
    "/v1/gaps",
    "/metrics",
];

#[tokio::test]
async fn each_route_wants_its_scope() {
    let world = keyed().await;
    for (byte, scope) in (1..).zip(Scope::ALL) {
        let key = world.key(byte, scope, None).await;
        for path in READ {
            let expected = if scope == Scope::Read { 200 } else { 403 };
            assert_eq!(status(&world.router, bearer(path, &key)).await, expected, "{path} with {scope:?}");
        }
        let event = with(post(JSON, event("r1", "a", r#"{"output":1}"#)), &format!("bearer {key}"));
        let expected = if scope == Scope::Ingest { 202 } else { 403 };
        assert_eq!(status(&world.router, event).await, expected, "events with {scope:?}");
    }
    assert_eq!(world.log.messages().len(), 1);
    for path in READ {
        assert_eq!(status(&world.router, get(path)).await, 401, "{path}");
    }
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(status(&world.router, get(path)).await, 200, "{path}");
    }
    assert!(
        world
            .ledger
            .keys(None, 9)
            .await
            .unwrap()
            .iter()
            .all(|key| key.last_used_at.is_some() || key.scopes[0] > Scope::Read)
    );
}

#[tokio::test]
async fn keys_that_do_not_hold_are_refused_alike() {
    let world = keyed().await;
    let revoked = world.key(1, Scope::Read, None).await;
    let by = Author { who: "a test", at: NOW };
    let id = world.ledger.keys(None, 1).await.unwrap().remove(0).id;
    world.ledger.revoke_key(by, &id).await.unwrap();
    let unknown = revoked.replace("01_", "02_");
    for header in [format!("Bearer {revoked}"), format!("Bearer {unknown}"), "Bearer x".to_owned()] {
        let answer = ask(&world.router, with(get("/v1/usage"), &header)).await;
        assert!(answer.starts_with("401 content-type=application/problem+json"), "{answer}");
        assert!(answer.contains("is not known, has expired or was revoked"), "{answer}");
        assert!(!answer.contains(&revoked[22..]), "{answer}");
    }
    for header in ["Basic YTpi", "Bearer", "x"] {
        let answer = ask(&world.router, with(get("/v1/usage"), header)).await;
        assert!(answer.starts_with("401") && answer.contains("another form"), "{answer}");
    }
}

#[tokio::test]
async fn a_key_of_one_tenant_sees_that_tenant_by_the_hour() {
    let world = keyed().await;
    let key = world.key(1, Scope::Read, Some("acme")).await;
    let body = async |path: &str| ask(&world.router, bearer(path, &key)).await;
    for query in ["", "?group_by=tenant", "?tenant=acme", "?group_by=model,domain&bucket=hour"] {
        let answer = body(&format!("/v1/costs{query}")).await;
        assert!(answer.starts_with("200"), "{answer}");
        assert!(!answer.contains("globex"), "{answer}");
        // 100 prompt tokens and 30 of output, and none of the 7,000 of the neighbour.
        let of_neighbour = ["0.000525", "0.000541"];
        assert!(of_neighbour.iter().all(|amount| !answer.contains(amount)), "{answer}");
    }
    assert!(body("/v1/costs").await.contains(r#""cost_usd":"0.000016500000""#), "{}", body("/v1/costs").await);
    let hours = "from=2026-01-31T10:00:00Z&to=2026-01-31T12:00:00Z&bucket=hour&limit=1";
    let first = body(&format!("/v1/usage?{hours}")).await;
    let cursor = first.split_once(r#""next_cursor":""#).unwrap().1.split('"').next().unwrap();
    assert!(body(&format!("/v1/usage?{hours}&cursor={cursor}")).await.starts_with("200"));

    for (query, words) in [
        ("tenant=globex", "403"),
        ("tenant=acme&tenant=globex", "403"),
        ("tenant=acme&tenant=acme", "twice"),
        ("bucket=minute", "by the hour"),
        ("from=2026-01-31T10:00:05Z&to=2026-01-31T11:00:00Z", "whole hour"),
        ("from=2026-01-31T10:00:00Z&to=2026-01-31T10:00:01Z", "whole hour"),
        ("from=2026-01-31T10:00:00Z", "both"),
        ("cursor=7b7d", "with the cursor"),
    ] {
        let answer = body(&format!("/v1/usage?{query}")).await;
        assert!(answer.starts_with('4') && answer.contains(words), "{query}: {answer}");
    }
    for path in READ.iter().skip(2) {
        let answer = body(path).await;
        assert!(answer.starts_with("403") && answer.contains("more than one tenant"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_name_with_any_characters_stays_one_value() {
    let world = keyed().await;
    let key = world.key(1, Scope::Read, Some("acme&tenant=globex #é")).await;
    let answer = ask(&world.router, bearer("/v1/usage?group_by=tenant", &key)).await;
    assert!(answer.starts_with("200") && answer.contains(r#""data":[]"#), "{answer}");
}

#[tokio::test]
async fn a_tenant_s_ingest_key_may_not_speak_for_others() {
    let world = keyed().await;
    let key = world.key(1, Scope::Ingest, Some("acme")).await;
    let event = with(post(JSON, event("r1", "a", r#"{"output":1}"#)), &format!("Bearer {key}"));
    assert_eq!(status(&world.router, event).await, 403);
    assert_eq!(world.log.messages().len(), 0);
}
