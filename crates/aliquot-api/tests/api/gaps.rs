//! `GET /v1/gaps` over a real ledger.

use aliquot_api::{State, router};
use aliquot_core::commit::{Commit, StreamReport};
use aliquot_core::position::{Offset, OffsetRange, Partition};
use axum::Router;

use crate::stored;
use crate::world::{ask, get, state};

fn stream(source: &str, epoch: u64, gaps: &[(u64, u64)]) -> StreamReport {
    let (partition, domain, end) = (Partition(0), format!("pool of {source}"), 100);
    let received = end - gaps.iter().map(|(from, to)| to - from).sum::<u64>();
    StreamReport { partition, source: source.to_owned(), epoch, domain, end, received, gaps: gaps.to_vec() }
}

async fn ledger(directory: &tempfile::TempDir) -> Router {
    let range = OffsetRange { from: Offset(0), to: Offset(9) };
    let streams = vec![stream("b", u64::MAX, &[(4, 5), (7, 90)]), stream("a", 1, &[]), stream("a & b", 2, &[(0, 3)])];
    let commit = Commit { ranges: [(Partition(0), range)].into(), streams, ..Commit::default() };
    router(State { readers: Some(stored::readers(directory.path(), &commit).await), ..state() })
}

/// The body of the answer.
async fn body(router: &Router, path: &str) -> String {
    ask(router, get(path)).await.split_once('\n').unwrap().1.to_owned()
}

#[tokio::test]
async fn gaps_are_listed_by_node_epoch_and_range() {
    let directory = tempfile::tempdir().unwrap();
    let router = ledger(&directory).await;
    assert_eq!(
        ask(&router, get("/v1/gaps")).await,
        r#"200 content-type=application/json x-request-id=00000000000000a1
{"data":[{"partition":0,"source":"a & b","epoch":"2","domain":"pool of a & b","from":0,"to":3,"missing":3},{"partition":0,"source":"b","epoch":"18446744073709551615","domain":"pool of b","from":4,"to":5,"missing":1},{"partition":0,"source":"b","epoch":"18446744073709551615","domain":"pool of b","from":7,"to":90,"missing":83}],"next_cursor":null,"streams":3,"streams_incomplete":2}"#
    );
    let filtered = body(&router, "/v1/gaps?source=a+%26+b&domain=pool%20of%20a%20%26%20b").await;
    assert!(filtered.starts_with(r#"{"data":[{"partition":0,"source":"a & b""#), "{filtered}");
    assert!(filtered.ends_with(r#""next_cursor":null,"streams":1,"streams_incomplete":1}"#), "{filtered}");
}

#[tokio::test]
async fn pages_follow_one_another_to_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let router = ledger(&directory).await;
    let mut seen = Vec::new();
    let mut path = "/v1/gaps?limit=1".to_owned();
    loop {
        let page: serde_json::Value = serde_json::from_str(&body(&router, &path).await).unwrap();
        seen.extend(page["data"].as_array().unwrap().iter().map(|gap| gap["to"].as_u64().unwrap()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        let flipped = if cursor.ends_with('0') { "1" } else { "0" };
        for (tampered, why) in [
            (format!("{}{flipped}", &cursor[..cursor.len() - 1]), "not one of ours"),
            (cursor[1..].to_owned(), "not one of ours"),
            (format!("{cursor}é"), "not one of ours"),
            (format!("{cursor}&source=b"), "other parameters"),
        ] {
            let answer =
                ask(&router, get(&format!("/v1/gaps?limit=1&cursor={}", tampered.replace('é', "%C3%A9")))).await;
            assert!(
                answer.starts_with("400 ") && answer.contains("invalid-cursor") && answer.contains(why),
                "{answer}"
            );
        }
        path = format!("/v1/gaps?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, [3, 5, 90]);
}

#[tokio::test]
async fn parameters_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let router = ledger(&directory).await;
    for (query, expected) in [
        (
            "tenant=a",
            r#""detail":"there is no such parameter; leave it out, or use one of `allowed`","instance":"t","parameter":"tenant","allowed":["domain","source","limit","cursor"]}"#,
        ),
        (
            "limit=1&limit=1",
            r#""detail":"the parameter is given twice; give it once","instance":"t","parameter":"limit"}"#,
        ),
        ("limit=0", r#""detail":"limit must be a whole number from 1 to 1000","instance":"t","parameter":"limit"}"#),
        ("limit=1001", r#""detail":"limit must be a whole number from 1 to 1000","instance":"t","parameter":"limit"}"#),
        ("limit=ten", r#""detail":"limit must be a whole number from 1 to 1000","instance":"t","parameter":"limit"}"#),
    ] {
        let mut request = get(&format!("/v1/gaps?{query}"));
        request.headers_mut().insert("x-request-id", "t".parse().unwrap());
        let head = r#"400 content-type=application/problem+json x-request-id=t
{"type":"urn:aliquot:problem:invalid-parameter","title":"a query parameter is not valid","status":400,"#;
        assert_eq!(ask(&router, request).await, format!("{head}{expected}"));
    }
}
