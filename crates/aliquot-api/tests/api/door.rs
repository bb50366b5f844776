//! What every request meets: its name, and the answers to paths and methods that do not exist.

use aliquot_api::router;
use axum::body::Body;
use axum::http::Request;

use crate::world::{Log, Mood, ask, gateway_only, get, state};

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let router = gateway_only(&Log::new(Mood::Takes));
    assert_eq!(
        ask(&router, get("/v1/nothing")).await,
        r#"404 content-type=application/problem+json x-request-id=00000000000000a1
{"type":"urn:aliquot:problem:not-found","title":"there is no such resource","status":404,"detail":"no resource has this path in this role; /openapi.json lists them","instance":"00000000000000a1"}"#
    );
    assert_eq!(
        ask(&router, get("/v1/events")).await,
        r#"405 content-type=application/problem+json x-request-id=00000000000000a2 allow=POST
{"type":"urn:aliquot:problem:method-not-allowed","title":"the resource has no such method","status":405,"detail":"the header `allow` lists the methods of this resource","instance":"00000000000000a2"}"#
    );
}

#[tokio::test]
async fn a_role_has_only_its_own_routes() {
    let answer = ask(&router(state()), Request::post("/v1/events").body(Body::empty()).unwrap()).await;
    assert!(answer.starts_with("404 "), "{answer}");
}

#[tokio::test]
async fn a_request_keeps_its_plain_name_and_loses_a_strange_one() {
    let router = router(state());
    for (given, kept) in [
        ("0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", true),
        ("a_b.C-9", true),
        ("", false),
        ("two words", false),
        ("javascript:alert", false),
        (&"x".repeat(65), false),
    ] {
        let request = Request::get("/healthz").header("x-request-id", given).body(Body::empty()).unwrap();
        let answer = ask(&router, request).await;
        assert_eq!(answer.contains(&format!("x-request-id={given}\n")), kept, "{answer}");
        assert!(answer.ends_with("\n{\"status\":\"alive\"}"), "{answer}");
    }
}
