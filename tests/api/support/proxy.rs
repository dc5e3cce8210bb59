//! A proxy between the server and its database, which counts round trips, and can cut the line or spoil what is sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A TCP proxy to one address.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    round_trips: Arc<AtomicU64>,
    cut: watch::Sender<bool>,
    spoils: Arc<AtomicBool>,
}

/// How a transaction begins on the wire, alone or before a setting, and what PostgreSQL refuses in its place.
const BEGINS: [&[u8]; 2] = [b"begin\0", b"begin;"];
const NO_BEGIN: &[u8] = b"bogus";

impl Proxy {
    /// A proxy to this address.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let round_trips = Arc::new(AtomicU64::new(0));
        let (cut, is_cut) = watch::channel(false);
        let spoils = Arc::new(AtomicBool::new(false));
        let (counter, spoiling) = (Arc::clone(&round_trips), Arc::clone(&spoils));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if !*is_cut.borrow() {
                    tokio::spawn(link(near, target, (Arc::clone(&counter), Arc::clone(&spoiling)), is_cut.clone()));
                }
            }
        });
        Self { address, round_trips, cut, spoils }
    }

    /// How often somebody sent something after having been answered.
    pub fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::SeqCst)
    }

    /// Cuts every connection, and every new one at once.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Makes PostgreSQL refuse to begin transactions, or no more.
    pub fn spoil_begin(&self, spoils: bool) {
        self.spoils.store(spoils, Ordering::SeqCst);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.cut.send_replace(false);
    }
}

async fn link(
    near: TcpStream,
    target: SocketAddr,
    (round_trips, spoils): (Arc<AtomicU64>, Arc<AtomicBool>),
    mut is_cut: watch::Receiver<bool>,
) {
    let Ok(far) = TcpStream::connect(target).await else { return };
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let answered = Arc::new(AtomicBool::new(true));
    let out = copy(near_read, far_write, |sent| {
        if answered.swap(false, Ordering::SeqCst) {
            round_trips.fetch_add(1, Ordering::SeqCst);
        }
        if spoils.load(Ordering::SeqCst)
            && let Some(at) = sent.windows(BEGINS[0].len()).position(|bytes| BEGINS.contains(&bytes))
        {
            sent[at..at + NO_BEGIN.len()].copy_from_slice(NO_BEGIN);
        }
    });
    let back = copy(far_read, near_write, |_| answered.store(true, Ordering::SeqCst));
    tokio::select! {
        () = out => {}
        () = back => {}
        _ = is_cut.wait_for(|cut| *cut) => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, on_piece: impl Fn(&mut [u8])) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        on_piece(&mut piece[..count]);
        if to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
