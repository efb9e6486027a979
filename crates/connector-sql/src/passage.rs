//! The way from the driver to the server's checked address.
//!
//! The driver takes one host for two things: to resolve and dial it, and to compare it with the certificate. The
//! address must be the one that was checked ([`AllowedNetworks::resolve`]), so we dial it ourselves and hand the driver
//! a socket in a folder that only we can enter, under the host's own name. What a server sends at once is limited here
//! as well.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use connector::AllowedNetworks;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixListener, UnixStream},
};

use crate::fault::Fault;

/// What a server may send in answer to one question. A page of a thousand long rows is a hundredth of it.
const LARGEST_ANSWER: u64 = 128 * 1024 * 1024;

/// How much of the answer to the present question has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received(Arc<AtomicU64>);

impl Received {
    /// Another question begins.
    pub(crate) fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A socket that one connection goes through; its folder vanishes with this.
pub(crate) struct Passage {
    folder: tempfile::TempDir,
    socket: PathBuf,
    pub(crate) received: Received,
}

impl Passage {
    /// Dials the host and opens the way to it.
    pub(crate) async fn open(
        networks: &AllowedNetworks,
        host: &str,
        port: u16,
        connect_timeout: Duration,
    ) -> Result<Self, Fault> {
        let server = dial(networks, host, port, connect_timeout).await?;
        let trouble = |error: std::io::Error| Fault::unavailable(format!("no socket of our own: {error}"));
        let folder = tempfile::Builder::new().prefix("isthmus-sql-").tempdir().map_err(trouble)?;
        // The name that PostgreSQL's clients look for in a folder.
        let socket = folder.path().join(format!(".s.PGSQL.{port}"));
        let listener = UnixListener::bind(&socket).map_err(trouble)?;
        let received = Received::default();
        let count = received.clone();
        tokio::spawn(async move {
            let accepted = tokio::time::timeout(connect_timeout, listener.accept()).await;
            drop(listener);
            if let Ok(Ok((driver, _))) = accepted {
                carry(server, driver, count).await;
            }
        });
        Ok(Self { folder, socket, received })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}

async fn dial(networks: &AllowedNetworks, host: &str, port: u16, patience: Duration) -> Result<TcpStream, Fault> {
    let addresses = tokio::time::timeout(patience, networks.resolve(host, port))
        .await
        .map_err(|_| Fault::unavailable("the host name is not resolved in time"))?
        .map_err(|refused| match refused {
            connector::AddressRefused::Unresolved(..) => Fault::unavailable(refused.to_string()),
            connector::AddressRefused::NotAllowed { .. } => {
                Fault::misconfigured(format!("{refused}: allow it with --allow-network when the hub is started"))
            }
        })?;
    let mut last = None;
    for address in addresses {
        match tokio::time::timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _small_questions = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = Some(format!("cannot connect: {error}")),
            Err(_) => last = Some("nobody answers in time".to_owned()),
        }
    }
    Err(Fault::unavailable(last.unwrap_or_else(|| "no address".to_owned())))
}

/// Carries bytes both ways until either side ends. Dropping one half ends the other.
async fn carry(server: TcpStream, driver: UnixStream, received: Received) {
    let (mut from_server, mut to_server) = server.into_split();
    let (mut from_driver, mut to_driver) = driver.into_split();
    let up = async { tokio::io::copy(&mut from_driver, &mut to_server).await.map(drop) };
    let down = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = from_server.read(&mut buffer).await?;
            if read == 0 {
                return to_driver.shutdown().await;
            }
            let so_far = received.0.fetch_add(read as u64, Ordering::Relaxed);
            if so_far > LARGEST_ANSWER {
                tracing::warn!("a database sent more than {LARGEST_ANSWER} bytes in one answer: the connection is cut");
                return Err(std::io::Error::other("too much"));
            }
            to_driver.write_all(&buffer[..read]).await?;
        }
    };
    tokio::select! {
        _ended = up => {}
        _ended = down => {}
    }
}
