//! How many connections there are at once, and how long one may be silent. Beyond the number, clients wait in the system's own
//! queue until a place is free; a silent one loses its place. What is said on a connection is not looked at.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// Connections at once: each has buffers of some 16 kB and a file descriptor, of which systems give 1,024 by default.
pub(crate) const CONNECTIONS_MAX: usize = 512;

/// How long nothing may come from a client: longer than any request may take, because a client that waits for its answer is
/// silent too.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(75);

/// A listener with a limit.
#[derive(Debug)]
pub(crate) struct Limited {
    listener: TcpListener,
    places: Arc<Semaphore>,
    silence_max: Duration,
}

impl Limited {
    pub(crate) fn new(listener: TcpListener, connections_max: usize, silence_max: Duration) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(connections_max)), silence_max }
    }
}

impl Listener for Limited {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("nobody closes the places");
        let (stream, address) = Listener::accept(&mut self.listener).await;
        (Connection { stream, silence_max: self.silence_max, silence: None, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that holds its place until it ends.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    silence_max: Duration,
    /// Runs while the client is waited for.
    silence: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            self.silence = None;
            return Poll::Ready(read);
        }
        let silence_max = self.silence_max;
        let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(silence_max)));
        silence.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn limited(silence_max: Duration) -> (Limited, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Limited::new(listener, 1, silence_max), address)
    }

    #[tokio::test]
    async fn the_next_connection_waits_for_a_place() {
        let (mut listener, address) = limited(SILENCE_MAX).await;
        let (_first_client, _second_client) =
            (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let (first, _) = listener.accept().await;
        {
            let mut second = std::pin::pin!(listener.accept());
            let is_waiting =
                std::future::poll_fn(|context| Poll::Ready(second.as_mut().poll(context).is_pending())).await;
            assert!(is_waiting);
        }
        drop(first);
        listener.accept().await;
    }

    #[tokio::test]
    async fn who_is_silent_too_long_is_cut_off_and_who_speaks_is_heard() {
        let (mut listener, address) = limited(Duration::ZERO).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        let error = connection.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        connection.silence_max = SILENCE_MAX;
        connection.silence = None;
        client.write_u8(7).await.unwrap();
        assert_eq!(connection.read_u8().await.unwrap(), 7);
    }
}
