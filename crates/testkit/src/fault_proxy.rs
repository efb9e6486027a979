//! A bad network between a client and a server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
};

/// What the proxy does to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing: it passes everything on.
    #[default]
    None,
    /// New connections are reset at once, open ones too.
    Refuse,
    /// Every chunk waits this long, each way.
    Latency(Duration),
    /// Open connections stay open and pass nothing on; new ones are accepted and pass nothing on (half-open).
    BlackHole,
    /// The connection is reset after this many bytes from the server.
    ResetAfter(usize),
}

/// A TCP proxy on 127.0.0.1 that misbehaves on demand; it ends when dropped.
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    /// Raised to reset every open connection.
    generation: watch::Sender<u64>,
    connections: Arc<AtomicUsize>,
    to_server: Arc<Mutex<Vec<u8>>>,
    task: AbortHandle,
}

impl FaultProxy {
    /// Starts one in front of this server.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (fault, watched) = watch::channel(Fault::None);
        let (generation, resets) = watch::channel(0);
        let connections = Arc::new(AtomicUsize::new(0));
        let to_server = Arc::new(Mutex::new(Vec::new()));
        let (counter, recorder) = (connections.clone(), to_server.clone());
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                let (fault, mut reset, recorder) = (watched.clone(), resets.clone(), recorder.clone());
                reset.mark_unchanged();
                open.spawn(async move {
                    if *fault.borrow() == Fault::Refuse {
                        let _reset = client.set_zero_linger();
                        return;
                    }
                    let Ok(upstream) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        () = relay(&client, &upstream, fault, recorder) => {}
                        _ = reset.changed() => {}
                    }
                    let _reset = client.set_zero_linger();
                });
                while open.try_join_next().is_some() {}
            }
        })
        .abort_handle();
        Self { address, fault, generation, connections, to_server, task }
    }

    /// Starts one in front of the server of this URL.
    ///
    /// # Panics
    /// If the URL has no address and port.
    pub async fn in_front_of(url: &str) -> Self {
        let server = url.rsplit_once("//").and_then(|(_, rest)| rest.trim_end_matches('/').parse().ok());
        Self::start(server.expect("a URL with an address and a port")).await
    }

    /// The proxy's own address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The proxy's own address with this scheme.
    #[must_use]
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// Changes what happens from now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        if fault == Fault::Refuse {
            self.reset();
        }
    }

    /// Resets every open connection.
    pub fn reset(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The bytes clients sent, as they were on the wire.
    #[must_use]
    pub fn to_server(&self) -> Vec<u8> {
        self.to_server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(client: &TcpStream, server: &TcpStream, fault: watch::Receiver<Fault>, recorder: Arc<Mutex<Vec<u8>>>) {
    let _nodelay = (client.set_nodelay(true), server.set_nodelay(true));
    tokio::select! {
        () = pump(client, server, &fault, Some(recorder)) => {}
        () = pump(server, client, &fault, None) => {}
    }
}

/// Passes bytes on in one direction until an end closes. `recorder` is given for the direction to the server.
async fn pump(from: &TcpStream, to: &TcpStream, fault: &watch::Receiver<Fault>, recorder: Option<Arc<Mutex<Vec<u8>>>>) {
    let mut fault = fault.clone();
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    loop {
        if from.readable().await.is_err() {
            return;
        }
        let read = match from.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        if let Some(recorder) = &recorder {
            recorder.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..read]);
        }
        if fault.wait_for(|fault| *fault != Fault::BlackHole).await.is_err() {
            return;
        }
        let now = *fault.borrow();
        if let Fault::Latency(wait) = now {
            tokio::time::sleep(wait).await;
        }
        passed += read;
        if recorder.is_none()
            && let Fault::ResetAfter(limit) = now
            && passed > limit
        {
            return;
        }
        let mut written = 0;
        while written < read {
            if to.writable().await.is_err() {
                return;
            }
            match to.try_write(&buffer[written..read]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}
