//! A server of others that takes what we send: it notes every request and answers as it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// With this status, at once.
    Status(u16),
    /// With 200, after this time.
    Slow(Duration),
    /// Never.
    Silent,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Where it went.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The server.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Listens, and answers so.
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (manner, received) = (Arc::new(Mutex::new(manner)), Arc::default());
        tokio::spawn(serve(listener, Arc::clone(&manner), Arc::clone(&received)));
        Self { address, manner, received }
    }

    /// Answers so from now on.
    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// What has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, manner: Arc<Mutex<Manner>>, received: Arc<Mutex<Vec<Received>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (manner, received) = (Arc::clone(&manner), Arc::clone(&received));
        let answer = service_fn(move |request: hyper::Request<Incoming>| {
            let (manner, received) = (Arc::clone(&manner), Arc::clone(&received));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let path = head.uri.path().to_owned();
                received.lock().unwrap().push(Received { path, headers: head.headers, body });
                let manner = *manner.lock().unwrap();
                let status = match manner {
                    Manner::Status(status) => status,
                    Manner::Slow(time) => {
                        tokio::time::sleep(time).await;
                        200
                    }
                    Manner::Silent => std::future::pending().await,
                };
                let mut response = hyper::Response::new(Full::<Bytes>::default());
                *response.status_mut() = status.try_into().unwrap();
                Ok::<_, hyper::Error>(response)
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}
