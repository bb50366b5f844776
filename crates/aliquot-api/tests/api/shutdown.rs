//! Being served on a socket, and stopping: what runs is answered, nothing new is taken.

use aliquot_api::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::world::{Log, Mood, event, gateway_only};

#[tokio::test]
async fn a_running_request_is_answered_after_the_stop() {
    let log = Log::new(Mood::Waits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut server = JoinSet::new();
    server.spawn(serve(listener, gateway_only(&log), async move { stopped.await.unwrap_or_default() }));

    let mut client = TcpStream::connect(address).await.unwrap();
    let body = event("r1", "a", "{}");
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/cloudevents+json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    log.asked().await;
    stop.send(()).unwrap();
    // The listener closes as soon as the server hears of the stop, long before the request ends.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(server.try_join_next().is_none(), "a request is still running");
    log.release();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    assert!(answer.ends_with(r#"{"accepted":1,"rejected":0,"events":[{"index":0,"verdict":"accepted"}]}"#), "{answer}");
    server.join_next().await.unwrap().unwrap().unwrap();
}
